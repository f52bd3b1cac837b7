//! Tells keys that a person pressed one by one from those of a paste without brackets or of a key held down. Pure.
//!
//! The rule: more than three keys within 2 ms are a burst, and so is what follows a burst within 30 ms (the end of a
//! long paste comes in a read of its own). The same key again within 50 ms is held down: auto-repeat runs at 25 to 40
//! keys a second, while a person's double tap takes 80 ms and more. Marked keys still move and type; only what changes a
//! cluster refuses them (safety rule 1). A console that was too busy to read marks too much rather than too little.

use std::time::Duration;

use crokey::KeyCombination;

const MOST: usize = 3;
const WINDOW: Duration = Duration::from_millis(2);
const AFTER: Duration = Duration::from_millis(30);
const HELD: Duration = Duration::from_millis(50);

/// What has been pressed of late. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// Keys of the last [`WINDOW`], by the reads they came in.
    recent: Vec<(Duration, usize)>,
    last_burst: Option<Duration>,
    last_key: Option<(Duration, KeyCombination)>,
}

impl Bursts {
    /// Takes the keys of one read, in their order; returns for each whether it is marked.
    pub(super) fn take(&mut self, at: Duration, keys: &[KeyCombination]) -> Vec<bool> {
        self.recent.retain(|(then, _)| at.saturating_sub(*then) < WINDOW);
        self.recent.push((at, keys.len()));
        let together: usize = self.recent.iter().map(|(_, keys)| keys).sum();
        let burst = together > MOST || self.last_burst.is_some_and(|then| at.saturating_sub(then) < AFTER);
        if burst && !keys.is_empty() {
            self.last_burst = Some(at);
        }
        keys.iter()
            .map(|key| {
                let held = self.last_key.is_some_and(|(then, last)| last == *key && at.saturating_sub(then) < HELD);
                self.last_key = Some((at, *key));
                burst || held
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crokey::key;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn typed(text: &str) -> Vec<KeyCombination> {
        text.chars().map(|letter| letter.to_string().parse().unwrap()).collect()
    }

    #[test]
    fn keys_pressed_one_by_one_are_never_marked() {
        let mut bursts = Bursts::default();
        let mut at = 0;
        for (gap, key) in [(0, 'b'), (60, 'a'), (15, 'c'), (15, 'k'), (20, 'e'), (100, 'n'), (30, 'd'), (90, 'd'), (80, 'd')] {
            at += gap;
            assert_eq!(bursts.take(ms(at), &typed(&key.to_string())), [false], "{key} at {at}");
        }
    }

    #[test]
    fn up_to_three_keys_in_one_read_are_a_person_s() {
        assert_eq!(Bursts::default().take(ms(0), &[key!(g), key!(shift - g), key!(p)]), [false; 3]);
    }

    #[test]
    fn a_paste_is_marked_from_its_first_key_to_its_last() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.take(ms(0), &typed("kubectl")), [true; 7]);
        assert_eq!(bursts.take(ms(1), &typed("p")), [true]);
        assert_eq!(bursts.take(ms(25), &[key!(enter)]), [true]);
        assert_eq!(bursts.take(ms(200), &typed("p")), [false]);
    }

    #[test]
    fn a_paste_that_comes_byte_by_byte_is_marked_from_its_fourth() {
        let mut bursts = Bursts::default();
        let marks: Vec<bool> = typed("kubectl").iter().flat_map(|key| bursts.take(ms(0), &[*key])).collect();
        assert_eq!(marks, [false, false, false, true, true, true, true]);
    }

    #[test]
    fn a_key_held_down_is_marked_and_another_key_is_not() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.take(ms(0), &[key!(p)]), [false]);
        assert_eq!(bursts.take(ms(500), &[key!(p)]), [false], "the first repeat comes after the delay and looks like a press");
        assert_eq!(bursts.take(ms(530), &[key!(p)]), [true]);
        assert_eq!(bursts.take(ms(560), &[key!(p)]), [true]);
        assert_eq!(bursts.take(ms(570), &[key!(q)]), [false]);
        assert_eq!(bursts.take(ms(580), &[key!(p)]), [false]);
    }

    #[test]
    fn twice_the_same_key_in_one_read_is_held_down() {
        assert_eq!(Bursts::default().take(ms(0), &[key!(enter), key!(enter)]), [false, true]);
    }

    #[test]
    fn a_read_without_keys_neither_makes_nor_prolongs_a_burst() {
        let mut bursts = Bursts::default();
        bursts.take(ms(0), &typed("kubectl"));
        assert_eq!(bursts.take(ms(20), &[]), Vec::<bool>::new());
        assert_eq!(bursts.take(ms(40), &typed("p")), [false]);
    }
}
