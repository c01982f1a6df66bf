//! What must not be lost: boards with their rooms, intentions and due times, deliveries that were seen, history, lanes, webhooks.
//!
//! Leases and due times are compared with the database's clock. No remote call is ever made inside a transaction.

pub(crate) mod budget;
#[cfg(test)]
mod costs;
mod facts;
mod figures;
pub mod history;
mod lists;
mod notices;
mod people;
mod postgres;
mod shared;
mod sql;
mod sqlite;
mod upkeep;
mod views;

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::board::{Answer, Board, Listed, Record, RoomRecord, Told};
use crate::model::delivery::{Capture, Captured, Hint, Kept, Recorded};
use crate::model::id::{ActionId, BoardId, ModelId, RoomId};
use crate::model::status::{Status, Waiting};
use crate::model::time::Timestamp;
use crate::store::history::Note;

pub use budget::{Account, Leased, Permits, Terms};
pub use facts::Fact;
pub use figures::{Counted, Counting, Figures, Grain, Past};
pub use lists::{Entry, Filter, Lists};
pub use notices::{Alert, Notice, Notices, Turn, Turned};
pub use people::{Linked, People};
pub use postgres::{Inspection, Postgres, Tables};
pub use shared::{Closing, Duty, Learnt, News, Opened, Paused, Shared};
pub use sqlite::{BackupError, Copied, Sqlite, backup};
pub use upkeep::{Concern, Passage, Shown, Upkeep};
pub use views::{
    Candidate, Cursor, Group, Happened, Load, Meant, Page, Progress, Sought, Standing, Views, Words,
};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database file {path} cannot be used: {reason}")]
    Open { path: PathBuf, reason: String },
    #[error(
        "there is no database at {place}; set BOARDROOM_DATABASE_URL to the one of the service, or run the service first"
    )]
    Missing { place: String },
    #[error("the database was made by a newer boardroom; this one is too old for it")]
    TooNew,
    /// Worth another try: it says nothing about what was asked.
    #[error("the database cannot be reached: {reason}")]
    Away { reason: String },
    #[error("the database refused: {}", said(.0))]
    Database(sqlx::Error),
    /// The same of what several had written together.
    #[error("the database refused: {0}")]
    Refused(String),
    #[error("the database could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database holds what this version cannot read: {0}")]
    Unreadable(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// The database's own words, which the driver's would say twice.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// The newest schema that this program knows.
const SCHEMA: i64 = 6;

/// Everything that is kept. The contract is the same for every database.
#[async_trait]
pub trait Store:
    Deliveries
    + Queue
    + Boards
    + State
    + Permits
    + Shared
    + Upkeep
    + Views
    + Counting
    + Lists
    + People
    + Notices
    + Debug
    + Send
    + Sync
{
    /// Connects, and brings the schema up to date. May be called again after an error, and dropped at any point.
    async fn open(&self) -> Result<(), StoreError>;
}

/// What arrives.
#[async_trait]
pub trait Deliveries {
    /// Stores hints in one transaction: actions, history, boards that are due. Answers in the order of `hints`.
    async fn accept(&self, hints: &[Hint]) -> Result<Vec<Recorded>, StoreError>;

    /// Keeps a delivery for a person to look at; of each kind only the newest 20 stay.
    async fn capture(&self, capture: &Capture) -> Result<(), StoreError>;

    /// The deliveries that are kept of a kind, the newest first.
    async fn captures(&self, kind: Captured) -> Result<Vec<Kept>, StoreError>;

    /// Whether this action was stored within the last days.
    async fn remembers(&self, action: ActionId) -> Result<bool, StoreError>;

    /// Writes nothing of worth, to learn whether something could be written.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Forgets actions after 7 days, history after 90, and figures when they are shown no more. Bounded work a call; true when there is more to do.
    async fn tidy(&self) -> Result<bool, StoreError>;
}

/// The queue: one row a board, one worker at a time, by a lease.
#[async_trait]
pub trait Queue {
    /// Takes due boards, the longest due first. A lease that ran out is taken over.
    async fn claim(&self, request: &ClaimRequest<'_>) -> Result<Vec<Claim>, StoreError>;

    /// Commits a create before it is sent, and prolongs the lease. Refused when the lease was lost, the board has a room, or an earlier create
    /// may still come true.
    async fn intend(
        &self,
        fence: Fence,
        intention: &NewIntention<'_>,
        lease: Duration,
    ) -> Result<Held, StoreError>;

    /// Prolongs the lease to `lease`. Refused when it was lost.
    async fn hold(&self, fence: Fence, lease: Duration) -> Result<Held, StoreError>;

    /// Notes that so many of the members to invite were dealt with.
    async fn count_invitees(&self, fence: Fence, invitees: u32) -> Result<Held, StoreError>;

    /// Writes down what is known of a board's room, and prolongs the lease: what is about to be sent, and afterwards what came of it.
    /// Refused when the lease was lost.
    async fn amend(
        &self,
        fence: Fence,
        room: &RoomRecord,
        lease: Duration,
        note: Option<&Note>,
    ) -> Result<Held, StoreError>;

    /// Notes what is known of the create that was intended at `remote_at`. Needs no lease: it is true whoever says it.
    async fn answered(
        &self,
        board: BoardId,
        remote_at: Timestamp,
        answer: Answer,
    ) -> Result<(), StoreError>;

    /// Forgets an intention that came to nothing.
    async fn abandon(&self, fence: Fence) -> Result<Held, StoreError>;

    /// Ends a look: status, observation, when to look again. A hint that came meanwhile makes the board due, but shortens no backoff.
    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Settled, StoreError>;

    /// Gives leases back, also those of duties.
    async fn hand_back(&self, whose: Whose<'_>) -> Result<u64, StoreError>;

    /// Makes boards due that wait for this.
    async fn wake(&self, waiting: Waiting, most: Option<u32>) -> Result<u64, StoreError>;

    /// What boards wait for now.
    async fn awaited(&self) -> Result<Vec<Waiting>, StoreError>;
}

/// Boards and their rooms.
#[async_trait]
pub trait Boards {
    async fn record(&self, board: BoardId) -> Result<Option<Record>, StoreError>;

    /// Records a board's room and closes the intention. Needs no lease: a room that was made must not be forgotten.
    async fn bind(
        &self,
        board: BoardId,
        room: &RoomRecord,
        note: &Note,
    ) -> Result<Bound, StoreError>;

    /// Forgets a board's room, on a person's word. Refused when the lease was lost: somebody may have said another word meanwhile.
    async fn unbind(&self, fence: Fence, note: &Note) -> Result<Held, StoreError>;

    /// Those of these boards that have a room.
    async fn housed(&self, boards: &[BoardId]) -> Result<Vec<Housed>, StoreError>;

    /// The board that a room is recorded for.
    async fn board_of(&self, room: RoomId) -> Result<Option<BoardId>, StoreError>;

    /// How many other boards sent a create less than `window` ago whose room would be called `stored_title`.
    async fn rivals(
        &self,
        board: BoardId,
        stored_title: &str,
        window: Duration,
    ) -> Result<u64, StoreError>;

    /// Makes boards due; those not known yet are taken in.
    async fn hint(&self, boards: &[BoardId]) -> Result<(), StoreError>;

    /// A person's word about a board, which makes it due and forgives its failures. `Mirror` asks for its room by name, `Ignore` takes that back.
    async fn tell(&self, board: BoardId, told: Told) -> Result<(), StoreError>;

    /// Those of a list that are unknown, or differ from what was last seen and are not due anyway.
    async fn differing(&self, boards: &[Listed]) -> Result<Vec<BoardId>, StoreError>;

    /// Takes in the first complete list of a source. From then on it has a baseline.
    async fn take_in(&self, source: ModelId, boards: &[Newcomer]) -> Result<(), StoreError>;

    /// Makes boards due whose status may come out otherwise under another policy.
    async fn reconsider(&self, statuses: &[Status]) -> Result<u64, StoreError>;

    /// How many boards have each status, by its stored words.
    async fn totals(&self) -> Result<Vec<(Status, u64)>, StoreError>;

    async fn note(&self, board: BoardId, note: &Note) -> Result<(), StoreError>;
}

/// What is known beside boards.
#[async_trait]
pub trait State {
    /// The sources that have their baseline.
    async fn baselines(&self) -> Result<Vec<ModelId>, StoreError>;

    /// The models that we watch or are about to.
    async fn models(&self) -> Result<Vec<ModelId>, StoreError>;

    /// How many those are.
    async fn watched(&self) -> Result<u64, StoreError>;

    /// Whether this is one of them.
    async fn watches(&self, model: ModelId) -> Result<bool, StoreError>;

    /// Remembers models before their webhooks are registered.
    async fn watch(&self, models: &[ModelId]) -> Result<(), StoreError>;

    async fn fact(&self, name: Fact) -> Result<Option<String>, StoreError>;

    async fn set_fact(&self, name: Fact, value: &str) -> Result<(), StoreError>;

    /// Keeps that it is now, in milliseconds by the database's clock.
    async fn date(&self, name: Fact) -> Result<(), StoreError>;

    /// Keeps the earlier of the moment kept and this one; says which it is.
    async fn earliest(&self, name: Fact, moment: Timestamp) -> Result<Timestamp, StoreError>;

    /// Waits for what is under way and closes the files.
    async fn close(&self);
}

/// Who takes how many boards for how long.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRequest<'a> {
    pub holder: &'a str,
    pub most: usize,
    pub lease: Duration,
    /// Only this board, due or not.
    pub only: Option<BoardId>,
}

/// The right to work on a board: void once another worker has taken it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    pub board: BoardId,
    pub attempt: i64,
}

/// A board that was taken.
#[derive(Debug, Clone)]
pub struct Claim {
    pub fence: Fence,
    pub record: Record,
    /// How many hints had come by then.
    pub hints: i64,
    /// Since when it was due, and when that was read.
    pub due: Timestamp,
    pub taken: Timestamp,
    /// The trace that the look is a part of: that of the last delivery since the last look.
    pub trace: Option<String>,
}

/// A create that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewIntention<'a> {
    pub title: &'a str,
    /// The title that the server will make of it.
    pub stored_title: &'a str,
    /// By `DocSpace`'s clock, early rather than late.
    pub remote_at: Timestamp,
    /// For how long an earlier create of which no answer came may still come true.
    pub window: Duration,
}

/// How a look ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub hints: i64,
    pub status: Status,
    /// The word that this look obeyed; one that was said meanwhile stays.
    pub told: Option<Told>,
    /// What this look saw of the board.
    pub seen: Option<Board>,
    /// Failures in a row that the board is to blame for; none forgets since when.
    pub failures: u32,
    /// When to look again without being asked.
    pub again: Option<Duration>,
    pub room: Option<RoomRecord>,
    /// What the history says; of each, unless it said so last.
    pub notes: Vec<Note>,
}

/// Whether the lease was still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Held,
    Lost,
}

/// How a board was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Rests,
    /// Something came during the look.
    DueAgain,
    /// The lease was lost, so nothing was stored.
    Lost,
}

/// Whether a room was recorded for a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Bound,
    /// The board has this room already.
    Has(RoomId),
    /// The room is recorded for this other board.
    Taken(BoardId),
}

/// A board with the room that is recorded for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Housed {
    pub board: BoardId,
    pub room: RoomId,
    /// Whether we made it; it was found otherwise.
    pub is_made: bool,
}

/// Whose leases are given back.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// One board's, if it is still held.
    Board(Fence),
    /// Those of all holders whose name begins so.
    Holders(&'a str),
}

/// A board of a first complete list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    pub board: Listed,
    /// Whether it belongs to the baseline.
    pub baseline: bool,
    /// Decided by the list alone, or pending and due.
    pub status: Status,
}
