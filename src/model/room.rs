//! A room as `DocSpace` shows it, and what we ask of one that we make.

use std::fmt;
use std::str::FromStr;

use crate::model::id::{BoardId, RoomId};
use crate::model::time::Timestamp;

/// The tag that every room of ours carries.
pub const INTEGRATION_TAG: &str = "Trello integration";
const BOARD_TAG: &str = "Trello board ";

/// The tag that binds a room to its board. The id and never the short link: `DocSpace` compares tags without case.
#[must_use]
pub fn board_tag(board: BoardId) -> String {
    format!("{BOARD_TAG}{board}")
}

/// The board that a tag names, if it is one of ours. Case is ignored, as `DocSpace` ignores it.
#[must_use]
pub fn board_of_tag(tag: &str) -> Option<BoardId> {
    let (head, id) = tag.split_at_checked(BOARD_TAG.len())?;
    head.eq_ignore_ascii_case(BOARD_TAG)
        .then(|| id.trim_end().parse().ok())?
}

/// A room as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub id: RoomId,
    pub title: String,
    pub tags: Vec<String>,
    pub archived: bool,
    /// By `DocSpace`'s clock.
    pub created: Option<Timestamp>,
    /// The user who made it (`createdBy.id`, a GUID).
    pub created_by: Option<String>,
    /// `security.EditRoom`: only an owner or a room manager may edit.
    pub editable: bool,
}

impl Room {
    /// Whether the room is tagged as that of `board`.
    #[must_use]
    pub fn belongs_to(&self, board: BoardId) -> bool {
        self.tags.iter().any(|tag| board_of_tag(tag) == Some(board))
    }

    /// Whether the room is tagged as that of any board.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.tags.iter().any(|tag| board_of_tag(tag).is_some())
    }
}

/// The kinds of room that a board can get, with the numbers that every version of `DocSpace` understands
/// (`CreateRoomRequestDto.RoomType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomType {
    FillingForms = 1,
    Collaboration = 2,
    Custom = 5,
    Public = 6,
    VirtualData = 8,
}

impl RoomType {
    pub const ALL: [Self; 5] = [
        Self::FillingForms,
        Self::Collaboration,
        Self::Custom,
        Self::Public,
        Self::VirtualData,
    ];

    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FillingForms => "filling-forms",
            Self::Collaboration => "collaboration",
            Self::Custom => "custom",
            Self::Public => "public",
            Self::VirtualData => "virtual-data",
        }
    }
}

impl FromStr for RoomType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| {
            kind.name().eq_ignore_ascii_case(text) || kind.number().to_string() == text
        });
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL
                .iter()
                .map(|kind| format!("{} ({})", kind.name(), kind.number()))
                .collect();
            format!("no such type of room; use one of {}", names.join(", "))
        })
    }
}

impl fmt::Display for RoomType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What somebody who is invited may do (`FileShare` numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Viewer = 2,
    Manager = 9,
    Editor = 10,
    Creator = 11,
}

impl Access {
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "manager" => Ok(Self::Manager),
            "creator" => Ok(Self::Creator),
            "editor" => Ok(Self::Editor),
            "viewer" => Ok(Self::Viewer),
            _ => Err(format!(
                "`{text}` is no level; use manager, creator, editor or viewer"
            )),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Manager => "manager",
            Self::Creator => "creator",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
        })
    }
}

/// Somebody who is invited to every new room. `{:?}` shows no address: it would reach logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitee {
    pub email: String,
    pub access: Access,
}

impl fmt::Debug for Invitee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitee")
            .field("email", &"…")
            .field("access", &self.access)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_found_in_its_tag_whatever_the_case() {
        let board: BoardId = "64f0c0ffee0123456789abcd".parse().unwrap();
        assert_eq!(board_tag(board), "Trello board 64f0c0ffee0123456789abcd");
        assert_eq!(
            board_of_tag("TRELLO BOARD 64F0C0FFEE0123456789ABCD "),
            Some(board)
        );
        for other in [
            "Trello integration",
            "Trello board ",
            "Trello board of Ann",
            "Trello bo\u{e4}rd 64f0c0ffee0123456789abcd",
            "é",
        ] {
            assert_eq!(board_of_tag(other), None, "{other}");
        }
    }

    #[test]
    fn room_types_are_read_by_name_or_number() {
        assert_eq!("collaboration".parse(), Ok(RoomType::Collaboration));
        assert_eq!("2".parse(), Ok(RoomType::Collaboration));
        assert!(
            "3".parse::<RoomType>()
                .unwrap_err()
                .contains("collaboration (2)")
        );
    }
}
