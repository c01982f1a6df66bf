//! What can be out of order as a whole: a service, one kind of call to it, or a brake that only a person lets go.

use std::fmt;
use std::str::FromStr;

use crate::model::failure::Failure;
use crate::model::time::Timestamp;

/// A service, a gate before one kind of call to it, or a brake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Trello,
    DocSpace,
    /// Creating rooms: a full plan closes it while all else goes on.
    Create,
    Rename,
    Archive,
    /// Taking rooms out of the archive: a full plan closes it likewise.
    Restore,
    Tag,
    /// Too many new rooms in too short a time.
    CreateBrake,
    /// Too many rooms archived in too short a time.
    ArchiveBrake,
}

/// What sort of lane it is, and so who opens it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneKind {
    /// A control read opens it.
    Service,
    /// A call of its kind that goes through opens it.
    Gate,
    /// Only a person opens it.
    Brake,
}

impl Lane {
    pub const ALL: [Self; 9] = [
        Self::Trello,
        Self::DocSpace,
        Self::Create,
        Self::Rename,
        Self::Archive,
        Self::Restore,
        Self::Tag,
        Self::CreateBrake,
        Self::ArchiveBrake,
    ];

    #[must_use]
    pub fn kind(self) -> LaneKind {
        match self {
            Self::Trello | Self::DocSpace => LaneKind::Service,
            Self::Create | Self::Rename | Self::Archive | Self::Restore | Self::Tag => {
                LaneKind::Gate
            }
            Self::CreateBrake | Self::ArchiveBrake => LaneKind::Brake,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trello => "trello",
            Self::DocSpace => "docspace",
            Self::Create => "docspace.create",
            Self::Rename => "docspace.rename",
            Self::Archive => "docspace.archive",
            Self::Restore => "docspace.restore",
            Self::Tag => "docspace.tag",
            Self::CreateBrake => "brake.create",
            Self::ArchiveBrake => "brake.archive",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|lane| lane.as_str() == text)
            .ok_or_else(|| format!("unknown lane `{text}`"))
    }
}

/// Why and until when a lane is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub failure: Failure,
    pub since: Timestamp,
    /// When it is tried again.
    pub until: Timestamp,
    /// How often in a row it was tried in vain.
    pub failures: u32,
}
