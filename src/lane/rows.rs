//! The rows of lanes: written when a lane closes or opens here, and read for what others have closed or opened.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::lane::Lanes;
use crate::model::failure::Failure;
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::retry::{GATE, SERVICE};
use crate::store::{Closing, Opened, StoreError};

impl Lanes {
    /// Closes a lane, or keeps it closed for longer. Where another service did so at the same time, that counts for both.
    pub async fn close(&self, lane: Lane, failure: Failure, retry_after: Option<Duration>) {
        let _turn = self.rows.lock().await;
        let before = self.table().get(&lane).cloned();
        let closing = closing(lane, before.as_ref(), retry_after);
        let written = if self.shown {
            self.store.close_lane(lane, &failure, closing).await
        } else {
            Ok(Some(self.as_closed_here(
                &failure,
                before.as_ref(),
                closing,
            )))
        };
        match written {
            Ok(Some(pause)) => self.take_closed(lane, pause),
            // Another was faster. What cannot be read now is read within half a second.
            Ok(None) => drop(self.read().await),
            // It is closed here until the rows can be read again.
            Err(error) => {
                tracing::error!(%error, lane = %lane, "the state of a lane could not be stored");
                let pause = self.as_closed_here(&failure, before.as_ref(), closing);
                self.take_closed(lane, pause);
            }
        }
    }

    /// As the store would have written it.
    fn as_closed_here(&self, failure: &Failure, before: Option<&Pause>, closing: Closing) -> Pause {
        let now = self.now();
        let wait = before.map_or(closing.first, |_| closing.again);
        Pause {
            failure: failure.clone(),
            since: before.map_or(now, |pause| pause.since),
            until: now.plus(wait),
            failures: before.map_or(1, |pause| pause.failures.saturating_add(1)),
        }
    }

    /// Says so where the cause is another one than before.
    fn take_closed(&self, lane: Lane, pause: Pause) {
        let failure = pause.failure.clone();
        let before = self.table().insert(lane, pause);
        if before.map(|before| before.failure.code) != Some(failure.code) {
            tracing::warn!(lane = %lane, code = %failure.code, fix = failure.code.fix(), "{failure}; boards wait");
        }
    }

    /// Takes over what is written down: another service has closed or opened a lane, or a person wants all tried at once.
    pub async fn learn(&self) -> Result<(), StoreError> {
        let _turn = self.rows.lock().await;
        self.read().await
    }

    pub(super) async fn catch_up(&self) {
        if self.shown {
            self.follow().await;
        }
    }

    /// One step of following what others write down. It is said once when they cannot be read.
    pub async fn follow(&self) {
        self.wake_the_rest().await;
        match self.learn().await {
            Ok(()) => self.unread.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.unread.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the state of the lanes could not be read");
                }
            }
        }
    }

    /// To be called by whoever has the turn at the rows.
    async fn read(&self) -> Result<(), StoreError> {
        let paused = self.store.lanes().await?;
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((paused.now, Instant::now()));
        let written: HashMap<_, _> = paused.lanes.into_iter().collect();
        let opened: Vec<_> = self
            .table()
            .extract_if(|lane, _| !written.contains_key(lane))
            .collect();
        for (lane, pause) in written {
            self.take_closed(lane, pause);
        }
        // Whoever opened it has woken the boards that waited.
        for (lane, pause) in opened {
            self.tell_opened(lane, &pause);
        }
        Ok(())
    }

    /// Opens a lane and lets everything that waited for it go on. Of two who open it one wakes the boards.
    pub(super) async fn open(&self, lane: Lane) {
        let (opened, before) = {
            let _turn = self.rows.lock().await;
            let opened = if self.shown {
                self.store.open_lane(lane).await
            } else {
                Ok(Opened::Now)
            };
            match opened {
                Ok(opened) => (opened, self.table().remove(&lane)),
                Err(error) => {
                    return tracing::error!(%error, lane = %lane, "a lane could not be opened; it is tried again");
                }
            }
        };
        match opened {
            Opened::Now => {
                self.wake(awaited(lane)).await;
            }
            Opened::Before => {}
        }
        if let Some(pause) = before {
            self.tell_opened(lane, &pause);
        }
    }

    fn tell_opened(&self, lane: Lane, pause: &Pause) {
        let span = self.now().since(pause.since);
        tracing::info!(lane = %lane, paused_ms = span.as_millis(), "{lane} works again");
        self.opened.notify_waiters();
        self.work.notify_one();
        if lane == Lane::Trello {
            self.trello_is_back.notify_waiters();
        }
    }

    /// The database's clock; before it was first read, this machine's.
    pub(super) fn now(&self) -> Timestamp {
        let read = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        read.map_or_else(Timestamp::now, |(now, at)| now.plus(at.elapsed()))
    }
}

/// How long a lane is closed that was closed as `before` says, or was open.
fn closing(lane: Lane, before: Option<&Pause>, retry_after: Option<Duration>) -> Closing {
    // A service that asks for more than is sensible is tried all the same; the limit of writes is one of a day.
    let (backoff, longest) = match lane.kind() {
        LaneKind::Service => (SERVICE, Duration::from_mins(15)),
        LaneKind::Gate | LaneKind::Brake => (GATE, Duration::from_hours(24)),
    };
    let (asked, chance) = (
        retry_after.unwrap_or_default().min(longest),
        fastrand::f64(),
    );
    let wait = |failures| match lane.kind() {
        // Nothing is tried: a person decides.
        LaneKind::Brake => Duration::ZERO,
        LaneKind::Service | LaneKind::Gate => backoff.steady_wait(failures, chance).max(asked),
    };
    let failures = before.map_or(0, |pause| pause.failures);
    Closing {
        known: before.map(|pause| (pause.since, pause.failures)),
        first: wait(1),
        again: wait(failures.saturating_add(1)),
        on_trial: match lane.kind() {
            LaneKind::Service => false,
            LaneKind::Gate | LaneKind::Brake => true,
        },
    }
}

/// What boards wait for while a lane is closed.
fn awaited(lane: Lane) -> Waiting {
    match lane.kind() {
        LaneKind::Service | LaneKind::Gate => Waiting::Lane(lane),
        LaneKind::Brake => Waiting::Brake,
    }
}
