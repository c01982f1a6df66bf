//! Lanes: whether a service, or one kind of call to it, may be used now.
//!
//! Blame the right thing. After a failure that could be the service's, a neutral read decides: when that fails too, the lane closes and boards
//! wait; when it passes, the board is to blame. A gate closes one kind of call alone. The rows in the store show what is closed and why.

mod charge;
mod control;
mod wake;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::docspace::DocSpace;
use crate::lane::control::Controls;
use crate::lane::wake::Vigil;
use crate::model::failure::{Code, Failure, Suspect};
use crate::model::id::BoardId;
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::retry::{GATE, SERVICE};
use crate::store::{Store, StoreError};
use crate::trello::Trello;

pub use charge::{Charge, Verdict};

/// A gate lets one board try; if that one does not come to it, another may after this.
const TRIAL: Duration = Duration::from_secs(5);

/// All lanes of this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Lanes {
    store: Arc<dyn Store>,
    /// Whether the rows in the store are ours to write: what a command finds closed is its own affair.
    shown: bool,
    controls: Arc<Controls>,
    closed: Arc<Mutex<HashMap<Lane, Closed>>>,
    /// Counted up before and after what is closed changes here and is written down: what was read in between is stale.
    changing: Arc<AtomicU64>,
    /// The board that was refused last at a gate: two different ones in a row close it.
    refused: Arc<Mutex<HashMap<Lane, (BoardId, Code)>>>,
    /// What is left to do for boards that wait.
    vigil: Arc<Mutex<Vigil>>,
    /// Told when boards were made due.
    work: Arc<Notify>,
    /// Told when a lane opens.
    opened: Arc<Notify>,
    /// Told when Trello answers again: deliveries may have been lost meanwhile.
    trello_is_back: Arc<Notify>,
}

#[derive(Debug, Clone)]
struct Closed {
    pause: Pause,
    /// A gate on trial: from when one board may try.
    trial: Option<Instant>,
}

impl Lanes {
    /// Those of a service: what it finds closed is written down. All open, until they are restored.
    #[must_use]
    pub fn of_service(store: Arc<dyn Store>, trello: Trello, docspace: DocSpace) -> Self {
        Self {
            shown: true,
            ..Self::fresh(store, trello, docspace)
        }
    }

    /// Closes what an earlier process left closed.
    pub async fn restore(&self) -> Result<(), StoreError> {
        let closed = self.store.lanes().await?;
        self.table().extend(
            closed
                .into_iter()
                .map(|(lane, pause)| (lane, Closed { pause, trial: None })),
        );
        Ok(())
    }

    /// All lanes open: for a person who asks now, what was tried before does not count.
    #[must_use]
    pub fn fresh(store: Arc<dyn Store>, trello: Trello, docspace: DocSpace) -> Self {
        Self {
            closed: Arc::default(),
            changing: Arc::default(),
            store,
            shown: false,
            controls: Arc::new(Controls::new(trello, docspace)),
            refused: Arc::default(),
            vigil: Arc::default(),
            work: Arc::default(),
            opened: Arc::default(),
            trello_is_back: Arc::default(),
        }
    }

    /// What wakes the worker, for those who only ring it.
    #[must_use]
    pub fn work_bell(&self) -> Arc<Notify> {
        self.work.clone()
    }

    /// Wakes the worker.
    #[must_use]
    pub fn work(&self) -> &Notify {
        &self.work
    }

    #[must_use]
    pub fn trello_is_back(&self) -> &Notify {
        &self.trello_is_back
    }

    /// What is closed now.
    #[must_use]
    pub fn closed(&self) -> Vec<(Lane, Pause)> {
        let mut closed: Vec<_> = self
            .table()
            .iter()
            .map(|(lane, closed)| (*lane, closed.pause.clone()))
            .collect();
        closed.sort_by_key(|(lane, _)| *lane);
        closed
    }

    /// Whether a lane is open. A gate on trial is not.
    #[must_use]
    pub fn is_open(&self, lane: Lane) -> bool {
        !self.table().contains_key(&lane)
    }

    /// Waits until a lane is open: whoever asks a service that is known to be ill only prolongs that.
    pub async fn until_open(&self, lane: Lane) {
        loop {
            let mut opened = std::pin::pin!(self.opened.notified());
            opened.as_mut().enable();
            if self.is_open(lane) {
                return;
            }
            opened.await;
        }
    }

    /// Whether a call may go through a gate now. Of a gate on trial the first to ask may; the others wait for how that ends.
    #[must_use]
    pub fn pass(&self, gate: Lane) -> bool {
        let mut table = self.table();
        let Some(closed) = table.get_mut(&gate) else {
            return true;
        };
        let now = Instant::now();
        match closed.trial {
            Some(from) if from <= now => {
                closed.trial = Some(now + TRIAL);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Decides who is to blame for a failed call to a service.
    pub async fn judge(&self, service: Lane, charge: &Charge) -> Verdict {
        match charge.suspect {
            Suspect::Call => return Verdict::Call,
            Suspect::Service => {}
        }
        let doubt = Instant::now();
        let mut turn = self.controls.turn(service).await;
        // Whoever had the turn before may have closed it.
        if !self.is_open(service) {
            return Verdict::Lane(service);
        }
        match turn.read(doubt).await {
            Ok(()) => Verdict::Call,
            Err(control) => {
                self.close(service, control.failure, control.retry_after)
                    .await;
                Verdict::Lane(service)
            }
        }
    }

    /// Decides who is to blame when DocSpace, which answers otherwise, refuses one kind of call.
    pub async fn judge_gate(&self, gate: Lane, board: BoardId, charge: &Charge) -> Verdict {
        let at_once =
            charge.failure.code == Code::DocSpaceQuotaFull || charge.retry_after.is_some();
        // What DocSpace does not carry out it says no reason for: of a restore, a full plan is the likeliest.
        let stalled = charge.failure.code == Code::DocSpaceOperationStalled;
        let at_once = at_once || (stalled && gate == Lane::Restore);
        let common = matches!(
            charge.failure.code,
            Code::DocSpaceForbidden
                | Code::DocSpaceRateLimited
                | Code::DocSpaceUnavailable
                | Code::DocSpaceOperationStalled
        );
        let before = self
            .last_refused()
            .insert(gate, (board, charge.failure.code));
        let second =
            before.is_some_and(|(other, code)| other != board && code == charge.failure.code);
        let on_trial = self.table().contains_key(&gate);
        if !at_once && !(common && (second || on_trial)) {
            return Verdict::Call;
        }
        self.close(gate, charge.failure.clone(), charge.retry_after)
            .await;
        Verdict::Lane(gate)
    }

    /// A call went through a gate: it is open, and the two refusals in a row are none.
    pub async fn went_through(&self, gate: Lane) {
        self.last_refused().remove(&gate);
        if !self.is_open(gate) {
            self.open(gate).await;
        }
    }

    /// Closes a lane, or keeps it closed for longer.
    pub async fn close(&self, lane: Lane, failure: Failure, retry_after: Option<Duration>) {
        let now = Timestamp::now();
        let before = self.table().get(&lane).map(|closed| closed.pause.clone());
        let failures = before
            .as_ref()
            .map_or(1, |pause| pause.failures.saturating_add(1));
        // A service that asks for more than is sensible is tried all the same; the limit of writes is one of a day.
        let (backoff, longest) = match lane.kind() {
            LaneKind::Service => (SERVICE, Duration::from_mins(15)),
            LaneKind::Gate | LaneKind::Brake => (GATE, Duration::from_hours(24)),
        };
        let retry_after = retry_after.unwrap_or_default().min(longest);
        let wait = match lane.kind() {
            // Nothing is tried: a person decides.
            LaneKind::Brake => Duration::ZERO,
            LaneKind::Service | LaneKind::Gate => backoff
                .steady_wait(failures, fastrand::f64())
                .max(retry_after),
        };
        let since = before.as_ref().map_or(now, |pause| pause.since);
        let pause = Pause {
            failure,
            since,
            until: now.plus(wait),
            failures,
        };
        if before.as_ref().map(|before| before.failure.code) != Some(pause.failure.code) {
            tracing::warn!(lane = %lane, code = %pause.failure.code, fix = pause.failure.code.fix(), "{}; boards wait", pause.failure);
        }
        let closed = Closed {
            pause: pause.clone(),
            trial: None,
        };
        self.changing.fetch_add(1, Ordering::SeqCst);
        self.table().insert(lane, closed);
        self.keep(lane, Some(&pause)).await;
        self.changing.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes over what others wrote down: a person who wants everything tried at once, or lets the brake go; another process.
    async fn learn(&self) -> Result<(), StoreError> {
        let before = self.changing.load(Ordering::SeqCst);
        let written: HashMap<_, _> = self.store.lanes().await?.into_iter().collect();
        let mut opened = Vec::new();
        // An odd number: a change is being written down.
        if before % 2 == 1 || self.changing.load(Ordering::SeqCst) != before {
            return Ok(());
        }
        {
            let mut table = self.table();
            for (lane, closed) in table.iter_mut() {
                match written.get(lane) {
                    Some(pause) => closed.pause.until = closed.pause.until.min(pause.until),
                    None => opened.push(*lane),
                }
            }
            for (lane, pause) in written {
                table.entry(lane).or_insert(Closed { pause, trial: None });
            }
        }
        for lane in opened {
            self.open(lane).await;
        }
        Ok(())
    }

    /// Opens a lane and lets everything that waited for it go on.
    async fn open(&self, lane: Lane) {
        self.changing.fetch_add(1, Ordering::SeqCst);
        let closed = self.table().remove(&lane);
        if closed.is_some() {
            self.keep(lane, None).await;
        }
        self.changing.fetch_add(1, Ordering::SeqCst);
        let Some(closed) = closed else {
            return;
        };
        let span = Timestamp::now().since(closed.pause.since);
        tracing::info!(lane = %lane, paused_ms = span.as_millis(), "{lane} works again");
        let waiting = match lane.kind() {
            LaneKind::Service | LaneKind::Gate => Waiting::Lane(lane),
            LaneKind::Brake => Waiting::Brake,
        };
        self.opened.notify_waiters();
        if lane == Lane::Trello {
            self.trello_is_back.notify_waiters();
        }
        self.wake(waiting).await;
    }

    /// Tries what is closed and due for it; wakes what waits for nothing. One step of the keeper.
    pub async fn tick(&self) {
        if let Err(error) = self.learn().await {
            tracing::error!(%error, "the state of the lanes could not be read");
        }
        let now = Timestamp::now();
        for (lane, pause) in self.closed() {
            if pause.until > now {
                continue;
            }
            match lane.kind() {
                LaneKind::Service => {
                    match self.controls.turn(lane).await.read(Instant::now()).await {
                        Ok(()) => self.open(lane).await,
                        Err(control) => {
                            self.close(lane, control.failure, control.retry_after).await;
                        }
                    }
                }
                LaneKind::Gate => self.put_on_trial(lane).await,
                LaneKind::Brake => {}
            }
        }
        self.wake_the_rest().await;
        self.wake_the_forgotten().await;
    }

    async fn keep(&self, lane: Lane, pause: Option<&Pause>) {
        if self.shown
            && let Err(error) = self.store.set_lane(lane, pause).await
        {
            tracing::error!(%error, lane = %lane, "the state of a lane could not be stored");
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Lane, Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_refused(&self) -> MutexGuard<'_, HashMap<Lane, (BoardId, Code)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
