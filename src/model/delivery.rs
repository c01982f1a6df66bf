//! A delivery of Trello's that matters: word that a board is worth a look.

use std::str::FromStr;

use crate::model::id::{ActionId, BoardId, WorkspaceId};
use crate::model::time::Timestamp;

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
    /// The trace that its look is to be a part of, as a W3C `traceparent`; none without traces.
    pub trace: Option<String>,
}

/// Whether a delivery was stored now or had been before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    New,
    Duplicate,
}

/// A delivery that is kept for a person to look at. Nothing of it is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub kind: Captured,
    pub reason: String,
    /// Its beginning, if it was longer than what is kept.
    pub body: Vec<u8>,
    /// Of the whole body, in bytes, as far as it was read.
    pub length: u64,
    /// What a refused one gave as its signature; of several, all in one text.
    pub signature: Option<String>,
    /// Where a refused one said that it was sent to.
    pub url: Option<String>,
}

impl Capture {
    /// Whether only its beginning was kept: then its signature cannot be verified any more.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.length > self.body.len() as u64
    }
}

/// Why a delivery is kept. The stored words are pinned by a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Captured {
    /// It is signed for us, and no delivery.
    Junk,
    /// It is not signed for us.
    Refused,
}

impl Captured {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Junk => "junk",
            Self::Refused => "refused",
        }
    }
}

impl FromStr for Captured {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "junk" => Ok(Self::Junk),
            "refused" => Ok(Self::Refused),
            _ => Err(format!("unknown kind of capture `{text}`")),
        }
    }
}

/// A capture and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub at: Timestamp,
    pub capture: Capture,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_words_are_these() {
        for (kind, word) in [(Captured::Junk, "junk"), (Captured::Refused, "refused")] {
            assert_eq!((kind.as_str(), word.parse()), (word, Ok(kind)));
        }
    }
}
