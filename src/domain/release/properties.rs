//! What holds of every release, whatever is done to it in whatever order.

use proptest::prelude::*;

use super::approval::{self, Choice};
use super::checklist::{Stage, Verdict, standing};
use super::policy::Policy;
use super::record::{Body, Entry, FORMAT, Record};
use super::tests::{at, bound, brief, checked, decided, drafted, entry, overridden, policy, rollout, rule, said};
use super::{Kind, Phase, Release, Schedule, gate, machine};

/// Entries of one to a few people, made to fit often enough: what a console would write, and what a hand would.
fn body() -> impl Strategy<Value = Entry> {
    let second = 0i64..2_000;
    let who = prop_oneof![Just("ana"), Just("ben"), Just("cleo"), Just("dora"), Just("eve")];
    let role = prop_oneof![Just("technical"), Just("business"), Just("security")];
    let digest = prop_oneof![6 => Just("sha256:aa"), 1 => Just("sha256:bb"), 1 => Just("")];
    let of = prop_oneof![6 => Just("backend=sha256:aa"), 1 => Just("backend=sha256:bb"), 1 => Just("backend=2.2.0")];
    let outcome = prop_oneof![4 => Just(Verdict::Pass), 1 => Just(Verdict::Fail), 1 => Just(Verdict::Unknown), 1 => Just(Verdict::Pending)];
    let choice = prop_oneof![4 => Just(Choice::Approve), 1 => Just(Choice::Refuse), 1 => Just(Choice::Withdraw)];
    let item = prop_oneof![Just("tests"), Just("backup")];
    let over =
        proptest::sample::subsequence(vec!["item tests", "item backup failed", "approval technical 0/1", "approval business 0/1"], 0..4);
    let plain = prop_oneof![
        4 => Just(Body::Announced),
        4 => Just(Body::Opened),
        1 => Just(Body::Shut { sentence: "closed".into() }),
        4 => Just(Body::Began { rollout: rollout(), op: "op".into() }),
        2 => Just(Body::Verifying),
        2 => Just(Body::Finished),
        1 => Just(Body::RolledBack { reason: "x".into() }),
        1 => Just(Body::Aborted { reason: "x".into() }),
        1 => Just(Body::Cleared { item: "tests".into() }),
        1 => Just(Body::Moved { rollout: rollout(), what: "25 %".into() }),
        1 => Just(Body::Noted { text: "a | b\n`c`".into(), log: false }),
        1 => Just(Body::Scheduled { schedule: None }),
    ];
    let schedule = Schedule { at: at(500), by: "ana".into(), console: "ana:4711".into(), shown: vec!["PATCH".into()] };
    prop_oneof![
        6 => (second.clone(), who.clone(), plain).prop_map(|(second, who, body)| said(second, who, body)),
        3 => (second.clone(), item, outcome, of.clone()).prop_map(|(second, item, outcome, of)| checked(second, item, outcome, of)),
        5 => (second.clone(), who.clone(), role, choice, of).prop_map(|(second, who, role, choice, of)| decided(second, who, role, choice, of)),
        1 => (second.clone(), digest).prop_map(|(second, digest)| entry(second, bound(digest))),
        1 => (second.clone(), over).prop_map(|(second, over)| overridden(second, over.into_iter().map(Into::into).collect())),
        1 => (second.clone(), who).prop_map(|(second, who)| said(second, who, drafted(brief()))),
        1 => second.prop_map(move |second| entry(second, Body::Scheduled { schedule: Some(Box::new(schedule.clone())) })),
    ]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec(body(), 0..50)
        .prop_map(|more| [entry(0, drafted(brief())), entry(0, bound("sha256:aa"))].into_iter().chain(more).collect())
}

/// Two of each role are wanted by three rules; four people hold two roles and more.
fn crowded() -> Policy {
    let mut policy = policy();
    let all: Vec<_> = ["ana", "ben", "cleo", "dora"].map(Into::into).into();
    policy.roles = [("technical".into(), all.clone()), ("business".into(), all.clone()), ("security".into(), all)].into();
    policy.approvals = vec![rule("technical", 2), rule("business", 1), rule("security", 1)];
    policy
}

fn one_by_one(entries: &[Entry]) -> (Release, Vec<Entry>) {
    let mut release = machine::begin("r".into(), entries[0].clone()).unwrap();
    let mut refused = Vec::new();
    for entry in &entries[1..] {
        if machine::take(&mut release, entry.clone()).is_err() {
            refused.push(entry.clone());
        }
    }
    (release, refused)
}

/// The most approvals that can be had, by trying every way to share the people out.
fn best(wanted: &[(usize, Vec<String>)], used: &mut Vec<String>) -> usize {
    let Some(((count, people), rest)) = wanted.split_first() else { return 0 };
    let mut most = best(rest, used);
    if *count > 0 {
        for who in people {
            if !used.contains(who) {
                used.push(who.clone());
                let mut fewer = vec![(count - 1, people.clone())];
                fewer.extend_from_slice(rest);
                most = most.max(1 + best(&fewer, used));
                used.pop();
            }
        }
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_fold_is_the_live_state_also_after_it_was_written_and_read(entries in entries()) {
        let record = Record::new("r".into(), entries.clone());
        let folded = machine::fold(&record).unwrap();
        let (live, refused) = one_by_one(&entries);
        prop_assert_eq!(&folded.rejected.iter().map(|(entry, _)| entry.clone()).collect::<Vec<_>>(), &refused);
        prop_assert_eq!(Release { rejected: Vec::new(), ..folded.clone() }, live.clone());
        let read = Record::parse("r".into(), FORMAT, &record.lines().unwrap());
        prop_assert_eq!(machine::fold(&read).unwrap(), folded);
        // A record holds only what fits: folding what was taken is the same again.
        let kept = machine::fold(&Record::new("r".into(), live.entries.clone())).unwrap();
        prop_assert_eq!(kept, live);
    }

    #[test]
    fn nothing_leads_on_from_an_end_and_nothing_begins_unless_ready(entries in entries()) {
        let mut release = machine::begin("r".into(), entries[0].clone()).unwrap();
        for entry in &entries[1..] {
            let (before, began) = (release.phase, release.began);
            let taken = machine::take(&mut release, entry.clone()).is_ok();
            let now = release.phase;
            if matches!(before, Phase::Aborted | Phase::RolledBack) {
                prop_assert_eq!(now, before);
            }
            if before == Phase::Done {
                prop_assert!(matches!(now, Phase::Done | Phase::RolledBack));
            }
            if now == Phase::InProgress && before != Phase::InProgress {
                prop_assert_eq!(before, Phase::Ready);
            }
            if !taken {
                prop_assert_eq!((now, release.began), (before, began));
            }
            prop_assert!(began.is_none() || release.began == began, "it begins once");
            prop_assert_eq!(now.ended(), release.ended.is_some());
        }
    }

    #[test]
    fn no_approval_counts_twice_and_as_many_count_as_can(entries in entries(), second in 0i64..2_000) {
        let (policy, (release, _)) = (crowded(), one_by_one(&entries));
        let standings = approval::standing(&policy, &release, at(second));
        let mut people: Vec<_> = standings.iter().flat_map(|standing| &standing.counted).map(|decision| decision.by.clone()).collect();
        let counted = people.len();
        people.sort();
        people.dedup();
        prop_assert_eq!(people.len(), counted, "each person once");
        for decision in standings.iter().flat_map(|standing| &standing.counted) {
            prop_assert_eq!(decision.choice, Choice::Approve);
            prop_assert_eq!(&decision.of, &release.fingerprint());
            prop_assert!(!release.wrote(&decision.by));
        }
        let have: usize = standings.iter().map(|standing| standing.counted.len().min(standing.rule.count as usize)).sum();
        let twice = |void: &approval::Void| *void == approval::Void::Twice;
        let wanted: Vec<(usize, Vec<String>)> = standings
            .iter()
            .map(|standing| {
                let over = standing.void.iter().filter(|(_, void)| twice(void)).map(|(decision, _)| *decision);
                let people = standing.counted.iter().copied().chain(over).map(|decision| decision.by.to_string()).collect();
                (standing.rule.count as usize, people)
            })
            .collect();
        prop_assert_eq!(have, best(&wanted, &mut Vec::new()), "nobody is wasted");
    }

    #[test]
    fn the_gate_is_never_open_while_something_required_is_not_passed_and_not_gone_over(
        entries in entries(), second in 0i64..2_500, emergency in any::<bool>()
    ) {
        let (mut release, _) = one_by_one(&entries);
        if emergency {
            release.brief.kind = Kind::Emergency;
        }
        let policy = policy();
        // What has begun is judged for going on; here is asked for what is to begin.
        release.rollouts.clear();
        let service = "backend".into();
        let gate = gate::verdict(&policy, Some(&release), Some((&service, "2.2.0")), at(second));
        if gate.open() && release.phase != Phase::Draft {
            prop_assert!(!release.phase.ended() && release.phase != Phase::Verifying);
            for item in policy.items(&release.brief, Stage::Before) {
                let stands = standing(item, release.outcomes.get(&item.id), &release.fingerprint(), at(second));
                let gone_over = gate.overridden.iter().any(|blocker| matches!(blocker, gate::Blocker::Item { id, .. } if *id == item.id));
                prop_assert!(stands.verdict == Verdict::Pass || gone_over, "{:?} {:?}", item.id, stands);
            }
            for standing in approval::standing(&policy, &release, at(second)) {
                let gone_over = gate.overridden.iter().any(|blocker| matches!(blocker, gate::Blocker::Approval { role, .. } if *role == standing.rule.role));
                prop_assert!(standing.refused.is_none() && (standing.met() || gone_over));
            }
        }
        prop_assert!(gate.overridden.is_empty() || release.overridden.is_some());
        prop_assert!(gate.overridden.iter().all(gate::Blocker::overridable));
    }

    #[test]
    fn time_alone_only_lets_things_grow_old(entries in entries(), early in 0i64..2_000, later in 0i64..9_000) {
        let (release, _) = one_by_one(&entries);
        let (before, after) = (release.clone(), gate::verdict(&policy(), Some(&release), None, at(2_300 + early + later)));
        let then = gate::verdict(&policy(), Some(&release), None, at(2_300 + early));
        prop_assert_eq!(&before, &release, "asking changes nothing");
        // Without windows, what is shut stays shut until somebody does something.
        prop_assert!(then.open() || !after.open(), "{:?} then, {:?} after", then.blockers, after.blockers);
        prop_assert!(after.passed <= then.passed && after.approved <= then.approved);
    }
}
