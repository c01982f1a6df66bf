//! Observing the board: as it is now, hidden from us, or gone.

use std::time::Duration;

use crate::lane::{Charge, Verdict};
use crate::mirror::plan::Sight;
use crate::mirror::{Look, Stop, end};
use crate::model::board::Board;
use crate::model::failure::{Code, Failure};
use crate::model::lane::Lane;
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::store::history::Event;
use crate::trello::TrelloError;

/// A board of which one thing is not certain yet is asked for at least so often.
const CERTAINTY: Duration = Duration::from_mins(1);
/// An archive or restore is looked for so often at most, and at least.
const OPERATION: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

impl Look<'_> {
    /// The board as it is now. A board that Trello will not show is told apart from a Trello that shows nothing.
    pub(super) async fn observe(&self) -> Result<Sight, Stop> {
        if !self.mirror.lanes.is_open(Lane::Trello) {
            return Err(Stop::wait(Waiting::Lane(Lane::Trello)));
        }
        let record = &self.claim.record;
        let error = match self.mirror.trello.board(record.id).await {
            Ok(board) => return self.sight_of(board).await,
            Err(error) => error,
        };
        let unseen = match &error {
            TrelloError::Unauthorized(_) => Some(Code::BoardNotVisible),
            TrelloError::NotFound(_) => Some(Code::BoardNotFound),
            _ => None,
        };
        let failure = unseen.map_or_else(|| error.failure(), |code| Failure::new(code, &error));
        let charge = Charge::from(&error);
        if let Verdict::Lane(lane) = self.mirror.lanes.judge(Lane::Trello, &charge).await {
            return Err(Stop::wait(Waiting::Lane(lane)));
        }
        // A room that an unanswered create of ours may have left is looked for whether or not its board can still be seen.
        let may_have_room = record.room.is_some() || record.intention.is_some();
        match (unseen, may_have_room) {
            (Some(Code::BoardNotVisible), true) => Ok(Sight::Hidden),
            (Some(_), true) => Ok(Sight::Gone {
                certain: self.is_certainly_gone(),
            }),
            (Some(Code::BoardNotFound), false) if self.unseen_for_long() => {
                Ok(Sight::Gone { certain: true })
            }
            (_, _) => Err(Stop::Fault {
                failure,
                suspect: error.suspect(),
                retry_after: error.retry_after(),
            }),
        }
    }

    async fn sight_of(&self, board: Board) -> Result<Sight, Stop> {
        let title = self.title(&board).await?;
        let closed_for = |since: Timestamp| self.now().since(since);
        let closed_at = self.claim.record.closed_at.unwrap_or_else(|| self.now());
        let in_grace = board.closed && closed_for(closed_at) < self.mirror.rules.archive_after;
        Ok(Sight::Board {
            board,
            title,
            in_grace,
        })
    }

    /// Trello said so some time ago as well, and its complete lists lack the board.
    fn is_certainly_gone(&self) -> bool {
        let record = &self.claim.record;
        let since = record.gone_at.map(|since| self.now().since(since));
        since.is_some_and(|span| span >= self.mirror.rules.deleted_after)
            && record.missing_at.is_some()
    }

    /// A new board may not be visible everywhere at once: only after ten minutes is it taken to be gone.
    fn unseen_for_long(&self) -> bool {
        let since = self.claim.record.failing_since;
        since.is_some_and(|since| self.now().since(since) > end::UNSEEN)
    }

    /// What the history tells of a board that is new to us or has changed.
    pub(super) fn note_what_is_new(&mut self, board: &Board) {
        let before = self.claim.record.seen.as_ref();
        if before == Some(board) {
            return;
        }
        let state = if board.closed { "closed" } else { "open" };
        let place = board.workspace.map_or("in no workspace".to_owned(), |id| {
            format!("in workspace {id}")
        });
        let detail = format!("\u{201c}{}\u{201d}, {state}, {place}", board.name);
        self.happened(Event::Observed, detail);
    }

    /// What has a time of its own says when to look again.
    pub(super) fn wait_for(&self, waiting: Waiting) -> Stop {
        let record = &self.claim.record;
        let left = |since: Option<Timestamp>, span: Duration| {
            let passed = since.map_or(Duration::ZERO, |since| self.now().since(since));
            // A little late rather than a little early.
            span.saturating_sub(passed) + Duration::from_millis(20)
        };
        let again = match waiting {
            Waiting::Grace => Some(left(record.closed_at, self.mirror.rules.archive_after)),
            Waiting::Deletion => {
                let left = left(record.gone_at, self.mirror.rules.deleted_after);
                let is_listed = record.missing_at.is_none();
                Some(if is_listed { left.max(CERTAINTY) } else { left })
            }
            Waiting::Operation => {
                let newest = record.room.as_ref().and_then(|room| room.changes.last());
                let passed = newest.map_or(Duration::ZERO, |change| self.now().since(change.at));
                Some((passed / 2).clamp(OPERATION.0, OPERATION.1))
            }
            Waiting::Lane(_)
            | Waiting::Baseline
            | Waiting::Audit
            | Waiting::Confirmation
            | Waiting::Brake => None,
        };
        Stop::Wait {
            waiting,
            again,
            blamed: None,
        }
    }
}
