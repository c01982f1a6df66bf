//! What keeping a mirror true needs to know and to write down: lists that lack boards, rooms that differ, webhooks on boards, twins,
//! brakes, and what somebody should know.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::board::Record;
use crate::model::failure::Failure;
use crate::model::id::{BoardId, ModelId, RoomId, WebhookId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// A room as the look over all rooms shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub room: RoomId,
    pub title: String,
    pub archived: bool,
    /// Whether it carries both our tags.
    pub tagged: bool,
}

/// Whether a brake lets a board pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Passed,
    /// As many others as allowed passed within the span.
    Held,
}

/// Something that somebody should know although nothing waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// What it is about: a workspace's or a webhook's name; never a secret or an address.
    pub subject: String,
    pub failure: Failure,
    pub since: Timestamp,
}

/// What sweep, audit, guardian and brake keep.
#[async_trait]
pub trait Upkeep {
    /// Takes note of a source's complete list: makes boards with a room due that are missing from it for the first time, and forgets
    /// that those which are in it ever were. `workspace` is none for the member's personal boards. Says how many became due.
    async fn listed(
        &self,
        workspace: Option<WorkspaceId>,
        boards: &[BoardId],
    ) -> Result<u64, StoreError>;

    /// Makes mirrored boards due that lie where they are not mirrored, and those that are kept for having lain there and lie there no
    /// more; or every mirrored one.
    async fn rescope(
        &self,
        workspaces: &[WorkspaceId],
        personal: bool,
        everything: bool,
    ) -> Result<u64, StoreError>;

    /// Keeps what workspaces are called, for the day when they are seen no more.
    async fn name_sources(&self, sources: &[(ModelId, String)]) -> Result<(), StoreError>;

    /// The sources that have their baseline, with their names as far as they are known.
    async fn sources(&self) -> Result<Vec<(ModelId, Option<String>)>, StoreError>;

    /// What is kept about boards, at most so many, those after `after` in the order of their ids.
    async fn records(&self, after: Option<BoardId>, most: u32) -> Result<Vec<Record>, StoreError>;

    /// Boards that Trello said it knows no more and that no list was known to lack yet.
    async fn doubtful(&self) -> Result<Vec<BoardId>, StoreError>;

    /// Notes that a complete sweep over all sources found none of these.
    async fn unlisted(&self, boards: &[BoardId]) -> Result<(), StoreError>;

    /// Makes boards due whose recorded room differs from what a complete look over all our rooms showed, or is missing there.
    /// What is known to differ already is no news. Says how many became due.
    async fn compare_rooms(&self, rooms: &[Shown]) -> Result<u64, StoreError>;

    /// Replaces the rooms that are known as twins; those that a person settled stay settled. Answers which are new.
    async fn set_twins(&self, twins: &[(BoardId, RoomId)]) -> Result<Vec<RoomId>, StoreError>;

    /// Followed boards that have a room and no webhook of their own, the youngest first.
    async fn unhooked(&self, most: u32) -> Result<Vec<BoardId>, StoreError>;

    /// Webhooks of boards that are not followed any more; of all boards when none is to have one.
    async fn overhooked(&self, follow: bool) -> Result<Vec<(BoardId, WebhookId)>, StoreError>;

    /// The boards that have a webhook of their own.
    async fn hooks(&self) -> Result<Vec<(BoardId, WebhookId)>, StoreError>;

    /// Writes down which webhook a board has; none when it has none.
    async fn set_hooks(&self, hooks: &[(BoardId, Option<WebhookId>)]) -> Result<(), StoreError>;

    /// Forgets a model whose webhook is gone.
    async fn unwatch(&self, models: &[ModelId]) -> Result<(), StoreError>;

    /// Counts a board at a brake: it passes when fewer than `most` others did within `per`, or when it did itself.
    async fn pass_brake(
        &self,
        brake: Lane,
        board: BoardId,
        most: u32,
        per: Duration,
    ) -> Result<Passage, StoreError>;

    /// A person lets the brakes go: boards that wait for them go on whatever the brakes say, and the count begins anew.
    /// Says how many boards.
    async fn release(&self) -> Result<u64, StoreError>;

    /// Replaces all concerns with these codes' subjects by what holds now; a concern that stays keeps its `since`.
    async fn set_concerns(
        &self,
        code: crate::model::failure::Code,
        concerns: &[(String, String)],
    ) -> Result<(), StoreError>;

    async fn concerns(&self) -> Result<Vec<Concern>, StoreError>;
}
