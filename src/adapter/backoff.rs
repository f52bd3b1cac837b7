//! How long to wait before a lost link is tried again: a pure function of the number of failures.

use std::time::Duration;

/// Returns the wait after so many failures in a row.
///
/// A try is one cheap request, so for the first minute the wait never exceeds a second: a server that comes back should
/// be on screen within about that. After it, up to 15 s, so that a hundred consoles do not press a cluster that is down.
pub fn wait(failures: u32) -> Duration {
    const SOON: [u64; 3] = [250, 500, 1000];
    match failures {
        0 => Duration::ZERO,
        1..=3 => Duration::from_millis(SOON[failures as usize - 1]),
        4..=60 => Duration::from_secs(1),
        _ => Duration::from_secs(u64::from(failures - 58).min(15)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_stays_bounded() {
        let waits: Vec<u64> = [0, 1, 2, 3, 4, 60, 61, 70, 1_000_000].map(|failures| wait(failures).as_millis() as u64).to_vec();
        assert_eq!(waits, [0, 250, 500, 1000, 1000, 1000, 3000, 12_000, 15_000]);
        for failures in 0..200 {
            assert!(wait(failures) <= wait(failures + 1));
        }
    }
}
