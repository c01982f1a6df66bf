//! What can be out of order as a whole: a service, or one kind of call to it.

use std::fmt;
use std::str::FromStr;

use crate::model::failure::Failure;
use crate::model::time::Timestamp;

/// A service, or a gate before one kind of call to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Trello,
    DocSpace,
    /// Creating rooms: a full plan closes it while all else goes on.
    Create,
}

impl Lane {
    pub const ALL: [Self; 3] = [Self::Trello, Self::DocSpace, Self::Create];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trello => "trello",
            Self::DocSpace => "docspace",
            Self::Create => "docspace.create",
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
