//! `rolldeck init`: writes a commented plan of what it finds in contexts and namespaces.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use super::kubeconfig::Contexts;
use super::{Failure, block_on, console, output};
use crate::adapter::kubernetes::discover;
use crate::config::draft::{self, Survey};
use crate::config::{Source, place, plan, settings};

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// A kubeconfig context; may be given several times. Default: the current one
    #[arg(long = "context", value_name = "NAME")]
    contexts: Vec<String>,
    /// A namespace, each an environment, in promotion order; may be given several times. Default: the context's
    #[arg(long = "namespace", short = 'n', value_name = "NAME")]
    namespaces: Vec<String>,
    /// Where to write; `-` is stdout
    #[arg(long, short = 'o', value_name = "FILE", default_value = plan::FILE_NAME)]
    output: PathBuf,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &InitArgs) -> Result<(), Failure> {
    let to_stdout = args.output == Path::new("-");
    // Before the clusters are asked: the answer would be thrown away.
    if !to_stdout && !args.force && args.output.exists() {
        return Err(exists(&args.output));
    }
    let surveys = block_on(surveys(places(args)?))?;
    let found: usize = surveys.iter().map(|survey| survey.found.len()).sum();
    if found == 0 {
        let places: Vec<String> = surveys.iter().map(|survey| format!("{}/{}", survey.context, survey.namespace)).collect();
        return Err(Failure::Runtime(format!("nothing runs in {}; no plan was written", places.join(", "))));
    }
    for left in surveys.iter().flat_map(|survey| &survey.left_out) {
        output::note(format!("left out: {left}"));
    }
    let text = draft::text(&surveys);
    // What does not load must not be handed out.
    plan::parse(&Source::new(args.output.display().to_string(), &text), "plan")?;
    if to_stdout {
        output::line(text.trim_end());
        return Ok(());
    }
    write(&args.output, &text, args.force)?;
    output::line(format!(
        "{}: {found} workloads in {} environments. Review it, then `rolldeck check`.",
        args.output.display(),
        surveys.len()
    ));
    Ok(())
}

/// Returns each context with each namespace.
fn places(args: &InitArgs) -> Result<Vec<(String, String)>, Failure> {
    let Some(known) = Contexts::read()? else {
        return Err(Failure::Usage("there is no kubeconfig: neither KUBECONFIG nor ~/.kube/config names one".into()));
    };
    let preferred = settings::load(place::config_dir().as_deref())?.context;
    let contexts = match (args.contexts.as_slice(), preferred.or(known.current.clone())) {
        ([], Some(current)) => vec![current],
        ([], None) => {
            let all = known.names.join(", ");
            return Err(Failure::Usage(format!("the kubeconfig has no current context; give --context, one of: {all}")));
        }
        (given, _) => given.to_vec(),
    };
    if let Some(unknown) = contexts.iter().find(|context| !known.names.contains(context)) {
        return Err(console::unknown_context(unknown, &known, "this asks for the context"));
    }
    let mut places = Vec::new();
    for context in contexts {
        let namespaces = if args.namespaces.is_empty() { vec![known.namespace(&context)] } else { args.namespaces.clone() };
        places.extend(namespaces.into_iter().map(|namespace| (context.clone(), namespace)));
    }
    let mut seen = Vec::new();
    places.retain(|place| {
        !seen.contains(place) && {
            seen.push(place.clone());
            true
        }
    });
    Ok(places)
}

/// Asks all of them at once: one slow cluster must not add to another.
async fn surveys(places: Vec<(String, String)>) -> Result<Vec<Survey>, Failure> {
    let asked = places.iter().map(|(context, namespace)| discover::survey(context, namespace));
    futures::future::try_join_all(asked).await.map_err(|error| Failure::Runtime(error.to_string()))
}

/// Writes the file whole or not at all.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::Runtime(format!("{} cannot be written: {error}", path.display()));
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(dir).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| readable(file.as_file()))
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| failed(&error))?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match kept {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(failed(&error.error)),
    }
}

/// A temporary file is its owner's alone; a plan is for the team, as a file that an editor makes.
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn exists(path: &Path) -> Failure {
    Failure::Usage(format!("{} is there already and was left as it is; --force overwrites it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rolldeck.toml");
        write(&path, "first", false).unwrap();
        assert!(matches!(write(&path, "second", false), Err(Failure::Usage(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        write(&path, "third", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
