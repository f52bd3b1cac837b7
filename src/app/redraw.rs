//! When to draw: at once for a person, a little later for what moved by itself, never without a change, and never more
//! often than a terminal can show.

use std::time::Duration;

use tokio::time::Instant;

use super::update::Redraw;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// The least time between two frames that nobody asked for: well under the 100 ms that a change may take to the screen.
const CALM: Duration = Duration::from_millis(40);
/// The least time between two frames of a stream: nobody reads 20,000 lines a second.
const STREAM: Duration = Duration::from_millis(80);

/// What is owed to the screen.
#[derive(Debug)]
pub struct Pacer {
    owed: Redraw,
    last: Option<Instant>,
}

impl Pacer {
    /// Returns a pacer that owes the first frame.
    pub fn new() -> Self {
        Self { owed: Redraw::Now, last: None }
    }

    /// Notes that the screen must follow.
    pub fn ask(&mut self, redraw: Redraw) {
        self.owed = self.owed.max(redraw);
    }

    /// Returns when to draw next; none where nothing is owed.
    pub fn due(&self) -> Option<Instant> {
        let wait = match self.owed {
            Redraw::No => return None,
            Redraw::Later => STREAM,
            Redraw::Soon => CALM,
            Redraw::Now => FRAME,
        };
        // The first key after a quiet time is drawn at once.
        Some(self.last.map_or_else(Instant::now, |last| last + wait))
    }

    /// Notes that a frame was drawn.
    pub fn drawn(&mut self, at: Instant) {
        self.owed = Redraw::No;
        self.last = Some(at);
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_person_is_answered_sooner_than_a_change_and_nothing_is_drawn_for_nothing() {
        let mut pacer = Pacer::new();
        assert!(pacer.due().unwrap() <= Instant::now(), "the first frame is due at once");
        pacer.drawn(Instant::now());
        assert_eq!(pacer.due(), None);
        pacer.ask(Redraw::Later);
        let later = pacer.due().unwrap();
        pacer.ask(Redraw::Soon);
        let soon = pacer.due().unwrap();
        assert!(soon < later);
        pacer.ask(Redraw::Now);
        assert!(pacer.due().unwrap() < soon);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(pacer.due().unwrap() < Instant::now(), "after a quiet second there is nothing to wait for");
    }
}
