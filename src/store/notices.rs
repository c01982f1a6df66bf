//! What people were told of and what they are still to be told: alerts, one a cause, and notices that wait to be posted.
//!
//! All moments are the database's.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::time::Timestamp;
use crate::store::StoreError;

/// A cause that somebody was told of and that was not told to be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its stable name; a newer program may have written one that this one does not know.
    pub cause: String,
    /// Since when it holds.
    pub since: Timestamp,
    /// Of how many it was last told, and when.
    pub told: u64,
    pub told_at: Timestamp,
    /// Since when it holds no more.
    pub over_at: Option<Timestamp>,
}

/// How an alert changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It is told of for the first time.
    Begins { since: Timestamp, told: u64 },
    /// It is told of again, for it has grown.
    Grows { before: u64, told: u64 },
    /// It holds no more; nobody is told yet.
    Rests,
    /// It holds again before anybody was told that it is over.
    Returns,
    /// It is told to be over.
    Ends,
}

/// A change of an alert, with what is to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub cause: String,
    pub turned: Turned,
    /// The body of the notice; none where nobody is told.
    pub body: Option<String>,
}

/// What waits to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Never used again.
    pub id: i64,
    pub cause: String,
    pub body: String,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// How long it has been waiting.
    pub age: Duration,
}

/// Kept by whoever has the upkeep.
#[async_trait]
pub trait Notices {
    async fn alerts(&self) -> Result<Vec<Alert>, StoreError>;

    /// Makes changes and queues what is to be posted, all together or not at all. A change that another has made meanwhile is left out,
    /// together with its notice.
    async fn turn(&self, turns: &[Turn]) -> Result<(), StoreError>;

    /// What is due to be posted, the oldest first, at most so many; of each cause only the oldest, for what came first is told first.
    async fn due_notices(&self, most: u32) -> Result<Vec<Notice>, StoreError>;

    /// How many wait to be posted.
    async fn waiting_notices(&self) -> Result<u64, StoreError>;

    /// How many of these were tried in vain.
    async fn untaken_notices(&self) -> Result<u64, StoreError>;

    /// Forgets a notice that was taken, or is too old to be of use.
    async fn forget_notice(&self, id: i64) -> Result<(), StoreError>;

    /// Counts a try in vain; the next one comes after `wait`.
    async fn defer_notice(&self, id: i64, wait: Duration) -> Result<(), StoreError>;

    /// Makes all due that were tried in vain.
    async fn hasten_notices(&self) -> Result<(), StoreError>;
}
