//! Previews: an order becomes the requests that the real API would get, each run dry on a copy, so that the next one's
//! guard is what the one before leaves behind.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{self, CAUSE, Place};
use super::diff;
use super::object::{Deployment, Set};
use super::pace::Pace;
use super::view;
use super::world::{Managed, World};
use crate::domain::change::{ChangeError, DiffLine, Expect, Preview, Request, Wait};
use crate::domain::delivery::Shortcut;
use crate::domain::id::{RevisionId, RolloutId, Track, repository_of, version_of};
use crate::domain::object::{ObjectRef, Part};
use crate::domain::revision::Proof;
use crate::domain::rollout::{Rollout, Strategy};
use crate::domain::verb::{Order, Refusal, possible};
use crate::domain::wayback;

/// The name that writes are made under.
pub const MANAGER: &str = "rolldeck";

/// An order being turned into requests.
pub(super) struct Draft<'a> {
    pub(super) managed: Managed,
    pub(super) rollout: &'a Rollout,
    pub(super) rng: fastrand::Rng,
    pub(super) pace: &'a Pace,
    pub(super) now: Timestamp,
    pub(super) requests: Vec<Request>,
    pub(super) diff: Vec<DiffLine>,
    pub(super) leads_to: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

impl World {
    /// Returns what an order would do. Changes nothing.
    ///
    /// # Errors
    ///
    /// It cannot be done in this state.
    pub fn preview(&self, id: &RolloutId, order: &Order, now: Timestamp) -> Result<Box<Preview>, ChangeError> {
        let at = self.position(id).ok_or(Refusal::Absent)?;
        let managed = self.services.get(at).ok_or(Refusal::Absent)?.clone();
        let rollout = view::rollout(&managed);
        possible(&rollout, order.verb())?;
        let mut draft = Draft {
            managed,
            rollout: &rollout,
            rng: self.rng.clone(),
            pace: &self.pace,
            now,
            requests: Vec::new(),
            diff: Vec::new(),
            leads_to: Vec::new(),
            warnings: Vec::new(),
            from: None,
            to: None,
        };
        let expect = draft.order(order)?;
        Ok(Box::new(Preview {
            rollout: id.clone(),
            order: order.clone(),
            requests: draft.requests,
            diff: draft.diff,
            from: draft.from,
            to: draft.to,
            leads_to: draft.leads_to,
            warnings: draft.warnings,
            expect,
            read_at: now,
            rehearsed: true,
        }))
    }
}

pub(super) fn test(path: &str, value: &Value) -> Value {
    json!({"op": "test", "path": path, "value": value})
}

pub(super) fn add(path: &str, value: &Value) -> Value {
    json!({"op": "add", "path": path, "value": value})
}

impl Draft<'_> {
    fn order(&mut self, order: &Order) -> Result<Expect, ChangeError> {
        let pair = self.managed.router.is_some();
        match order {
            Order::Ship { image, .. } => self.ship(image),
            Order::Hold => self.hold(),
            Order::Advance if self.steered() => self.advance(),
            Order::Finish if self.steered() => self.finish(),
            Order::Resume | Order::Advance | Order::Finish => self.resume(),
            Order::Abort if pair => {
                let to = wayback::former_side(self.rollout).cloned().ok_or(Refusal::NothingUnderWay)?;
                self.switch(&to)
            }
            Order::Abort if self.steered() => self.abort(),
            Order::Abort => {
                let stable = self.first()?.stable.clone();
                let wished = self.first()?.current().map(|set| set.id.clone());
                let to = stable.filter(|stable| Some(stable) != wished.as_ref());
                let to = to.or_else(|| wayback::proposed(self.rollout).map(|revision| revision.id.clone())).ok_or(Refusal::NoRevision)?;
                self.undo(&to)
            }
            Order::Retry => self.retry(),
            Order::Switch { to } | Order::SwitchBack { to } => self.switch(to),
            Order::RollBack { to } => match self.rollout.idle().filter(|idle| idle.id == *to).and_then(|idle| idle.track.clone()) {
                Some(track) => self.switch(&track),
                None => self.undo(to),
            },
            Order::Restart { track } => self.restart(track.as_ref()),
            Order::Scale { track, replicas } => self.scale(track.as_ref(), *replicas),
            Order::Retire { track } => self.retire(track),
            Order::Terminate { analysis } => self.terminate(analysis),
            Order::Drive { .. } => Err(Refusal::Other("the lock is no part of a rollout".into()).into()),
        }
    }

    fn steered(&self) -> bool {
        self.managed.deployments.first().is_some_and(|deployment| deployment.argo.is_some())
    }

    pub(super) fn first(&self) -> Result<&Deployment, Refusal> {
        self.managed.deployments.first().ok_or(Refusal::Absent)
    }

    fn side(&self, track: &Track) -> Result<usize, Refusal> {
        self.managed.side_of(track.as_str()).ok_or_else(|| Refusal::Other(format!("there is no side {track}")))
    }

    /// Makes a request, runs it dry, and keeps both.
    pub(super) fn send(
        &mut self,
        purpose: String,
        place: Place,
        part: &str,
        mut operations: Vec<Value>,
        then: Option<Wait>,
    ) -> Result<(), ChangeError> {
        let object = api::object(&self.managed, place);
        let uid = object.pointer("/metadata/uid").cloned().unwrap_or_default();
        operations.insert(0, test("/metadata/uid", &uid));
        let request = Request {
            purpose,
            method: "PATCH".into(),
            path: format!("{}?fieldManager={MANAGER}", api::path(&self.managed, place, part)),
            content_type: "application/json-patch+json".into(),
            body: Value::Array(operations).to_string(),
            object: self.reference(place).ok_or(Refusal::Absent)?,
            then,
        };
        let (_, before, after) = api::write(&mut self.managed, &request, MANAGER, self.now, &mut self.rng, self.pace)?;
        self.diff.extend(diff::between(&request.object.to_string(), &before, &after));
        self.requests.push(request);
        Ok(())
    }

    fn reference(&self, place: Place) -> Option<ObjectRef> {
        match place {
            Place::Analysis(at) => {
                let deployment = self.managed.deployments.first()?;
                let run = deployment.argo.as_ref()?.runs.get(at)?;
                let version = format!("resourceVersion {}", run.version);
                let (name, uid) = (run.name.clone(), run.uid.clone());
                Some(ObjectRef { kind: "AnalysisRun".into(), name, uid, version, ..view::object(deployment) })
            }
            Place::Router => view::objects(&self.managed).into_iter().find(|object| object.part == Part::Router),
            Place::Deployment(at) => self.managed.deployments.get(at).map(view::object),
        }
    }

    fn generation(&self, side: usize) -> Value {
        test("/metadata/generation", &json!(self.managed.deployments.get(side).map_or(0, |deployment| deployment.generation)))
    }

    fn ship(&mut self, image: &str) -> Result<Expect, ChangeError> {
        let side = self.managed.idle().unwrap_or(0);
        let track = self.managed.deployments.get(side).and_then(|deployment| deployment.track.as_ref()).map(|(_, track)| track.clone());
        if let Some(track) = &track {
            let needed =
                self.managed.deployments.iter().enumerate().filter(|(at, _)| *at != side).map(|(_, d)| d.replicas).max().unwrap_or(1);
            let has = self.managed.deployments.get(side).map_or(0, |deployment| deployment.replicas);
            if has < needed {
                self.resize(side, needed, format!("scale {track} to {needed}"), Some(Wait::Observed))?;
                self.leads_to.push(format!("Scales {track} from {has} to {needed}, as many as the users have now"));
            }
            self.leads_to.push("The users stay where they are until the switch".into());
        }
        let deployment = self.managed.deployments.get(side).ok_or(Refusal::Absent)?.clone();
        if deployment.template.image == image {
            return Err(Refusal::Other(format!("the image is {image} already")).into());
        }
        let container = "/spec/template/spec/containers/0";
        // A rollout's generation moves with every hold: the image alone is its guard.
        let generation = (!self.steered()).then(|| self.generation(side));
        let operations = generation.into_iter().chain([
            test(&format!("{container}/name"), &json!(deployment.template.container)),
            test(&format!("{container}/image"), &json!(deployment.template.image)),
            json!({"op": "replace", "path": format!("{container}/image"), "value": image}),
            add(&annotation("/metadata/annotations", CAUSE), &json!(format!("rolldeck: ship {}", version_of(image)))),
        ]);
        let operations = operations.collect();
        self.send(format!("set the image of {}", deployment.template.container), Place::Deployment(side), "", operations, None)?;
        self.from = deployment.current().map(label);
        self.to = Some(version_of(image).to_owned());
        if deployment.held.is_some() {
            self.warnings.push("It is held: nothing is replaced until it is resumed".into());
        } else if self.rollout.strategy == Strategy::BlueGreen && self.steered() {
            self.leads_to.push("Brings it up beside the active one; the users stay until the switch".into());
        } else if self.steered() {
            self.leads_to.push("Starts the canary at its first step; the users move as the steps say".into());
        } else {
            self.leads_to.push(format!("Replaces {} instances, a quarter at a time", deployment.replicas));
        }
        if repository_of(image) != repository_of(&deployment.template.image) {
            self.warnings.push(format!("Another repository: it was {}", repository_of(&deployment.template.image)));
        }
        if self.steered() {
            return Ok(Expect::Begun { images: vec![image.to_owned()] });
        }
        Ok(Expect::Image { image: image.to_owned(), track })
    }

    fn hold(&mut self) -> Result<Expect, ChangeError> {
        self.send("hold the rollout".into(), Place::Deployment(0), "", vec![add("/spec/paused", &json!(true))], None)?;
        self.leads_to.push("No further instance is replaced; those that run keep serving, old and new".into());
        if self.steered() {
            self.warnings.push("A timed pause keeps running; once it is over, resuming moves on at once".into());
        }
        Ok(Expect::Held(true))
    }

    fn resume(&mut self) -> Result<Expect, ChangeError> {
        let operations = vec![self.generation(0), test("/spec/paused", &json!(true)), json!({"op": "remove", "path": "/spec/paused"})];
        self.send("resume the rollout".into(), Place::Deployment(0), "", operations, None)?;
        let image = self.first()?.template.image.clone();
        self.leads_to.push(format!("The rollout goes on to {image}"));
        Ok(Expect::Held(false))
    }

    fn undo(&mut self, to: &RevisionId) -> Result<Expect, ChangeError> {
        let found =
            self.managed.deployments.iter().enumerate().find_map(|(at, d)| d.sets.iter().find(|set| set.id == *to).map(|set| (at, set)));
        let (side, target) = found.map(|(side, set)| (side, set.clone())).ok_or(Refusal::NoRevision)?;
        let deployment = self.managed.deployments.get(side).ok_or(Refusal::Absent)?.clone();
        if deployment.template == target.template {
            return Err(Refusal::Other(format!("the template is that of {} already", label(&target))).into());
        }
        let words = format!("rolldeck: roll back to {}", label(&target));
        let operations = vec![
            test("/spec/template/spec/containers/0/image", &json!(deployment.template.image)),
            json!({"op": "replace", "path": "/spec/template", "value": api::template(&deployment, &target.template)}),
            // Also where it is not held: a hold that comes between dialog and request would keep the bad revision.
            add("/spec/paused", &json!(false)),
            add(&annotation("/metadata/annotations", CAUSE), &json!(words)),
        ];
        self.send(format!("bring the template of {} back", label(&target)), Place::Deployment(side), "", operations, None)?;
        self.from = deployment.current().map(label);
        self.to = Some(label(&target));
        self.leads_to.push(format!("Brings {} back", target.template.image));
        if deployment.held.is_some() {
            self.leads_to.push("Releases the hold in the same request".into());
        }
        match deployment.shortcut(&target) {
            _ if deployment.argo.is_none() => {}
            None if self.rollout.strategy == Strategy::BlueGreen => {
                self.warnings.push("Its instances are gone: it comes up beside the active one and waits before the switch".into());
            }
            None => self.warnings.push("It is not the stable revision: it goes through the steps again".into()),
            Some(Shortcut::Stable) => self.leads_to.push("It is the stable revision: no steps, the users are back at once".into()),
            Some(Shortcut::Warm) => self.leads_to.push("Its instances are still up: switches at once, no pause".into()),
            Some(Shortcut::Window) => self.leads_to.push("It is within the rollback window: no steps, no pause".into()),
        }
        self.warnings.push(format!(
            "Restores the pod template alone: not the replicas ({} now), nor what ConfigMaps and Secrets hold, nor the database",
            deployment.replicas
        ));
        match self.rollout.revision(to).map(|revision| revision.proof) {
            Some(Proof::Failed(at)) => self.warnings.push(format!("It failed at {}", at.strftime("%Y-%m-%d %H:%MZ"))),
            Some(Proof::Unknown) => self.warnings.push("It is not known to have served".into()),
            _ => {}
        }
        if deployment.argo.is_some() && deployment.shortcut(&target).is_none() {
            return Ok(Expect::Begun { images: vec![target.template.image] });
        }
        let track = deployment.track.map(|(_, track)| track);
        Ok(Expect::Template { revision: to.clone(), images: vec![target.template.image], track })
    }

    fn restart(&mut self, track: Option<&Track>) -> Result<Expect, ChangeError> {
        let sides: Vec<usize> = if let Some(track) = track {
            vec![self.side(track)?]
        } else {
            // The side without users first: what cannot start is seen before the users feel it.
            let idle = self.managed.idle();
            let rest = (0..self.managed.deployments.len()).filter(|at| Some(*at) != idle);
            idle.into_iter().chain(rest).collect()
        };
        let at = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let stamp = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        for side in sides {
            let deployment = self.managed.deployments.get(side).ok_or(Refusal::Absent)?;
            let name = deployment.name.clone();
            let path = if deployment.argo.is_some() {
                "/spec/restartAt".to_owned()
            } else {
                annotation("/spec/template/metadata/annotations", "kubectl.kubernetes.io/restartedAt")
            };
            let operations = vec![self.generation(side), add(&path, &stamp)];
            self.leads_to.push(format!("Replaces every instance of {name} by one of the same image"));
            self.send(format!("restart {name}"), Place::Deployment(side), "", operations, None)?;
        }
        Ok(Expect::Restarted { at, track: track.cloned() })
    }

    fn scale(&mut self, track: Option<&Track>, replicas: u32) -> Result<Expect, ChangeError> {
        let side = match track {
            Some(track) => self.side(track)?,
            None if self.managed.router.is_some() => return Err(Refusal::Other("say which side to scale".into()).into()),
            None => 0,
        };
        let now = self.managed.deployments.get(side).map_or(0, |deployment| deployment.replicas);
        if now == replicas {
            return Err(Refusal::Other(format!("there are {replicas} already")).into());
        }
        let who = track.map_or_else(|| self.first().map(|d| d.name.clone()).unwrap_or_default(), ToString::to_string);
        self.resize(side, replicas, format!("scale {who} to {replicas}"), None)?;
        self.from = Some(now.to_string());
        self.to = Some(replicas.to_string());
        let word = if replicas > now { "Starts" } else { "Stops" };
        self.leads_to.push(format!("{word} {} instances of {who}", replicas.abs_diff(now)));
        if replicas == 0 {
            self.warnings.push("Nothing serves then".into());
        }
        Ok(Expect::Replicas { track: track.cloned(), replicas })
    }

    fn resize(&mut self, side: usize, replicas: u32, purpose: String, then: Option<Wait>) -> Result<(), ChangeError> {
        let now = self.managed.deployments.get(side).map_or(0, |deployment| deployment.replicas);
        let operations = vec![test("/spec/replicas", &json!(now)), json!({"op": "replace", "path": "/spec/replicas", "value": replicas})];
        self.send(purpose, Place::Deployment(side), "/scale", operations, then)
    }

    fn selector(&self) -> Result<(String, String), Refusal> {
        let router = self.managed.router.as_ref().ok_or(Refusal::NoActiveSide)?;
        Ok((format!("/spec/selector/{}", router.label.replace('~', "~0").replace('/', "~1")), router.selected.clone()))
    }

    fn switch(&mut self, to: &Track) -> Result<Expect, ChangeError> {
        self.side(to)?;
        let (path, from) = self.selector()?;
        if from == to.as_str() {
            return Err(Refusal::Other(format!("the users are on {to} already")).into());
        }
        let operations = vec![test(&path, &json!(from)), json!({"op": "replace", "path": path, "value": to})];
        self.send(format!("select {to}"), Place::Router, "", operations, None)?;
        let shown = |track: &Track| self.rollout.side(track).map(|side| format!("{track} {}", side.version));
        let (shown_from, shown_to) = (shown(&Track::new(from.as_str())), shown(to));
        self.leads_to.push(format!("New connections go to {to} at once; open ones stay on {from} until they close"));
        self.from = shown_from;
        self.to = shown_to;
        Ok(Expect::Active(to.clone()))
    }

    fn retire(&mut self, track: &Track) -> Result<Expect, ChangeError> {
        let side = self.side(track)?;
        let (path, active) = self.selector()?;
        if active == track.as_str() {
            return Err(Refusal::Other(format!("the users are on {track}")).into());
        }
        // A guard cannot span two objects: a request that only tests stands right before the one that writes.
        self.send(format!("make sure that the users are still on {active}"), Place::Router, "", vec![test(&path, &json!(active))], None)?;
        self.resize(side, 0, format!("scale {track} to 0"), None)?;
        self.leads_to.push(format!("Stops every instance of {track}; the users are on {active}"));
        self.warnings.push(format!("A switch back to {track} then takes the time to start its instances"));
        Ok(Expect::Replicas { track: Some(track.clone()), replicas: 0 })
    }
}

fn annotation(map: &str, key: &str) -> String {
    format!("{map}/{}", key.replace('~', "~0").replace('/', "~1"))
}

pub(super) fn label(set: &Set) -> String {
    format!("#{} {}", set.number, version_of(&set.template.image))
}
