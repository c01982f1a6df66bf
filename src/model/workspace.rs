//! Whose boards are watched: the token's member, and workspaces.

use serde::Deserialize;

use crate::model::id::{BoardId, MemberId, WorkspaceId};

/// The token's member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub username: String,
    /// The pseudo-board behind the member's inbox.
    pub inbox: Option<BoardId>,
}

/// A workspace that the member belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Workspace {
    pub id: WorkspaceId,
    /// The short name in its URL.
    #[serde(default)]
    pub name: String,
    #[serde(default, rename = "displayName")]
    pub display_name: String,
}
