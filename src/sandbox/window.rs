//! A sliding window over moments: how the rate limits count.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A window has no room for one more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// At most `limit` moments within any `span`.
#[derive(Debug)]
pub(crate) struct Window {
    span: Duration,
    limit: usize,
    moments: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(limit: usize, span: Duration) -> Self {
        Self {
            span,
            limit,
            moments: VecDeque::new(),
        }
    }

    /// Counts one more, unless the window is full: then nothing is counted.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Full> {
        let span = self.span;
        let past = |first: &Instant| now.duration_since(*first) >= span;
        while self.moments.front().is_some_and(past) {
            self.moments.pop_front();
        }
        if self.remaining() == 0 {
            return Err(Full);
        }
        self.moments.push_back(now);
        Ok(())
    }

    /// How many more it took, when it was last asked.
    pub(crate) fn remaining(&self) -> usize {
        self.limit.saturating_sub(self.moments.len())
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn span(&self) -> Duration {
        self.span
    }
}

/// The most moments that lie within any `span`; `moments` must be ascending.
pub(crate) fn peak(moments: &[Instant], span: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, moment) in moments.iter().enumerate() {
        while moment.duration_since(moments[first]) >= span {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
