//! The worker: takes due boards, looks at each under its lease, settles.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::mirror::{Looked, Mirror, settlement};
use crate::model::failure::Failure;
use crate::model::id::BoardId;
use crate::model::status::{Status, Waiting};
use crate::scope::Known;
use crate::store::{Claim, ClaimRequest, Settled, StoreError, Whose};

/// Without a wake-up the queue is looked at this often.
const POLL: Duration = Duration::from_secs(1);

/// The worker of one process.
#[derive(Debug, Clone)]
pub struct Worker {
    mirror: Mirror,
    /// Names this process in leases.
    holder: Arc<str>,
    /// How many boards are looked at side by side: enough to keep every write that may be in flight in flight,
    /// while others wait for Trello.
    slots: Arc<Semaphore>,
    looks: TaskTracker,
    hard_stop: CancellationToken,
}

impl Worker {
    #[must_use]
    pub fn new(
        mirror: Mirror,
        holder: String,
        side_by_side: usize,
        hard_stop: CancellationToken,
    ) -> Self {
        Self {
            mirror,
            holder: holder.into(),
            slots: Arc::new(Semaphore::new(side_by_side)),
            looks: TaskTracker::new(),
            hard_stop,
        }
    }

    /// Works until it is told to stop, then ends the looks that have begun. What is still under way when it is told to stop hard is dropped:
    /// its intention is committed, so the next look knows what to look for.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // Listening begins before the look into the queue, so that nothing that comes in between is missed.
            let work = self.mirror.lanes.work().notified();
            let Some(slot) = stop.run_until_cancelled(self.slot()).await else {
                break;
            };
            let took = self.begin(slot).await.unwrap_or_else(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the queue could not be read");
                0
            });
            if took > 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        self.looks.close();
        self.looks.wait().await;
    }

    async fn slot(&self) -> OwnedSemaphorePermit {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }

    /// Begins looks at as many due boards as there are free slots beside this one. Says how many it began.
    async fn begin(&self, slot: OwnedSemaphorePermit) -> Result<usize, StoreError> {
        let mut slots = vec![slot];
        while let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            slots.push(slot);
        }
        let claims = self.claim(slots.len(), None).await?;
        let took = claims.len();
        for (claim, slot) in claims.into_iter().zip(slots) {
            let worker = self.clone();
            self.looks.spawn(async move {
                worker.attend(&claim).await;
                drop(slot);
            });
        }
        Ok(took)
    }

    /// Takes one board, due or not. None while somebody else has it.
    pub async fn take(&self, board: BoardId) -> Result<Option<Claim>, StoreError> {
        Ok(self.claim(1, Some(board)).await?.pop())
    }

    async fn claim(&self, most: usize, only: Option<BoardId>) -> Result<Vec<Claim>, StoreError> {
        let lease = self.mirror.lease();
        self.mirror
            .store
            .claim(&ClaimRequest {
                holder: &self.holder,
                most,
                lease,
                only,
            })
            .await
    }

    /// One look at one claimed board. Says what failed, if something did.
    pub async fn attend(&self, claim: &Claim) -> Option<Failure> {
        let claimed = tokio::time::Instant::now();
        let before = self.mirror.surroundings.now();
        let store = &self.mirror.store;
        let looked = self
            .hard_stop
            .run_until_cancelled(Box::pin(self.mirror.look(claim)))
            .await;
        let now = claim.taken.plus(claimed.elapsed());
        let failure = looked.as_ref().and_then(|looked| looked.failure().cloned());
        let settlement = looked.and_then(|looked| {
            log(claim, &looked);
            settlement(claim, looked, now, fastrand::f64())
        });
        let Some(settlement) = settlement else {
            // The lease runs out by itself when the store does not answer.
            let _ = store.hand_back(Whose::Board(claim.fence)).await;
            return failure;
        };
        match store.settle(claim.fence, &settlement).await {
            Ok(Settled::Rests) => {}
            // Its bell was rung while it was taken.
            Ok(Settled::DueAgain) => self.mirror.lanes.work().notify_one(),
            Ok(Settled::Lost) => {
                tracing::info!(board.id = %claim.fence.board, "another worker took this board over");
            }
            Err(error) => {
                tracing::error!(board.id = %claim.fence.board, %error, "a look could not be settled; it is repeated");
            }
        }
        if let Status::Waiting(waiting) = settlement.status
            && self.is_gone(waiting, &before)
        {
            self.look_again(claim.fence.board).await;
        }
        failure
    }

    /// Whether what a board waits for has come while it was looked at: the wake-up went by before it was told to wait.
    fn is_gone(&self, waiting: Waiting, before: &Known) -> bool {
        let known = self.mirror.surroundings.now();
        match waiting {
            Waiting::Audit => before.audited.is_none() && known.audited.is_some(),
            Waiting::Baseline => !before.says_the_same_of_boards(&known),
            // The keeper wakes those of lanes, and a confirmation has a time of its own.
            Waiting::Lane(_)
            | Waiting::Confirmation
            | Waiting::Operation
            | Waiting::Grace
            | Waiting::Deletion
            | Waiting::Brake => false,
        }
    }

    async fn look_again(&self, board: BoardId) {
        if let Err(error) = self.mirror.store.hint(&[board]).await {
            tracing::error!(board.id = %board, %error, "a waiting board could not be woken; the next sweep will");
        }
        self.mirror.lanes.work().notify_one();
    }
}

fn log(claim: &Claim, looked: &Looked) {
    use crate::mirror::Stop;
    let board = claim.fence.board;
    match &looked.result {
        Ok(status) => {
            tracing::debug!(board.id = %board, attempt = claim.fence.attempt, %status, "looked at");
        }
        Err(Stop::Wait { waiting, .. }) => {
            tracing::debug!(board.id = %board, waiting = waiting.as_str(), "waits");
        }
        Err(Stop::Fault { failure, .. }) => {
            tracing::warn!(board.id = %board, code = %failure.code, fix = failure.code.fix(), "{failure}");
        }
        Err(Stop::Lost) => tracing::info!(board.id = %board, "left to the next worker"),
        Err(Stop::Store(error)) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(board.id = %board, %error, cause, "the database did not answer");
        }
    }
}
