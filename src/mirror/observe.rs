//! Observing the board: as it is now, hidden from us, or gone.

use std::time::Duration;

use crate::mirror::glimpse::{Glimpse, Unread};
use crate::mirror::plan::Sight;
use crate::mirror::{Look, Stop, end};
use crate::model::board::Board;
use crate::model::failure::Code;
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::store::history::Event;

/// A board of which one thing is not certain yet is asked for at least so often.
const CERTAINTY: Duration = Duration::from_mins(1);
/// An archive or restore is looked for so often at most, and at least.
const OPERATION: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

impl Look<'_> {
    /// The board as it is now: as it was read, hidden from us, or gone.
    pub(super) async fn observe(&self, glimpse: Glimpse) -> Result<Sight, Stop> {
        let charge = match glimpse.read {
            Ok(board) => return self.sight_of(board).await,
            Err(Unread::Stopped(stop)) => return Err(stop),
            Err(Unread::Refused(charge)) => charge,
        };
        let code = charge.failure.code;
        let (is_hidden, is_unknown) = (code == Code::BoardNotVisible, code == Code::BoardNotFound);
        let record = &self.claim.record;
        // A room that an unanswered create of ours may have left is looked for whether or not its board can still be seen.
        if record.room.is_some() || record.intention.is_some() {
            if is_hidden {
                return Ok(Sight::Hidden);
            }
            if is_unknown {
                let certain = self.is_certainly_gone();
                return Ok(Sight::Gone { certain });
            }
        } else if is_unknown && self.unseen_for_long() {
            return Ok(Sight::Gone { certain: true });
        }
        Err(Stop::from(charge))
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
