//! The worker: takes due boards by tens, reads them together, looks at each under its lease, settles.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::heartbeat::Pulse;
use crate::mirror::glimpse::{Glimpse, Group, TOGETHER, groups};
use crate::mirror::{Looked, Mirror, settlement};
use crate::model::failure::Failure;
use crate::model::id::BoardId;
use crate::model::status::{Status, Waiting};
use crate::scope::Known;
use crate::store::{Claim, ClaimRequest, Settled, StoreError, Whose};
use crate::telemetry;

/// Without a wake-up the queue is looked at this often.
const POLL: Duration = Duration::from_secs(1);
/// When no look has begun or ended for so long, boards are taken however few can be: what hangs must not hold up the others.
const STANDSTILL: Duration = Duration::from_secs(2);

/// The worker of one process.
#[derive(Debug, Clone)]
pub struct Worker {
    mirror: Mirror,
    /// Names this process in leases.
    holder: Arc<str>,
    /// How many boards are looked at side by side.
    slots: Arc<Semaphore>,
    side_by_side: usize,
    /// The turn to read fewer boards than one request takes: what comes in meanwhile is read together afterwards.
    turn: Arc<Semaphore>,
    /// When a look last began or ended.
    moved: Arc<Mutex<Instant>>,
    looks: TaskTracker,
    hard_stop: CancellationToken,
    /// Beats whenever boards are looked for.
    pulse: Pulse,
}

/// How many boards are to be looked at side by side when so many writes may be in flight: as many again wait for their turn to write, while
/// one more group is read.
#[must_use]
pub fn side_by_side(writes: usize) -> usize {
    (writes * 2 + TOGETHER)
        .next_multiple_of(TOGETHER)
        .max(TOGETHER * 2)
}

/// Leave to begin looks.
#[derive(Debug)]
struct Leave {
    slots: OwnedSemaphorePermit,
    /// None when nothing moves, or somebody has it already.
    turn: Option<OwnedSemaphorePermit>,
}

async fn taken(semaphore: &Arc<Semaphore>, count: usize) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits(count));
    permit.await.expect("the semaphore is never closed")
}

fn permits(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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
            side_by_side,
            turn: Arc::new(Semaphore::new(1)),
            moved: Arc::new(Mutex::new(Instant::now())),
            looks: TaskTracker::new(),
            hard_stop,
            pulse: Pulse::default(),
        }
    }

    /// Shows that it works.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Works until it is told to stop, then ends the looks that have begun. What is still under way when it is told to stop hard is dropped:
    /// its intention is committed, so the next look knows what to look for.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // Listening begins before the look into the queue, so that nothing that comes in between is missed.
            let work = self.mirror.lanes.work().notified();
            let Some(leave) = stop.run_until_cancelled(self.leave()).await else {
                break;
            };
            let most = leave.slots.num_permits();
            let took = self.begin(leave).await.unwrap_or_else(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the queue could not be read");
                0
            });
            self.pulse.beat();
            if took == most {
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

    /// Waits until ten boards may be taken, or as many tens as there are slots, so that they are read by tens; but when nothing moves, for
    /// fewer.
    async fn leave(&self) -> Leave {
        let ten = TOGETHER.min(self.side_by_side);
        let (mut leave, step) = tokio::select! {
            biased;
            (slots, turn) = async { tokio::join!(taken(&self.slots, ten), taken(&self.turn, 1)) } => {
                (Leave { slots, turn: Some(turn) }, ten)
            }
            () = self.standstill() => {
                let slots = taken(&self.slots, 1).await;
                (Leave { slots, turn: None }, 1)
            }
        };
        let step = permits(step);
        while let Ok(more) = Arc::clone(&self.slots).try_acquire_many_owned(step) {
            leave.slots.merge(more);
        }
        leave
    }

    async fn standstill(&self) {
        loop {
            let over = *self.moved() + STANDSTILL;
            if over <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(over).await;
        }
    }

    fn moved(&self) -> MutexGuard<'_, Instant> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins looks at as many due boards as there is leave for. Says how many it began.
    async fn begin(&self, mut leave: Leave) -> Result<usize, StoreError> {
        let claims = self.claim(leave.slots.num_permits(), None).await?;
        let took = claims.len();
        for group in groups(claims) {
            let slots = leave.slots.split(group.claims.len());
            let slots = slots.expect("no more boards are taken than there are slots");
            let turn = leave.turn.take_if(|_| group.may_grow);
            *self.moved() = Instant::now();
            let leave = Leave { slots, turn };
            self.looks.spawn(self.clone().attend_group(group, leave));
        }
        Ok(took)
    }

    /// Reads boards together; from there on each look goes on by itself.
    async fn attend_group(self, group: Group, mut leave: Leave) {
        let glimpses = self.glimpse(&group.claims).await;
        if let Some(turn) = leave.turn.take() {
            self.looks.spawn(self.clone().pass_on(turn));
        }
        for (claim, glimpse) in group.claims.into_iter().zip(glimpses) {
            let (worker, slot) = (self.clone(), leave.slots.split(1));
            self.looks.spawn(async move {
                let span = looking(&claim);
                worker.look(&claim, glimpse).instrument(span).await;
                *worker.moved() = Instant::now();
                drop(slot);
            });
        }
    }

    /// Lets the next few boards be read.
    async fn pass_on(self, turn: OwnedSemaphorePermit) {
        let gathering = self.mirror.gathering();
        if !gathering.is_zero() {
            let stopped = self.mirror.stop.clone();
            let _: Option<()> = stopped
                .run_until_cancelled(tokio::time::sleep(gathering))
                .await;
        }
        drop(turn);
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
        let glimpse = self.glimpse(std::slice::from_ref(claim)).await.pop()?;
        self.look(claim, glimpse).instrument(looking(claim)).await
    }

    /// What is read of claimed boards. Nothing when it was told to stop hard: then their leases are given back.
    async fn glimpse(&self, claims: &[Claim]) -> Vec<Glimpse> {
        let glimpses = Box::pin(self.mirror.glimpse(claims).instrument(reading(claims)));
        if let Some(glimpses) = self.hard_stop.run_until_cancelled(glimpses).await {
            return glimpses;
        }
        for claim in claims {
            self.hand_back(claim).await;
        }
        Vec::new()
    }

    /// The lease runs out by itself when the store does not answer.
    async fn hand_back(&self, claim: &Claim) {
        let _ = self.mirror.store.hand_back(Whose::Board(claim.fence)).await;
    }

    async fn look(&self, claim: &Claim, glimpse: Glimpse) -> Option<Failure> {
        let claimed = glimpse.since;
        let before = self.mirror.surroundings.now();
        let store = &self.mirror.store;
        let looked = self
            .hard_stop
            .run_until_cancelled(Box::pin(self.mirror.look(claim, glimpse)))
            .await;
        let now = claim.taken.plus(claimed.elapsed());
        let failure = looked.as_ref().and_then(|looked| looked.failure().cloned());
        let settlement = looked.and_then(|looked| {
            log(claim, &looked);
            settlement(claim, looked, now, fastrand::f64())
        });
        let Some(settlement) = settlement else {
            self.give_back(claim, claimed).await;
            return failure;
        };
        let mut settled = store.settle(claim.fence, &settlement).await;
        while self.tries_again(&settled, claimed).await {
            settled = store.settle(claim.fence, &settlement).await;
        }
        match settled {
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

    /// The lease runs out by itself when the store does not answer for so long.
    async fn give_back(&self, claim: &Claim, claimed: Instant) {
        let whose = Whose::Board(claim.fence);
        let mut given = self.mirror.store.hand_back(whose).await;
        while self.tries_again(&given, claimed).await {
            given = self.mirror.store.hand_back(whose).await;
        }
    }

    /// Whether to tell the database once more what it did not take, after a moment: while it is away and the board is ours, nobody else
    /// looks at the board anyway. Whoever is told to stop leaves it at that.
    async fn tries_again<T>(&self, told: &Result<T, StoreError>, claimed: Instant) -> bool {
        let is_away = matches!(told, Err(StoreError::Away { .. }));
        if !is_away || claimed.elapsed() > self.mirror.lease() {
            return false;
        }
        let moment = tokio::time::sleep(POLL);
        self.mirror.stop.run_until_cancelled(moment).await.is_some()
    }

    /// Whether what a board waits for has come while it was looked at: the wake-up went by before it was told to wait.
    fn is_gone(&self, waiting: Waiting, before: &Known) -> bool {
        let known = self.mirror.surroundings.now();
        match waiting {
            Waiting::Audit => before.audited.is_none() && known.audited.is_some(),
            Waiting::Baseline => !before.says_the_same_of_boards(&known),
            Waiting::Lane(_) | Waiting::Brake => self.mirror.lanes.is_over(waiting),
            // These have a time of their own.
            Waiting::Confirmation | Waiting::Operation | Waiting::Grace | Waiting::Deletion => {
                false
            }
        }
    }

    async fn look_again(&self, board: BoardId) {
        if let Err(error) = self.mirror.store.hint(&[board]).await {
            tracing::error!(board.id = %board, %error, "a waiting board could not be woken; the next sweep will");
        }
        self.mirror.lanes.work().notify_one();
    }
}

/// The span of a look: a part of the trace of the delivery that made the board due.
fn looking(claim: &Claim) -> Span {
    let board = claim.fence.board;
    let span = tracing::info_span!(
        "look", otel.kind = "consumer", board.id = %board, attempt = claim.fence.attempt, trace.id = Empty
    );
    telemetry::follow(&span, claim.trace.as_deref());
    span
}

/// The span in which boards are read together, shown in the trace of the first that has one.
fn reading(claims: &[Claim]) -> Span {
    let span = tracing::debug_span!("read", boards = claims.len(), trace.id = Empty);
    let trace = claims.iter().find_map(|claim| claim.trace.as_deref());
    telemetry::follow(&span, trace);
    span
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_slots_for_whole_tens() {
        let table = [(1, 20), (4, 20), (5, 20), (6, 30), (64, 140)];
        for (writes, slots) in table {
            assert_eq!(side_by_side(writes), slots, "{writes}");
        }
    }
}
