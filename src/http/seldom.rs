//! Lines about what anybody can make happen as often as he likes: one a second, with a count. The exact numbers are in the metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a kind of line is not written again.
const PACE: Duration = Duration::from_secs(1);

/// One kind of line.
#[derive(Debug)]
pub(crate) struct Seldom(Mutex<Tally>);

#[derive(Debug)]
struct Tally {
    written: Option<Instant>,
    /// What happened since.
    unwritten: u64,
}

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Tally {
            written: None,
            unwritten: 0,
        }))
    }

    /// Counts one. When a line is due: how many it stands for, this one among them.
    pub(crate) fn due(&self) -> Option<u64> {
        let now = Instant::now();
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.unwritten += 1;
        if tally.written.is_some_and(|at| now < at + PACE) {
            return None;
        }
        tally.written = Some(now);
        Some(std::mem::take(&mut tally.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_writes_one_line_a_second_and_each_is_counted_once() {
        let seldom = Seldom::new();
        assert_eq!(seldom.due(), Some(1), "the first is written at once");
        for _ in 0..12_500 {
            assert_eq!(seldom.due(), None);
        }
        advance(PACE).await;
        assert_eq!(seldom.due(), Some(12_501));
        assert_eq!(seldom.due(), None);
        advance(PACE * 60).await;
        assert_eq!(seldom.due(), Some(2));
    }
}
