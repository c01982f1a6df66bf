//! The mirror: look at one board, and do what makes its room agree. observe → plan → apply, from the top until there is nothing to do.

mod change;
mod create;
mod end;
mod find;
mod finish;
mod gate;
pub mod glimpse;
mod observe;
pub mod plan;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::docspace::DocSpace;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::mirror::glimpse::Glimpse;
use crate::mirror::plan::{Comparison, RoomSight, Rules, Sight, Step, plan, wanted};
use crate::model::board::{Answer, Board, Drift, RoomRecord, Told};
use crate::model::failure::{Code, Failure};
use crate::model::lane::Lane;
use crate::model::status::{Apart, Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::scope::{Known, Surroundings};
use crate::store::history::{Event, Note};
use crate::store::{Claim, Store};
use crate::trello::Trello;

pub use change::{come_true, pending};
pub use end::{Stop, settlement};

/// No board needs more steps than this; a plan that never becomes empty is a fault, and must not spin.
const MOST_STEPS: usize = 16;

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
    /// Told when a board has got a room.
    pub bound: Arc<Notify>,
    /// Ends looks between two writes.
    pub stop: CancellationToken,
}

/// What one look found and did. `settlement` makes of it what is stored.
#[derive(Debug)]
pub struct Looked {
    pub result: Result<Status, Stop>,
    pub seen: Option<Board>,
    pub room: Option<RoomRecord>,
    /// What the history is to say of it.
    pub notes: Vec<Note>,
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
    /// When the claim was made.
    claimed: Instant,
    known: Known,
    /// Whether a recorded room was given up in this look: then another one may be there that carries the tag.
    forgot_a_room: bool,
    /// What happened and is written down with the settlement.
    notes: Vec<Note>,
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

    /// Looks at a claimed board, of which this was read, and does what is to do.
    pub async fn look(&self, claim: &Claim, glimpse: Glimpse) -> Looked {
        self.metrics.boards_looked_at.add_one();
        let mut look = Look {
            mirror: self,
            claim: claim.clone(),
            claimed: glimpse.since,
            known: self.surroundings.now(),
            forgot_a_room: false,
            notes: Vec::new(),
        };
        let mut seen = None;
        let result = look.run(glimpse, &mut seen).await;
        Looked {
            result,
            seen,
            room: look.claim.record.room,
            notes: look.notes,
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
    async fn run(&mut self, glimpse: Glimpse, seen: &mut Option<Board>) -> Result<Status, Stop> {
        let stop = self.mirror.stop.clone();
        let sight = unless_stopped(&stop, self.observe(glimpse)).await?;
        if let Sight::Board { board, .. } = &sight {
            self.note_what_is_new(board);
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
                Step::Ignore(reason) => {
                    if !self.knows_better(reason).await? {
                        return self.ignore(reason).await;
                    }
                }
                Step::Wait(waiting) => {
                    if waiting == Waiting::Grace {
                        self.rest_in_grace(&sight, &room);
                    }
                    return Err(self.wait_for(waiting));
                }
                Step::FindRoom => room = unless_stopped(&stop, self.find_room()).await?,
                Step::Create => room = self.create(&sight).await?,
                Step::Adopt(found) => room = self.adopt(found).await?,
                Step::ForgetRoom => room = self.forget_room().await?,
                Step::Tag(tags) => room = self.tag(&tags).await?,
                Step::Invite => self.invite().await?,
                Step::Rename(title) => room = self.rename(&title, &room).await?,
                Step::Archive => room = self.archive().await?,
                Step::Restore => room = self.restore().await?,
                Step::Keep(apart) => return Ok(self.keep(apart, &sight, &room)),
            }
        }
        Err(Stop::fault(
            Code::DocSpaceUnintelligible,
            "the room does not come to agree with the board",
        ))
    }

    /// Leaves the room as it is, and records what agrees and what does not.
    fn keep(&mut self, apart: Option<Apart>, sight: &Sight, room: &RoomSight) -> Status {
        self.take_stock(sight, room);
        if apart == Some(Apart::Drift) {
            self.mirror.metrics.rooms_left.add_one();
        }
        Status::Mirrored(apart)
    }

    /// Records what agrees and what does not.
    fn take_stock(&mut self, sight: &Sight, room: &RoomSight) {
        let (rules, record) = (&self.mirror.rules, &self.claim.record);
        let drift_before = record.room.as_ref().and_then(|room| room.drift.clone());
        let kept = match (room, &record.room) {
            (RoomSight::Absent, Some(recorded)) => Some(RoomRecord {
                drift: Some(Drift {
                    deleted: true,
                    ..Drift::default()
                }),
                ..recorded.clone()
            }),
            (RoomSight::Present(room, _), Some(recorded)) => {
                wanted(sight, record, rules, &self.known)
                    .ok()
                    .map(|wanted| {
                        let comparison = Comparison {
                            wanted,
                            room,
                            recorded,
                        };
                        comparison.kept(record)
                    })
            }
            (RoomSight::Unknown | RoomSight::Absent | RoomSight::Present(..), _) => None,
        };
        if let Some(kept) = kept {
            self.note_drift(drift_before.as_ref(), kept.drift.as_ref());
            self.claim.record.room = Some(kept);
        }
    }

    /// In the grace period a person's word is obeyed as far as it can be: from here on the room is ours as it lies, and the word is spent.
    fn rest_in_grace(&mut self, sight: &Sight, room: &RoomSight) {
        self.take_stock(sight, room);
        let by_word = matches!(self.claim.record.told, Some(Told::Mirror | Told::Apply));
        if let (true, RoomSight::Present(room, _), Some(recorded)) =
            (by_word, room, &mut self.claim.record.room)
        {
            recorded.archived = Some(room.archived);
        }
    }

    fn note_drift(&mut self, before: Option<&Drift>, after: Option<&Drift>) {
        if before == after {
            return;
        }
        match after {
            Some(drift) => self.happened(Event::Drift, drift.to_string()),
            None => self.happened(Event::DriftEnded, "board and room agree again"),
        }
    }

    /// The database's clock.
    fn now(&self) -> Timestamp {
        self.claim.taken.plus(self.claimed.elapsed())
    }

    /// Whether something has become known on which this rests: another service may have learnt it a moment ago.
    async fn knows_better(&mut self, reason: Ignored) -> Result<bool, Stop> {
        match reason {
            Ignored::ExistedBefore | Ignored::OutsideWorkspaces | Ignored::Inbox => {}
            Ignored::Template | Ignored::ClosedWhenFirstSeen | Ignored::Gone | Ignored::Told => {
                return Ok(false);
            }
        }
        self.mirror.surroundings.refresh().await?;
        let before = std::mem::replace(&mut self.known, self.mirror.surroundings.now());
        Ok(!self.known.says_the_same_of_boards(&before))
    }

    async fn ignore(&self, reason: Ignored) -> Result<Status, Stop> {
        // An intention that came to nothing must not hold up others of the same title.
        // One that may still come true stays: a person may want the board mirrored after all.
        let window = self.mirror.confirmation_window();
        let is_over = self
            .claim
            .record
            .intention
            .as_ref()
            .is_some_and(|intention| {
                intention.answer == Answer::Refused || self.now().since(intention.at) >= window
            });
        if is_over {
            self.mirror.store.abandon(self.claim.fence).await?;
        }
        Ok(Status::Ignored(reason))
    }

    /// Something that is written down when the look is settled.
    fn happened(&mut self, event: Event, detail: impl Into<String>) {
        let note = Note::new(event, detail).at(self.now());
        self.notes.push(note);
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
