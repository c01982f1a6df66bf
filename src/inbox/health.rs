//! Whether deliveries can be stored: once they could not, all are refused at once but one a second, which tries. Nobody waits for a database that is known to be away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::PATIENCE;

/// How long nothing is tried after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a failure speaks against sending deliveries here. Not longer: without deliveries nobody would find out that it is over.
const MEMORY: Duration = Duration::from_secs(5);

/// Clones share what is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// When a batch was stored last.
    stored: Option<Instant>,
    /// None while all is well.
    away: Option<Away>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    /// When it failed last.
    failed: Instant,
    /// When somebody may try again.
    next: Instant,
    refused: u64,
}

/// An end of not being able to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) after: Duration,
    /// Deliveries that were refused meanwhile.
    pub(super) refused: u64,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to try. While it is away, one may at a time, who is taken for lost if nothing was heard of him in time.
    pub(super) fn may_try(&self) -> bool {
        let now = Instant::now();
        match &mut self.state().away {
            None => true,
            Some(away) if away.next <= now => {
                away.next = now + PATIENCE;
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn failed(&self) {
        fail(&mut self.state());
    }

    /// Whether the last try failed, a moment ago.
    pub(super) fn has_just_failed(&self) -> bool {
        let state = self.state();
        let away = state.away.as_ref();
        away.is_some_and(|away| away.failed.elapsed() < MEMORY)
    }

    /// Nothing was heard of what was handed in then. If others were stored meanwhile, there is only much to do.
    pub(super) fn late(&self, handed_in: Instant) {
        let mut state = self.state();
        if state.stored.is_none_or(|at| at < handed_in) {
            fail(&mut state);
        }
    }

    /// Who tried has learnt nothing of whether deliveries can be stored; the next one may try.
    pub(super) fn learnt_nothing(&self) {
        if let Some(away) = &mut self.state().away {
            away.next = Instant::now();
        }
    }

    /// A batch was stored; says so if that could not be done before.
    pub(super) fn stored(&self) -> Option<Back> {
        let now = Instant::now();
        let mut state = self.state();
        state.stored = Some(now);
        state.away.take().map(|away| Back {
            after: now - away.since,
            refused: away.refused,
        })
    }

    /// Counts a delivery that was refused, if it is away.
    pub(super) fn count_refused(&self) {
        if let Some(away) = &mut self.state().away {
            away.refused += 1;
        }
    }
}

fn fail(state: &mut State) {
    let now = Instant::now();
    let away = state.away.get_or_insert(Away {
        since: now,
        failed: now,
        next: now,
        refused: 0,
    });
    away.failed = now;
    away.next = now + PAUSE;
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_one_tries_each_second_and_a_success_lets_all_in() {
        let health = Health::default();
        assert!(health.may_try() && health.may_try());
        health.failed();
        advance(Duration::from_millis(999)).await;
        assert!(!health.may_try());
        health.count_refused();
        advance(Duration::from_millis(1)).await;
        assert!(health.may_try());
        assert!(!health.may_try(), "one is trying");
        health.failed();
        assert!(!health.may_try());
        advance(PAUSE).await;
        assert!(health.may_try());
        let back = Back {
            after: Duration::from_secs(2),
            refused: 1,
        };
        assert_eq!(health.stored(), Some(back));
        assert!(health.may_try() && health.may_try());
        assert_eq!(health.stored(), None, "it is said once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_for_a_moment_or_until_something_is_stored() {
        let health = Health::default();
        assert!(!health.has_just_failed());
        health.failed();
        assert!(health.has_just_failed());
        advance(MEMORY).await;
        assert!(!health.has_just_failed(), "somebody has to try");
        health.failed();
        assert!(health.has_just_failed());
        assert!(health.stored().is_some());
        assert!(!health.has_just_failed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_and_is_never_heard_of_keeps_nobody_out() {
        let health = Health::default();
        health.failed();
        advance(PAUSE).await;
        assert!(health.may_try());
        health.learnt_nothing();
        assert!(health.may_try(), "the next one may");
        assert!(!health.may_try());
        advance(PATIENCE).await;
        assert!(health.may_try());
    }

    #[tokio::test(start_paused = true)]
    async fn late_is_away_only_if_nothing_was_stored_meanwhile() {
        let health = Health::default();
        let begun = Instant::now();
        advance(PATIENCE).await;
        assert_eq!(health.stored(), None);
        health.late(begun);
        assert!(health.may_try());
        advance(PATIENCE).await;
        health.late(Instant::now());
        assert!(!health.may_try());
    }
}
