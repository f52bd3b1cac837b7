//! How many pods a rollout runs beside those that run now, at its fullest, and what each of them takes (pure).

use serde_json::Value;

use super::nodes::PodSpec;
use crate::adapter::kubernetes::objects::custom::{list, number, text, truth};
use crate::domain::id::Track;
use crate::domain::plan::{BlueGreen, Canary, Target};
use crate::domain::step::StepKind;

/// What a rollout adds for its time.
#[derive(Clone, Debug)]
pub struct Surge {
    /// The workload as the evidence names it.
    pub name: String,
    pub count: u32,
    pub pod: PodSpec,
}

/// The objects of a workload, raw, in the order of [`objects`](super::parts::of).
pub fn of(target: &Target, objects: &[Value], active: Option<&Track>) -> Result<Surge, String> {
    let first = objects.first().ok_or("it is not there")?;
    let (count, template) = match target {
        Target::Deployment { .. } => (rolling(first), first),
        // One is stopped before the next one starts.
        Target::StatefulSet { .. } => (0, first),
        Target::DaemonSet { .. } => {
            let everywhere = wide(&first["status"], "/desiredNumberScheduled").unwrap_or(0);
            (bound(first.pointer("/spec/updateStrategy/rollingUpdate/maxSurge"), "0", everywhere), first)
        }
        Target::BlueGreen(pair) => sides(pair, objects, active)?,
        Target::Rollout { .. } => (stepped(first), objects.last().unwrap_or(first)),
        Target::Flagger { .. } => {
            let (Some(candidate), Some(primary)) = (objects.get(1), objects.get(2)) else {
                return Err("its Deployments are not there".into());
            };
            // The candidate comes up in full, and the primary then rolls while it still runs.
            (replicas(primary).saturating_sub(replicas(candidate)) + rolling(primary), candidate)
        }
        Target::Canary(plan) => (planned(plan, first), first),
    };
    let spec = template.pointer("/spec/template/spec").cloned().ok_or("it has no template")?;
    let pod = serde_json::from_value(spec).map_err(|error| format!("its template cannot be read: {error}"))?;
    Ok(Surge { name: String::new(), count, pod })
}

/// The side without users comes up to the number of the other one.
fn sides<'a>(pair: &BlueGreen, objects: &'a [Value], active: Option<&Track>) -> Result<(u32, &'a Value), String> {
    let active = active.ok_or_else(|| format!("service {} selects neither side", pair.service))?;
    let of = |served: bool| {
        let found = pair.tracks.iter().position(|side| (side.track == *active) == served);
        found.and_then(|at| objects.get(at)).ok_or("one of its sides is not there")
    };
    let (serving, idle) = (of(true)?, of(false)?);
    let up = replicas(idle);
    let rolls = if up > 0 { rolling(idle) } else { 0 };
    Ok((replicas(serving).saturating_sub(up) + rolls, idle))
}

/// Argo Rollouts: with a router, and beside the active stack, the new version comes up in full.
fn stepped(rollout: &Value) -> u32 {
    let wanted = replicas(rollout);
    if rollout.pointer("/spec/strategy/blueGreen").is_some() {
        return wanted;
    }
    let canary = rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
    if canary.get("trafficRouting").is_some_and(|routing| !routing.is_null()) && !truth(canary, "/dynamicStableScale") {
        return wanted;
    }
    bound(canary.get("maxSurge"), "25%", wanted)
}

/// A plain canary at its widest step, and the stable side that then rolls beside it.
fn planned(plan: &Canary, stable: &Value) -> u32 {
    let total = replicas(stable);
    let widest = plan.steps.iter().filter_map(|step| match step {
        StepKind::Weight(share) => Some(plan.split(total, *share).1),
        _ => None,
    });
    widest.max().unwrap_or(0) + rolling(stable)
}

/// A Deployment's own controller.
fn rolling(deployment: &Value) -> u32 {
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return 0;
    }
    bound(deployment.pointer("/spec/strategy/rollingUpdate/maxSurge"), "25%", replicas(deployment))
}

fn replicas(object: &Value) -> u32 {
    wide(object, "/spec/replicas").unwrap_or(1)
}

fn wide(object: &Value, pointer: &str) -> Option<u32> {
    number(object, pointer).and_then(|count| u32::try_from(count).ok())
}

/// A number, or a share of all, rounded up as the controllers do for a surge.
fn bound(value: Option<&Value>, default: &str, of: u32) -> u32 {
    let share = |text: &str| {
        let percent: u64 = text.strip_suffix('%')?.trim().parse().ok()?;
        u32::try_from((percent * u64::from(of)).div_ceil(100)).ok()
    };
    let read = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok()).or_else(|| share(value.as_str()?));
    value.and_then(read).or_else(|| share(default)).unwrap_or(0)
}

/// Returns how many former revisions a workload keeps, where it is its own controller that keeps them. They are ten where
/// nothing else is said.
pub fn history(target: &Target, objects: &[Value]) -> Option<u32> {
    match target {
        Target::Deployment { .. } | Target::StatefulSet { .. } | Target::DaemonSet { .. } | Target::Rollout { .. } | Target::Canary(_) => {
            Some(wide(objects.first()?, "/spec/revisionHistoryLimit").unwrap_or(10))
        }
        Target::BlueGreen(_) | Target::Flagger { .. } => None,
    }
}

/// Returns the name of the Deployment that carries a Rollout's template, where another object does.
pub fn template_of(rollout: &Value) -> Option<&str> {
    let named = text(rollout, "/spec/workloadRef/kind") == "Deployment" && list(rollout, "/spec/template/spec/containers").is_empty();
    Some(text(rollout, "/spec/workloadRef/name")).filter(|name| named && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::plan::TrackTarget;
    use crate::domain::step::Share;

    fn deployment(replicas: u32, strategy: &Value) -> Value {
        let containers = json!([{"name": "web", "resources": {"requests": {"cpu": "250m"}}}]);
        json!({"spec": {"replicas": replicas, "strategy": strategy, "template": {"spec": {"containers": containers}}}})
    }

    fn surge(target: &Target, objects: &[Value], active: Option<&str>) -> Result<u32, String> {
        of(target, objects, active.map(Track::new).as_ref()).map(|surge| surge.count)
    }

    fn rolling_by(surge: &Value) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}})
    }

    #[test]
    fn a_rolling_update_adds_its_surge_rounded_up() {
        let target = Target::Deployment { name: "web".into() };
        for (replicas, strategy, count) in [
            (4, json!({}), 1),
            (5, json!({}), 2),
            (3, rolling_by(&json!(2)), 2),
            (3, rolling_by(&json!("100%")), 3),
            (3, rolling_by(&json!(0)), 0),
            (3, json!({"type": "Recreate"}), 0),
            (0, json!({}), 0),
        ] {
            assert_eq!(surge(&target, &[deployment(replicas, &strategy)], None), Ok(count), "{replicas} {strategy}");
        }
        assert_eq!(surge(&Target::StatefulSet { name: "db".into() }, &[deployment(3, &json!({}))], None), Ok(0));
        assert!(surge(&target, &[], None).is_err());
    }

    #[test]
    fn a_pair_adds_what_its_idle_side_lacks() {
        let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("web-{track}") };
        let target = Target::BlueGreen(BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] });
        let [four, none, two] = [4, 0, 2].map(|replicas| deployment(replicas, &json!({})));
        assert_eq!(surge(&target, &[four.clone(), none.clone()], Some("blue")), Ok(4));
        assert_eq!(surge(&target, &[four.clone(), two.clone()], Some("blue")), Ok(2 + 1));
        assert_eq!(surge(&target, &[none, four.clone()], Some("green")), Ok(4));
        assert_eq!(surge(&target, &[four, two], None), Err("service web selects neither side".into()));
    }

    #[test]
    fn a_stepped_rollout_comes_up_in_full_where_users_are_routed() {
        let target = Target::Rollout { name: "web".into() };
        for (strategy, count) in [
            (json!({"canary": {"steps": []}}), 1),
            (json!({"canary": {"maxSurge": "50%"}}), 2),
            (json!({"canary": {"trafficRouting": {"nginx": {}}}}), 4),
            (json!({"canary": {"trafficRouting": {"nginx": {}}, "dynamicStableScale": true}}), 1),
            (json!({"blueGreen": {"activeService": "web"}}), 4),
        ] {
            assert_eq!(surge(&target, &[deployment(4, &strategy)], None), Ok(count), "{strategy}");
        }
    }

    #[test]
    fn a_plain_canary_adds_its_widest_step_and_flagger_a_second_stack() {
        let steps = [10, 50].map(|percent| StepKind::Weight(Share::percent(percent))).to_vec();
        let plan = Target::Canary(Canary { stable: "web".into(), canary: "web-canary".into(), route: None, steps });
        assert_eq!(surge(&plan, &[deployment(4, &json!({}))], None), Ok(2 + 1));
        let flagger = Target::Flagger { name: "web".into() };
        assert_eq!(surge(&flagger, &[json!({}), deployment(0, &json!({})), deployment(4, &json!({}))], None), Ok(4 + 1));
        assert!(surge(&flagger, &[json!({})], None).is_err());
    }

    #[test]
    fn the_limit_of_the_history_is_ten_unless_it_is_said() {
        let target = Target::Deployment { name: "web".into() };
        assert_eq!(history(&target, &[json!({"spec": {"revisionHistoryLimit": 0}})]), Some(0));
        assert_eq!(history(&target, &[json!({"spec": {}})]), Some(10));
        assert_eq!(history(&Target::Flagger { name: "web".into() }, &[json!({})]), None);
    }

    #[test]
    fn a_rollouts_template_may_be_another_objects() {
        let named = json!({"spec": {"workloadRef": {"kind": "Deployment", "name": "web"}}});
        assert_eq!(template_of(&named), Some("web"));
        assert_eq!(template_of(&deployment(1, &json!({}))), None);
    }
}
