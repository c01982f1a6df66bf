//! How a look ends, and what of that is stored. The second half is pure.

use std::time::Duration;

use crate::lane::Charge;
use crate::mirror::Looked;
use crate::model::failure::{Code, Failure, Suspect};
use crate::model::status::{Status, Waiting};
use crate::model::time::Timestamp;
use crate::retry::{A_DAY, BOARD};
use crate::store::history::{Event, Note};
use crate::store::{Claim, Settlement, StoreError};

/// A board that was never seen is looked for this long before it counts as gone or hidden.
pub(super) const UNSEEN: Duration = Duration::from_mins(10);
/// While it is looked for, it is looked for at least so often.
const UNSEEN_PAUSE: Duration = Duration::from_mins(1);

/// Why a look ended before the plan was empty.
#[derive(Debug)]
pub enum Stop {
    /// Nothing is wrong with the board.
    Wait {
        waiting: Waiting,
        again: Option<Duration>,
        blamed: Option<Failure>,
    },
    /// The board is to blame.
    Fault {
        failure: Failure,
        suspect: Suspect,
        retry_after: Option<Duration>,
    },
    /// Another worker has the board, or will have: this one stops.
    Lost,
    Store(StoreError),
}

impl Stop {
    pub(super) fn wait(waiting: Waiting) -> Self {
        Self::Wait {
            waiting,
            again: None,
            blamed: None,
        }
    }

    pub(super) fn fault(code: Code, detail: impl std::fmt::Display) -> Self {
        Self::Fault {
            failure: Failure::new(code, detail),
            suspect: Suspect::Service,
            retry_after: None,
        }
    }
}

impl From<Charge> for Stop {
    fn from(charge: Charge) -> Self {
        Self::Fault {
            failure: charge.failure,
            suspect: charge.suspect,
            retry_after: charge.retry_after,
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What is stored of a look that ended at `now` (the database's clock). `chance` is in `0.0..1.0`. None when nothing may be stored.
#[must_use]
pub fn settlement(
    claim: &Claim,
    looked: Looked,
    now: Timestamp,
    chance: f64,
) -> Option<Settlement> {
    let record = &claim.record;
    let mut settlement = Settlement {
        hints: claim.hints,
        status: Status::Mirrored(None),
        told: record.told,
        seen: looked.seen,
        failures: 0,
        again: None,
        room: looked.room,
        notes: looked.notes,
    };
    match looked.result {
        Ok(status) => {
            settlement.status = status;
            settlement.notes.extend(verdict(claim, status, now));
        }
        Err(Stop::Wait {
            waiting,
            again,
            blamed,
        }) => {
            settlement.status = Status::Waiting(waiting);
            settlement.again = again;
            // A wait neither adds to what the board is to blame for nor forgives it; but these waits come after all that could fail.
            settlement.failures = match waiting {
                Waiting::Grace | Waiting::Deletion => 0,
                Waiting::Lane(_)
                | Waiting::Operation
                | Waiting::Baseline
                | Waiting::Audit
                | Waiting::Confirmation
                | Waiting::Brake => record.failures.saturating_add(u32::from(blamed.is_some())),
            };
            let note = Note::new(Event::Waiting, waiting.sentence());
            settlement.notes.push(note);
        }
        Err(Stop::Fault {
            failure,
            suspect,
            retry_after,
        }) => {
            settlement.failures = record.failures.saturating_add(1);
            let since = record.failing_since.unwrap_or(now);
            let asked = retry_after.unwrap_or_default().min(BOARD.longest);
            let wait = BOARD.wait(settlement.failures, chance).max(asked);
            (settlement.status, settlement.again) =
                after_a_fault(&failure, suspect, now.since(since), wait);
            let note = Note::new(Event::Failed, failure.to_string());
            settlement.notes.push(note);
        }
        Err(Stop::Lost | Stop::Store(_)) => return None,
    }
    Some(settlement)
}

/// What the history says of a look that came to its end.
fn verdict(claim: &Claim, status: Status, now: Timestamp) -> Option<Note> {
    let is_news = claim.record.status != status;
    match status {
        Status::Ignored(reason) => Some(Note::new(Event::Ignored, reason.sentence())),
        Status::Mirrored(None) if is_news => {
            let took = now.since(claim.taken).as_millis();
            let detail = format!("board and room agree; the look took {took} ms");
            Some(Note::new(Event::Mirrored, detail))
        }
        Status::Mirrored(Some(apart)) if is_news => Some(Note::new(Event::Kept, apart.sentence())),
        Status::Mirrored(_) | Status::Pending(_) | Status::Waiting(_) | Status::Failed(_) => None,
    }
}

/// Where a board stands that has been to blame for `span`, and when it is tried again.
fn after_a_fault(
    failure: &Failure,
    suspect: Suspect,
    span: Duration,
    wait: Duration,
) -> (Status, Option<Duration>) {
    let unseen = matches!(failure.code, Code::BoardNotVisible | Code::BoardNotFound);
    if unseen {
        let again = (span < UNSEEN).then(|| wait.min(UNSEEN_PAUSE));
        let status = if again.is_some() {
            Status::Pending(Some(failure.code))
        } else {
            Status::Failed(failure.code)
        };
        return (status, again);
    }
    // What the service finds malformed will hardly heal by itself: it is shown as failed at once, and tried all the same.
    let again = (span < A_DAY).then_some(wait);
    match (suspect, again) {
        (Suspect::Service, Some(_)) => (Status::Pending(Some(failure.code)), again),
        (Suspect::Call, _) | (Suspect::Service, None) => (Status::Failed(failure.code), again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_that_is_to_blame_is_tried_for_a_day() {
        let wait = Duration::from_secs(7);
        let hours = Duration::from_hours;
        let (rejected, ill, hidden) = (
            Code::DocSpaceRejected,
            Code::DocSpaceUnavailable,
            Code::BoardNotVisible,
        );
        let table = [
            (
                ill,
                Suspect::Service,
                hours(0),
                Status::Pending(Some(ill)),
                Some(wait),
            ),
            (
                ill,
                Suspect::Service,
                hours(23),
                Status::Pending(Some(ill)),
                Some(wait),
            ),
            (ill, Suspect::Service, hours(24), Status::Failed(ill), None),
            (
                rejected,
                Suspect::Call,
                hours(0),
                Status::Failed(rejected),
                Some(wait),
            ),
            (
                rejected,
                Suspect::Call,
                hours(24),
                Status::Failed(rejected),
                None,
            ),
            (
                hidden,
                Suspect::Service,
                hours(0),
                Status::Pending(Some(hidden)),
                Some(wait),
            ),
            (
                hidden,
                Suspect::Service,
                hours(1),
                Status::Failed(hidden),
                None,
            ),
        ];
        for (code, suspect, span, status, again) in table {
            let failure = Failure::new(code, "");
            assert_eq!(
                after_a_fault(&failure, suspect, span, wait),
                (status, again),
                "{code} after {span:?}"
            );
        }
    }
}
