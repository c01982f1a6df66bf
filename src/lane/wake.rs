//! Waking: boards that wait are made due when the cause is gone, only so many at a time, so that deliveries have their turn in between.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::lane::{Lanes, TRIAL};
use crate::model::lane::Lane;
use crate::model::status::Waiting;

/// So many boards are made due in one transaction.
const AT_ONCE: u32 = 1_000;
/// It is asked who was forgotten at most so long after the last time,
const RARELY: Duration = Duration::from_secs(15);
/// and sooner when that takes next to no time: a hundredth of all, however many wait.
const SHARE: u32 = 100;

/// What the keeper has to do for those who wait.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// Of these not all have been woken yet.
    unfinished: Vec<Waiting>,
    /// When to ask again who was forgotten.
    next: Option<Instant>,
}

impl Lanes {
    /// Makes boards due that wait for this: the first of them at once, the rest by and by.
    pub async fn wake(&self, waiting: Waiting) {
        let woken = self.wake_some(waiting, AT_ONCE).await;
        let is_finished = woken.is_some_and(|woken| woken < u64::from(AT_ONCE));
        let unfinished = &mut self.vigil().unfinished;
        unfinished.retain(|other| *other != waiting);
        if !is_finished {
            unfinished.push(waiting);
        }
    }

    /// Goes on with waking, unless the cause is there again.
    pub(super) async fn wake_the_rest(&self) {
        let unfinished = std::mem::take(&mut self.vigil().unfinished);
        for waiting in unfinished {
            let goes_on = match waiting {
                // Those who tell of these tell it once.
                Waiting::Baseline | Waiting::Audit => true,
                Waiting::Lane(_)
                | Waiting::Confirmation
                | Waiting::Operation
                | Waiting::Grace
                | Waiting::Deletion
                | Waiting::Brake => self.is_over(waiting),
            };
            if goes_on {
                self.wake(waiting).await;
            }
        }
    }

    /// Lets one board try whether a gate is open again.
    pub(super) async fn put_on_trial(&self, gate: Lane) {
        let now = Instant::now();
        let begin = self
            .table()
            .get_mut(&gate)
            .filter(|closed| closed.trial.is_none_or(|from| from + TRIAL <= now))
            .map(|closed| closed.trial = Some(now));
        if begin.is_some() && self.wake_some(Waiting::Lane(gate), 1).await == Some(0) {
            // Nobody waits any more: the next board will tell.
            self.open(gate).await;
        }
    }

    /// A command, or a process that was killed, may have left boards waiting for what is over; no wake-up would come for them.
    pub(super) async fn wake_the_forgotten(&self) {
        let begun = Instant::now();
        if self.vigil().next.is_some_and(|next| begun < next) {
            return;
        }
        for waiting in self.store.awaited().await.unwrap_or_default() {
            if self.is_over(waiting) {
                self.wake(waiting).await;
            }
        }
        let pause = (begun.elapsed() * SHARE).min(RARELY);
        self.vigil().next = Some(Instant::now() + pause);
    }

    /// Whether a lane, or both brakes, are open that somebody waits for.
    #[must_use]
    pub fn is_over(&self, waiting: Waiting) -> bool {
        match waiting {
            Waiting::Lane(lane) => self.is_open(lane),
            Waiting::Brake => self.is_open(Lane::CreateBrake) && self.is_open(Lane::ArchiveBrake),
            Waiting::Baseline
            | Waiting::Audit
            | Waiting::Confirmation
            | Waiting::Operation
            | Waiting::Grace
            | Waiting::Deletion => false,
        }
    }

    /// Makes at most so many boards due that wait for this; says how many, or nothing when the store did not answer.
    async fn wake_some(&self, waiting: Waiting, most: u32) -> Option<u64> {
        match self.store.wake(waiting, Some(most)).await {
            Ok(woken) => {
                self.work.notify_one();
                Some(woken)
            }
            Err(error) => {
                tracing::error!(%error, "waiting boards could not be woken; the keeper tries again");
                None
            }
        }
    }

    fn vigil(&self) -> MutexGuard<'_, Vigil> {
        self.vigil.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
