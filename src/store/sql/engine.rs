//! What a database must be able to do for the store: run a statement, and hold several together in one transaction.

use std::fmt::Debug;
use std::future::Future;

use crate::store::StoreError;
use crate::store::sql::statement::Query;

/// One database.
pub(in crate::store) trait Engine: Debug + Clone + Send + Sync + 'static {
    type Row: Row;
    type Transaction: Transaction<Row = Self::Row>;

    /// Runs a statement that only reads.
    fn read(
        &self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Runs one that writes; answers what it returns.
    fn write(
        &self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Runs one that writes; answers how many rows it wrote.
    fn execute(
        &self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Begins a transaction that will write. One that is dropped never happened.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, StoreError>> + Send;

    /// The same for one that somebody waits for: where only one may write at a time, it goes before those of [`begin`](Self::begin).
    fn begin_in_haste(&self) -> impl Future<Output = Result<Self::Transaction, StoreError>> + Send {
        self.begin()
    }

    /// Connects, and brings the schema up to date. May be asked again after an error.
    fn open(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Waits for what is under way and lets go of the database.
    fn close(&self) -> impl Future<Output = ()> + Send;

    /// The one row that a statement reads, if there is one.
    fn one(
        &self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<Option<Self::Row>, StoreError>> + Send {
        async { Ok(self.read(query).await?.into_iter().next()) }
    }
}

/// Statements that happen together or not at all.
pub(in crate::store) trait Transaction: Send {
    type Row: Row;

    fn rows(
        &mut self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    fn execute(
        &mut self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Waits until no other transaction holds this; holds it to the end. Where only one may write at a time there is nothing to wait for.
    fn lock(&mut self, what: Lock) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn commit(self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The one row that a statement returns, if there is one.
    fn one(
        &mut self,
        query: impl Into<Query> + Send,
    ) -> impl Future<Output = Result<Option<Self::Row>, StoreError>> + Send {
        async { Ok(self.rows(query).await?.into_iter().next()) }
    }
}

/// What one transaction at a time may decide about: what it reads must still be true when it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lock {
    /// Which board a room belongs to.
    Rooms,
    /// How many boards passed a brake.
    Brakes,
    /// How much of the budget of Trello requests is occupied.
    Budget,
    /// What somebody should know: what one look found takes the place of all that another found.
    Concerns,
}

/// A row of an answer.
pub(in crate::store) trait Row: Send + Sync {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: &str) -> Result<Option<&str>, StoreError>;
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
