//! What every store of releases does alike: adding to a record within its room, and which ended releases are let go.

use jiff::{SignedDuration, Timestamp};

use super::machine;
use super::policy::Keep;
use super::record::{Body, Entry, Record};
use crate::domain::id::{ItemId, ReleaseId};

/// How long a record may grow, in bytes of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// For what only tells: notes, movements, alerts, checks that ran again.
    pub telling: usize,
    /// For what decides: transitions, approvals, orders. The last of the room is theirs alone, so that a release that was
    /// talked about too much can still be ended.
    pub deciding: usize,
}

impl Room {
    /// A ConfigMap holds 1 MiB in all; what is not the record needs a few KiB of it.
    pub const CONFIG_MAP: Self = Self { telling: 900 * 1024, deciding: 1000 * 1024 };
    /// A file is bounded by what a console reads and folds without being felt.
    pub const FILE: Self = Self { telling: 8 * 1024 * 1024, deciding: 9 * 1024 * 1024 };
}

/// What an addition comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Added {
    /// All of it is there: an earlier try arrived after all.
    Already,
    Grown {
        record: Box<Record>,
        /// The record as it is kept.
        lines: String,
    },
}

/// Adds entries to a record, all or none. An entry that is there already is not added again: entries carry the time to the
/// nanosecond and their console, so that equal ones are one.
///
/// # Errors
///
/// Why not, in one sentence: they do not fit what is there, or there is no room for them.
pub fn add(record: &Record, entries: &[Entry], room: Room) -> Result<Added, String> {
    let cleaned = entries.iter().cloned().map(Entry::cleaned);
    let missing: Vec<Entry> = cleaned.filter(|entry| !record.entries.contains(entry)).collect();
    if missing.is_empty() {
        return Ok(Added::Already);
    }
    let most = if missing.iter().any(|entry| decides(&entry.body)) { room.deciding } else { room.telling };
    let mut grown = record.with(missing)?;
    let mut lines = grown.lines()?;
    if lines.len() > room.telling && condense(&mut grown) {
        lines = grown.lines()?;
    }
    if lines.len() > most {
        return Err(format!("the record of this release is full ({} KiB)", lines.len() / 1024));
    }
    Ok(Added::Grown { record: Box::new(grown), lines })
}

/// What moves the release, or says who answers for what.
fn decides(body: &Body) -> bool {
    !matches!(body, Body::Checked { .. } | Body::Cleared { .. } | Body::Moved { .. } | Body::Alert { .. } | Body::Noted { .. })
}

/// Takes the output out of every check that a later one of the same item has replaced, and most of its evidence. The state of
/// the release does not rest on them; that they ran stays told. Returns whether there was any.
fn condense(record: &mut Record) -> bool {
    const EVIDENCE: usize = 120;
    let mut later: std::collections::BTreeSet<ItemId> = std::collections::BTreeSet::new();
    let mut condensed = false;
    for entry in record.entries.iter_mut().rev() {
        match &mut entry.body {
            Body::Checked { item, outcome, .. } => {
                if !later.insert(item.clone()) && !outcome.output.is_empty() {
                    outcome.output.clear();
                    outcome.evidence = outcome.evidence.chars().take(EVIDENCE).collect();
                    condensed = true;
                }
            }
            Body::Cleared { item } => {
                later.insert(item.clone());
            }
            _ => {}
        }
    }
    condensed
}

/// Returns when a release ended, of a record that may be let go: one that was read whole, and that this console may write.
pub fn ended(record: &Record) -> Option<Timestamp> {
    if record.writable().is_err() || !record.problems.is_empty() {
        return None;
    }
    machine::fold(record).ok().filter(|release| release.phase.ended()).and_then(|release| release.ended)
}

/// Returns the ended releases that are let go: those beyond the count, and those of too long ago. `spared` is being worked on.
pub fn surplus(mut all: Vec<(ReleaseId, Timestamp)>, spared: &ReleaseId, keep: Keep, now: Timestamp) -> Vec<ReleaseId> {
    all.sort_by_key(|(_, ended)| std::cmp::Reverse(*ended));
    let old = |ended: Timestamp| now.duration_since(ended) > SignedDuration::from_hours(24 * i64::from(keep.days));
    let beyond = |at: usize| u32::try_from(at).unwrap_or(u32::MAX) >= keep.count;
    let gone = all.into_iter().enumerate().filter(|(at, (id, ended))| id != spared && (beyond(*at) || old(*ended)));
    gone.map(|(_, (id, _))| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::checklist::{Outcome, Stage, Verdict};
    use crate::domain::release::{Brief, Kind, Phase, Voucher};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn entry(second: i64, body: Body) -> Entry {
        Entry { at: at(second), actor: "ana".into(), voucher: Voucher::System, console: "host:1".into(), body }
    }

    fn drafted() -> Body {
        Body::Drafted {
            brief: Box::new(Brief {
                environment: "production".into(),
                versions: vec![("backend".into(), "2.2.0".into())],
                kind: Kind::Standard,
                title: "backend 2.2.0".into(),
                author: "ana".into(),
                ticket: None,
                notes: String::new(),
                audience: String::new(),
                duration: None,
                downtime: None,
                cutover: None,
                contingency: String::new(),
                class: None,
                criterion: None,
                strategies: Vec::new(),
            }),
        }
    }

    fn checked(second: i64, item: &str, output: usize) -> Entry {
        let outcome = Outcome {
            verdict: Verdict::Pass,
            at: at(second),
            by: "ana".into(),
            evidence: format!("exit 0, try {second}"),
            output: "x".repeat(output),
            link: None,
            of: String::new(),
        };
        entry(second, Body::Checked { item: item.into(), stage: Stage::Before, outcome: Box::new(outcome) })
    }

    fn note(second: i64, length: usize) -> Entry {
        entry(second, Body::Noted { text: "n".repeat(length), log: false })
    }

    fn record() -> Record {
        Record::new("r1".into(), vec![entry(0, drafted()), entry(1, Body::Announced)])
    }

    fn grown(record: &Record, entries: &[Entry], room: Room) -> Record {
        match add(record, entries, room).unwrap() {
            Added::Grown { record, .. } => *record,
            Added::Already => panic!("already"),
        }
    }

    #[test]
    fn an_entry_that_is_there_is_not_added_again() {
        let one = grown(&record(), &[note(2, 3)], Room::FILE);
        assert_eq!(add(&one, &[note(2, 3)], Room::FILE), Ok(Added::Already));
        assert_eq!(grown(&one, &[note(2, 3), note(3, 3)], Room::FILE).entries.len(), 4);
        assert_eq!(grown(&one, &[note(2, 4)], Room::FILE).entries.len(), 4, "other words at the same time are another entry");
    }

    #[test]
    fn entries_are_added_all_or_none() {
        let refused = add(&record(), &[note(2, 3), entry(3, Body::Verifying)], Room::FILE).unwrap_err();
        assert_eq!(refused, "nothing is to be verified: it is checking");
    }

    #[test]
    fn near_its_limit_a_record_loses_the_output_of_replaced_checks_and_its_state_stays() {
        let room = Room { telling: 8 * 1024, deciding: 10 * 1024 };
        let mut record = record();
        for second in 0..12 {
            record = grown(&record, &[checked(10 + second, if second % 2 == 0 { "tests" } else { "smoke" }, 1500)], room);
        }
        let all = 12 * 1500;
        let lines = record.lines().unwrap();
        assert!(lines.len() <= room.telling && lines.len() < all, "{}", lines.len());
        assert_eq!(record.entries.len(), 14, "that it ran stays told");
        let release = machine::fold(&record).unwrap();
        assert_eq!(release.outcomes.values().map(|outcome| outcome.output.len()).collect::<Vec<_>>(), [1500, 1500]);
        assert_eq!(Record::parse("r1".into(), 1, &lines), record);
    }

    #[test]
    fn a_full_record_takes_no_more_talk_and_can_still_be_ended() {
        let room = Room { telling: 4 * 1024, deciding: 5 * 1024 };
        let mut record = record();
        let mut second = 2;
        let refusal = loop {
            match add(&record, &[note(second, 300)], room) {
                Ok(Added::Grown { record: next, .. }) => record = *next,
                Ok(Added::Already) => panic!("already"),
                Err(why) => break why,
            }
            second += 1;
        };
        assert_eq!(refusal, "the record of this release is full (4 KiB)");
        let ended = grown(&record, &[entry(second, Body::Aborted { reason: "no".into() })], room);
        assert_eq!(machine::fold(&ended).unwrap().phase, Phase::Aborted);
    }

    #[test]
    fn only_what_has_ended_and_was_read_whole_is_ever_let_go() {
        assert_eq!(ended(&record()), None);
        let over = grown(&record(), &[entry(9, Body::Aborted { reason: "no".into() })], Room::FILE);
        assert_eq!(ended(&over), Some(at(9)));
        let lines = over.lines().unwrap();
        for (format, lines) in [(1, format!("{lines}half a li")), (99, lines)] {
            assert_eq!(ended(&Record::parse("r1".into(), format, &lines)), None);
        }
    }

    #[test]
    fn the_oldest_beyond_the_count_and_those_of_too_long_ago_go_but_never_the_one_at_hand() {
        let day = 24 * 3600;
        let all = || ["a", "b", "c", "d"].into_iter().enumerate().map(|(n, id)| (id.into(), at(i64::try_from(n).unwrap() * day))).collect();
        let names = |count, days, spared: &str| {
            let gone = surplus(all(), &spared.into(), Keep { count, days }, at(4 * day));
            gone.iter().map(ReleaseId::as_str).collect::<String>()
        };
        assert_eq!(names(9, 9, "-"), "");
        assert_eq!(names(2, 9, "-"), "ba");
        assert_eq!(names(9, 2, "-"), "ba");
        assert_eq!(names(2, 9, "a"), "b");
        assert_eq!(names(0, 9, "d"), "cba");
    }
}
