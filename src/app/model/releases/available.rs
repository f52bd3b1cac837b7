//! Which keys of a release work here and now, and why the others do not.

use super::Model;
use super::rows::{self, Row};
use crate::app::action::Action;
use crate::app::model::nav::Screen;
use crate::domain::id::{Actor, ApproverRole, ServiceName};
use crate::domain::release::approval::{self, Choice};
use crate::domain::release::checklist::{Item, Stage, Task, Verdict};
use crate::domain::release::{Phase, Release, checklist};
use crate::domain::verb::Refusal;

/// Returns whether an action on releases can be done here and now.
///
/// # Errors
///
/// Why not, in one sentence.
pub fn available(model: &Model, action: Action) -> Result<(), Refusal> {
    let other = |why: String| Refusal::Other(why);
    match action {
        Action::Checklist => return checklist(model),
        Action::NewRelease => {
            let rollout = model.selected_rollout().ok_or_else(|| other("nothing is selected".into()))?;
            return model.unwritable(&rollout.environment).map_or(Ok(()), |why| Err(other(why)));
        }
        _ => {}
    }
    let release = model.open_release().ok_or_else(|| other("open a release first".into()))?;
    if action == Action::Export {
        return Ok(());
    }
    if !matches!(model.nav.screen(), Screen::Release(_)) && action != Action::Remark {
        return Err(other("only on the release's own screen".into()));
    }
    if let Some(why) = model.unwritable(&release.brief.environment) {
        return Err(other(why));
    }
    on(model, release, action).map_err(other)
}

fn checklist(model: &Model) -> Result<(), Refusal> {
    if model.open_release().is_some() {
        return Ok(());
    }
    let Some(id) = model.selected_rollout() else { return Err(Refusal::Other("nothing is selected".into())) };
    match model.releases.latest(&id.service, &id.environment) {
        Some(_) => Ok(()),
        None => Err(Refusal::Other(format!("{id} has no release: R on the deck makes one"))),
    }
}

fn on(model: &Model, release: &std::sync::Arc<Release>, action: Action) -> Result<(), String> {
    let phase = release.phase;
    let (me, _) = model.person(&release.brief.environment);
    match action {
        Action::EditRelease | Action::Announce if phase != Phase::Draft => Err(format!("it is {phase}: what it says is settled")),
        Action::EditRelease if release.brief.author != me => Err(format!("only {} changes what it says", release.brief.author)),
        Action::EditRelease | Action::Announce | Action::Remark => Ok(()),
        Action::Tick | Action::Evidence => {
            let item = under(model)?;
            settled(phase, item.stage)?;
            if item.task != Task::Manual {
                return Err("it fills itself: r runs it again".into());
            }
            // A key that ticks must not take back what somebody else ticked in the moment before it.
            match ticked(model, release, item).filter(|by| **by != me && action == Action::Tick) {
                Some(by) => Err(format!("{by} has ticked it: w takes that tick back")),
                None => Ok(()),
            }
        }
        Action::Withdraw if ticked_under(model) => settled(phase, under(model)?.stage),
        Action::Check => {
            let item = under(model)?;
            settled(phase, item.stage)?;
            if item.task == Task::Manual { Err("somebody ticks it: it does not run".into()) } else { Ok(()) }
        }
        Action::CheckAll => {
            if matches!(phase, Phase::Draft | Phase::Aborted) {
                return Err(format!("nothing is checked while it is {phase}"));
            }
            let policy = model.policy(&release.brief.environment).ok_or("its environment is not of the plan")?;
            let runs = |item: &Item| item.task != Task::Manual;
            let any = rows::stages(phase).iter().any(|stage| policy.items(&release.brief, *stage).any(runs));
            if any { Ok(()) } else { Err("nothing fills itself here".into()) }
        }
        Action::Approve | Action::Refuse => decide(model, release, &me, action == Action::Approve),
        Action::Withdraw => {
            if !matches!(phase, Phase::Checking | Phase::Ready) {
                return Err(format!("it is {phase}: nothing is decided"));
            }
            if said(release, &me).is_empty() { Err("you have decided nothing on it".into()) } else { Ok(()) }
        }
        Action::Override => match phase {
            Phase::Checking | Phase::InProgress => {
                let gate = model.verdict(release);
                match gate.blockers.iter().find(|blocker| !blocker.overridable()) {
                    Some(blocker) => Err(format!("no reason goes over this: {blocker}")),
                    None if gate.open() => Err("the gate is open".into()),
                    None => Ok(()),
                }
            }
            Phase::Draft => Err("it is a draft: announce it first".into()),
            Phase::Ready => Err("the gate is open".into()),
            _ => Err(format!("it is {phase}")),
        },
        Action::Schedule => match phase {
            Phase::Checking | Phase::Ready => Ok(()),
            Phase::Draft => Err("it is a draft: announce it first".into()),
            _ => Err(format!("it is {phase}")),
        },
        Action::Start => start(model, release),
        Action::Finish => finish(model, release),
        Action::GiveUp => match phase {
            Phase::Draft | Phase::Checking | Phase::Ready => Ok(()),
            Phase::InProgress | Phase::Verifying => Err("it has begun: roll its rollouts back".into()),
            _ => Err(format!("it is {phase}")),
        },
        _ => Ok(()),
    }
}

/// Returns the item under the cursor.
fn under(model: &Model) -> Result<&Item, String> {
    let Screen::Release(id) = model.nav.screen() else { return Err("only on the release's own screen".into()) };
    match rows::under(model, &rows::rows(model, id)) {
        Some(Row::Item(row)) => Ok(row.item),
        _ => Err("move to an item first".into()),
    }
}

/// Returns whether the row under the cursor is an item that somebody ticked.
pub fn ticked_under(model: &Model) -> bool {
    let of_it = model.open_release().zip(under(model).ok());
    of_it.is_some_and(|(release, item)| item.task == Task::Manual && ticked(model, release, item).is_some())
}

/// Returns who ticked an item, where the tick stands.
fn ticked<'a>(model: &Model, release: &'a Release, item: &Item) -> Option<&'a Actor> {
    let standing = checklist::standing(item, release.outcomes.get(&item.id), &release.fingerprint(), model.now);
    standing.outcome.filter(|_| standing.verdict == Verdict::Pass).map(|outcome| &outcome.by)
}

/// Whether an item of a stage still comes to an outcome in a phase.
fn settled(phase: Phase, stage: Stage) -> Result<(), String> {
    match (phase, stage) {
        (Phase::Draft, _) => Err("it is a draft: announce it first".into()),
        (Phase::Aborted, _) => Err("it was given up".into()),
        (Phase::Done | Phase::RolledBack, Stage::Before) => Err(format!("it is {phase}: this list is settled")),
        (Phase::Done, Stage::Back) => Err("it was not rolled back".into()),
        _ => Ok(()),
    }
}

fn decide(model: &Model, release: &Release, me: &Actor, approve: bool) -> Result<(), String> {
    if !matches!(release.phase, Phase::Checking | Phase::Ready) {
        let first = if release.phase == Phase::Draft { ": announce it first" } else { "" };
        return Err(format!("it is {}{first}", release.phase));
    }
    let policy = model.policy(&release.brief.environment).ok_or("its environment is not of the plan")?;
    if policy.approvals.iter().all(|rule| !rule.applies(release)) {
        return Err("the plan asks for no approval of it".into());
    }
    if release.brief.author == *me {
        return Err("you may not approve your own release".into());
    }
    let roles = policy.roles_of(release, me);
    if roles.is_empty() {
        return Err(format!("{me} holds none of its roles"));
    }
    if approve && open_roles(model, release, me).is_empty() {
        return Err("you have approved it already".into());
    }
    Ok(())
}

/// Returns the roles in which somebody's approval would still count: held, and not given yet for these bytes and rules.
pub fn open_roles(model: &Model, release: &Release, me: &Actor) -> Vec<ApproverRole> {
    let Some(policy) = model.policy(&release.brief.environment) else { return Vec::new() };
    let standing = approval::standing(policy, release, model.now);
    let given = |role: &ApproverRole| {
        let mut of_it = standing.iter().filter(|rule| rule.rule.role == *role);
        of_it.any(|rule| rule.counted.iter().any(|decision| decision.by == *me))
    };
    // Whoever counts in one role counts in no other.
    if standing.iter().any(|rule| rule.counted.iter().any(|decision| decision.by == *me)) {
        return Vec::new();
    }
    policy.roles_of(release, me).into_iter().filter(|role| !given(role)).cloned().collect()
}

/// Returns the roles in which somebody's last word stands.
pub fn said(release: &Release, me: &Actor) -> Vec<ApproverRole> {
    let mut roles: Vec<ApproverRole> = Vec::new();
    for decision in release.decisions.iter().filter(|decision| decision.by == *me) {
        roles.retain(|role| *role != decision.role);
        if decision.choice != Choice::Withdraw {
            roles.push(decision.role.clone());
        }
    }
    roles
}

fn start(model: &Model, release: &std::sync::Arc<Release>) -> Result<(), String> {
    match release.phase {
        Phase::Draft => return Err("it is a draft: announce it first".into()),
        Phase::Checking | Phase::Ready | Phase::InProgress => {}
        phase => return Err(format!("it is {phase}")),
    }
    let gate = model.verdict(release);
    if !gate.open() {
        return Err(gate.sentence());
    }
    if next(model, release).is_none() { Err("each of its services is begun".into()) } else { Ok(()) }
}

/// Returns the next workload that is not begun, in the plan's order.
pub fn next(model: &Model, release: &Release) -> Option<crate::domain::id::RolloutId> {
    let services = release.brief.versions.iter().map(|(service, _): &(ServiceName, String)| service);
    let mut workloads = services.flat_map(|service| model.plan.cell(service, &release.brief.environment));
    workloads.find(|workload| !release.rollouts.contains(&workload.id)).map(|workload| workload.id.clone())
}

fn finish(model: &Model, release: &Release) -> Result<(), String> {
    match release.phase {
        Phase::Verifying => {}
        Phase::InProgress => return Err("its rollouts are not done".into()),
        phase => return Err(format!("it is {phase}")),
    }
    let policy = model.policy(&release.brief.environment).ok_or("its environment is not of the plan")?;
    let fingerprint = release.fingerprint();
    let open: Vec<&str> = policy
        .items(&release.brief, Stage::After)
        .filter(|item| item.required)
        .filter(|item| checklist::standing(item, release.outcomes.get(&item.id), &fingerprint, model.now).verdict != Verdict::Pass)
        .map(|item| item.title.as_str())
        .collect();
    match open.as_slice() {
        [] => Ok(()),
        [one] => Err(format!("open: {one}")),
        [first, rest @ ..] => Err(format!("open: {first} (and {} more)", rest.len())),
    }
}
