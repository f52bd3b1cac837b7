//! Blue/green Rollouts at the moments that decide.

use rolldeck::domain::delivery::{AnalysisRole, PauseKind, Shortcut};
use rolldeck::domain::revision::Role;
use rolldeck::domain::rollout::{Phase, Serving, Strategy};

use super::{phases, play, rail, shown, when};
use crate::kubernetes::walk::at;

#[test]
fn a_blue_green_rollout_is_switched_and_kept_warm() {
    let moments = play("bluegreen");
    let waits = at(&moments, "plugin: promote b-plain");
    assert_eq!(
        (waits.strategy.clone(), waits.phase, rail(waits).as_str()),
        (Strategy::BlueGreen, Phase::Waiting, "preview up [pause] switch scale down")
    );
    assert_eq!(shown(waits), ["#2 1.1.0 preview 3/3", "#1 1.0.0 active+stable 3/3"]);
    assert_eq!((waits.counts.wanted, waits.counts.ready, waits.weights.len()), (3, 3, 0));
    assert_eq!(waits.delivery.pause.as_ref().unwrap().kind, PauseKind::BlueGreen);
    let services: Vec<_> = waits.delivery.services.iter().map(|service| (service.role, service.selects.clone())).collect();
    assert_eq!(services, [(Role::Active, Some(waits.revisions[1].id.clone())), (Role::Preview, Some(waits.revisions[0].id.clone()))]);

    let warm = at(&moments, "undo while the old one is still warm");
    assert_eq!((warm.phase, rail(warm).as_str()), (Phase::Done, "preview up pause switch [scale down]"));
    let former = &warm.revisions[1];
    assert_eq!((former.label().as_str(), former.shortcut, former.cools.is_some()), ("#1 1.0.0", Some(Shortcut::Warm), true));
    let cold = at(&moments, "the old one is gone by now");
    assert_eq!(rail(cold), "preview up pause switch scale down");
    assert!(cold.revisions.iter().all(|revision| revision.cools.is_none() && revision.shortcut.is_none()));
}

#[test]
fn an_aborted_blue_green_rollout_never_had_users() {
    let moments = play("bluegreen-abort");
    let safe = at(&moments, "plugin: retry rollout b-abort");
    assert_eq!((safe.phase, safe.serving), (Phase::RolledBack, Serving::Full));
    assert!(!phases(&moments).contains(&Phase::RollingBack));
    let failed = play("bluegreen-pre-fail");
    let safe = at(&failed, "plugin: undo b-pre");
    assert_eq!((safe.phase, safe.delivery.analyses[0].role.clone()), (Phase::RolledBack, AnalysisRole::PrePromotion));
    assert!(safe.delivery.aborted.as_ref().unwrap().why.contains("pre-promotion analysis"));
}

#[test]
fn a_promotion_by_time_says_when() {
    let moments = play("bluegreen-auto");
    let waits = when(&moments, |now| now.phase == Phase::Waiting);
    let pause = waits.delivery.pause.as_ref().unwrap();
    assert_eq!(pause.until.unwrap().duration_since(pause.since.unwrap()).as_secs(), 6);
    assert_eq!(rail(waits), "preview up [6s] switch scale down");
    assert_eq!(waits.steps.as_ref().unwrap().resumes, pause.until);
}
