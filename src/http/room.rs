//! Room in memory for bodies that are longer than deliveries usually are. Nothing is known of a body before it was read whole, so a thousand
//! clients could each fill a megabyte; but few deliveries need that much, so those wait for one another.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::delivery::LONGEST_BODY;

/// So much every body may have without asking. Deliveries are of 3 to 10 kB, the longest of those with two long texts of 33 kB.
pub(super) const USUAL_BODY: usize = 64 << 10;
/// All longer bodies together.
const ROOM: usize = 16 << 20;

/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / LONGEST_BODY)))
    }
}

impl Room {
    /// Waits until there is room for one long body, and keeps that room for it until what this returns is dropped.
    pub(super) async fn take(&self) -> OwnedSemaphorePermit {
        let place = self.0.clone().acquire_owned().await;
        place.expect("the semaphore is never closed")
    }
}
