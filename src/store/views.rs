//! Where boards stand and what happened to them, as people read it. Words are handed on as they are stored: a newer program may have
//! written ones that this one does not know.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::board::Drift;
use crate::model::id::{BoardId, RoomId};
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// Reading for people. Every list is read in pages, so that it needs no more memory for a million boards than for ten.
#[async_trait]
pub trait Views {
    /// How many boards stand where. Mirrored boards with twins are counted apart.
    async fn groups(&self) -> Result<Vec<(Group, u64)>, StoreError>;

    /// The next of a group, in a fixed order, after `after`.
    async fn standings(
        &self,
        group: &Group,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Standing>, StoreError>;

    /// The next of a group whose names have this text in them, or whose short link it is: at most so many of those among the next
    /// 500 after `after`, so that the work is bounded however few there are. A page may be empty and not be the last one.
    async fn search(
        &self,
        group: &Group,
        after: Cursor,
        sought: &Sought,
        most: u32,
    ) -> Result<Page<Standing>, StoreError>;

    /// Where one board stands.
    async fn standing(&self, board: BoardId) -> Result<Option<Standing>, StoreError>;

    /// The boards that a person may mean, at most so many.
    async fn find(&self, meant: Meant<'_>, most: u32) -> Result<Vec<Candidate>, StoreError>;

    /// What boards are called, of those that are known by a name.
    async fn names(&self, boards: &[BoardId]) -> Result<Vec<(BoardId, String)>, StoreError>;

    /// What is due, and what somebody should know, in numbers; of neither more than `most` are counted.
    async fn load(&self, most: u32) -> Result<Load, StoreError>;

    /// Since when things have been waiting to be done, or to be done again.
    async fn progress(&self) -> Result<Progress, StoreError>;

    /// What happened to a board, the earliest first.
    async fn history(
        &self,
        board: BoardId,
        after: Cursor,
        most: u32,
    ) -> Result<Page<Happened>, StoreError>;
}

/// How much there is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// Boards that are due, those that somebody looks at among them.
    pub due: u64,
    /// Since when the one that is due longest is.
    pub oldest: Duration,
    /// How many concerns there are of each code, by its stored word.
    pub concerns: Vec<(String, u64)>,
}

/// How far the services have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Since when the board is due that is due longest.
    pub due_since: Option<Timestamp>,
    /// When a sweep and a look over all rooms last came to their end.
    pub swept_at: Option<Timestamp>,
    pub audited_at: Option<Timestamp>,
    /// When it was last known of each webhook whether it works.
    pub webhooks_at: Option<Timestamp>,
}

/// Boards that stand at the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    All,
    /// By the stored words; those of mirrored boards without a reason but with twins are in [`Group::Twins`].
    At(Words),
    /// Mirrored, without another reason, and another room carries the board's tag, too.
    Twins,
}

/// A status as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub status: String,
    pub reason: Option<String>,
}

/// Where a list is read on. The first page begins at the default one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor(pub(super) i64);

/// So that a program can keep it between two requests.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place: u64 = text.parse()?;
        Ok(Self(i64::try_from(place).unwrap_or(i64::MAX)))
    }
}

/// A text that is looked for in names, whether its letters are large or small there. Databases fold letters beyond ASCII or do not, so
/// the usual spellings of a word are looked for: all small, all large, with a large initial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    pub(super) text: String,
    pub(super) spellings: [String; 3],
}

impl Sought {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let small = text.to_lowercase();
        let mut characters = small.chars();
        let initial = characters.next().into_iter().flat_map(char::to_uppercase);
        let titled: String = initial.chain(characters.clone()).collect();
        let spellings = [small.clone(), text.to_uppercase(), titled];
        Self {
            text: text.to_owned(),
            // The database makes ASCII letters small, at least.
            spellings: spellings.map(|spelling| spelling.to_ascii_lowercase()),
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Those of them that could be read.
    pub rows: Vec<T>,
    /// Where the next part begins; none after the last one.
    pub next: Option<Cursor>,
}

/// Where a board stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub id: BoardId,
    pub name: Option<String>,
    pub short_link: Option<String>,
    pub words: Words,
    pub since: Timestamp,
    /// When it is looked at again; in the past when it is due.
    pub next: Option<Timestamp>,
    pub failures: u32,
    pub failing_since: Option<Timestamp>,
    pub room: Option<RoomId>,
    /// The title that it had when we last looked, whoever gave it.
    pub room_title: Option<String>,
    pub drift: Option<Drift>,
    /// Other rooms that carry the board's tag, as far as nobody settled it.
    pub twins: Vec<RoomId>,
}

/// How a person named a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<'a> {
    Id(BoardId),
    ShortLink(&'a str),
    /// The exact name, or the short link.
    NameOrShortLink(&'a str),
}

/// A board that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: BoardId,
    pub name: Option<String>,
    pub short_link: Option<String>,
}

/// A line of a board's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    pub at: Timestamp,
    pub event: String,
    pub detail: String,
}
