//! The mirror: look at one board, and do what makes its room agree. observe → plan → apply, from the top until there is nothing to do.

mod create;
mod end;
mod find;
mod finish;
pub mod plan;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::docspace::{DocSpace, DocSpaceError};
use crate::lane::{Charge, Lanes, Verdict};
use crate::metrics::Metrics;
use crate::mirror::plan::{RoomSight, Rules, Sight, Step, plan};
use crate::model::board::{Board, RoomRecord};
use crate::model::failure::{Code, Failure};
use crate::model::lane::Lane;
use crate::model::status::{Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::scope::{Known, Surroundings};
use crate::store::history::{Event, Note};
use crate::store::{Claim, Store};
use crate::trello::{Trello, TrelloError};

pub use end::{Stop, settlement};

/// No board needs more steps than this; a plan that never becomes empty is a fault, and must not spin.
const MOST_STEPS: usize = 12;

/// What a look needs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub trello: Trello,
    pub docspace: DocSpace,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub surroundings: Surroundings,
    pub rules: Arc<Rules>,
    pub metrics: Arc<Metrics>,
    /// The user who owns the API key, once that was asked for; none where it is not told.
    pub owner: Arc<OnceCell<Option<String>>>,
    /// Ends looks between two writes.
    pub stop: CancellationToken,
}

/// What one look found and did. `settlement` makes of it what is stored.
#[derive(Debug)]
pub struct Looked {
    pub result: Result<Status, Stop>,
    pub seen: Option<Board>,
    pub room: Option<RoomRecord>,
}

impl Looked {
    /// What failed, if the board or one of its calls was to blame.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.result {
            Err(Stop::Fault { failure, .. }) => Some(failure),
            Err(Stop::Wait { blamed, .. }) => blamed.as_ref(),
            Ok(_) | Err(Stop::Lost | Stop::Store(_)) => None,
        }
    }
}

/// One look at one board, under its lease.
#[derive(Debug)]
struct Look<'a> {
    mirror: &'a Mirror,
    claim: Claim,
    /// When the claim was made, to tell the database's time from then on.
    claimed: Instant,
    known: Known,
    /// Whether a recorded room was given up in this look: then another one may be there that carries the tag.
    forgot_a_room: bool,
}

impl Mirror {
    /// How long a lease must be for one look; every write prolongs it.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.docspace.timeout() * 2 + Duration::from_mins(1)
    }

    /// After a create of which no answer came, none is sent again for so long: the server may still be at it.
    #[must_use]
    pub fn confirmation_window(&self) -> Duration {
        (self.docspace.timeout() + Duration::from_secs(90)).max(Duration::from_mins(2))
    }

    /// Looks at a claimed board and does what is to do.
    pub async fn look(&self, claim: &Claim) -> Looked {
        self.metrics.boards_looked_at.add_one();
        let mut look = Look {
            mirror: self,
            claim: claim.clone(),
            claimed: Instant::now(),
            known: self.surroundings.now(),
            forgot_a_room: false,
        };
        let mut seen = None;
        let result = look.run(&mut seen).await;
        Looked {
            result,
            seen,
            room: look.claim.record.room,
        }
    }
}

/// Reads need not be waited for when the service stops; a write that was sent is.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    read: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    stop.run_until_cancelled(read)
        .await
        .unwrap_or(Err(Stop::Lost))
}

impl Look<'_> {
    async fn run(&mut self, seen: &mut Option<Board>) -> Result<Status, Stop> {
        // What waits for a service that is still away asks nobody, and burns nothing.
        if let Status::Waiting(waiting @ Waiting::Lane(lane @ (Lane::Trello | Lane::DocSpace))) =
            self.claim.record.status
            && !self.mirror.lanes.is_open(lane)
        {
            return Err(Stop::wait(waiting));
        }
        let stop = self.mirror.stop.clone();
        let sight = unless_stopped(&stop, self.observe()).await?;
        if let Sight::Board(board) = &sight {
            *seen = Some(board.clone());
        }
        let mut room = RoomSight::Unknown;
        for _ in 0..MOST_STEPS {
            match plan(
                &sight,
                &room,
                &self.claim.record,
                &self.mirror.rules,
                &self.known,
            ) {
                Step::Ignore(reason) => return self.ignore(reason).await,
                Step::Wait(waiting) => return Err(Stop::wait(waiting)),
                Step::FindRoom => room = unless_stopped(&stop, self.find_room()).await?,
                Step::Create => room = self.create(&sight).await?,
                Step::Adopt(found) => room = self.adopt(found).await?,
                Step::ForgetRoom => room = self.forget_room().await?,
                Step::Tag(tags) => room = self.tag(&tags).await?,
                Step::Invite => self.invite().await?,
                Step::Keep => return Ok(Status::Mirrored(None)),
            }
        }
        Err(Stop::fault(
            Code::DocSpaceUnintelligible,
            "the room does not come to agree with the board",
        ))
    }

    /// The board as it is now. A board that Trello will not show is told apart from a Trello that shows nothing.
    async fn observe(&self) -> Result<Sight, Stop> {
        if !self.mirror.lanes.is_open(Lane::Trello) {
            return Err(Stop::wait(Waiting::Lane(Lane::Trello)));
        }
        let id = self.claim.record.id;
        let error = match self.mirror.trello.board(id).await {
            Ok(board) => return Ok(Sight::Board(board)),
            Err(error) => error,
        };
        let unseen = match &error {
            TrelloError::Unauthorized(_) => Some(Code::BoardNotVisible),
            TrelloError::NotFound(_) => Some(Code::BoardNotFound),
            _ => None,
        };
        let failure = unseen.map_or_else(|| error.failure(), |code| Failure::new(code, &error));
        let charge = Charge::from(&error);
        match self.mirror.lanes.judge(Lane::Trello, &charge).await {
            Verdict::Lane(lane) => Err(Stop::wait(Waiting::Lane(lane))),
            // With a room there is something to keep; that somebody sees it no more changes nothing about it.
            Verdict::Call if unseen.is_some() && self.claim.record.room.is_some() => {
                Ok(Sight::Gone)
            }
            Verdict::Call if unseen == Some(Code::BoardNotFound) && self.unseen_for_long() => {
                Ok(Sight::Gone)
            }
            Verdict::Call => Err(Stop::Fault {
                failure,
                suspect: error.suspect(),
                retry_after: error.retry_after(),
            }),
        }
    }

    /// A new board may not be visible everywhere at once: only after ten minutes is it taken to be gone.
    fn unseen_for_long(&self) -> bool {
        let since = self.claim.record.failing_since;
        since.is_some_and(|since| self.now().since(since) > end::UNSEEN)
    }

    /// The database's clock.
    fn now(&self) -> Timestamp {
        self.claim.taken.plus(self.claimed.elapsed())
    }

    async fn ignore(&self, reason: Ignored) -> Result<Status, Stop> {
        // An intention that came to nothing must not hold up others of the same title.
        if self.claim.record.intention.is_some() {
            self.mirror.store.abandon(self.claim.fence).await?;
        }
        Ok(Status::Ignored(reason))
    }

    /// Decides who is to blame for a failed read or a failed write that has no gate.
    async fn blame(&self, error: DocSpaceError) -> Stop {
        let charge = Charge::from(&error);
        match self.mirror.lanes.judge(Lane::DocSpace, &charge).await {
            Verdict::Lane(lane) => Stop::wait(Waiting::Lane(lane)),
            Verdict::Call => Stop::from(charge),
        }
    }

    fn docspace_is_open(&self) -> Result<(), Stop> {
        if self.mirror.lanes.is_open(Lane::DocSpace) {
            Ok(())
        } else {
            Err(Stop::wait(Waiting::Lane(Lane::DocSpace)))
        }
    }

    async fn note(&self, event: Event, detail: impl Into<String>) -> Result<(), Stop> {
        Ok(self
            .mirror
            .store
            .note(self.claim.record.id, &Note::new(event, detail))
            .await?)
    }
}
