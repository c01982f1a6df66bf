//! What the pages show of many boards, and of what happened to one: the latest first, in parts that cost the same wherever they begin.

use async_trait::async_trait;

use crate::model::id::BoardId;
use crate::store::{Cursor, Happened, Page, Standing, StoreError};

#[async_trait]
pub trait Lists {
    /// The boards that came to us last before `before`, as far as the filter lets them through; from the end without one. Of a text some
    /// hundred names are read at a time: the next part may have boards where this one has none.
    async fn latest(
        &self,
        filter: &Filter,
        before: Option<Cursor>,
        most: u32,
    ) -> Result<Page<Entry>, StoreError>;

    /// What happened to a board, the latest first, before `before`; from the end without one.
    async fn latest_history(
        &self,
        board: BoardId,
        before: Option<Cursor>,
        most: u32,
    ) -> Result<Page<Happened>, StoreError>;

    /// A number that is another one when anything has happened to any board.
    async fn pulse(&self) -> Result<i64, StoreError>;
}

/// Which boards are shown. The default lets all through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// A stored status; with a reason only those with this one. `twins` is that of mirrored boards which have some, and no other reason.
    pub status: Option<String>,
    pub reason: Option<String>,
    /// A part of the name, in letters of any case, or all of an id or of a short link.
    pub text: Option<String>,
}

/// A board of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub standing: Standing,
    /// Whether we left its room in the archive.
    pub is_archived: bool,
}
