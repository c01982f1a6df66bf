//! A failed call as far as blame goes, and the verdict on it.

use std::time::Duration;

use crate::docspace::DocSpaceError;
use crate::model::failure::{Failure, Suspect};
use crate::model::lane::Lane;
use crate::trello::TrelloError;

/// Who is to blame for a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This lane is closed now; whoever needs it waits.
    Lane(Lane),
    /// The call itself, and so the board.
    Call,
}

/// A failed call, as far as blame goes.
#[derive(Debug, Clone)]
pub struct Charge {
    pub failure: Failure,
    pub suspect: Suspect,
    pub retry_after: Option<Duration>,
}

impl From<&TrelloError> for Charge {
    fn from(error: &TrelloError) -> Self {
        Self {
            failure: error.failure(),
            suspect: error.suspect(),
            retry_after: error.retry_after(),
        }
    }
}

impl From<&DocSpaceError> for Charge {
    fn from(error: &DocSpaceError) -> Self {
        Self {
            failure: error.failure(),
            suspect: error.suspect(),
            retry_after: error.retry_after(),
        }
    }
}
