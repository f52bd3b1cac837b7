//! What instances write: a pure function of the instance, the run and the line's number, so that any range can be replayed
//! without keeping a line.

use jiff::Timestamp;

use super::fault::Fate;
use super::pod::Pod;
use crate::domain::id::version_of;

/// How a service writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Json,
    Logfmt,
    Plain,
}

/// One run of an instance, as far as its log is concerned.
#[derive(Clone, Debug)]
pub struct Run {
    pub since: Timestamp,
    pub ended: Option<Timestamp>,
    pub fate: Fate,
    pub service: String,
    pub version: String,
    pub seed: u64,
}

/// How many lines a container writes when it ends badly.
const LAST_WORDS: u64 = 6;

const PATHS: [&str; 8] = [
    "/api/bookings",
    "/api/bookings/4711",
    "/api/rooms?from=2026-03-02",
    "/api/prices",
    "/healthz",
    "/api/search?q=lisbon",
    "/api/payments",
    "/api/customers/83",
];

impl Run {
    /// Returns the run that a pod is in, or the one before.
    pub fn of(pod: &Pod, service: &str, previous: bool) -> Option<Self> {
        let (since, ended) = if previous { pod.run_before.map(|(from, to)| (from, Some(to)))? } else { (pod.run_since?, None) };
        Some(Self {
            since,
            ended,
            fate: pod.fate,
            service: service.to_owned(),
            version: version_of(&pod.image).to_owned(),
            seed: pod.seed ^ since.as_millisecond() as u64,
        })
    }

    /// Returns when a line was written, in nanoseconds since 1970.
    pub fn time(&self, number: u64, rate: f64) -> i64 {
        let nanoseconds = i64::try_from(self.since.as_nanosecond()).unwrap_or(i64::MAX);
        nanoseconds.saturating_add((number as f64 / rate * 1e9) as i64)
    }

    /// Returns how many lines were written until a time.
    pub fn written(&self, until: Timestamp, rate: f64) -> u64 {
        let until = self.ended.map_or(until, |ended| ended.min(until));
        let seconds = until.duration_since(self.since).as_secs_f64();
        if seconds < 0.0 { 0 } else { (seconds * rate) as u64 + 1 }
    }

    /// Returns one line.
    pub fn line(&self, number: u64) -> String {
        let dice = mix(self.seed ^ number);
        match number {
            0 => return self.say("info", &format!("starting {} {}", self.service, self.version), &[]),
            1 => return self.say("info", "configuration loaded", &[("files", "3".into())]),
            2 => return self.say("info", "listening", &[("port", "8080".into())]),
            _ => {}
        }
        if self.fate == Fate::Regress && number.is_multiple_of(5) {
            return self.say("error", "booking failed: price is negative", &[("booking", (dice % 9000).to_string())]);
        }
        if self.fate == Fate::Slow && number.is_multiple_of(4) {
            return self.say("warn", "slow query", &[("took", format!("{}ms", 400 + dice % 300)), ("table", "prices".into())]);
        }
        if self.fate == Fate::Doubtful && number.is_multiple_of(14) {
            return self.say("error", "booking failed: room is taken", &[("booking", (dice % 9000).to_string())]);
        }
        if self.fate == Fate::Unready && number.is_multiple_of(3) {
            return self.say("warn", "not ready: ledger does not answer", &[("attempt", (number / 3).to_string())]);
        }
        if self.fate == Fate::Oom && number.is_multiple_of(4) {
            let share = 60 + (number % 40);
            return self.say("warn", "heap is growing", &[("heap", format!("{share}%")), ("sessions", (number * 131).to_string())]);
        }
        // A stack trace stands in one place of a window of 240 lines: rare, and the same each time it is read.
        let (window, place) = (number / 240, number % 240);
        let stack = mix(self.seed ^ window ^ 0xABCD) % 200;
        if window > 0 && place >= stack && place < stack + 5 {
            return trace(place - stack);
        }
        let path = PATHS.get((dice % 8) as usize).copied().unwrap_or("/");
        let took = 2 + (dice >> 8) % 90;
        let trace_id = format!("{:012x}", dice & 0xFFFF_FFFF_FFFF);
        match (dice >> 20) % 100 {
            0..=1 => self.say("error", "timeout calling ledger", &[("took", format!("{}ms", 2000 + took)), ("trace", trace_id)]),
            2..=6 => self.say("warn", "slow query", &[("took", format!("{}ms", 300 + took * 3)), ("table", "bookings".into())]),
            7..=14 => self.say("debug", "cache miss", &[("key", format!("room:{}", dice % 500)), ("trace", trace_id)]),
            15..=17 => format!("\u{1b}[32mGET\u{1b}[0m {path} \u{1b}[1m200\u{1b}[0m {took}ms"),
            _ => {
                let fields = [("method", "GET".into()), ("path", path.into()), ("status", "200".into()), ("took", format!("{took}ms"))];
                self.say("info", "request", &fields)
            }
        }
    }

    /// Returns what it writes when it ends.
    pub fn last_words(&self) -> Vec<String> {
        match self.fate {
            Fate::Crash => (0..LAST_WORDS).map(trace_of_end).collect(),
            Fate::Oom => vec![self.say("error", "out of memory: cannot grow the session cache", &[])],
            _ => vec![self.say("info", "shutting down", &[])],
        }
    }

    fn style(&self) -> Style {
        match self.service.len() % 3 {
            0 => Style::Json,
            1 => Style::Logfmt,
            _ => Style::Plain,
        }
    }

    fn say(&self, level: &str, message: &str, fields: &[(&str, String)]) -> String {
        use std::fmt::Write as _;
        let mut line = String::with_capacity(128);
        // Writing to a string cannot fail.
        match self.style() {
            Style::Json => {
                let _ = write!(line, "{{\"level\":\"{level}\",\"msg\":\"{message}\",\"service\":\"{}\"", self.service);
                for (key, value) in fields {
                    let _ = write!(line, ",\"{key}\":\"{value}\"");
                }
                line.push('}');
            }
            Style::Logfmt => {
                let _ = write!(line, "level={level} msg=\"{message}\" service={}", self.service);
                for (key, value) in fields {
                    let _ = write!(line, " {key}={value}");
                }
            }
            Style::Plain => {
                let _ = write!(line, "{:5} [{}] {message}", level.to_ascii_uppercase(), self.service);
                for (key, value) in fields {
                    let _ = write!(line, " {key}={value}");
                }
            }
        }
        line
    }
}

fn trace(at: u64) -> String {
    match at {
        0 => "ERROR [http] unhandled exception in handler: ledger: connection refused".into(),
        1 => "    at ledger.Client.post (ledger/client.js:118:11)".into(),
        2 => "    at async booking.confirm (booking/confirm.js:42:5)".into(),
        3 => "    at async handle (http/router.js:77:9)".into(),
        _ => "caused by: ECONNREFUSED 10.0.12.7:5432".into(),
    }
}

fn trace_of_end(at: u64) -> String {
    match at {
        0 => "FATAL [main] cannot start: environment variable LEDGER_URL is not a URL".into(),
        1 => "    at config.required (config/env.js:31:13)".into(),
        2 => "    at config.load (config/index.js:12:3)".into(),
        3 => "    at main (main.js:9:18)".into(),
        4 => "    at node:internal/main/run_main_module:28:49".into(),
        _ => "exit status 1".into(),
    }
}

/// Scrambles a number: splitmix64, so that neighbours look unlike.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(service: &str, fate: Fate) -> Run {
        let since = "2026-03-02T22:00:00Z".parse().expect("a time");
        Run { since, ended: None, fate, service: service.into(), version: "1.0.0".into(), seed: 42 }
    }

    #[test]
    fn services_write_json_logfmt_and_plain() {
        let first = |service: &str| run(service, Fate::Healthy).line(0);
        let lines: Vec<String> = ["backend", "frontend", "worker", "payments", "search", "notifications"].into_iter().map(first).collect();
        assert!(lines.iter().any(|line| line.starts_with('{')), "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("level=")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("INFO ")), "{lines:#?}");
    }

    #[test]
    fn a_log_has_every_level_and_a_stack_trace() {
        let all: Vec<String> = (0..2000).map(|number| run("worker", Fate::Healthy).line(number).to_lowercase()).collect();
        for word in ["debug", "info", "warn", "error", "    at ledger"] {
            assert!(all.iter().any(|line| line.contains(word)), "{word}");
        }
        assert_eq!(run("worker", Fate::Healthy).line(77), run("worker", Fate::Healthy).line(77));
    }

    #[test]
    fn lines_and_times_agree_on_how_many_were_written() {
        let run = run("worker", Fate::Healthy);
        let until = run.since.checked_add(jiff::SignedDuration::from_secs(10)).expect("a time");
        assert_eq!(run.written(until, 2.0), 21);
        assert!(run.time(20, 2.0) <= i64::try_from(until.as_nanosecond()).expect("fits"));
        assert!(run.time(21, 2.0) > i64::try_from(until.as_nanosecond()).expect("fits"));
    }
}
