//! Where a board stands. The stored words are pinned by a test: scripts and the next version read them.

use std::fmt;

use crate::model::failure::Code;
use crate::model::lane::Lane;

/// Where a board stands, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// To be looked at when it is due; with the code of its last failure if there was one.
    Pending(Option<Code>),
    /// Its room exists and agrees with it, or differs only in what is respected.
    Mirrored(Option<Apart>),
    Ignored(Ignored),
    /// Nothing is wrong with the board; it goes on by itself when the cause is gone.
    Waiting(Waiting),
    /// Something about this board cannot work, or it was tried for a day.
    Failed(Code),
}

/// Why a room is left as it is although it may differ from its board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// A person renamed, archived, restored, untagged or deleted the room.
    Drift,
    /// The token sees the board no more.
    NotVisible,
    /// The board was moved out of the watched workspaces.
    OutsideWorkspaces,
    /// The board was deleted in Trello.
    BoardDeleted,
}

/// Why a board gets no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    ExistedBefore,
    Template,
    Inbox,
    OutsideWorkspaces,
    ClosedWhenFirstSeen,
    /// Deleted before it got a room.
    Gone,
    /// A person said so; its room, if there is one, is left as it is.
    Told,
}

/// What a board waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A service, or one kind of call to it.
    Lane(Lane),
    /// The first complete list of its workspace, which tells new boards from old.
    Baseline,
    /// The look over all our rooms that precedes the first create.
    Audit,
    /// Word of a create of which no answer came: a room may still appear.
    Confirmation,
    /// An archive, restore or rename that was asked for and has not shown yet.
    Operation,
    /// The grace period after its closing.
    Grace,
    /// Certainty that the board was deleted.
    Deletion,
    /// A person who lets the brake go.
    Brake,
}

impl Status {
    /// The stored form: a word, and the reason where there is one.
    #[must_use]
    pub fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Pending(code) => ("pending", code.map(Code::as_str)),
            Self::Mirrored(apart) => ("mirrored", apart.map(Apart::as_str)),
            Self::Ignored(reason) => ("ignored", Some(reason.as_str())),
            Self::Waiting(reason) => ("waiting", Some(reason.as_str())),
            Self::Failed(code) => ("failed", Some(code.as_str())),
        }
    }

    /// The status of a stored form.
    pub fn from_words(status: &str, reason: Option<&str>) -> Result<Self, String> {
        match (status, reason) {
            ("pending", None) => Ok(Self::Pending(None)),
            ("pending", Some(code)) => Ok(Self::Pending(Some(code.parse()?))),
            ("mirrored", None) => Ok(Self::Mirrored(None)),
            ("mirrored", Some(reason)) => {
                find(&Apart::ALL, reason, Apart::as_str).map(|apart| Self::Mirrored(Some(apart)))
            }
            ("ignored", Some(reason)) => {
                find(&Ignored::ALL, reason, Ignored::as_str).map(Self::Ignored)
            }
            ("waiting", Some(reason)) => {
                find(&Waiting::ALL, reason, Waiting::as_str).map(Self::Waiting)
            }
            ("failed", Some(code)) => Ok(Self::Failed(code.parse()?)),
            _ => Err(format!(
                "unknown status `{status}` with reason `{}`",
                reason.unwrap_or_default()
            )),
        }
    }
}

fn find<T: Copy>(all: &[T], word: &str, name: impl Fn(T) -> &'static str) -> Result<T, String> {
    all.iter()
        .copied()
        .find(|known| name(*known) == word)
        .ok_or_else(|| format!("unknown reason `{word}`"))
}

impl Apart {
    pub const ALL: [Self; 4] = [
        Self::Drift,
        Self::NotVisible,
        Self::OutsideWorkspaces,
        Self::BoardDeleted,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::NotVisible => "not_visible",
            Self::OutsideWorkspaces => "outside_workspaces",
            Self::BoardDeleted => "board_deleted",
        }
    }

    /// Why, as a sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Drift => "the room was changed by hand, which is respected",
            Self::NotVisible => "this token sees the board no more; the room is kept",
            Self::OutsideWorkspaces => "the board left the watched workspaces; the room is kept",
            Self::BoardDeleted => "the board was deleted in Trello",
        }
    }
}

impl Ignored {
    pub const ALL: [Self; 7] = [
        Self::ExistedBefore,
        Self::Template,
        Self::Inbox,
        Self::OutsideWorkspaces,
        Self::ClosedWhenFirstSeen,
        Self::Gone,
        Self::Told,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExistedBefore => "existed_before",
            Self::Template => "template",
            Self::Inbox => "inbox",
            Self::OutsideWorkspaces => "outside_workspaces",
            Self::ClosedWhenFirstSeen => "closed_when_first_seen",
            Self::Gone => "gone",
            Self::Told => "told",
        }
    }

    /// Why, as a sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::ExistedBefore => "it existed before boardroom first started",
            Self::Template => "it is a template",
            Self::Inbox => "it is the member's inbox",
            Self::OutsideWorkspaces => "it is outside the watched workspaces",
            Self::ClosedWhenFirstSeen => "it was closed when it was first seen",
            Self::Gone => "it was deleted in Trello",
            Self::Told => "a person said that it is to be ignored",
        }
    }
}

impl Waiting {
    pub const ALL: [Self; 14] = [
        Self::Lane(Lane::Trello),
        Self::Lane(Lane::DocSpace),
        Self::Lane(Lane::Create),
        Self::Lane(Lane::Rename),
        Self::Lane(Lane::Archive),
        Self::Lane(Lane::Restore),
        Self::Lane(Lane::Tag),
        Self::Baseline,
        Self::Audit,
        Self::Confirmation,
        Self::Operation,
        Self::Grace,
        Self::Deletion,
        Self::Brake,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lane(lane) => lane.as_str(),
            Self::Baseline => "baseline",
            Self::Audit => "audit",
            Self::Confirmation => "confirmation",
            Self::Operation => "operation",
            Self::Grace => "grace",
            Self::Deletion => "deletion",
            Self::Brake => "brake",
        }
    }

    /// For what, as the end of a sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Lane(Lane::Trello) => "for Trello",
            Self::Lane(Lane::DocSpace) => "for DocSpace",
            Self::Lane(Lane::Create) => "until DocSpace takes new rooms again",
            Self::Lane(Lane::Rename) => "until DocSpace lets rooms be renamed again",
            Self::Lane(Lane::Archive) => "until DocSpace archives rooms again",
            Self::Lane(Lane::Restore) => "until DocSpace takes rooms out of the archive again",
            Self::Lane(Lane::Tag) => "until DocSpace lets rooms be tagged again",
            Self::Lane(Lane::CreateBrake | Lane::ArchiveBrake) | Self::Brake => {
                "for a person who lets the brake go: boardroom release"
            }
            Self::Baseline => "for the first complete list of its workspace",
            Self::Audit => "for the look over all our rooms that comes before the first create",
            Self::Confirmation => "for word of a create of which no answer came",
            Self::Operation => "for DocSpace to carry out what it was asked for",
            Self::Grace => "for the end of the grace period after its closing",
            Self::Deletion => "for certainty that it was deleted in Trello",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            (status, None) => f.write_str(status),
            (status, Some(reason)) => write!(f, "{status} ({reason})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one row a line")]
    fn the_stored_words_are_these() {
        let table = [
            (Status::Pending(None), "pending", None),
            (
                Status::Pending(Some(Code::DocSpaceUnavailable)),
                "pending",
                Some("docspace_unavailable"),
            ),
            (Status::Mirrored(None), "mirrored", None),
            (
                Status::Mirrored(Some(Apart::Drift)),
                "mirrored",
                Some("drift"),
            ),
            (
                Status::Mirrored(Some(Apart::NotVisible)),
                "mirrored",
                Some("not_visible"),
            ),
            (
                Status::Mirrored(Some(Apart::OutsideWorkspaces)),
                "mirrored",
                Some("outside_workspaces"),
            ),
            (
                Status::Mirrored(Some(Apart::BoardDeleted)),
                "mirrored",
                Some("board_deleted"),
            ),
            (
                Status::Ignored(Ignored::ExistedBefore),
                "ignored",
                Some("existed_before"),
            ),
            (
                Status::Ignored(Ignored::Template),
                "ignored",
                Some("template"),
            ),
            (Status::Ignored(Ignored::Inbox), "ignored", Some("inbox")),
            (
                Status::Ignored(Ignored::OutsideWorkspaces),
                "ignored",
                Some("outside_workspaces"),
            ),
            (
                Status::Ignored(Ignored::ClosedWhenFirstSeen),
                "ignored",
                Some("closed_when_first_seen"),
            ),
            (Status::Ignored(Ignored::Gone), "ignored", Some("gone")),
            (Status::Ignored(Ignored::Told), "ignored", Some("told")),
            (
                Status::Waiting(Waiting::Lane(Lane::Trello)),
                "waiting",
                Some("trello"),
            ),
            (
                Status::Waiting(Waiting::Lane(Lane::DocSpace)),
                "waiting",
                Some("docspace"),
            ),
            (
                Status::Waiting(Waiting::Lane(Lane::Create)),
                "waiting",
                Some("docspace.create"),
            ),
            (
                Status::Waiting(Waiting::Baseline),
                "waiting",
                Some("baseline"),
            ),
            (Status::Waiting(Waiting::Audit), "waiting", Some("audit")),
            (
                Status::Waiting(Waiting::Confirmation),
                "waiting",
                Some("confirmation"),
            ),
            (
                Status::Failed(Code::DocSpaceRejected),
                "failed",
                Some("docspace_rejected"),
            ),
        ];
        let waiting = "trello docspace docspace.create docspace.rename docspace.archive docspace.restore docspace.tag \
                       baseline audit confirmation operation grace deletion brake";
        assert_eq!(Waiting::ALL.map(Waiting::as_str).join(" "), waiting);
        for (status, word, reason) in table {
            assert_eq!(status.words(), (word, reason));
            assert_eq!(Status::from_words(word, reason), Ok(status));
        }
        assert!(Status::from_words("mirrored", Some("why")).is_err());
    }

    #[test]
    fn every_code_is_read_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
