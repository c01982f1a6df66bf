//! What whoever leads does and sees. When it leads no more, nothing that only a leader knows is shown.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::histogram::{Histogram, LONG};

/// Something that is done every so often.
#[derive(Debug)]
pub struct Clocked {
    pub(super) duration: Histogram,
    /// Milliseconds since 1970; 0 before the first one.
    succeeded: AtomicI64,
    /// Milliseconds.
    every: AtomicU64,
}

impl Default for Clocked {
    fn default() -> Self {
        Self {
            duration: Histogram::new(LONG),
            succeeded: AtomicI64::new(0),
            every: AtomicU64::new(0),
        }
    }
}

impl Clocked {
    /// From now on it is to be done this often.
    pub fn repeats(&self, every: Duration) {
        let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        self.every.store(every, Ordering::Relaxed);
    }

    /// It was done, all of it, and took so long.
    pub fn succeeded(&self, took: Duration) {
        self.duration.observe(took);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |span| i64::try_from(span.as_millis()).unwrap_or(0));
        self.succeeded.store(now, Ordering::Relaxed);
    }

    /// When it was done last, in milliseconds since 1970; 0 before the first time.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn every(&self) -> Duration {
        Duration::from_millis(self.every.load(Ordering::Relaxed))
    }
}

/// Whether this process leads, and what it has seen since.
#[derive(Debug, Default)]
pub struct Lead(Mutex<Option<Seen>>);

/// What a leader has seen of Trello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// None before the list of webhooks was read.
    pub webhooks: Option<Webhooks>,
    /// In milliseconds since 1970; none while that is not known, or when it never expires.
    pub token_expires: Option<i64>,
}

/// Webhooks of ours by how they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Webhooks {
    pub healthy: usize,
    /// Trello could not deliver the last time.
    pub failing: usize,
    /// Trello had switched it off.
    pub off: usize,
    /// Trello does not register it.
    pub refused: usize,
}

/// A time of leading; it ends when this is dropped.
#[derive(Debug)]
pub struct Leading<'a>(&'a Lead);

impl Lead {
    /// This process leads until what it answers is dropped.
    pub fn begin(&self) -> Leading<'_> {
        *self.lock() = Some(Seen::default());
        Leading(self)
    }

    /// None while it does not lead.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        *self.lock()
    }

    /// Notes what a leader has seen; nothing for one that leads no more.
    pub fn note(&self, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = &mut *self.lock() {
            note(seen);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_leader_saw_is_forgotten_when_it_leads_no_more() {
        let lead = Lead::default();
        lead.note(|seen| seen.token_expires = Some(1));
        assert_eq!(lead.seen(), None, "who does not lead has seen nothing");
        let leading = lead.begin();
        lead.note(|seen| seen.token_expires = Some(1));
        assert_eq!(lead.seen().unwrap().token_expires, Some(1));
        drop(leading);
        assert_eq!(lead.seen(), None);
    }
}
