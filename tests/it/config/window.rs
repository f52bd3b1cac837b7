//! When an environment may be changed: on the days on which clocks are moved as on any other.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rolldeck::domain::window::{Calendar, Freeze, Opens, Standing, Window};

fn window(fields: &str, zone: &str, minutes: i64) -> Window {
    let opens = Opens::parse(fields, TimeZone::get(zone).unwrap()).unwrap();
    Window { name: fields.into(), opens, lasts: SignedDuration::from_mins(minutes) }
}

fn calendar(windows: Vec<Window>) -> Calendar {
    Calendar { windows, ..Calendar::default() }
}

/// A moment, as `2026-03-29T01:30+01:00[Europe/Berlin]` without the day's date twice.
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn freeze(from: &str, until: &str) -> Freeze {
    Freeze { from: at(from), until: at(until), reason: "year end".into(), by: "dana".into() }
}

#[test]
fn a_window_in_the_gap_of_spring_opens_as_much_later() {
    // Berlin, 29 March 2026: 01:59 is followed by 03:00.
    let nightly = window("30 2 * * *", "Europe/Berlin", 60);
    assert_eq!(nightly.next(at("2026-03-28T12:00:00Z")), Some(at("2026-03-29T03:30:00+02:00")));
    assert_eq!(nightly.open_until(at("2026-03-29T03:29:59+02:00")), None);
    assert_eq!(nightly.open_until(at("2026-03-29T03:30:00+02:00")), Some(at("2026-03-29T04:30:00+02:00")));
    assert_eq!(nightly.next(at("2026-03-29T03:30:00+02:00")), Some(at("2026-03-30T02:30:00+02:00")));
}

#[test]
fn a_window_in_the_fold_of_autumn_opens_once() {
    // Berlin, 25 October 2026: 02:59 is followed by 02:00.
    let nightly = window("30 2 * * *", "Europe/Berlin", 30);
    assert_eq!(nightly.next(at("2026-10-24T12:00:00Z")), Some(at("2026-10-25T02:30:00+02:00")));
    assert_eq!(nightly.open_until(at("2026-10-25T02:45:00+02:00")), Some(at("2026-10-25T02:00:00+01:00")));
    assert_eq!(nightly.open_until(at("2026-10-25T02:45:00+01:00")), None, "the second time");
    assert_eq!(nightly.next(at("2026-10-25T02:10:00+01:00")), Some(at("2026-10-26T02:30:00+01:00")));
}

#[test]
fn a_window_lasts_for_the_time_that_passes_and_an_hourly_one_opens_in_every_hour() {
    let night = window("0 0 * * *", "Europe/Berlin", 6 * 60);
    assert_eq!(night.open_until(at("2026-03-29T01:00:00+01:00")), Some(at("2026-03-29T07:00:00+02:00")));
    assert_eq!(night.open_until(at("2026-10-25T01:00:00+02:00")), Some(at("2026-10-25T05:00:00+01:00")));
    let hourly = window("0 * * * *", "Europe/Berlin", 15);
    for (now, next) in
        [("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"), ("2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00")]
    {
        assert_eq!(hourly.next(at(now)), Some(at(next)), "{now}");
    }
}

#[test]
fn a_window_over_midnight_and_its_neighbours_are_one_time() {
    let calendar = calendar(vec![
        window("0 22 * * TUE", "Europe/Berlin", 4 * 60),
        window("0 1 * * WED", "Europe/Berlin", 3 * 60),
        window("0 4 * * WED", "Europe/Berlin", 60),
    ]);
    let standing = calendar.standing(at("2026-12-01T23:00:00+01:00"));
    assert!(matches!(standing, Standing::Open { until, .. } if until == at("2026-12-02T05:00:00+01:00")), "{standing:?}");
    let always = self::calendar(vec![window("0 6 * * *", "UTC", 12 * 60), window("0 18 * * *", "UTC", 12 * 60)]);
    assert_eq!(always.standing(at("2026-12-01T07:00:00Z")), Standing::Always, "day and night together");
}

#[test]
fn nothing_begins_in_the_lead_before_an_end_or_a_freeze() {
    let mut calendar = calendar(vec![window("0 22 * * TUE", "Europe/Berlin", 180)]);
    calendar.lead = SignedDuration::from_mins(30);
    for (now, sentence) in [
        ("2026-12-01T18:48:00+01:00", "opens Tue 22:00 Europe/Berlin, in 3 h 12 m"),
        ("2026-12-01T23:18:00+01:00", "open, 01:42 left"),
        ("2026-12-02T00:29:59+01:00", "open, 00:30 left"),
        ("2026-12-02T00:30:00+01:00", "closes Wed 01:00 Europe/Berlin, in 30 m: too late to begin"),
        ("2026-12-02T00:59:10+01:00", "closes Wed 01:00 Europe/Berlin, in 50 s: too late to begin"),
        ("2026-12-02T01:00:00+01:00", "opens Tue 8 Dec 22:00 Europe/Berlin, in 6 d 21 h"),
    ] {
        assert_eq!(calendar.sentence(at(now)), sentence, "{now}");
    }
    calendar.freezes = vec![freeze("2026-12-01T23:00:00+01:00", "2026-12-20T00:00:00+01:00")];
    for (now, sentence) in [
        ("2026-12-01T22:10:00+01:00", "open, 00:50 left"),
        ("2026-12-01T22:30:00+01:00", "closes Tue 23:00 Europe/Berlin, in 30 m: too late to begin"),
        ("2026-12-01T23:00:00+01:00", "frozen until Sun 20 Dec 00:00 Europe/Berlin (year end, by dana)"),
        ("2026-11-30T12:00:00+01:00", "opens Tue 22:00 Europe/Berlin, in 1 d 10 h"),
    ] {
        assert_eq!(calendar.sentence(at(now)), sentence, "{now}");
    }
}

#[test]
fn freezes_that_follow_one_another_are_one_and_a_window_within_opens_no_gate() {
    let mut calendar = calendar(vec![window("0 22 * * TUE", "UTC", 180)]);
    calendar.freezes = vec![freeze("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"), freeze("2026-12-01T12:00:00Z", "2026-12-15T23:00:00Z")];
    assert!(matches!(calendar.standing(at("2026-12-01T01:00:00Z")), Standing::Frozen { until, .. } if until == at("2026-12-15T23:00:00Z")));
    // The 8th is frozen; on the 15th the freeze ends while the window is open.
    let closed = calendar.standing(at("2026-11-30T12:00:00Z"));
    assert!(matches!(closed, Standing::Closed { opens: Some(opens), .. } if opens == at("2026-12-15T23:00:00Z")), "{closed:?}");
    assert_eq!(calendar.next_change(at("2026-11-30T12:00:00Z")), Some(at("2026-12-01T00:00:00Z")));
    assert_eq!(self::calendar(Vec::new()).next_change(at("2026-11-30T12:00:00Z")), None);
}

#[test]
fn five_fields_that_are_no_cron_say_where_and_why() {
    for (fields, at, reason) in [("0 25 * * *", 2, "25"), ("0 22 * * FUN", 9, ""), ("x 22 * * *", 0, "")] {
        let wrong = Opens::parse(fields, TimeZone::UTC).unwrap_err();
        assert!(wrong.at >= at && wrong.reason.contains(reason) && !wrong.reason.contains('\n'), "{wrong:?}");
    }
}

#[test]
fn asking_costs_little_enough_for_every_frame() {
    let calendar = calendar(vec![window("0 22 * * TUE,THU", "Europe/Berlin", 180), window("30 5 1 * *", "America/New_York", 60)]);
    let begin = std::time::Instant::now();
    for minute in 0..100 {
        calendar.standing(at("2026-03-28T12:00:00Z") + SignedDuration::from_mins(minute * 30));
    }
    // 16 ms is a frame; without optimisation, on a busy machine.
    assert!(begin.elapsed() / 100 < std::time::Duration::from_millis(8), "{:?} a call", begin.elapsed() / 100);
}

/// The minutes of some days at which a window opens, found without any of its cleverness: every minute that a clock could
/// say is compared with the fields, and put into the zone.
fn brute(minutes: &[i8], hours: &[i8], weekdays: &[i8], zone: &TimeZone, from: jiff::civil::Date, days: i64) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    for day in 0..days {
        let day = from + SignedDuration::from_hours(24 * day);
        for minute in 0..24 * 60 {
            let said = day.at(0, 0, 0, 0) + SignedDuration::from_mins(minute);
            let weekday = said.date().weekday().to_monday_one_offset();
            if minutes.contains(&said.minute()) && hours.contains(&said.hour()) && weekdays.contains(&weekday) {
                moments.push(zone.to_ambiguous_timestamp(said).compatible().unwrap());
            }
        }
    }
    moments.sort();
    moments
}

fn list(numbers: &[i8]) -> String {
    numbers.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Over the weeks around each change of the clock, every standing is that of the minute-by-minute list, and nothing
    /// changes before `next_change`.
    #[test]
    fn a_standing_agrees_with_a_scan_of_every_minute(
        minute in 0i8..60,
        hours in proptest::collection::btree_set(0i8..24, 1..3),
        weekdays in proptest::collection::btree_set(1i8..8, 1..5),
        lasts in 1i64..240,
        lead in 0i64..60,
        place in 0usize..8,
        ask in proptest::collection::vec(0i64..14 * 24 * 60, 24),
        cold in 0i64..14 * 24 * 60,
    ) {
        let (zone, from) = [
            ("Europe/Berlin", date(2026, 3, 22)),
            ("Europe/Berlin", date(2026, 10, 18)),
            ("America/New_York", date(2026, 3, 1)),
            ("America/New_York", date(2026, 10, 25)),
            ("Australia/Lord_Howe", date(2026, 9, 27)),
            ("Australia/Lord_Howe", date(2026, 3, 29)),
            ("America/Santiago", date(2026, 8, 30)),
            ("Asia/Kolkata", date(2026, 3, 22)),
        ][place];
        let name = zone;
        let zone = TimeZone::get(zone).unwrap();
        let (hours, weekdays): (Vec<i8>, Vec<i8>) = (hours.into_iter().collect(), weekdays.into_iter().collect());
        let window = window(&format!("{minute} {} * * {}", list(&hours), list(&weekdays)), name, lasts);
        let lasts = window.lasts;
        let begin = from.at(0, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
        let freeze = Freeze { from: begin + SignedDuration::from_mins(cold), until: begin + SignedDuration::from_mins(cold + 300), reason: "r".into(), by: "b".into() };
        let calendar = Calendar { windows: vec![window], freezes: vec![freeze.clone()], lead: SignedDuration::from_mins(lead), zone: None };
        let opens = brute(&[minute], &hours, &weekdays, &zone, from - SignedDuration::from_hours(48), 40);
        let open = |at: Timestamp| opens.iter().any(|from| *from <= at && at < *from + lasts);
        let frozen = |at: Timestamp| freeze.from <= at && at < freeze.until;
        let minutes = |from: Timestamp| (1..20 * 24 * 60).map(move |minute| from + SignedDuration::from_mins(minute));
        for now in ask.into_iter().map(|minute| begin + SignedDuration::from_mins(minute)) {
            let standing = calendar.standing(now);
            match &standing {
                Standing::Frozen { until, .. } => proptest::prop_assert!(frozen(now) && *until == freeze.until),
                Standing::Open { until, .. } | Standing::Closing { until, .. } => {
                    proptest::prop_assert!(open(now) && !frozen(now), "{now} {standing:?}");
                    proptest::prop_assert_eq!(minutes(now).find(|at| !open(*at) || frozen(*at)), Some(*until), "{} {:?}", now, standing);
                    let closing = until.duration_since(now) <= calendar.lead;
                    proptest::prop_assert_eq!(closing, matches!(standing, Standing::Closing { .. }));
                }
                Standing::Closed { opens, .. } => {
                    proptest::prop_assert!(!open(now) && !frozen(now), "{now} {standing:?}");
                    proptest::prop_assert_eq!(minutes(now).find(|at| open(*at) && !frozen(*at)), *opens, "{}", now);
                }
                Standing::Always => proptest::prop_assert!(false, "windows that never close"),
            }
            let change = calendar.next_change(now).unwrap();
            proptest::prop_assert!(change > now);
            proptest::prop_assert_ne!(calendar.standing(change), standing.clone(), "{}", change);
            proptest::prop_assert_eq!(calendar.standing(change - SignedDuration::from_secs(1)), standing);
        }
    }
}
