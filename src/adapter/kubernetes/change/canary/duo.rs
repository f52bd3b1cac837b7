//! The objects of a plain canary as they are at this moment.

use kube::Client;
use serde_json::Value;

use crate::adapter::kubernetes::change::draft::Scene;
use crate::adapter::kubernetes::change::fresh::{Fresh, Slot};
use crate::adapter::kubernetes::change::moved;
use crate::adapter::kubernetes::change::patch::token;
use crate::adapter::kubernetes::change::wire::Kind;
use crate::adapter::kubernetes::convert::canary::CANARY;
use crate::adapter::kubernetes::convert::canary_place::{Course, PLACE, Place};
use crate::adapter::kubernetes::convert::canary_route::{self, Rule};
use crate::domain::change::ChangeError;
use crate::domain::id::ContainerName;
use crate::domain::object::Part;
use crate::domain::plan::Canary;
use crate::domain::step::{Share, StepKind};
use crate::domain::verb::Refusal;

/// The two Deployments, the route, and what is noted.
#[derive(Debug)]
pub struct Duo<'a> {
    pub plan: &'a Canary,
    pub stable: Fresh,
    pub canary: Fresh,
    /// The route and its rules; why it cannot be written; none where the plan has none.
    pub route: Option<Result<(Fresh, Vec<Rule>), ChangeError>>,
    /// The annotation as it is written, to be tested.
    pub noted: Option<String>,
}

impl<'a> Duo<'a> {
    /// Reads the objects.
    pub async fn read(client: &Client, scene: &Scene<'_>, plan: &'a Canary) -> Result<Self, ChangeError> {
        let (stable, canary) = futures::try_join!(
            scene.read(client, Kind::Deployment, Part::Workload, &plan.stable),
            scene.read(client, Kind::Deployment, Part::Track(CANARY.into()), &plan.canary),
        )?;
        let route = match &plan.route {
            Some(named) => Some(match scene.read(client, Kind::HttpRoute, Part::Router, &named.name).await {
                Ok(fresh) => match canary_route::rules(fresh.value.get("spec").unwrap_or(&Value::Null), named) {
                    Ok(rules) => Ok((fresh, rules)),
                    Err(why) => Err(Refusal::RouterLocked { why }.into()),
                },
                Err(ChangeError::Refused(Refusal::Absent)) => Err(Refusal::Other(format!("there is no HTTPRoute {}", named.name)).into()),
                Err(error) => Err(error),
            }),
            None => None,
        };
        let noted = Some(stable.text(&pointer())).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self { plan, stable, canary, route, noted })
    }

    /// Returns the place; a refusal where it is noted and cannot be read.
    pub fn place(&self) -> Result<Option<Place>, Refusal> {
        self.noted.as_deref().map(Place::read).transpose().map_err(Refusal::Other)
    }

    /// Returns the place of a canary that can go on, as the screen shows it.
    pub fn going(&self, scene: &Scene<'_>) -> Result<Place, ChangeError> {
        self.same_step(scene)?;
        let place = self.place()?.ok_or(Refusal::NothingUnderWay)?;
        if place.course == Course::Abort {
            return Err(Refusal::Other("it is being given up: abort finishes that".into()).into());
        }
        if place.held.is_some() {
            return Err(Refusal::HeldFirst.into());
        }
        Ok(place)
    }

    /// Refuses where the step is not the one on the screen.
    pub fn same_step(&self, scene: &Scene<'_>) -> Result<(), ChangeError> {
        let steps = &self.plan.steps;
        let word = |step: Option<usize>| match step {
            Some(step) if step >= steps.len() => "promoted fully".to_owned(),
            // The pause behind a weight is the same place.
            Some(step) => {
                let before = steps.get(..=step).unwrap_or_default().iter().rev();
                before.filter(|kind| matches!(kind, StepKind::Weight(_))).map(StepKind::label).next().unwrap_or_default()
            }
            None => "no step".to_owned(),
        };
        let seen = word(scene.rollout.steps.as_ref().and_then(|steps| steps.current));
        let now = word(self.place()?.map(|place| match place.course {
            Course::Finish => steps.len(),
            Course::Step | Course::Abort => place.index(steps),
        }));
        moved::same_value(scene.rollout, &self.stable, &pointer(), "its place", (Some(&seen), &now))
    }

    /// Returns whether there is anything to finish or to give up.
    pub fn under_way(&self) -> bool {
        self.noted.is_some() || self.stray()
    }

    /// Returns whether the canary has instances, or users by the route, and nothing is noted.
    pub fn stray(&self) -> bool {
        let images = |side: &Fresh| side.slots().into_iter().map(|slot| slot.image).collect::<Vec<_>>();
        let other = self.canary.replicas() > 0 && images(&self.stable) != images(&self.canary);
        self.noted.is_none() && (other || self.routed().is_some_and(|share| share.permille() > 0 && self.canary.replicas() == 0))
    }

    /// Returns the canary's greatest share by the route's rules.
    pub fn routed(&self) -> Option<Share> {
        let (_, rules) = self.route.as_ref()?.as_ref().ok()?;
        rules.iter().map(Rule::share).max()
    }

    /// Refuses where the route cannot be written.
    pub fn routable(&self) -> Result<(), ChangeError> {
        match &self.route {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Returns the container of that name in both, or the one that carries the version.
    pub fn slots(&self, scene: &Scene<'_>, container: Option<&str>) -> Result<(Slot, Slot), Refusal> {
        let planned = container.or(scene.workload.container.as_deref()).or(scene.rollout.container.as_ref().map(ContainerName::as_str));
        let stable = self.stable.slot(planned)?;
        let canary = self.canary.slot(Some(&stable.name))?;
        Ok((stable, canary))
    }

    /// Refuses where the canary was given another image than what is brought in.
    pub fn same_image(&self, place: &Place) -> Result<(), Refusal> {
        let slot = self.canary.slot(Some(&place.container))?;
        if slot.image == place.image {
            return Ok(());
        }
        let (name, image) = (&self.plan.canary, &place.image);
        Err(Refusal::Other(format!("{name} has {} now, and {image} is what is brought in: abort it, and ship what you want", slot.image)))
    }

    /// Returns whether the canary serves in full.
    pub fn ready(&self) -> Result<(), Refusal> {
        if self.canary.settled() {
            return Ok(());
        }
        let (ready, wanted) = self.canary.progress();
        Err(Refusal::Other(format!("{} is not ready: {ready} of {wanted}", self.plan.canary)))
    }
}

/// Returns the JSON pointer of the annotation.
pub fn pointer() -> String {
    format!("/metadata/annotations/{}", token(PLACE))
}
