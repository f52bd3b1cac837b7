//! The gates: a program behind a Service that Flagger asks at every beat, opened through the API server with the operator's
//! own rights. An open gate stays open, for every other gate of the canary too: so it is closed again once it is passed.

use kube::Client;
use serde_json::{Value, json};

use super::Steered;
use crate::adapter::kubernetes::change::draft::{Before, Draft, Scene, Step};
use crate::adapter::kubernetes::change::patch::{Patch, then};
use crate::adapter::kubernetes::change::wire::{self, Kind};
use crate::adapter::kubernetes::convert::flagger::gate::Gate;
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::adapter::kubernetes::objects::custom::text;
use crate::domain::change::{ChangeError, Expect, Request, Wait};
use crate::domain::verb::Refusal;

/// Finds the gate of a webhook of this type, and makes sure that its Service is there.
pub(super) async fn find(client: &Client, steered: &Steered, kind: &str) -> Result<Gate, ChangeError> {
    let hook: Option<&Value> = spec::hook(&steered.spec, kind);
    let url = hook.map_or("", |hook| text(hook, "/url"));
    let gate = Gate::at(url).map_err(|why| Refusal::Other(format!("the gate {kind} is at {why}: open it there")))?;
    match wire::get(client, &Kind::Service.path(&gate.namespace, &gate.service)).await {
        Err(ChangeError::Refused(Refusal::Absent)) => {
            let why = format!("the gate {kind} is at {url}, and there is no Service {} in {}", gate.service, gate.namespace);
            Err(Refusal::Other(why).into())
        }
        // Who may not read Services may still be let through to this one.
        Ok(_) | Err(_) => Ok(gate),
    }
}

/// Makes the request to a gate: `open` or `close`, for this canary.
pub(super) fn ask(steered: &Steered, gate: &Gate, word: &str, purpose: String) -> Step {
    let request = Request {
        purpose,
        method: "POST".into(),
        path: gate.proxied(word),
        content_type: "application/json".into(),
        body: json!({"name": steered.canary.name(), "namespace": steered.canary.namespace()}).to_string(),
        object: steered.canary.object(),
        then: None,
    };
    Step { request, before: Before::Outside, spare: None, instead: None }
}

/// Adds what Flagger is waited for after a step.
pub(super) fn awaiting(step: Step, wait: Wait) -> Step {
    Step { request: then(step.request, wait), ..step }
}

/// Drafts the passing of the gate that Flagger stands at.
pub(super) async fn pass(client: &Client, scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    if steered.suspended() {
        return Err(Refusal::HeldFirst.into());
    }
    let kind = match steered.phase() {
        "Waiting" => spec::ROLLOUT_GATE,
        "WaitingPromotion" => spec::PROMOTION_GATE,
        "Progressing" if scene.rollout.delivery.pause.is_some() => spec::TRAFFIC_GATE,
        _ => return Err(Refusal::NotPaused.into()),
    };
    let gate = find(client, steered, kind).await?;
    // A gate takes no guard: a request that only tests stands right before the one that opens it.
    let check = Patch::on(&steered.canary)
        .same_generation(&steered.canary)
        .test("/status/phase", steered.phase())
        .test("/status/lastAppliedSpec", steered.canary.text("/status/lastAppliedSpec"))
        .request(format!("make sure that {} still waits at {kind}", steered.canary.name()), &steered.canary);
    let open = ask(steered, &gate, "open", format!("open the gate {kind}"));
    let draft = Draft::toward(Expect::PauseLeft)
        .step(Step { request: check, before: Before::Unchanged, spare: None, instead: None })
        .leads(format!("Flagger passes {kind} {}", steered.next(scene)))
        .warns("The gate is a program in the cluster: opening it cannot be rehearsed");
    if kind == spec::TRAFFIC_GATE {
        // It is asked before every step, and nothing in the status tells that it was passed.
        return Ok(draft.step(open).warns("It stays open: the steps that follow are not held by it until it is closed"));
    }
    Ok(draft
        .step(awaiting(open, Wait::Passed))
        .step(ask(steered, &gate, "close", format!("close the gate {kind} behind it")))
        .leads("Then closes the gate again, so that it holds the next time"))
}
