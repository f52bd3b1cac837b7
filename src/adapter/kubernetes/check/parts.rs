//! The objects of a workload as the API server has them, raw: what a store does not keep of them.

use serde_json::Value;

use super::read::{Blind, Reader};
use super::surge::template_of;
use crate::adapter::kubernetes::change::Kind;
use crate::adapter::kubernetes::convert::flagger::spec::Names;
use crate::adapter::kubernetes::objects::custom::Custom;
use crate::domain::plan::{Target, Workload};

/// Reads them in the order of the target: of a pair both sides as the plan names them; of a Rollout the Deployment with its
/// template after it; of Flagger's Canary the target and the primary after it. One that is not there ends the list.
pub async fn of(reader: &Reader, workload: &Workload) -> Result<Vec<Value>, Blind> {
    let mut wanted: Vec<(Kind, String)> = match &workload.target {
        Target::Deployment { name } => vec![(Kind::Deployment, name.clone())],
        Target::StatefulSet { name } => vec![(Kind::StatefulSet, name.clone())],
        Target::DaemonSet { name } => vec![(Kind::DaemonSet, name.clone())],
        Target::BlueGreen(pair) => pair.tracks.iter().map(|side| (Kind::Deployment, side.deployment.clone())).collect(),
        Target::Rollout { name } => vec![(Kind::Rollout, name.clone())],
        Target::Flagger { name } => vec![(Kind::Canary, name.clone())],
        Target::Canary(plan) => vec![(Kind::Deployment, plan.stable.clone())],
    };
    let mut objects = Vec::new();
    let mut at = 0;
    while let Some((kind, name)) = wanted.get(at).cloned() {
        let right = format!("get {} in {}", kind.plural(), workload.namespace);
        let Some(object) = reader.one::<Value>(&kind.path(&workload.namespace, &name), &right).await? else { break };
        match kind {
            Kind::Rollout => wanted.extend(template_of(&object).map(|name| (Kind::Deployment, name.to_owned()))),
            Kind::Canary => {
                let canary: Custom = serde_json::from_value(object.clone()).map_err(|error| Blind::Lost(error.to_string()))?;
                let names = Names::of(&canary);
                wanted.extend([(Kind::Deployment, names.target), (Kind::Deployment, names.primary)]);
            }
            _ => {}
        }
        objects.push(object);
        at += 1;
    }
    Ok(objects)
}
