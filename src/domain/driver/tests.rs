//! The rules of the lock, at a table and over random histories of several consoles with clocks that disagree.

use proptest::prelude::*;

use super::*;

fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

/// Both clocks at so many seconds.
fn at(second: i64) -> Moment {
    Moment { steady: SignedDuration::from_secs(second), wall: wall(second) }
}

fn sheet(holder: &str, transitions: i64, renewed: i64) -> Sheet {
    Sheet {
        uid: "u".into(),
        record: Record {
            holder: holder.into(),
            duration: SignedDuration::from_secs(30),
            acquired: Some(wall(0)),
            renewed: Some(wall(renewed)),
            transitions,
        },
        notes: Notes::default(),
    }
}

fn lock(me: &str) -> Lock {
    Lock::new(me, Terms::default())
}

const ANA: &str = "ana@here:1#a";
const BEA: &str = "bea@there:2#b";

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Unknown => "unknown",
        Standing::Free { .. } => "free",
        Standing::Mine { .. } => "mine",
        Standing::Theirs { free: None, .. } => "theirs",
        Standing::Theirs { free: Some(_), .. } => "silent",
        Standing::Expired { .. } => "expired",
        Standing::Lapsed { .. } => "lapsed",
        Standing::Unavailable { .. } => "unavailable",
    }
}

#[test]
fn a_holder_stops_before_it_can_be_stolen_and_a_watcher_waits_the_whole_duration() {
    let mut ana = lock(ANA);
    ana.accepted(sheet(ANA, 1, 0), at(0));
    let mut bea = lock(BEA);
    bea.hear(Some(sheet(ANA, 1, 0)), at(1));
    for (second, of_ana, of_bea) in [
        (1, "mine", "theirs"),
        (15, "mine", "theirs"),
        (16, "mine", "silent"),
        (19, "mine", "silent"),
        (20, "lapsed", "silent"),
        (30, "lapsed", "silent"),
        (31, "lapsed", "expired"),
    ] {
        assert_eq!((word(&ana.standing(at(second))), word(&bea.standing(at(second)))), (of_ana, of_bea), "at {second} s");
        assert_eq!(ana.may_act(at(second)).is_ok(), of_ana == "mine");
        assert!(bea.may_act(at(second)).is_err(), "a lock that expired is to be taken first");
    }
}

#[test]
fn each_record_is_judged_by_whom_it_names_and_not_by_its_times() {
    for (what, sheet, standing) in [
        ("none", None, "free"),
        ("nobody's", Some(sheet("", 3, 0)), "free"),
        ("another's", Some(sheet(BEA, 3, 0)), "theirs"),
        ("another's, renewed an hour ago by its own clock", Some(sheet(BEA, 3, -3600)), "theirs"),
        ("another's, renewed in an hour by its own clock", Some(sheet(BEA, 3, 3600)), "theirs"),
        ("another tool's", Some(sheet("controller-7f9", 3, 0)), "theirs"),
        ("ours, by a write that we know nothing of", Some(sheet(ANA, 3, 0)), "lapsed"),
        ("ours from a process before, with the same number", Some(sheet("ana@here:1#z", 3, 0)), "theirs"),
    ] {
        let mut ana = lock(ANA);
        ana.read(sheet, at(5));
        assert_eq!(word(&ana.standing(at(5))), standing, "{what}");
    }
    assert_eq!(word(&lock(ANA).standing(at(5))), "unknown");
}

#[test]
fn a_record_that_comes_again_unchanged_proves_nothing_and_neither_do_its_notes() {
    let mut ana = lock(ANA);
    ana.hear(Some(sheet(BEA, 1, 0)), at(0));
    let mut asked = sheet(BEA, 1, 0);
    asked.notes.asked = Some("cyd@else:3#c".into());
    ana.hear(Some(sheet(BEA, 1, 0)), at(20));
    ana.read(Some(asked), at(25));
    assert_eq!(word(&ana.standing(at(30))), "expired");
    ana.hear(Some(sheet(BEA, 1, 29)), at(30));
    assert_eq!(word(&ana.standing(at(31))), "theirs", "it lives after all");
}

#[test]
fn a_machine_that_slept_trusts_its_wall_clock_as_holder_and_its_steady_one_as_watcher() {
    let woken = Moment { steady: SignedDuration::from_secs(2), wall: wall(600) };
    let mut ana = lock(ANA);
    ana.accepted(sheet(ANA, 1, 0), at(0));
    assert_eq!(word(&ana.standing(woken)), "lapsed");
    let mut bea = lock(BEA);
    bea.hear(Some(sheet(ANA, 1, 0)), at(0));
    assert_eq!(word(&bea.standing(woken)), "theirs");
    let set_back = Moment { steady: SignedDuration::from_secs(25), wall: wall(-600) };
    assert_eq!(word(&ana.standing(set_back)), "lapsed", "a wall clock set back buys no time");
}

#[test]
fn who_was_taken_over_knows_at_once_and_who_comes_back_first_renews() {
    let mut ana = lock(ANA);
    ana.accepted(sheet(ANA, 1, 0), at(0));
    let mut taken = sheet(BEA, 2, 5);
    taken.notes.reason = Some("ana is on the train".into());
    ana.hear(Some(taken), at(5));
    let Standing::Theirs { holder, reason, .. } = ana.standing(at(5)) else { panic!() };
    assert_eq!((holder.name.as_str(), reason.as_deref()), ("bea", Some("ana is on the train")));
    assert_eq!(ana.may_act(at(5)), Err(Refusal::DrivenBy { holder: "bea".into(), since: wall(0) }));
    // Handed back: the record names us, and others count since they saw it.
    ana.hear(Some(sheet(ANA, 3, 9)), at(10));
    assert!(ana.may_act(at(10)).is_err());
    assert!(ana.renewal_due(at(10)));
    ana.accepted(sheet(ANA, 3, 10), at(10));
    assert!(ana.may_act(at(10)).is_ok());
    assert!(!ana.renewal_due(at(19)));
    assert!(ana.renewal_due(at(20)));
}

#[test]
fn a_watch_that_is_behind_takes_nothing_back_and_a_fresh_read_does() {
    let mut ana = lock(ANA);
    ana.accepted(sheet(ANA, 2, 10), at(10));
    ana.hear(Some(sheet("", 1, 4)), at(11));
    assert_eq!(word(&ana.standing(at(11))), "mine");
    ana.read(Some(sheet("", 1, 4)), at(12));
    assert_eq!(word(&ana.standing(at(12))), "free");
    ana.accepted(sheet(ANA, 2, 13), at(13));
    ana.hear(None, at(14));
    assert_eq!(word(&ana.standing(at(14))), "free", "it was deleted");
}

#[test]
fn without_a_right_to_locks_nothing_is_forbidden_but_what_somebody_else_drives() {
    let mut ana = lock(ANA);
    ana.blind("no right to list leases in booking".into());
    assert_eq!(word(&ana.standing(at(0))), "unavailable");
    assert!(ana.may_act(at(0)).is_ok());
    let mut bea = lock(BEA);
    bea.bar(Some("no right to create leases in booking".into()));
    bea.read(None, at(0));
    assert_eq!(word(&bea.standing(at(0))), "unavailable");
    bea.read(Some(sheet(ANA, 1, 0)), at(1));
    assert_eq!(word(&bea.standing(at(1))), "theirs");
    assert!(bea.may_act(at(1)).is_err());
    assert_eq!(word(&bea.standing(at(40))), "unavailable", "nobody drives, and nothing can be taken");
}

#[test]
fn time_alone_turns_a_standing_when_it_says() {
    let mut ana = lock(ANA);
    assert_eq!(ana.turns_in(at(0)), None);
    ana.accepted(sheet(ANA, 1, 0), at(0));
    let seconds = |lock: &Lock, now| lock.turns_in(at(now)).map(|left| left.as_secs());
    assert_eq!([0, 4, 10, 19, 20].map(|now| seconds(&ana, now)), [Some(10), Some(6), Some(10), Some(1), None]);
    ana.hear(Some(sheet(BEA, 2, 1)), at(30));
    assert_eq!([30, 46, 60].map(|now| seconds(&ana, now)), [Some(15), Some(14), None]);
}

#[test]
fn the_operators_name_may_be_learnt_after_the_lock_was_taken() {
    let mut ana = lock("unknown@here:1#a");
    ana.accepted(sheet("unknown@here:1#a", 1, 0), at(0));
    ana.rename(ANA);
    assert_eq!(word(&ana.standing(at(1))), "mine");
    ana.read(Some(sheet(ANA, 1, 0)), at(1));
    assert_eq!(word(&ana.standing(at(1))), "mine");
}

#[test]
fn an_identity_is_read_as_person_and_console_and_anything_else_as_a_name() {
    for (identity, name, console) in [
        ("ana@here:4711#5f3a", "ana", "here:4711"),
        ("ana@example.org@here:4711#5f3a", "ana@example.org", "here:4711"),
        ("system:serviceaccount:booking:ci@here:1#0", "system:serviceaccount:booking:ci", "here:1"),
        ("controller-7f9_5a1c", "controller-7f9_5a1c", ""),
        ("a\u{1b}[2Jb", "a[2Jb", ""),
    ] {
        let holder = Holder::parse(identity);
        assert_eq!((holder.name.as_str(), holder.console.as_str()), (name, console));
        if !console.is_empty() {
            assert_eq!(holder.identity(), identity);
        }
    }
}

/// What happens next in a random history.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// So many seconds pass.
    Pass(i64),
    /// This console sends a renewal that arrives so late and may be answered or not.
    Renew { who: usize, late: i64, answered: bool },
    /// This console looks, and takes the lock where it judges it free.
    Look { who: usize, take: bool },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (1_i64..12).prop_map(Deed::Pass),
        (0_usize..3, 0_i64..3, any::<bool>()).prop_map(|(who, late, answered)| Deed::Renew { who, late, answered }),
        (0_usize..3, any::<bool>()).prop_map(|(who, take)| Deed::Look { who, take }),
    ];
    proptest::collection::vec(deed, 1..120)
}

proptest! {
    /// Without a forced take-over no two consoles may act at the same time, however their clocks disagree and whatever is lost.
    #[test]
    fn no_two_consoles_may_act_at_once(deeds in deeds(), skews in proptest::array::uniform3(-500_000_i64..500_000)) {
        let names = [ANA, BEA, "cyd@else:3#c"];
        let mut locks = names.map(lock);
        let mut server: Option<(u64, Sheet)> = None;
        let mut now = 0;
        for deed in deeds {
            let local = |who: usize, now: i64| Moment {
                steady: SignedDuration::from_secs(now + skews[who] / 7),
                wall: wall(now + skews[who]),
            };
            match deed {
                Deed::Pass(seconds) => now += seconds,
                Deed::Renew { who, late, answered } => {
                    let sent = local(who, now);
                    let Some((version, known)) = server.clone().filter(|(_, sheet)| sheet.record.holder == names[who]) else { continue };
                    now += late;
                    let mut renewed = known;
                    renewed.record.renewed = Some(local(who, now).wall);
                    server = Some((version + 1, renewed.clone()));
                    if answered {
                        locks[who].accepted(renewed, sent);
                    }
                }
                Deed::Look { who, take } => {
                    let moment = local(who, now);
                    locks[who].read(server.clone().map(|(_, sheet)| sheet), moment);
                    if take && locks[who].standing(moment).free() {
                        let (version, transitions) = server.as_ref().map_or((0, 0), |(version, sheet)| (*version, sheet.record.transitions));
                        let mut mine = sheet(names[who], transitions + 1, 0);
                        mine.record.renewed = Some(moment.wall);
                        server = Some((version + 1, mine.clone()));
                        locks[who].accepted(mine, moment);
                    }
                }
            }
            let acting = (0..3).filter(|who| locks[*who].may_act(local(*who, now)).is_ok()).count();
            prop_assert!(acting <= 1, "{acting} at {now}");
        }
    }
}
