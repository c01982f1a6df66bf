//! What whoever leads does about lanes: it tries what is closed, and wakes what waits for nothing.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::lane::{Lanes, TRIAL};
use crate::model::lane::{Lane, LaneKind};
use crate::model::status::Waiting;
use crate::store::{Passage, StoreError};

impl Lanes {
    /// Tries what is closed and due for it; wakes what waits for nothing. One step of the keeper, for one service at a time: the control reads
    /// are made one after another.
    pub async fn tend(&self) {
        if let Err(error) = self.try_closed().await
            && !self.unread.swap(true, Ordering::Relaxed)
        {
            tracing::error!(%error, "closed lanes could not be looked after");
        }
    }

    async fn try_closed(&self) -> Result<(), StoreError> {
        // Read before the lanes: what is known to be open then was so when a board was seen to wait for it, or has been opened since.
        let awaited = self.store.awaited().await?;
        self.learn().await?;
        let now = self.now();
        for (lane, pause) in self.closed() {
            if pause.until > now {
                continue;
            }
            match lane.kind() {
                LaneKind::Service => self.try_service(lane).await,
                LaneKind::Gate => self.begin_trial(lane).await?,
                LaneKind::Brake => {}
            }
        }
        self.wake_the_forgotten(awaited).await;
        Ok(())
    }

    async fn try_service(&self, lane: Lane) {
        match self.controls.turn(lane).await.read(Instant::now()).await {
            Ok(()) => self.open(lane).await,
            Err(control) => {
                self.close(lane, control.failure, control.retry_after).await;
            }
        }
    }

    /// Lets one board try whether a gate is open again.
    async fn begin_trial(&self, gate: Lane) -> Result<(), StoreError> {
        match self.store.put_on_trial(gate, TRIAL).await? {
            Passage::Passed => {
                if self.wake_some(Waiting::Lane(gate), 1).await == Some(0) {
                    // Nobody waits any more: the next board will tell.
                    self.open(gate).await;
                }
            }
            Passage::Held => {}
        }
        Ok(())
    }
}
