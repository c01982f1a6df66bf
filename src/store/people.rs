//! What people say of boards beside [`tell`](crate::store::Boards::tell): that they are to be tried again, and which room is right.

use async_trait::async_trait;

use crate::model::id::{BoardId, RoomId};
use crate::model::lane::Lane;
use crate::model::room::Room;
use crate::store::StoreError;

/// A person's word.
#[async_trait]
pub trait People {
    /// Makes these boards due and forgives their failures. Says how many there are.
    async fn retry(&self, boards: &[BoardId]) -> Result<u64, StoreError>;

    /// The same for all boards that failed, are failing, or wait for anything but a brake: that one has a word of its own.
    async fn retry_all(&self) -> Result<u64, StoreError>;

    /// Services and gates that are closed are tried at once by whoever runs; brakes stay. Says which.
    async fn retry_lanes(&self) -> Result<Vec<Lane>, StoreError>;

    /// From now on this is the room of the board, whichever it had before; what was known of the old one is forgotten. Of the others that
    /// carry its tag it is settled that they are not. Whoever holds the board loses it.
    async fn link(
        &self,
        board: BoardId,
        room: &Room,
        others: &[RoomId],
    ) -> Result<Linked, StoreError>;
}

/// Whether a room was linked to a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It is; this is the room that the board had before.
    Linked { before: Option<RoomId> },
    /// The room is recorded for this other board.
    Taken(BoardId),
}
