//! Lanes: whether a service, or one kind of call to it, may be used now.
//!
//! Blame the right thing. After a failure that could be the service's, a neutral read decides: when that fails too, the lane closes and boards
//! wait; when it passes, the board is to blame. A gate closes one kind of call alone.
//!
//! The rows in the store say what is closed and why. Services on one database share them: what one closes or opens is closed or open for all
//! within a second, and only whoever leads tries what is closed. All moments are the database's.

mod charge;
mod control;
mod keeper;
mod rows;
mod wake;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::docspace::DocSpace;
use crate::lane::control::Controls;
use crate::model::failure::{Code, Suspect};
use crate::model::id::BoardId;
use crate::model::lane::{Lane, Pause};
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::store::{Passage, Store, StoreError};
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
    closed: Arc<Mutex<HashMap<Lane, Pause>>>,
    /// Held while the rows are read or written, so that what is known here never becomes older than it was.
    rows: Arc<tokio::sync::Mutex<()>>,
    /// What the database's clock said, and when.
    clock: Arc<Mutex<Option<(Timestamp, Instant)>>>,
    /// Whether they could not be read the last time.
    unread: Arc<AtomicBool>,
    /// The board that was refused last at a gate: two different ones in a row close it.
    refused: Arc<Mutex<HashMap<Lane, (BoardId, Code)>>>,
    /// Of those who wait for these not all have been woken yet.
    unfinished: Arc<Mutex<Vec<Waiting>>>,
    /// Told when boards were made due.
    work: Arc<Notify>,
    /// Told when a lane opens.
    opened: Arc<Notify>,
    /// Told when Trello answers again: deliveries may have been lost meanwhile.
    trello_is_back: Arc<Notify>,
}

impl Lanes {
    /// Those of a service: what it finds closed is written down. All open, until what is written down was [learnt](Self::learn).
    #[must_use]
    pub fn of_service(store: Arc<dyn Store>, trello: Trello, docspace: DocSpace) -> Self {
        Self {
            shown: true,
            ..Self::fresh(store, trello, docspace)
        }
    }

    /// All lanes open: for a person who asks now, what was tried before does not count.
    #[must_use]
    pub fn fresh(store: Arc<dyn Store>, trello: Trello, docspace: DocSpace) -> Self {
        Self {
            closed: Arc::default(),
            rows: Arc::default(),
            clock: Arc::default(),
            unread: Arc::default(),
            store,
            shown: false,
            controls: Arc::new(Controls::new(trello, docspace)),
            refused: Arc::default(),
            unfinished: Arc::default(),
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
            .map(|(lane, pause)| (*lane, pause.clone()))
            .collect();
        closed.sort_by_key(|(lane, _)| *lane);
        closed
    }

    /// Whether a lane is open. A gate on trial is not.
    #[must_use]
    pub fn is_open(&self, lane: Lane) -> bool {
        !self.table().contains_key(&lane)
    }

    /// How long until a lane that is closed is tried again.
    #[must_use]
    pub fn tried_again_in(&self, lane: Lane) -> Option<Duration> {
        let until = self.table().get(&lane)?.until;
        Some(until.since(self.now()))
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

    /// Whether a call may go through a gate now. Of a gate on trial the first board to ask may, whoever looks at it; the others wait for how
    /// that ends.
    pub async fn pass(&self, gate: Lane) -> Result<Passage, StoreError> {
        if self.is_open(gate) {
            Ok(Passage::Passed)
        } else if self.shown {
            self.store.try_gate(gate, TRIAL).await
        } else {
            Ok(Passage::Held)
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
        // Whoever had the turn before may have closed it, and so may another service.
        if self.is_open(service) && !turn.has_passed_since(doubt) {
            self.catch_up().await;
        }
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

    fn table(&self) -> MutexGuard<'_, HashMap<Lane, Pause>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_refused(&self) -> MutexGuard<'_, HashMap<Lane, (BoardId, Code)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
