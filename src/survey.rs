//! What would change, for all boards or for some: the plan without doing it. Reads only, both services and the database.

mod reading;
mod simulate;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::docspace::{DocSpace, DocSpaceError};
use crate::mirror::plan::{Rules, Sight};
use crate::model::board::{Board, BoardKind, Listed, Record, Told};
use crate::model::id::{BoardId, RoomId, WorkspaceId};
use crate::model::room::Room;
use crate::model::time::Timestamp;
use crate::scope::{Known, Wanted};
use crate::store::{Store, StoreError};
use crate::survey::simulate::simulate;
use crate::trello::{Trello, TrelloError};

/// What a survey needs.
#[derive(Debug)]
pub struct Survey<'a> {
    pub trello: &'a Trello,
    pub docspace: &'a DocSpace,
    /// None before there is a database.
    pub store: Option<&'a dyn Store>,
    pub wanted: Wanted,
    pub rules: Rules,
    /// A person's word on which boards existed before.
    pub since: Option<Timestamp>,
}

/// What a survey goes by, for whoever makes several.
#[derive(Debug, Clone)]
pub struct Policy {
    pub wanted: Wanted,
    pub rules: Rules,
    /// A person's word on which boards existed before.
    pub since: Option<Timestamp>,
}

impl Policy {
    /// A survey by these rules, beside a running service.
    #[must_use]
    pub fn survey<'a>(
        &self,
        trello: &'a Trello,
        docspace: &'a DocSpace,
        store: &'a dyn Store,
    ) -> Survey<'a> {
        Survey {
            trello,
            docspace,
            store: Some(store),
            wanted: self.wanted.clone(),
            rules: self.rules.clone(),
            since: self.since,
        }
    }
}

/// Why a survey did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
    #[error("DocSpace did not answer")]
    DocSpace(#[from] DocSpaceError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
}

/// One thing that would be done, or that is left as a person did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub board: BoardId,
    /// The board's name.
    pub name: String,
    pub kind: Kind,
    /// What is there now, and what would be.
    pub from: Option<String>,
    pub to: Option<String>,
    pub room: Option<RoomId>,
}

/// What would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Create,
    Rename,
    Archive,
    Restore,
    Tag,
    /// Nothing: a person did it by hand.
    Drift,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Create,
        Self::Rename,
        Self::Archive,
        Self::Restore,
        Self::Tag,
        Self::Drift,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rename => "rename",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Tag => "tag",
            Self::Drift => "drift",
        }
    }
}

/// A change as programs read it.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    board_id: BoardId,
    name: &'a str,
    change: &'static str,
    from: Option<&'a str>,
    to: Option<&'a str>,
    room_id: Option<i64>,
}

impl<'a> Line<'a> {
    #[must_use]
    pub fn of(change: &'a Change) -> Self {
        Self {
            board_id: change.board,
            name: &change.name,
            change: change.kind.as_str(),
            from: change.from.as_deref(),
            to: change.to.as_deref(),
            room_id: change.room.map(|room| room.0),
        }
    }
}

/// What a survey came to.
#[derive(Debug)]
pub struct Found {
    pub changes: Vec<Change>,
    /// Of the boards that were named, those of which Trello's answer tells nothing: nobody knows what there is to do.
    pub unread: Vec<(BoardId, TrelloError)>,
    /// What it rests on, for whoever does it.
    pub known: Known,
}

/// Both sides, as they are now.
#[derive(Debug, Default)]
struct World {
    known: Known,
    listed: BTreeMap<BoardId, Listed>,
    records: BTreeMap<BoardId, Record>,
    /// Boards that were asked for one by one; none where Trello does not show one, with what it says.
    asked: HashMap<BoardId, Result<Board, TrelloError>>,
    unread: Vec<(BoardId, TrelloError)>,
    rooms: HashMap<RoomId, Room>,
    tagged: HashMap<BoardId, Vec<RoomId>>,
    workspaces: HashMap<WorkspaceId, String>,
}

impl Survey<'_> {
    /// What would change, board by board. With `only`, what `boardroom apply` would do about just these, drift included.
    pub async fn changes(&self, only: Option<&[BoardId]>) -> Result<Found, SurveyError> {
        let mut world = World::default();
        match only {
            Some(boards) if self.knows_since().await? => {
                self.read_some(&mut world, boards).await?;
            }
            Some(_) | None => {
                self.read_trello(&mut world).await?;
                self.read_docspace(&mut world).await?;
                self.read_records(&mut world).await?;
            }
        }
        self.learn(&mut world).await?;
        let boards = world.boards(only);
        self.ask_for_unlisted(&mut world, &boards).await?;
        self.ask_for_untagged(&mut world, &boards).await?;
        // A list does not tell a template from a board: those that would get a room are asked for.
        let draft = self.plan(&mut world, &boards, only).await?;
        let new: Vec<_> = draft
            .iter()
            .filter(|change| change.kind == Kind::Create)
            .map(|change| change.board)
            .filter(|board| !world.asked.contains_key(board))
            .collect();
        if new.is_empty() {
            return Ok(world.found(draft));
        }
        let answers = self.trello.boards(&new).await?;
        world.asked.extend(new.into_iter().zip(answers));
        let changes = self.plan(&mut world, &boards, only).await?;
        Ok(world.found(changes))
    }

    async fn ask_for_unlisted(
        &self,
        world: &mut World,
        boards: &[BoardId],
    ) -> Result<(), SurveyError> {
        let unlisted: Vec<_> = boards
            .iter()
            .copied()
            .filter(|board| !world.listed.contains_key(board) && !world.asked.contains_key(board))
            .collect();
        if !unlisted.is_empty() {
            let answers = self.trello.boards(&unlisted).await?;
            world.asked.extend(unlisted.into_iter().zip(answers));
        }
        Ok(())
    }

    /// Recorded rooms that lack our tag, or are gone.
    async fn ask_for_untagged(
        &self,
        world: &mut World,
        boards: &[BoardId],
    ) -> Result<(), SurveyError> {
        for board in boards {
            let record = world.records.get(board);
            let Some(recorded) = record.and_then(|record| record.room.as_ref()) else {
                continue;
            };
            if !world.rooms.contains_key(&recorded.id)
                && let Some(room) = self.docspace.room(recorded.id).await?
            {
                world.rooms.insert(room.id, room);
            }
        }
        Ok(())
    }

    async fn plan(
        &self,
        world: &mut World,
        boards: &[BoardId],
        only: Option<&[BoardId]>,
    ) -> Result<Vec<Change>, SurveyError> {
        let mut changes = Vec::new();
        for id in boards {
            // Whoever names a board is not told that there is nothing to do because nobody knows.
            if only.is_some()
                && let Some(error) = world.unanswered(*id)
            {
                if is_of_all(&error) {
                    return Err(error.into());
                }
                // One that cannot be read must not stop the others.
                world.unread.push((*id, error));
                continue;
            }
            let mut record = world
                .records
                .get(id)
                .cloned()
                .unwrap_or_else(|| Record::of_nothing(*id));
            if only.is_some() && !matches!(record.told, Some(Told::Ignore | Told::Mirror)) {
                record.told = Some(Told::Apply);
            }
            let Some(sight) = self.sight(world, &record).await? else {
                continue;
            };
            changes.extend(simulate(&sight, record, &self.rules, world));
        }
        Ok(changes)
    }

    /// The board as a look would see it. None where a look would find it at fault.
    async fn sight(
        &self,
        world: &mut World,
        record: &Record,
    ) -> Result<Option<Sight>, SurveyError> {
        let board = match (world.asked.get(&record.id), world.listed.get(&record.id)) {
            (Some(Ok(board)), _) => board.clone(),
            (Some(Err(TrelloError::Unauthorized(_) | TrelloError::Forbidden(_))), _) => {
                return Ok(record.room.as_ref().map(|_| Sight::Hidden));
            }
            (Some(Err(TrelloError::NotFound(_))), _) => return Ok(Some(self.gone(record))),
            (Some(Err(_)) | None, None) => return Ok(None),
            (_, Some(listed)) => of_list(listed, record),
        };
        let title = self.title(world, &board).await?;
        let closed_at = record.closed_at.unwrap_or_else(Timestamp::now);
        let in_grace = board.closed && Timestamp::now().since(closed_at) < self.rules.archive_after;
        Ok(Some(Sight::Board {
            board,
            title,
            in_grace,
        }))
    }

    fn gone(&self, record: &Record) -> Sight {
        let span = record.gone_at.map(|since| Timestamp::now().since(since));
        let certain = record.room.is_none()
            || (record.missing_at.is_some()
                && span.is_some_and(|span| span >= self.rules.deleted_after));
        Sight::Gone { certain }
    }

    async fn title(&self, world: &mut World, board: &Board) -> Result<String, SurveyError> {
        let template = &self.rules.room.title;
        let workspace = match board.workspace.filter(|_| template.names_workspace()) {
            Some(id) => match world.known.scope.as_ref().and_then(|scope| scope.name(id)) {
                Some(name) => name.to_owned(),
                None => self.workspace_name(world, id).await?,
            },
            None => String::new(),
        };
        Ok(template.title(&board.name, &workspace))
    }

    /// The name of a workspace that is not watched; left out where it may not be seen.
    async fn workspace_name(
        &self,
        world: &mut World,
        id: WorkspaceId,
    ) -> Result<String, SurveyError> {
        if let Some(name) = world.workspaces.get(&id) {
            return Ok(name.clone());
        }
        let name = match self.trello.workspace(&id.to_string()).await {
            Ok(workspace) => workspace.display_name,
            Err(
                TrelloError::Unauthorized(_) | TrelloError::Forbidden(_) | TrelloError::NotFound(_),
            ) => String::new(),
            Err(error) => return Err(error.into()),
        };
        world.workspaces.insert(id, name.clone());
        Ok(name)
    }
}

/// Whether Trello would say the same of every other board.
fn is_of_all(error: &TrelloError) -> bool {
    match error {
        TrelloError::RateLimited { .. } | TrelloError::Unreachable(_) => true,
        // Where Trello is down, no answer names boards.
        TrelloError::Unavailable { .. }
        | TrelloError::Unauthorized(_)
        | TrelloError::Forbidden(_)
        | TrelloError::NotFound(_)
        | TrelloError::Rejected { .. }
        | TrelloError::Unintelligible(_) => false,
    }
}

impl World {
    fn found(self, changes: Vec<Change>) -> Found {
        Found {
            changes,
            unread: self.unread,
            // Rooms were read and none was recorded: that stands for no look-up.
            known: Known {
                audited: None,
                ..self.known
            },
        }
    }

    /// Why Trello did not say how a board is, where that says nothing of the board.
    fn unanswered(&mut self, board: BoardId) -> Option<TrelloError> {
        let is_about_the_board = match self.asked.get(&board)? {
            Ok(_)
            | Err(
                TrelloError::Unauthorized(_) | TrelloError::Forbidden(_) | TrelloError::NotFound(_),
            ) => true,
            Err(
                TrelloError::RateLimited { .. }
                | TrelloError::Unavailable { .. }
                | TrelloError::Rejected { .. }
                | TrelloError::Unintelligible(_)
                | TrelloError::Unreachable(_),
            ) => false,
        };
        if is_about_the_board {
            return None;
        }
        self.asked.remove(&board)?.err()
    }

    /// The boards that are looked at: those that were named, or all that are listed or have a room.
    fn boards(&self, only: Option<&[BoardId]>) -> Vec<BoardId> {
        if let Some(only) = only {
            let mut seen = BTreeSet::new();
            let only = only.iter().copied();
            return only.filter(|board| seen.insert(*board)).collect();
        }
        let recorded = self.records.values().filter(|record| record.room.is_some());
        let all = self.listed.keys().copied();
        let all: BTreeSet<_> = all.chain(recorded.map(|record| record.id)).collect();
        all.into_iter().collect()
    }
}

/// A board of a list; its kind is the one that was seen last.
fn of_list(listed: &Listed, record: &Record) -> Board {
    let kind = record
        .seen
        .as_ref()
        .map_or(BoardKind::Ordinary, |seen| seen.kind);
    Board {
        id: listed.id,
        name: listed.name.clone(),
        short_link: listed.short_link.clone(),
        workspace: listed.workspace,
        closed: listed.closed,
        kind,
    }
}
