//! The rehearsal: every request played through on the server (`dryRun=All`), and the difference that it returned.
//!
//! A later request is rehearsed on the objects as they are, not as an earlier one would leave them.

use kube::Client;

use super::diff;
use super::draft::{Before, Draft, Scene};
use super::moved;
use super::wire::{self, Reply};
use crate::domain::change::{ChangeError, DiffLine, Preview, Request, Sign};

/// Rehearses a draft and makes the preview of it.
pub async fn rehearse(client: &Client, scene: &Scene<'_>, draft: Draft) -> Result<Preview, ChangeError> {
    let Draft { steps, from, to, mut leads_to, mut warnings, expect } = draft;
    let way_back = scene.order.verb().way_back();
    let mut requests = Vec::with_capacity(steps.len());
    let mut difference = Vec::new();
    let mut rehearsed = true;
    let mut changes = 0;
    for mut step in steps {
        if matches!(step.before, Before::Outside) {
            rehearsed = false;
            requests.push(step.request);
            continue;
        }
        let played = match &step.before {
            Before::Rests { rehearsal: Some(rehearsal), .. } => rehearsal.as_ref(),
            Before::Rests { rehearsal: None, .. } => {
                requests.push(step.request);
                continue;
            }
            _ => &step.request,
        };
        let mut answer = wire::send(client, played, true).await;
        if let (Ok(Reply { status: 404, .. }), Some(instead)) = (&answer, step.instead.take()) {
            step.request = instead;
            answer = wire::send(client, &step.request, true).await;
        }
        match answer {
            Ok(reply) if reply.accepted() => match &step.before {
                Before::Object(before) | Before::Rests { before, .. } => {
                    changes += 1;
                    difference.extend(diff::between(&step.request.object.to_string(), before, &reply.body));
                }
                Before::Status(before) => {
                    changes += 1;
                    let written = diff::written(&step.request.body);
                    // A status that is written beside the rest is ignored where it is served by itself: with 200.
                    if !written.iter().any(|pointer| before.pointer(pointer) != reply.body.pointer(pointer)) {
                        return Err(ignored(&step.request));
                    }
                    difference.extend(diff::at(&step.request.object.to_string(), before, &reply.body, &written));
                }
                Before::Deleted | Before::Unchanged | Before::Outside => {}
            },
            Ok(reply) if reply.status == 403 && step.spare.is_some() => {
                warnings.extend(step.spare);
                warnings.push(reply.message());
                continue;
            }
            Ok(reply) if cannot_rehearse(&reply) || (way_back && reply.status >= 500) => {
                rehearsed = false;
                warnings.push(format!("not rehearsed: {}", reply.message()));
            }
            Ok(reply) => {
                let asked = match &step.before {
                    Before::Rests { rehearsal: Some(rehearsal), .. } => rehearsal.as_ref(),
                    _ => &step.request,
                };
                return Err(moved::judge(client, asked, &reply).await);
            }
            // The way back is not locked by a slow server: the guard is in the request itself.
            Err(lost) if way_back => {
                let (wire::Lost::Before(why) | wire::Lost::After(why)) = lost;
                rehearsed = false;
                warnings.push(format!("not rehearsed: {why}"));
            }
            Err(lost) => return Err(lost.harmless()),
        }
        if matches!(step.before, Before::Deleted) {
            difference.push(DiffLine { sign: Sign::Object, text: step.request.object.to_string() });
            difference.push(DiffLine { sign: Sign::Removed, text: "this pod; its controller makes a new one".into() });
        }
        requests.push(step.request);
    }
    if rehearsed && changes > 1 {
        leads_to.push("Each request was rehearsed by itself, on the objects as they are now".into());
    }
    if let Some(owner) = &scene.rollout.owner {
        warnings.push(format!("{} {} owns it: {}", owner.tool, owner.name, owner.consequence));
    }
    Ok(Preview {
        rollout: scene.rollout.id.clone(),
        order: scene.order.clone(),
        requests,
        diff: difference,
        from,
        to,
        leads_to,
        warnings,
        expect,
        read_at: scene.now,
        rehearsed,
    })
}

fn ignored(request: &Request) -> ChangeError {
    let message = format!("{} has another status than it takes writes for: the server would ignore this one", request.object);
    ChangeError::Rejected { status: 200, message }
}

/// An admission webhook with side effects refuses every dry run; the write itself may well pass.
fn cannot_rehearse(reply: &Reply) -> bool {
    let message = reply.message().to_ascii_lowercase();
    reply.status == 400 && (message.contains("dry run") || message.contains("dryrun"))
}
