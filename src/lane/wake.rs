//! Waking: boards that wait are made due when the cause is gone, only so many at a time, so that deliveries have their turn in between.

use std::sync::{MutexGuard, PoisonError};

use crate::lane::Lanes;
use crate::model::lane::Lane;
use crate::model::status::Waiting;

/// So many boards are made due in one transaction.
const AT_ONCE: u32 = 1_000;
impl Lanes {
    /// Makes boards due that wait for this: the first of them at once, the rest by and by.
    pub async fn wake(&self, waiting: Waiting) {
        let woken = self.wake_some(waiting, AT_ONCE).await;
        let is_finished = woken.is_some_and(|woken| woken < u64::from(AT_ONCE));
        let mut unfinished = self.unfinished();
        unfinished.retain(|other| *other != waiting);
        if !is_finished {
            unfinished.push(waiting);
        }
    }

    /// Goes on with waking, unless the cause is there again.
    pub(super) async fn wake_the_rest(&self) {
        let unfinished = std::mem::take(&mut *self.unfinished());
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

    /// A command, or a process that was killed, may have left boards waiting for what is over; no wake-up would come for them.
    pub(super) async fn wake_the_forgotten(&self, awaited: Vec<Waiting>) {
        for waiting in awaited {
            if self.is_over(waiting) {
                self.wake(waiting).await;
            }
        }
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
    pub(super) async fn wake_some(&self, waiting: Waiting, most: u32) -> Option<u64> {
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

    fn unfinished(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
