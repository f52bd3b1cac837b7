//! What the operator may do, asked beforehand (`SelfSubjectAccessReview`), so that a key is greyed before it fails.
//!
//! A review that fails proves nothing: its verb stays open, and the server has the last word.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};

use super::change::{Kind, call};
use crate::adapter::clock;
use crate::domain::object::Part;
use crate::domain::plan::{Target, Workload};
use crate::domain::rollout::Rollout;
use crate::domain::verb::{Capabilities, Refusal, Verb};

/// Rights change rarely; a wrong grey key is found out within this time.
pub const REFRESH: SignedDuration = SignedDuration::from_mins(3);

/// Reviews on their way at once: enough to finish 100 workloads in a second, too few to be throttled.
const AT_ONCE: usize = 8;

const LIMIT: Duration = Duration::from_secs(8);

/// A right as the cluster words it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: String,
    /// Empty: on all of the namespace. A role may name single objects.
    name: String,
}

impl Right {
    fn patch(kind: Kind, subresource: &'static str, namespace: &str, name: &str) -> Self {
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        Self { verb: "patch", group, resource: kind.plural(), subresource, namespace: namespace.into(), name: name.into() }
    }

    fn on_all(&self) -> Self {
        Self { name: String::new(), ..self.clone() }
    }

    /// Returns `patch deployments/scale in booking`.
    fn sentence(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{} {}{slash}{} in {}", self.verb, self.resource, self.subresource, self.namespace)
    }
}

/// The answers, and when they were given.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Allowed or not; a right that is not here could not be learnt.
    known: BTreeMap<Right, bool>,
    at: Timestamp,
}

impl Rights {
    /// Returns whether it is time to ask again.
    pub fn stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= REFRESH
    }

    /// Sets the refusal of every verb whose right is known to be missing.
    pub fn refuse(&self, workload: &Workload, state: &State, capabilities: &mut Capabilities) {
        for verb in Verb::ALL {
            let missing = needed(workload, verb, state).into_iter().find(|right| self.allows(right) == Some(false));
            if let Some(right) = missing {
                capabilities.refuse(verb, Refusal::NoRight { right: right.sentence() });
            }
        }
    }

    fn allows(&self, right: &Right) -> Option<bool> {
        match (self.known.get(&right.on_all()), self.known.get(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            // The role may still name this very object, and that could not be learnt.
            (Some(false), None) if !right.name.is_empty() => None,
            (all, one) => one.or(all).copied(),
        }
    }
}

/// What of a rollout's state decides which rights a verb needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// It is held, so that a verb that moves it must also release it.
    held: bool,
    /// The Deployment that carries its template.
    template: Option<String>,
}

impl State {
    /// Reads it off a rollout.
    pub fn of(rollout: &Rollout) -> Self {
        let template = rollout.object(&Part::Template).filter(|object| object.kind == Kind::Deployment.word());
        Self { held: rollout.held.is_some(), template: template.map(|object| object.name.clone()) }
    }
}

/// Asks for all that the verbs of these workloads need: once for each namespace, and by name where that is denied.
pub async fn ask(client: &Client, workloads: &[(Workload, State)]) -> Rights {
    let all = |workload: &Workload, state: &State| {
        let held = State { held: true, ..state.clone() };
        Verb::ALL.into_iter().flat_map(|verb| needed(workload, verb, &held)).collect::<Vec<_>>()
    };
    let named: BTreeSet<Right> = workloads.iter().flat_map(|(workload, state)| all(workload, state)).collect();
    let mut known = review_all(client, named.iter().map(Right::on_all).collect()).await;
    let denied = named.into_iter().filter(|right| known.get(&right.on_all()) == Some(&false)).collect();
    known.extend(review_all(client, denied).await);
    Rights { known, at: clock::now() }
}

/// Returns what a verb writes on a workload.
fn needed(workload: &Workload, verb: Verb, state: &State) -> Vec<Right> {
    let patch = |kind: Kind, sub: &'static str, name: &str| Right::patch(kind, sub, &workload.namespace, name);
    let single = |kind: Kind, name: &str| match verb {
        Verb::Scale => vec![patch(kind, "scale", name)],
        Verb::Ship
        | Verb::Advance
        | Verb::Finish
        | Verb::Hold
        | Verb::Resume
        | Verb::Abort
        | Verb::Retry
        | Verb::RollBack
        | Verb::Restart => vec![patch(kind, "", name)],
        Verb::Switch | Verb::SwitchBack | Verb::Retire | Verb::Terminate | Verb::Drive => Vec::new(),
    };
    match &workload.target {
        Target::Deployment { name } => single(Kind::Deployment, name),
        Target::StatefulSet { name } => single(Kind::StatefulSet, name),
        Target::DaemonSet { name } => single(Kind::DaemonSet, name),
        Target::BlueGreen(pair) => {
            let sides = |sub: &'static str| pair.tracks.iter().map(move |side| patch(Kind::Deployment, sub, &side.deployment));
            let router = std::iter::once(patch(Kind::Service, "", &pair.service));
            match verb {
                Verb::Ship => sides("").chain(sides("scale")).collect(),
                Verb::Restart | Verb::RollBack => sides("").collect(),
                Verb::Scale => sides("scale").collect(),
                Verb::Retire => router.chain(sides("scale")).collect(),
                Verb::Switch | Verb::SwitchBack | Verb::Abort => router.collect(),
                Verb::Advance | Verb::Finish | Verb::Hold | Verb::Resume | Verb::Retry | Verb::Terminate | Verb::Drive => Vec::new(),
            }
        }
        Target::Flagger { name } => match verb {
            // The target is called as the Canary is, by Flagger's convention; where a role names objects and it is not, the
            // server has the last word.
            Verb::Ship | Verb::Retry | Verb::RollBack => vec![patch(Kind::Deployment, "", name)],
            // A gate's own right (create services/proxy) is that of its namespace, which only the Canary tells.
            Verb::Advance | Verb::Finish | Verb::Hold | Verb::Resume | Verb::Abort => vec![patch(Kind::Canary, "", name)],
            _ => Vec::new(),
        },
        Target::Rollout { name } => {
            let spec = patch(Kind::Rollout, "", name);
            let status = patch(Kind::Rollout, "status", name);
            // The hold is part of the wish, whatever else the verb writes.
            let moves = |first: Right| std::iter::once(first).chain(Some(spec.clone()).filter(|_| state.held)).collect();
            match verb {
                Verb::Advance | Verb::Finish | Verb::Abort | Verb::Retry => moves(status),
                Verb::Ship => vec![state.template.as_ref().map_or(spec, |deployment| patch(Kind::Deployment, "", deployment))],
                Verb::RollBack => match &state.template {
                    Some(deployment) => moves(patch(Kind::Deployment, "", deployment)),
                    None => vec![spec],
                },
                Verb::Hold | Verb::Resume | Verb::Restart => vec![spec],
                Verb::Scale => vec![patch(Kind::Rollout, "scale", name)],
                // Their names come and go.
                Verb::Terminate => vec![patch(Kind::AnalysisRun, "", "")],
                Verb::Switch | Verb::SwitchBack | Verb::Retire | Verb::Drive => Vec::new(),
            }
        }
        Target::Canary(plan) => {
            let stable = std::iter::once(patch(Kind::Deployment, "", &plan.stable));
            let both = stable.clone().chain(std::iter::once(patch(Kind::Deployment, "", &plan.canary)));
            let route = plan.route.iter().map(|route| patch(Kind::HttpRoute, "", &route.name));
            match verb {
                Verb::Ship | Verb::Advance | Verb::Finish | Verb::Abort => both.chain(route).collect(),
                Verb::Restart => both.collect(),
                // While a canary is under way it writes both, and the subresource of neither.
                Verb::Scale => stable.chain(std::iter::once(patch(Kind::Deployment, "scale", &plan.stable))).collect(),
                Verb::Hold | Verb::Resume | Verb::RollBack => stable.collect(),
                Verb::Switch | Verb::SwitchBack | Verb::Retire | Verb::Retry | Verb::Terminate | Verb::Drive => Vec::new(),
            }
        }
    }
}

/// Returns which of these verbs on a kind of object are denied in a namespace. A review that fails proves nothing.
pub async fn denied(client: &Client, kind: Kind, namespace: &str, verbs: &[&'static str]) -> BTreeSet<&'static str> {
    let right = |verb: &&'static str| Right { verb, ..Right::patch(kind, "", namespace, "") };
    let known = review_all(client, verbs.iter().map(right).collect()).await;
    known.into_iter().filter(|(_, allowed)| !allowed).map(|(right, _)| right.verb).collect()
}

async fn review_all(client: &Client, rights: BTreeSet<Right>) -> BTreeMap<Right, bool> {
    let reviews = rights.into_iter().map(|right| async move {
        let allowed = review(client, &right).await;
        (right, allowed)
    });
    let answers = futures::stream::iter(reviews).buffer_unordered(AT_ONCE);
    answers.filter_map(|(right, allowed)| async move { allowed.map(|allowed| (right, allowed)) }).collect().await
}

/// Asks for one right; none where no answer could be had.
async fn review(client: &Client, right: &Right) -> Option<bool> {
    let mut attributes = json!({"namespace": right.namespace, "verb": right.verb, "group": right.group, "resource": right.resource});
    for (key, value) in [("subresource", right.subresource), ("name", &right.name)] {
        if !value.is_empty() {
            attributes[key] = Value::from(value);
        }
    }
    let body =
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    match call(client, "POST", path, Some(("application/json", &body.to_string())), LIMIT).await {
        Ok(reply) if reply.accepted() => reply.body.pointer("/status/allowed").and_then(Value::as_bool),
        Ok(reply) => {
            tracing::warn!(status = reply.status, "the review of a right was refused");
            None
        }
        Err(lost) => {
            tracing::warn!(?lost, "the review of a right was lost");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RolloutId;
    use crate::domain::plan::{BlueGreen, Canary, EngineKind, Route, TrackTarget};

    fn workload(target: Target) -> Workload {
        Workload {
            id: RolloutId { environment: "production".into(), service: "web".into(), workload: "web".into() },
            engine: EngineKind::Kubernetes,
            context: None,
            namespace: "booking".into(),
            target,
            image: None,
            container: None,
        }
    }

    fn pair() -> Workload {
        let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("web-{track}") };
        workload(Target::BlueGreen(BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] }))
    }

    fn refused(known: &[(Right, bool)], workload: &Workload, verb: Verb) -> Option<String> {
        refused_in(known, workload, &State::default(), verb)
    }

    fn refused_in(known: &[(Right, bool)], workload: &Workload, state: &State, verb: Verb) -> Option<String> {
        let rights = Rights { known: known.iter().cloned().collect(), at: Timestamp::UNIX_EPOCH };
        let mut capabilities = Capabilities::offering(&Verb::ALL);
        rights.refuse(workload, state, &mut capabilities);
        capabilities.0.get(&verb).cloned().flatten().map(|refusal| refusal.to_string())
    }

    #[test]
    fn a_missing_right_is_named_and_an_unknown_one_leaves_the_key_open() {
        let web = workload(Target::Deployment { name: "web".into() });
        let all = Right::patch(Kind::Deployment, "scale", "booking", "");
        let one = Right::patch(Kind::Deployment, "scale", "booking", "web");
        let sentence = Some("you may not patch deployments/scale in booking".to_owned());
        for (known, wanted) in [
            (vec![], None),
            (vec![(all.clone(), true)], None),
            (vec![(all.clone(), false)], None),
            (vec![(all.clone(), false), (one.clone(), true)], None),
            (vec![(all, false), (one, false)], sentence),
        ] {
            assert_eq!(refused(&known, &web, Verb::Scale), wanted, "{known:?}");
        }
    }

    #[test]
    fn the_way_back_of_a_pair_needs_the_service_alone() {
        let denied = |kind: Kind, sub, name| (Right::patch(kind, sub, "booking", name), false);
        let deployments = ["", "web-blue", "web-green"].map(|name| denied(Kind::Deployment, "", name));
        assert_eq!(refused(&deployments, &pair(), Verb::Ship), Some("you may not patch deployments in booking".into()));
        assert_eq!(refused(&deployments, &pair(), Verb::SwitchBack), None);
        let service = ["", "web"].map(|name| denied(Kind::Service, "", name));
        assert_eq!(refused(&service, &pair(), Verb::SwitchBack), Some("you may not patch services in booking".into()));
        assert_eq!(refused(&service, &pair(), Verb::Ship), None);
    }

    #[test]
    fn a_role_without_the_status_of_rollouts_loses_what_moves_them_and_nothing_else() {
        let web = workload(Target::Rollout { name: "web".into() });
        let status = ["", "web"].map(|name| (Right::patch(Kind::Rollout, "status", "booking", name), false));
        let moving = [Verb::Advance, Verb::Finish, Verb::Abort, Verb::Retry];
        let sentence = Some("you may not patch rollouts/status in booking".to_owned());
        for verb in Verb::ALL {
            assert_eq!(refused(&status, &web, verb), sentence.clone().filter(|_| moving.contains(&verb)), "{verb}");
        }
        assert_eq!(Right::patch(Kind::Rollout, "status", "booking", "").group, "argoproj.io");
    }

    #[test]
    fn a_held_rollout_needs_the_right_to_release_it_as_well() {
        let web = workload(Target::Rollout { name: "web".into() });
        let spec = ["", "web"].map(|name| (Right::patch(Kind::Rollout, "", "booking", name), false));
        let sentence = Some("you may not patch rollouts in booking".to_owned());
        for (held, wanted) in [(false, None), (true, sentence)] {
            assert_eq!(refused_in(&spec, &web, &State { held, template: None }, Verb::Abort), wanted);
        }
    }

    #[test]
    fn the_template_of_another_object_is_written_by_the_right_on_that() {
        let web = workload(Target::Rollout { name: "web".into() });
        let deployment = ["", "web-template"].map(|name| (Right::patch(Kind::Deployment, "", "booking", name), false));
        let state = |held| State { held, template: Some("web-template".into()) };
        let sentence = Some("you may not patch deployments in booking".to_owned());
        for (verb, wanted) in [(Verb::Ship, sentence.clone()), (Verb::RollBack, sentence), (Verb::Advance, None), (Verb::Restart, None)] {
            assert_eq!(refused_in(&deployment, &web, &state(true), verb), wanted, "{verb}");
        }
    }

    #[test]
    fn a_plain_canary_needs_both_deployments_and_the_way_back_the_route_as_well() {
        let route = Some(Route { name: "web".into(), stable_service: "web".into(), canary_service: "web-canary".into() });
        let plan = Canary { stable: "web".into(), canary: "web-canary".into(), route, steps: Vec::new() };
        let web = workload(Target::Canary(plan));
        let denied = |kind: Kind, name: &str| ["", name].map(|name| (Right::patch(kind, "", "booking", name), false));
        let (canary, route) = (denied(Kind::Deployment, "web-canary"), denied(Kind::HttpRoute, "web"));
        assert_eq!(refused(&canary[1..], &web, Verb::Hold), None);
        for (known, verb, sentence) in [
            (&canary, Verb::Advance, Some("you may not patch deployments in booking")),
            (&canary, Verb::Switch, None),
            (&route, Verb::Abort, Some("you may not patch httproutes in booking")),
            (&route, Verb::Restart, None),
        ] {
            assert_eq!(refused(known, &web, verb).as_deref(), sentence, "{verb}");
        }
        assert_eq!(route[0].0.group, "gateway.networking.k8s.io");
    }

    #[test]
    fn rights_are_asked_for_again_after_three_minutes() {
        let rights = Rights { known: BTreeMap::new(), at: Timestamp::UNIX_EPOCH };
        assert!(!rights.stale(Timestamp::from_second(179).unwrap()));
        assert!(rights.stale(Timestamp::from_second(180).unwrap()));
    }
}
