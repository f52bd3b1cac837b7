//! Approving, refusing, withdrawing; and what is typed to the questions about a release.

use super::{append, check, keys, schedule};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::{Overlay, Question, Roles};
use crate::app::model::nav::Cursor;
use crate::app::model::releases::{open_roles, said};
use crate::app::update::{Turn, prompt};
use crate::domain::id::{ApproverRole, ReleaseId};
use crate::domain::release::approval::{self, Choice, Decision};
use crate::domain::release::record::Body;
use crate::domain::release::{Override, Release, gate};

/// Begins a decision: in the one role that is left, or in one that is chosen.
pub(super) fn begin(model: &mut Model, release: &Release, action: Action, turn: &mut Turn) {
    let (me, _) = model.person(&release.brief.environment);
    let (choice, mut roles) = match action {
        Action::Approve => (Choice::Approve, open_roles(model, release, &me)),
        Action::Refuse => {
            let Some(policy) = model.policy(&release.brief.environment) else { return };
            (Choice::Refuse, policy.roles_of(release, &me).into_iter().cloned().collect())
        }
        _ => (Choice::Withdraw, said(release, &me)),
    };
    if roles.len() > 1 {
        model.overlay = Some(Overlay::Roles(Roles { release: release.id.clone(), choice, roles, cursor: Cursor::default() }));
    } else if let Some(role) = roles.pop() {
        chosen(model, release.id.clone(), role, choice, turn);
    }
}

/// A decision has a reason; to withdraw one needs none.
pub(super) fn chosen(model: &mut Model, release: ReleaseId, role: ApproverRole, choice: Choice, turn: &mut Turn) {
    if choice == Choice::Withdraw {
        model.overlay = None;
        decided(model, &release, role, choice, String::new(), turn);
    } else {
        prompt::open(model, Question::Decide { release, role, choice }, String::new());
    }
}

fn decided(model: &mut Model, id: &ReleaseId, role: ApproverRole, choice: Choice, reason: String, turn: &mut Turn) {
    let Some(release) = model.releases.get(id) else { return };
    let Some(policy) = model.policy(&release.brief.environment) else { return };
    let (by, voucher) = model.person(&release.brief.environment);
    let (of, plan) = (release.fingerprint(), policy.fingerprint.clone());
    let decision = Decision { at: model.now, by, voucher, role, choice, reason, of, plan };
    append::append(model, id, vec![Body::Decided { decision: Box::new(decision) }], true, turn);
}

/// Takes what was typed to a question about a release.
///
/// # Errors
///
/// What is wrong with it; the prompt stays.
pub(in crate::app::update) fn answered(model: &mut Model, question: Question, text: &str, turn: &mut Turn) -> Result<(), String> {
    let text = text.trim().to_owned();
    match question {
        Question::Evidence { release, item } => {
            let (note, link) = evidence(&text);
            if note.is_empty() && link.is_none() {
                return Err("type a note, an address, or both".into());
            }
            let stage = check::item(model, &release, &item).map(|item| item.stage).ok_or("the plan has no such item any more")?;
            model.overlay = None;
            keys::ticked(model, &release, (item, stage), (note, link), turn);
        }
        Question::Decide { release, role, choice } => {
            if choice == Choice::Refuse && text.is_empty() {
                return Err("a refusal has a reason".into());
            }
            // The plan or the release may have moved while one typed.
            let (of, policy) = model
                .releases
                .get(&release)
                .and_then(|release| Some((release, model.policy(&release.brief.environment)?)))
                .ok_or("the release is not there any more")?;
            let (me, _) = model.person(&of.brief.environment);
            approval::may_decide(policy, of, &role, &me)?;
            model.overlay = None;
            decided(model, &release, role, choice, text, turn);
        }
        Question::Override { release } => {
            if text.is_empty() {
                return Err("an override has a reason".into());
            }
            let of = model.releases.get(&release).cloned().ok_or("the release is not there any more")?;
            let (by, _) = model.person(&of.brief.environment);
            let over = model.verdict(&of).blockers.iter().map(gate::key).collect();
            model.overlay = None;
            let over = Override { at: model.now, by, reason: text, over };
            append::append(model, &release, vec![Body::Overridden { over: Box::new(over) }], true, turn);
        }
        Question::Schedule { release } => schedule::typed(model, &release, &text, turn)?,
        Question::GiveUp { release } => {
            if text.is_empty() {
                return Err("say why".into());
            }
            model.overlay = None;
            append::append(model, &release, vec![Body::Aborted { reason: text }], true, turn);
        }
        Question::Remark { release } => {
            if text.is_empty() {
                return Err("type a note".into());
            }
            model.overlay = None;
            append::append(model, &release, vec![Body::Noted { text, log: false }], true, turn);
        }
        _ => return Err("nothing was asked of a release".into()),
    }
    Ok(())
}

/// Parts a note from the address in it.
fn evidence(text: &str) -> (String, Option<String>) {
    let address = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
    let link = text.split_whitespace().find(address).map(str::to_owned);
    let note: Vec<&str> = text.split_whitespace().filter(|word| Some(*word) != link.as_deref()).collect();
    (note.join(" "), link)
}

/// Does what is asked for in a list of a release: the roles to decide in, an item whole.
pub(in crate::app::update) fn perform_list(model: &mut Model, action: Action, turn: &mut Turn) {
    let height = model.regions.list_rows.max(1);
    match &mut model.overlay {
        Some(Overlay::Roles(choice)) => match action {
            Action::Cancel | Action::Back => model.overlay = None,
            Action::Accept => {
                if let Some(role) = choice.roles.get(choice.cursor.at).cloned() {
                    let (release, choice) = (choice.release.clone(), choice.choice);
                    chosen(model, release, role, choice, turn);
                }
            }
            Action::Up => choice.cursor.step(-1, choice.roles.len(), height),
            Action::Down => choice.cursor.step(1, choice.roles.len(), height),
            _ => {}
        },
        Some(Overlay::Item { top, .. }) => match action {
            Action::Cancel | Action::Back | Action::Accept => model.overlay = None,
            Action::Up => *top = top.saturating_sub(1),
            Action::Down => *top += 1,
            Action::PageUp => *top = top.saturating_sub(height),
            Action::PageDown => *top += height,
            Action::Top => *top = 0,
            _ => {}
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_note_becomes_the_link() {
        let link = |text: &str| Some(text.to_owned());
        for (text, parts) in [
            ("all green", ("all green".to_owned(), None)),
            ("https://ci.example/7", (String::new(), link("https://ci.example/7"))),
            ("all green https://ci.example/7 by hand", ("all green by hand".to_owned(), link("https://ci.example/7"))),
        ] {
            assert_eq!(evidence(text), parts, "{text}");
        }
    }
}
