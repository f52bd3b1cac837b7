//! From the bytes of a log stream to lines with their times, and on from where a broken stream left off: pure.
//!
//! A stream is asked for with `sinceTime`, which the server cuts to the whole second and compares line by line. So the
//! place is kept as a second and the number of lines had from it: opened again, the same number comes again, and is
//! dropped, whether times are equal or out of order (stdout and stderr are stamped side by side, so it is the second
//! before the newest line's). A line that the break cut in two was not counted, and comes whole.

use jiff::Timestamp;

use crate::domain::log::Gap;

/// A longer line is cut here.
pub const LONGEST: usize = 64 * 1024;
const CUT: &[u8] = "… (cut at 64 KiB)".as_bytes();
/// What a time takes before the text, at most.
const STAMP: usize = 40;
const SECOND: i64 = 1_000_000_000;

/// Where a reader stands in one run of a container. Enough to go on after a break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The greatest time had, in nanoseconds since 1970.
    newest: Option<i64>,
    /// Lines had of its second, and of the second before.
    count: u64,
    before: u64,
}

impl Place {
    /// Returns the greatest time had.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Returns the second to ask from.
    pub fn since(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.newest?.div_euclid(SECOND) - 1).ok()
    }

    fn count(&mut self, at: i64) {
        let Some(newest) = self.newest else {
            *self = Self { newest: Some(at), count: 1, before: 0 };
            return;
        };
        match at.div_euclid(SECOND) - newest.div_euclid(SECOND) {
            0 => self.count += 1,
            -1 => self.before += 1,
            1 => (self.before, self.count) = (self.count, 1),
            2.. => (self.before, self.count) = (0, 1),
            _ => {}
        }
        self.newest = Some(newest.max(at));
    }
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out<'a> {
    Line(i64, &'a [u8]),
    /// The stream goes on from where it broke; lines may be missing or not. Comes once, before the first new line.
    Resumed(Gap),
}

/// What is dropped until the place is met again.
#[derive(Clone, Copy, Debug)]
struct Resume {
    skip: u64,
    newest: i64,
    met: bool,
}

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub struct Framer {
    partial: Vec<u8>,
    /// The rest of a line that was too long is being thrown away.
    cut: bool,
    place: Place,
    resume: Option<Resume>,
    /// The last date and time to the second as text, and what it came to: lines share it in their thousands.
    second: ([u8; 19], i64),
}

impl Framer {
    /// Returns a framer that goes on at a place.
    pub fn at(place: Place) -> Self {
        let mut framer = Self { place, ..Self::default() };
        framer.reopened();
        framer
    }

    /// Returns where it stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Begins a stream anew from [`Place::since`]: what was had already is dropped. Returns whether anything was.
    pub fn reopened(&mut self) -> bool {
        self.partial.clear();
        self.cut = false;
        self.resume = self.place.newest.map(|newest| Resume { skip: self.place.count + self.place.before, newest, met: false });
        self.resume.is_some()
    }

    /// Takes bytes as they come.
    pub fn feed(&mut self, mut chunk: &[u8], out: &mut impl FnMut(Out<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(end);
            chunk = rest.get(1..).unwrap_or_default();
            if self.cut {
                self.cut = false;
            } else if self.partial.is_empty() {
                self.line(line, out);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, out);
                whole.clear();
                whole.shrink_to(4096);
                self.partial = whole;
            }
        }
        if self.cut {
            return;
        }
        self.partial.extend_from_slice(chunk);
        if self.partial.len() > LONGEST + STAMP {
            let whole = std::mem::take(&mut self.partial);
            self.line(&whole, out);
            self.cut = true;
        }
    }

    /// Takes the end of a run: a last line without its end is a line.
    pub fn finish(&mut self, out: &mut impl FnMut(Out<'_>)) {
        let whole = std::mem::take(&mut self.partial);
        if !whole.is_empty() {
            self.line(&whole, out);
        }
    }

    fn line(&mut self, raw: &[u8], out: &mut impl FnMut(Out<'_>)) {
        let stamped = memchr::memchr(b' ', raw.get(..STAMP).unwrap_or(raw)).and_then(|space| {
            let at = self.time(raw.get(..space)?)?;
            Some((at, raw.get(space + 1..)?))
        });
        // An empty line ends with its time.
        let stamped = stamped.or_else(|| Some((self.time(raw)?, &raw[raw.len()..])));
        let Some((at, text)) = stamped else {
            // The node speaks itself: `failed to try resolving symlinks …`. It has no time and no place.
            out(Out::Line(self.place.newest.unwrap_or_default(), raw));
            return;
        };
        if let Some(resume) = &mut self.resume {
            if at <= resume.newest && resume.skip > 0 {
                resume.skip -= 1;
                resume.met |= at == resume.newest;
                if resume.skip == 0 {
                    let gap = if resume.met { Gap::None } else { Gap::Possible };
                    self.resume = None;
                    out(Out::Resumed(gap));
                }
                return;
            }
            let gap = if resume.met { Gap::None } else { Gap::Possible };
            self.resume = None;
            out(Out::Resumed(gap));
        }
        self.place.count(at);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > LONGEST {
            let mut short = text.get(..LONGEST - CUT.len()).unwrap_or_default().to_vec();
            short.extend_from_slice(CUT);
            out(Out::Line(at, &short));
        } else {
            out(Out::Line(at, text));
        }
    }

    /// Reads `2026-01-02T03:04:05.123456789Z`; other offsets and lengths the slow way.
    fn time(&mut self, text: &[u8]) -> Option<i64> {
        let (second, rest) = text.split_at_checked(19)?;
        let Some(digits) = rest.strip_prefix(b".").and_then(|rest| rest.strip_suffix(b"Z")) else { return slow(text) };
        if digits.len() != 9 || !digits.iter().all(u8::is_ascii_digit) {
            return slow(text);
        }
        if self.second.0 != second {
            let whole = slow(&[second, b"Z"].concat())?;
            self.second = (second.try_into().ok()?, whole);
        }
        Some(self.second.1 + digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }
}

fn slow(text: &[u8]) -> Option<i64> {
    let time: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(times: &[(u32, u32)]) -> Vec<(i64, String)> {
        times
            .iter()
            .enumerate()
            .map(|(n, (second, nano))| (i64::from(*second) * SECOND + i64::from(*nano), format!("line {n} ü")))
            .collect()
    }

    fn bytes(lines: &[(i64, String)], since: Option<Timestamp>) -> Vec<u8> {
        let since = since.map_or(i64::MIN, |since| since.as_second() * SECOND);
        let mut out = Vec::new();
        for (at, text) in lines.iter().filter(|(at, _)| *at >= since) {
            let time = Timestamp::from_nanosecond(i128::from(*at)).unwrap();
            out.extend_from_slice(format!("{time:.9} {text}\n").as_bytes());
        }
        out
    }

    #[derive(Debug, Default, PartialEq)]
    struct Read {
        lines: Vec<(i64, String)>,
        gaps: Vec<Gap>,
    }

    impl Read {
        fn take(&mut self, out: Out<'_>) {
            match out {
                Out::Line(at, text) => self.lines.push((at, String::from_utf8_lossy(text).into_owned())),
                Out::Resumed(gap) => self.gaps.push(gap),
            }
        }
    }

    #[test]
    fn a_stream_cut_at_any_byte_goes_on_without_a_line_twice_and_without_one_missing() {
        // Equal times, out of order, over seconds.
        let lines = written(&[(7, 5), (7, 5), (7, 9), (7, 8), (8, 1), (8, 1), (8, 1), (10, 0), (9, 999_999_999), (10, 0)]);
        let first = bytes(&lines, None);
        for cut in 0..=first.len() {
            let (mut framer, mut read) = (Framer::default(), Read::default());
            framer.feed(&first[..cut], &mut |out| read.take(out));
            let place = framer.place();
            let had = read.lines.len();
            framer.reopened();
            framer.feed(&bytes(&lines, place.since()), &mut |out| read.take(out));
            assert_eq!(read.lines, lines, "cut at {cut}");
            assert_eq!(read.gaps, vec![Gap::None; usize::from(had > 0)], "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn streams_cut_again_and_again_read_as_one(
            times in proptest::collection::vec((0u32..4, 0u32..3), 1..40),
            cuts in proptest::collection::vec(0usize..600, 0..6),
            chunk in 1usize..50,
        ) {
            let mut times = times;
            times.sort_unstable_by_key(|(second, _)| *second);
            let lines = written(&times);
            let (mut framer, mut read) = (Framer::default(), Read::default());
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let stream = bytes(&lines, framer.place().since());
                for piece in stream[..cut.min(stream.len())].chunks(chunk) {
                    framer.feed(piece, &mut |out| read.take(out));
                }
                if cut != usize::MAX {
                    framer.reopened();
                }
            }
            prop_assert_eq!(read.lines, lines);
            prop_assert!(read.gaps.iter().all(|gap| *gap == Gap::None));
        }
    }

    #[test]
    fn a_file_that_was_rotated_meanwhile_is_a_possible_gap() {
        let lines = written(&[(1, 0), (1, 1), (5, 0), (6, 0)]);
        let (mut framer, mut read) = (Framer::default(), Read::default());
        framer.feed(&bytes(&lines[..2], None), &mut |out| read.take(out));
        framer.reopened();
        framer.feed(&bytes(&lines[3..], None), &mut |out| read.take(out));
        assert_eq!((read.lines.len(), read.gaps), (3, vec![Gap::Possible]));
        // What it still has of the last second shows that nothing is missing.
        let (mut framer, mut read) = (Framer::default(), Read::default());
        framer.feed(&bytes(&lines[..2], None), &mut |out| read.take(out));
        framer.reopened();
        framer.feed(&bytes(&lines[1..], None), &mut |out| read.take(out));
        assert_eq!((read.lines, read.gaps), (lines, vec![Gap::None]));
    }

    #[test]
    fn odd_lines_are_lines_too() {
        let mut read = Read::default();
        let mut framer = Framer::default();
        let long = "x".repeat(200_000);
        let text = format!(
            "1970-01-01T00:00:01.000000000Z \n1970-01-01T00:00:02Z short time\n1970-01-01T01:00:03.5+01:00 offset\nno time at all\n1970-01-01T00:00:04.000000000Z {long}\n1970-01-01T00:00:05.000000000Z cr\r\n1970-01-01T00:00:06.000000000Z unfinished"
        );
        for piece in text.as_bytes().chunks(1000) {
            framer.feed(piece, &mut |out| read.take(out));
        }
        framer.feed(b" \xff", &mut |out| read.take(out));
        framer.finish(&mut |out| read.take(out));
        let lines: Vec<_> = read.lines.iter().map(|(at, text)| (*at, text.as_str())).collect();
        let [empty, short, offset, node, long, cr, last] = lines[..] else { panic!("{lines:?}") };
        assert_eq!((empty, short), ((SECOND, ""), (2 * SECOND, "short time")));
        assert_eq!((offset, node), ((3 * SECOND + SECOND / 2, "offset"), (3 * SECOND + SECOND / 2, "no time at all")));
        assert!(long.0 == 4 * SECOND && long.1.len() <= LONGEST && long.1.ends_with("(cut at 64 KiB)"));
        assert_eq!((cr, last), ((5 * SECOND, "cr"), (6 * SECOND, "unfinished \u{fffd}")));
    }
}
