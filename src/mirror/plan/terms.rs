//! The words in which a plan is made: what was decided for all boards, what is seen of one, what can be done.

use std::time::Duration;

use crate::model::board::Board;
use crate::model::room::{Invitee, Room, RoomType};
use crate::model::status::{Apart, Ignored, Waiting};
use crate::model::title::TitleTemplate;

/// What was decided once for all boards.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct Rules {
    /// Whether boards without a workspace get rooms.
    pub personal_boards: bool,
    /// Whether boards that existed before get rooms.
    pub existing_boards: bool,
    /// Whether what people did to rooms by hand is undone.
    pub restore_drift: bool,
    /// Whether the room of a deleted board is archived.
    pub archive_deleted: bool,
    /// How long a board must have been closed before its room is archived.
    pub archive_after: Duration,
    /// How long Trello must have known a board no more before it counts as deleted.
    pub deleted_after: Duration,
    /// The most rooms made, and the most archived, within a span, before a person must say so.
    pub brake: Option<(u32, Duration)>,
    pub room: RoomRules,
}

/// What rooms are made like.
#[derive(Debug, Clone)]
pub struct RoomRules {
    pub kind: RoomType,
    pub title: TitleTemplate,
    /// Tags beside our two.
    pub tags: Vec<String>,
    pub private: bool,
    pub members: Vec<Invitee>,
}

/// The board as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    Board {
        board: Board,
        /// What its room is to be called.
        title: String,
        /// Whether it was closed so lately that its room is left where it is.
        in_grace: bool,
    },
    /// There is one, and this token may not see it.
    Hidden,
    /// Trello knows it no more. Certain: it was asked twice, some time apart, and its complete lists lack the board.
    Gone { certain: bool },
}

/// Its room as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomSight {
    /// Nobody has looked yet.
    Unknown,
    Absent,
    Present(Room, Pending),
}

/// Writes of ours to a room that may still come true, and would change it then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// An archive or a restore.
    pub place: Option<Age>,
    pub rename: bool,
}

/// How old such a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    Young,
    /// So old that it is worth being sent again.
    Stalled,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It gets no room, or what it has is left alone.
    Ignore(Ignored),
    Wait(Waiting),
    /// Look for its room in DocSpace.
    FindRoom,
    Create,
    /// Record a room that carries its tag.
    Adopt(Room),
    /// The recorded room was deleted, and a person wants a new one.
    ForgetRoom,
    /// Add these of our tags.
    Tag(Vec<String>),
    /// Invite the configured members.
    Invite,
    /// To this title.
    Rename(String),
    Archive,
    /// Out of the archive.
    Restore,
    /// Nothing: board and room agree, or differ in what is respected.
    Keep(Option<Apart>),
}
