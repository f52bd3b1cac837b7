//! What counts as done, of one side of a pair.

use rolldeck::domain::change::{Expect, Judgement};
use rolldeck::domain::revision::Counts;

use super::objects::pair;
use crate::belief;

#[tokio::test]
async fn half_a_roll_is_not_done_though_its_half_is_ready() {
    let (fake, web) = pair(3);
    let mut rollout = belief::rollout(&fake.accepting(), &web).await;
    let counts = |all: u32| Counts { wanted: all, total: all, ready: all, available: all };
    let green = rollout.revisions.iter().position(|revision| revision.track == Some("green".into())).unwrap();
    let mut before = rollout.revisions[green].clone();
    before.id = "web-green-before".into();
    rollout.revisions.push(before);
    let last = rollout.revisions.len() - 1;
    let expect = Expect::Image { image: "lab/web:1.1.0".into(), track: Some("green".into()) };
    for (new, old, met) in [(1, counts(1), false), (2, Counts { total: 1, ..counts(0) }, false), (2, counts(0), true)] {
        rollout.revisions[green].counts = counts(new);
        rollout.revisions[last].counts = old;
        let judged = expect.judge(&rollout);
        assert_eq!(matches!(judged, Judgement::Met(_)), met, "{new} new, {old:?} old: {judged:?}");
    }
}
