//! What a program printed: read to its end, kept in part. How it began and how it ended is what explains a failure.

use std::collections::VecDeque;

use super::report::{self, bytes};

/// What is kept from the start.
const HEAD: usize = 4 * 1024;
/// What is kept from the end.
const TAIL: usize = 12 * 1024;
/// Within so many bytes of a cut the line is given up: half a secret is not recognised as one.
const LINE: usize = 1024;

/// The start and the end of an output.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    /// Takes what was read.
    pub(super) fn add(&mut self, read: &[u8]) {
        self.total += read.len() as u64;
        let (head, rest) = read.split_at(read.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = rest.get(rest.len().saturating_sub(TAIL)..).unwrap_or_default();
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(rest);
    }

    /// Returns how much was printed.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Returns it fit to be kept: without controls and secrets, and with a line that tells what is not there.
    pub(super) fn text(&self, secrets: &[String]) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let clean = |raw: &[u8]| report::lines(&report::without(String::from_utf8_lossy(raw).into_owned(), secrets));
        if self.total == (self.head.len() + tail.len()) as u64 {
            return clean(&[self.head.as_slice(), &tail].concat());
        }
        let (head, tail) = (whole_lines_before(&self.head), after_key(whole_lines_after(&tail)));
        let left_out = self.total.saturating_sub((head.len() + tail.len()) as u64);
        format!("{}\n… {} left out\n{}", clean(head), bytes(left_out), clean(tail))
    }
}

/// Cuts the last line off that may go on.
fn whole_lines_before(raw: &[u8]) -> &[u8] {
    let near = raw.len().saturating_sub(LINE);
    let end = raw.get(near..).and_then(|near| near.iter().rposition(|byte| *byte == b'\n')).map_or(raw.len(), |at| near + at + 1);
    raw.get(..end).unwrap_or(raw)
}

/// Cuts the first line off, whose start is not there.
fn whole_lines_after(raw: &[u8]) -> &[u8] {
    let start = raw.iter().take(LINE).position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    raw.get(start..).unwrap_or(raw)
}

/// Cuts off the rest of a private key whose first line is not there to tell that it is one.
fn after_key(raw: &[u8]) -> &[u8] {
    let find = |needle: &[u8]| memchr::memmem::find(raw, needle);
    match (find(b"-----END "), find(b"-----BEGIN ")) {
        (Some(end), begin) if begin.is_none_or(|begin| begin > end) => raw.get(end..).unwrap_or(raw),
        _ => raw,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_output_is_kept_whole_and_a_long_one_in_its_start_and_end() {
        let mut kept = Kept::default();
        kept.add(b"one\ntwo\n");
        assert_eq!(kept.text(&[]), "one\ntwo");
        for number in 0..100_000 {
            kept.add(format!("line {number}\n").as_bytes());
        }
        let text = kept.text(&[]);
        assert!(text.starts_with("one\ntwo\nline 0\n") && text.ends_with("line 99999"), "{text}");
        assert!(text.contains("MiB left out") && text.len() <= HEAD + TAIL + 40, "{}", text.len());
        assert!(text.lines().all(|line| line.starts_with("line ") || ["one", "two"].contains(&line) || line.starts_with('…')));
    }

    #[test]
    fn a_secret_across_the_cut_is_not_kept_in_half() {
        let mut kept = Kept::default();
        kept.add("x\n".repeat(2_040).as_bytes());
        kept.add(b"the word is correct-horse-battery-staple\n");
        kept.add("y\n".repeat(50_000).as_bytes());
        let text = kept.text(&["correct-horse-battery-staple".into()]);
        assert!(!text.contains("the word"), "{text}");
        let mut kept = Kept::default();
        kept.add("x\n".repeat(20_000).as_bytes());
        kept.add("c2VjcmV0c2VjcmV0c2VjcmV0\n".repeat(400).as_bytes());
        kept.add(b"-----END RSA PRIVATE KEY-----\ndone\n");
        kept.add("y\n".repeat(3_000).as_bytes());
        let text = kept.text(&[]);
        assert!(!text.contains("c2Vj") && text.contains("done"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_whatever_pieces_the_bound_holds(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9_000), 0..9)) {
            let mut kept = Kept::default();
            let whole: Vec<u8> = pieces.concat();
            for piece in &pieces {
                kept.add(piece);
            }
            prop_assert_eq!(kept.total(), whole.len() as u64);
            prop_assert!(kept.head.len() <= HEAD && kept.tail.len() <= TAIL);
            prop_assert!(whole.starts_with(&kept.head));
            prop_assert!(whole.ends_with(&kept.tail.iter().copied().collect::<Vec<_>>()));
        }
    }
}
