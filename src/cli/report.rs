//! `rolldeck report`: writes what happened on a release, or lists the releases that are recorded.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::kubeconfig::Contexts;
use super::{Failure, block_on, console, output, working_dir};
use crate::adapter::clock;
use crate::config::{place, plan, settings};
use crate::domain::plan::{Environment, Plan};
use crate::domain::release::report::Report;
use crate::domain::release::{Release, machine};
use crate::wiring::shelves;

/// How long an environment's store may take to answer; a dead server must not hold up the others.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Markdown,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The release, by its name or the start of it; without it the releases are listed
    release: Option<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
    /// Look only there
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The plan; without it the one that the console would open
    #[arg(long, value_name = "PATH")]
    plan: Option<PathBuf>,
}

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let Some(path) = plan::find(args.plan.as_deref(), &working_dir()?, place::config_dir().as_deref()) else {
        return Err(Failure::Usage(format!(
            "there is no {} here, above, or in the configuration directory, and it says where releases are recorded",
            plan::FILE_NAME
        )));
    };
    let settings = settings::load(place::config_dir().as_deref())?;
    let loaded = plan::load(&path)?;
    let contexts = if loaded.needs_kubeconfig() { Contexts::read()?.unwrap_or_default() } else { Contexts::default() };
    let plan = console::checked(&loaded, &contexts, settings.context.as_deref())?;
    let environments = environments(&plan, args.environment.as_deref())?;
    let found = block_on(read(&plan, &environments))?;
    let Some(name) = &args.release else {
        list(&found, &environments, &settings.time_zone);
        return Ok(());
    };
    let release = one(&found, name)?;
    let policy = plan.environment(&release.brief.environment).map(|environment| &*environment.policy);
    let report = Report::of(release, policy, clock::now());
    let text = match args.format {
        Format::Markdown => report.markdown(&settings.time_zone),
        Format::Json => report.json().map_err(Failure::Runtime)?,
    };
    output::line(text.trim_end());
    Ok(())
}

/// Returns the environments that are looked at.
fn environments<'a>(plan: &'a Plan, named: Option<&str>) -> Result<Vec<&'a Environment>, Failure> {
    let Some(name) = named else { return Ok(plan.environments.iter().collect()) };
    if let Some(environment) = plan.environments.iter().find(|environment| environment.name.as_str() == name) {
        return Ok(vec![environment]);
    }
    let known: Vec<&str> = plan.environments.iter().map(|environment| environment.name.as_str()).collect();
    Err(Failure::Usage(format!("the plan has no environment `{name}`; it has {}", known.join(", "))))
}

/// Reads the releases of environments, the newest first. What cannot be read is told; where nothing can, that is a failure.
async fn read(plan: &Plan, environments: &[&Environment]) -> Result<Vec<Release>, Failure> {
    let asked = environments.iter().map(|environment| async move {
        let late = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, shelves::read(plan, environment)).await.unwrap_or_else(|_| late())
    });
    let answers = futures::future::join_all(asked).await;
    let (mut releases, mut unread) = (Vec::new(), Vec::new());
    for (environment, answer) in environments.iter().zip(answers) {
        match answer {
            Ok(records) => {
                for record in records {
                    match machine::fold(&record) {
                        Ok(release) => releases.push(release),
                        Err(why) => output::note(format!("release {} in {}: {why}", record.id, environment.name)),
                    }
                }
            }
            Err(why) => unread.push(format!("the releases of {} cannot be read: {why}", environment.name)),
        }
    }
    if unread.len() == environments.len() {
        return Err(Failure::Runtime(unread.join("\n          ")));
    }
    for sentence in unread {
        output::note(sentence);
    }
    releases.sort_by_key(|release| std::cmp::Reverse(release.entries.first().map(|entry| entry.at)));
    Ok(releases)
}

/// Returns the release of a name, or of the start of one.
fn one<'a>(found: &'a [Release], name: &str) -> Result<&'a Release, Failure> {
    if let Some(release) = found.iter().find(|release| release.id.as_str() == name) {
        return Ok(release);
    }
    let fits: Vec<&Release> = found.iter().filter(|release| release.id.as_str().starts_with(name)).collect();
    match fits.as_slice() {
        [release] => Ok(release),
        [] if found.is_empty() => Err(Failure::Usage(format!("there is no release `{name}`: none is recorded"))),
        [] => Err(Failure::Usage(format!("there is no release `{name}`; `rolldeck report` lists those that are recorded"))),
        several => {
            let names: Vec<&str> = several.iter().map(|release| release.id.as_str()).collect();
            Err(Failure::Usage(format!("`{name}` may be {}", names.join(" or "))))
        }
    }
}

fn list(found: &[Release], environments: &[&Environment], zone: &TimeZone) {
    if found.is_empty() {
        let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
        return output::line(format!("no releases are recorded in {}", names.join(", ")));
    }
    for line in rows(found, zone) {
        output::line(line);
    }
}

fn rows(found: &[Release], zone: &TimeZone) -> Vec<String> {
    let width = found.iter().map(|release| release.id.as_str().len()).max().unwrap_or(0);
    let row = |release: &Release| {
        let made =
            release.entries.first().map_or(String::new(), |entry| entry.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string());
        let brief = &release.brief;
        let line =
            format!("{:width$}  {made:16}  {:11}  {:9}  {}  {}", release.id, release.phase, brief.kind.word(), brief.route(), brief.title);
        line.replace('\n', " ").trim_end().to_owned()
    };
    found.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::release::record::{Body, Entry};
    use crate::domain::release::{Brief, Kind, Voucher};

    fn release(id: &str) -> Release {
        let brief = Brief {
            environment: "production".into(),
            versions: vec![("backend".into(), "2.2.0".into())],
            kind: Kind::Standard,
            title: "Seats".into(),
            author: "ana".into(),
            ticket: None,
            notes: String::new(),
            audience: String::new(),
            duration: None,
            downtime: None,
            cutover: None,
            contingency: String::new(),
            class: None,
            criterion: None,
            strategies: Vec::new(),
        };
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let body = Body::Drafted { brief: Box::new(brief) };
        let entry = Entry { at, actor: "ana".into(), voucher: Voucher::System, console: "desk:1".into(), body };
        machine::begin(id.into(), entry).unwrap()
    }

    #[test]
    fn a_release_is_found_by_its_name_or_a_start_that_only_it_has() {
        let found = ["20260102-0304-backend-7f3a", "20260102-0404-backend-0001", "20260103-0304-web-7f3a"].map(release);
        let of = |name: &str| one(&found, name).map(|release| release.id.to_string()).map_err(|why| why.to_string());
        assert_eq!(of("20260103").unwrap(), "20260103-0304-web-7f3a");
        assert_eq!(of("20260102-0404-backend-0001").unwrap(), "20260102-0404-backend-0001");
        assert_eq!(of("20260102").unwrap_err(), "rolldeck: `20260102` may be 20260102-0304-backend-7f3a or 20260102-0404-backend-0001");
        assert_eq!(of("x").unwrap_err(), "rolldeck: there is no release `x`; `rolldeck report` lists those that are recorded");
        assert!(one(&[], "x").unwrap_err().to_string().ends_with("none is recorded"));
    }

    #[test]
    fn the_list_has_a_row_for_each() {
        assert_eq!(
            rows(&[release("20260102-0304-backend-7f3a")], &TimeZone::UTC),
            ["20260102-0304-backend-7f3a  2026-01-02 03:04  draft        standard   backend 2.2.0 → production  Seats"]
        );
    }
}
