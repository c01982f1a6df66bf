//! A board as Trello shows it, and what is kept about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::id::{BoardId, MemberId, ModelId, RoomId, WorkspaceId};
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// A board as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    pub id: BoardId,
    pub name: String,
    /// The eight characters of its short URL; they tell case apart.
    pub short_link: Option<String>,
    /// None for a personal board.
    pub workspace: Option<WorkspaceId>,
    pub closed: bool,
    pub kind: BoardKind,
}

impl Board {
    /// Where it is found: its workspace, or the member whose personal board it is.
    #[must_use]
    pub fn source(&self, member: MemberId) -> ModelId {
        self.workspace.map_or(member.into(), Into::into)
    }
}

/// What sort of board it is; only ordinary ones get rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardKind {
    Ordinary,
    Template,
    /// The member's inbox, which Trello lists among the boards.
    Inbox,
}

impl BoardKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Template => "template",
            Self::Inbox => "inbox",
        }
    }
}

impl FromStr for BoardKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ordinary" => Ok(Self::Ordinary),
            "template" => Ok(Self::Template),
            "inbox" => Ok(Self::Inbox),
            _ => Err(format!("unknown kind of board `{text}`")),
        }
    }
}

/// A board as a list shows it. Lists carry no kind: the field that tells templates apart is too heavy to ask for thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: BoardId,
    pub name: String,
    pub short_link: Option<String>,
    pub workspace: Option<WorkspaceId>,
    pub closed: bool,
}

/// Everything that is kept about a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: BoardId,
    /// The board when a look last settled; none until then.
    pub seen: Option<Board>,
    /// The source in whose first complete list it was, open.
    pub baseline: Option<ModelId>,
    /// The workspace that a delivery said it was added to.
    pub appeared: Option<WorkspaceId>,
    pub told: Option<Told>,
    /// Whether a person once asked for its room by name: the rules about workspaces do not concern it any more.
    pub asked: bool,
    pub status: Status,
    /// Since when it has this status.
    pub since: Timestamp,
    /// How often in a row this board, and no service, was to blame.
    pub failures: u32,
    pub failing_since: Option<Timestamp>,
    /// Since when it is known to be closed; none while it is open.
    pub closed_at: Option<Timestamp>,
    /// Since when Trello knows it no more; none while it does.
    pub gone_at: Option<Timestamp>,
    /// Since when complete lists of Trello's lack it; none while they do not.
    pub missing_at: Option<Timestamp>,
    pub room: Option<RoomRecord>,
    pub intention: Option<Intention>,
}

impl Record {
    /// Of a board of which nothing is known yet.
    #[must_use]
    pub fn of_nothing(id: BoardId) -> Self {
        Self {
            id,
            seen: None,
            baseline: None,
            appeared: None,
            told: None,
            asked: false,
            status: Status::Pending(None),
            since: Timestamp(0),
            failures: 0,
            failing_since: None,
            closed_at: None,
            gone_at: None,
            missing_at: None,
            room: None,
            intention: None,
        }
    }
}

/// What a person said about a board; it goes before every rule. All but `Ignore` are obeyed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Make its room, whatever the rules say, and again if it was deleted.
    Mirror,
    /// Make the room agree with the board, whatever was done to it by hand.
    Apply,
    /// Go on in spite of the brake.
    Release,
    /// Leave it and its room alone, from now on.
    Ignore,
}

impl Told {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Apply => "apply",
            Self::Release => "release",
            Self::Ignore => "ignore",
        }
    }
}

impl FromStr for Told {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mirror" => Ok(Self::Mirror),
            "apply" => Ok(Self::Apply),
            "release" => Ok(Self::Release),
            "ignore" => Ok(Self::Ignore),
            _ => Err(format!("unknown word about a board `{text}`")),
        }
    }
}

/// The room of a board, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    pub id: RoomId,
    /// The title that we sent; none for a room that was adopted.
    pub title_sent: Option<String>,
    /// The title that the server returned: a person renamed the room when it has another one.
    pub title_returned: String,
    /// Whether we left it in the archive; none for an adopted room that has never agreed with its board.
    pub archived: Option<bool>,
    /// Whether both our tags have been seen on it.
    pub tagged: bool,
    /// Whether the configured members were invited, or need not be.
    pub invited: bool,
    /// How many of them were dealt with so far, in the order of the configuration.
    pub invitees: u32,
    /// What people did to it by hand and is left so.
    pub drift: Option<Drift>,
    /// Writes of ours that may still come true, oldest first.
    pub changes: Vec<Change>,
}

/// What a person did to a room by hand, as far as it differs from the board. Its JSON is stored and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The title that the room has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where the room lies instead: in the archive or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub untagged: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
}

/// In words for people, without a full stop.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = Vec::new();
        if let Some(title) = &self.title {
            said.push(format!("the room is called \u{201c}{title}\u{201d}"));
        }
        match self.archived {
            Some(true) => said.push("the room is archived".to_owned()),
            Some(false) => said.push("the room is not archived".to_owned()),
            None => {}
        }
        if self.untagged {
            said.push("the room lacks a tag of ours".to_owned());
        }
        if self.deleted {
            said.push("the room was deleted".to_owned());
        }
        f.write_str(&said.join("; "))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A write of ours to a room that was committed before it was sent, and of which it is not known whether it came true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub act: Act,
    /// When it was committed, by the database's clock.
    pub at: Timestamp,
}

/// What can be done to a room. Its JSON is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// To this title, as sent.
    Rename(String),
    Archive,
    Restore,
}

/// A create that was committed before it was sent. It is closed when the room is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intention {
    pub title: String,
    /// By the database's clock.
    pub at: Timestamp,
    /// The same moment by `DocSpace`'s clock, a little early rather than late.
    pub remote_at: Timestamp,
    pub answer: Answer,
}

/// What is known of how a create ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: it may still be under way at the server.
    Unknown,
    /// The server refused it in its own words, so it is over; the room may exist all the same, for tags are written after it.
    Refused,
}

impl Answer {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unknown" => Ok(Self::Unknown),
            "refused" => Ok(Self::Refused),
            _ => Err(format!("unknown answer `{text}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_forms_of_drift_and_changes_are_these() {
        let drift = Drift {
            title: Some("Theirs".into()),
            archived: Some(true),
            untagged: true,
            deleted: false,
        };
        let text = r#"{"title":"Theirs","archived":true,"untagged":true}"#;
        assert_eq!(serde_json::to_string(&drift).unwrap(), text);
        assert_eq!(serde_json::from_str::<Drift>(text).unwrap(), drift);
        let words = "the room is called \u{201c}Theirs\u{201d}; the room is archived; the room lacks a tag of ours";
        assert_eq!(drift.to_string(), words);
        let acts = [Act::Rename("A".into()), Act::Archive, Act::Restore];
        let changes = acts.map(|act| Change {
            act,
            at: Timestamp(7),
        });
        let text =
            r#"[{"act":{"rename":"A"},"at":7},{"act":"archive","at":7},{"act":"restore","at":7}]"#;
        assert_eq!(serde_json::to_string(&changes).unwrap(), text);
        assert_eq!(serde_json::from_str::<Vec<Change>>(text).unwrap(), changes);
    }
}
