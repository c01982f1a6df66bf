//! Room in memory for bodies that are longer than deliveries usually are. Nothing is known of a body before it was read whole, so a thousand
//! clients could each fill a megabyte; but few deliveries need that much, so those wait for one another.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So much every body may have without asking. Deliveries are of 3 to 10 kB; a thousand connections may each have such a one in memory.
pub(super) const USUAL_BODY: usize = 16 << 10;
/// All longer bodies together.
const ROOM: usize = 16 << 20;
/// What room is counted in.
const PIECE: usize = 1 << 10;

/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / PIECE)))
    }
}

impl Room {
    /// Waits until there is room for a long body of so many bytes, and keeps that room for it until what this returns is dropped.
    pub(super) async fn take(&self, bytes: usize) -> OwnedSemaphorePermit {
        let pieces = u32::try_from(bytes.min(ROOM).div_ceil(PIECE)).unwrap_or(u32::MAX);
        let place = self.0.clone().acquire_many_owned(pieces).await;
        place.expect("the semaphore is never closed")
    }
}
