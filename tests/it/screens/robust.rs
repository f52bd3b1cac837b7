//! Drawing holds in every size and state, and costs what is in view.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use rolldeck::app::model::Model;
use rolldeck::app::model::nav::{Cursor, Pane, Screen};
use rolldeck::app::regions::Hit;
use rolldeck::config::theme::Theme;
use rolldeck::domain::id::RolloutId;

use super::canaries;
use super::fixture::{at, busy, id, instance, started, steady};
use super::frame;
use super::frames::SCREENS;
use super::releases;

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_size_and_no_cursor_breaks_a_screen(
        screen in 0..SCREENS.len() + canaries::SCREENS.len() + releases::SCREENS.len(),
        columns in 1_u16..250,
        rows in 1_u16..70,
        cursor in 0_usize..200,
        top in 0_usize..200,
        pane in 0_usize..3,
        theme in 0_usize..4,
    ) {
        let all: Vec<_> = SCREENS.into_iter().chain(canaries::SCREENS).chain(releases::SCREENS).collect();
        let mut model = all[screen].1();
        disturb(&mut model, Cursor { at: cursor, top }, Pane::ALL[pane]);
        let theme = Theme::named(Theme::names()[theme]).unwrap();
        let (_, regions) = frame(&mut model, &theme, columns, rows);
        for (area, hit) in &regions.hits {
            prop_assert!(area.right() <= columns && area.bottom() <= rows, "{hit:?} at {area}");
        }
    }
}

/// Puts every cursor where no list may reach.
fn disturb(model: &mut Model, cursor: Cursor, pane: Pane) {
    use rolldeck::app::model::dialog::Overlay;
    model.nav.deck.cursor = cursor;
    model.nav.deck.environment = cursor.top;
    model.nav.deck.workload = cursor.at;
    model.nav.rollout.pane = pane;
    model.nav.rollout.tree = cursor;
    model.nav.rollout.events = cursor;
    model.nav.revisions = cursor;
    model.nav.timeline = cursor;
    model.nav.releases = cursor;
    model.nav.release = cursor;
    model.nav.chronicle.cursor = cursor;
    match &mut model.overlay {
        Some(Overlay::Confirm(confirm)) => confirm.top = cursor.at,
        Some(Overlay::Help { top }) => *top = cursor.at,
        Some(Overlay::Notices(at) | Overlay::Themes { cursor: at, .. }) => *at = cursor,
        Some(Overlay::Palette(palette)) => palette.cursor = cursor,
        Some(Overlay::RollBack(choice)) => choice.cursor = cursor,
        Some(Overlay::Analyses(choice)) => choice.cursor = cursor,
        Some(Overlay::Whole(whole)) => whole.top = cursor.at,
        Some(Overlay::Form(form)) => (form.cursor, form.top) = (cursor.at, cursor.top),
        Some(Overlay::Roles(roles)) => roles.cursor = cursor,
        Some(Overlay::Item { top, .. }) => *top = cursor.at,
        Some(Overlay::Prompt(prompt)) => prompt.cursor = Some(cursor.at),
        None => {}
    }
}

#[test]
fn every_small_size_is_drawn() {
    for (name, make) in SCREENS.into_iter().filter(|(name, _)| ["deck", "canary", "confirm-typed"].contains(name)) {
        for columns in (1..100).step_by(19) {
            for rows in 1..30 {
                let theme = Theme::named("dark").unwrap();
                let (cells, _) = frame(&mut make(), &theme, columns, rows);
                assert_eq!(cells.area.width, columns, "{name}");
            }
        }
    }
}

#[test]
fn a_click_finds_what_is_drawn_there() {
    let theme = Theme::named("dark").unwrap();
    let (cells, regions) = frame(&mut busy(), &theme, 120, 40);
    let text = super::text(&cells);
    let row = text.lines().position(|line| line.contains("worker")).unwrap() as u16;
    let column = text.lines().nth(usize::from(row)).unwrap().find("1.9.1").unwrap() as u16;
    assert_eq!(regions.at(column, row), Some(&Hit::Cell { service: 2, environment: 1 }));
    let foot = text.lines().last().unwrap();
    let help = foot.chars().position(|character| character == '?').unwrap() as u16;
    assert_eq!(regions.at(help, 39), Some(&Hit::Action(rolldeck::app::action::Action::Help)));
    assert!(regions.deck_rows >= 6, "all six services fit");
}

#[test]
fn what_is_not_in_view_costs_nothing() {
    let mut model = started();
    let mut plan = (*model.plan).clone();
    let pattern = plan.services[1].clone();
    plan.services = (0..100)
        .map(|number| {
            let mut service = pattern.clone();
            service.name = format!("service-{number:03}").as_str().into();
            for workload in &mut service.workloads {
                workload.id.service = service.name.clone();
                workload.id.workload = service.name.as_str().into();
            }
            service
        })
        .collect();
    for service in &plan.services {
        for workload in &service.workloads {
            let mut rollout = steady(workload.id.clone(), "1.0.0", 2);
            let revision = rollout.revisions[0].clone();
            rollout.instances = (0..100)
                .map(|n| instance(&revision, &format!("{n:03}"), rolldeck::domain::instance::InstanceState::Ready, "Running", 60))
                .collect();
            rollout.counts = rolldeck::domain::revision::Counts { wanted: 100, total: 100, ready: 100, available: 100 };
            model.fleet.take(Arc::new(rollout), at(0));
        }
    }
    model.plan = Arc::new(plan);
    let theme = Theme::named("dark").unwrap();
    let opened = RolloutId { environment: "staging".into(), service: "service-042".into(), workload: "service-042".into() };
    for screen in [Screen::Deck, Screen::Rollout(opened)] {
        model.nav.open(screen);
        let began = Instant::now();
        for _ in 0..5 {
            frame(&mut model, &theme, 200, 60);
        }
        // Ten frames unoptimised on a busy machine: a walk over all 30,000 instances a frame would take ten times as long.
        assert!(began.elapsed().as_millis() < 4_000, "{:?}", began.elapsed());
    }
    assert_eq!(id("a", "b").to_string(), "a b");
}
