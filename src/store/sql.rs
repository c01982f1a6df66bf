//! The store on SQL: one text of every rule, for each database that has an [`Engine`].
//!
//! Times are milliseconds since 1970 by the database's clock. Everything but bytes is a 64-bit integer or text in both databases; a truth
//! is 0 or 1. No remote call is ever made inside a transaction.

mod boards;
mod budget;
mod compare;
mod deliveries;
pub(super) mod engine;
mod figures;
mod lists;
mod many;
mod notices;
mod people;
mod queue;
mod row;
mod shared;
mod state;
pub(super) mod statement;
mod tally;
mod upkeep;
mod views;
mod waking;

use async_trait::async_trait;

use crate::store::sql::engine::Engine;
use crate::store::{Store, StoreError};

/// A store on one database.
#[derive(Debug, Clone)]
pub struct Sql<E> {
    pub(super) engine: E,
}

#[async_trait]
impl<E: Engine> Store for Sql<E> {
    async fn open(&self) -> Result<(), StoreError> {
        self.engine.open().await
    }
}
