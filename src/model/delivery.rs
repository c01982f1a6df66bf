//! A delivery of Trello's that matters: word that a board is worth a look.

use crate::model::id::{ActionId, BoardId, WorkspaceId};

/// A verified delivery that says: look at this board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The same action may arrive by several webhooks, and more than once by each.
    pub action: ActionId,
    /// Trello's name for what happened, such as `addToOrganizationBoard`.
    pub kind: String,
    pub board: BoardId,
    /// The workspace that the board was added to, if that is what happened.
    pub appeared: Option<WorkspaceId>,
}

/// Whether a delivery was stored now or had been before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    New,
    Duplicate,
}

/// A delivery that is kept for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub reason: String,
    pub body: Vec<u8>,
}
