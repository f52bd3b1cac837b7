//! A blue/green pair: a Service and the two Deployments that it can select, read together; ship, retire and the rest per side.

use jiff::SignedDuration;
use kube::Client;

use super::draft::{Before, Draft, Scene, Step};
use super::fresh::Fresh;
use super::patch::{Patch, token};
use super::wire::Kind;
use super::{image, moved, not_offered, restart, scale, switch, undo};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::id::{ContainerName, Track};
use crate::domain::object::Part;
use crate::domain::plan::BlueGreen;
use crate::domain::verb::{Order, Refusal};
use crate::domain::wayback;

/// Node proxies learn of a switch some seconds later; Argo Rollouts waits as long and recommends no less (api-semantics 3).
const SETTLE: SignedDuration = SignedDuration::from_secs(30);

/// The three objects as they are now.
#[derive(Debug)]
pub struct Pair {
    pub service: Fresh,
    pub sides: [(Track, Fresh); 2],
    pub label: String,
}

impl Pair {
    async fn read(client: &Client, scene: &Scene<'_>, pair: &BlueGreen) -> Result<Self, ChangeError> {
        let [one, other] = &pair.tracks;
        let side = |track: &Track| Part::Track(track.clone());
        let (service, first, second) = futures::try_join!(
            scene.read(client, Kind::Service, Part::Router, &pair.service),
            scene.read(client, Kind::Deployment, side(&one.track), &one.deployment),
            scene.read(client, Kind::Deployment, side(&other.track), &other.deployment),
        )?;
        Ok(Self { service, sides: [(one.track.clone(), first), (other.track.clone(), second)], label: pair.label.clone() })
    }

    /// Returns the JSON pointer of the selector's value.
    pub fn pointer(&self) -> String {
        format!("/spec/selector/{}", token(&self.label))
    }

    /// Returns the value that the Service selects, empty where there is none.
    pub fn selected(&self) -> &str {
        self.service.text(&self.pointer())
    }

    /// Returns the side of that name.
    pub fn side(&self, track: &Track) -> Result<&Fresh, Refusal> {
        let found = self.sides.iter().find(|(name, _)| name == track).map(|(_, side)| side);
        found.ok_or_else(|| Refusal::Other(format!("there is no side {track}")))
    }

    /// Returns the side with the users, then the one without.
    pub fn active_and_idle(&self) -> Result<(&(Track, Fresh), &(Track, Fresh)), Refusal> {
        let [one, other] = &self.sides;
        match self.selected() {
            selected if selected == one.0.as_str() => Ok((one, other)),
            selected if selected == other.0.as_str() => Ok((other, one)),
            _ => Err(Refusal::NoActiveSide),
        }
    }

    /// Refuses where the users are not where the screen shows them.
    fn same_active(&self, scene: &Scene<'_>) -> Result<(), ChangeError> {
        let seen = scene.rollout.routing.as_ref().and_then(|routing| routing.active.as_ref()).map(Track::as_str);
        let word = format!("selector {}", self.label);
        moved::same_value(scene.rollout, &self.service, &self.pointer(), &word, (seen, self.selected()))
    }
}

/// Drafts an order on a pair.
pub async fn draft(client: &Client, scene: &Scene<'_>, target: &BlueGreen) -> Result<Draft, ChangeError> {
    let pair = Pair::read(client, scene, target).await?;
    match scene.order {
        Order::Switch { to } => {
            pair.same_active(scene)?;
            switch::switch(client, scene, &pair, to).await
        }
        Order::SwitchBack { to } => switch::switch(client, scene, &pair, to).await,
        Order::Abort => {
            let to = wayback::former_side(scene.rollout).ok_or(Refusal::NothingUnderWay)?;
            switch::switch(client, scene, &pair, to).await
        }
        Order::Ship { container, image } => {
            pair.same_active(scene)?;
            ship(scene, &pair, container.as_ref().map(ContainerName::as_str), image)
        }
        Order::Retire { track } => {
            pair.same_active(scene)?;
            retire(scene, &pair, track)
        }
        Order::Scale { track: Some(track), replicas } => {
            let draft = scale::scale(scene, pair.side(track)?, *replicas)?;
            let users = pair.selected() == track.as_str() && *replicas < pair.side(track)?.replicas();
            Ok(if users { draft.warns(format!("The users are on {track}")) } else { draft })
        }
        Order::Restart { track: Some(track) } => restart::restart(scene, pair.side(track)?),
        // The side without users first: if its image cannot start any more, this is seen before the users feel it.
        Order::Restart { track: None } => {
            let (active, idle) = pair.active_and_idle()?;
            let mut draft = restart::restart(scene, &idle.1)?.and(restart::restart(scene, &active.1)?);
            draft.expect = Expect::Restarted { at: scene.now, track: None };
            Ok(draft)
        }
        Order::RollBack { to } => {
            let track = scene.rollout.revision(to).and_then(|revision| revision.track.clone()).ok_or(Refusal::NoRevision)?;
            let draft = undo::undo(client, scene, pair.side(&track)?, to).await?;
            Ok(if pair.selected() == track.as_str() { draft.warns(format!("The users are on {track}")) } else { draft })
        }
        _ => Err(not_offered(scene).into()),
    }
}

/// The side without users gets the image, and first as many pods as the users need.
fn ship(scene: &Scene<'_>, pair: &Pair, container: Option<&str>, image: &str) -> Result<Draft, ChangeError> {
    let ((active, serving), (idle, side)) = pair.active_and_idle()?;
    if side.paused() {
        return Err(Refusal::Other(format!("{idle} is held by another tool: kubectl rollout resume deployment {}", side.name())).into());
    }
    let needed = serving.replicas();
    let stays = format!("The users stay on {active} until the switch");
    if side.replicas() >= needed {
        return Ok(image::ship(scene, side, container, image, image::Guard::Generation)?.leads(stays));
    }
    // Two requests, because the scale is another right; the first moves the generation that could guard the second.
    let grown = Draft::toward(Expect::Image { image: image.to_owned(), track: Some(idle.clone()) })
        .step(scale::step(side, needed))
        .leads(format!("Scales {idle} from {} to {needed}, as many as {active} has", side.replicas()));
    let draft = match image::ship(scene, side, container, image, image::Guard::Image) {
        Ok(shipped) => {
            let (from, to) = (shipped.from.clone(), shipped.to.clone());
            let both = grown.and(Draft { leads_to: vec![format!("Then sets the image of {idle}")], ..shipped });
            Draft { from, to, ..both }
        }
        // It has the image already: the pods are all that lacks.
        Err(ChangeError::Refused(Refusal::Other(_))) if side.slots().iter().any(|slot| slot.image == image) => grown,
        Err(error) => return Err(error),
    };
    Ok(draft.leads(stays))
}

/// The side without users goes to nothing; it keeps its template, so that it can be scaled up again.
fn retire(scene: &Scene<'_>, pair: &Pair, track: &Track) -> Result<Draft, ChangeError> {
    let side = pair.side(track)?;
    let ((active, _), _) = pair.active_and_idle()?;
    if active == track {
        return Err(Refusal::Other(format!("the users are on {track}")).into());
    }
    if side.replicas() == 0 {
        return Err(Refusal::AlreadyRetired { track: track.clone() }.into());
    }
    if let Some(at) = switch::switched(&pair.service.value, &pair.label) {
        let ago = scene.now.duration_since(at);
        if ago < SETTLE {
            return Err(Refusal::TooSoon { track: track.clone(), ago, left: SETTLE - ago }.into());
        }
    }
    // A guard cannot span two objects: a request that only tests stands right before the one that writes.
    let check = Patch::on(&pair.service)
        .test(&pair.pointer(), pair.selected())
        .request(format!("make sure that {} still selects {active}", pair.service.name()), &pair.service);
    Ok(Draft::toward(Expect::Replicas { track: Some(track.clone()), replicas: 0 })
        .step(Step { request: check, before: Before::Unchanged, spare: None, instead: None })
        .step(scale::step(side, 0))
        .between(side.replicas().to_string(), "0")
        .leads(format!("Stops all {} of {track}; the users are on {active}", side.replicas()))
        .warns(format!("A switch back to {track} then takes the time to start its pods")))
}
