//! Whose boards are watched: the token's member, and workspaces.

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::id::{BoardId, MemberId, WorkspaceId};

/// The token's member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: MemberId,
    pub username: String,
    /// The pseudo-board behind the member's inbox.
    pub inbox: Option<BoardId>,
}

/// A workspace that the member belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    pub id: WorkspaceId,
    /// The short name in its URL.
    #[serde(default, deserialize_with = "or_empty")]
    pub name: String,
    #[serde(default, rename = "displayName", deserialize_with = "or_empty")]
    pub display_name: String,
}

fn or_empty<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    Option::deserialize(text).map(Option::unwrap_or_default)
}
