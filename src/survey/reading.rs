//! What a survey reads of both services and the database: everything, or what concerns some boards alone.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::board::{Board, Listed, Record};
use crate::model::id::{BoardId, ModelId, WorkspaceId};
use crate::model::room::{INTEGRATION_TAG, Room, board_of_tag, board_tag};
use crate::model::time::Timestamp;
use crate::scope::Scope;
use crate::store::Fact;
use crate::survey::{Survey, SurveyError, World};

/// How many records are read at a time.
const PAGE: u32 = 1_000;
/// Boards made so shortly before the first start count as new; and of a lost database, those made so shortly before the newest room.
const SETTING_UP: Duration = Duration::from_mins(5);
const A_DAY: Duration = Duration::from_hours(24);

impl Survey<'_> {
    /// Whether it is settled which boards are new: before that, the newest room of all tells.
    pub async fn knows_since(&self) -> Result<bool, SurveyError> {
        let stored = match self.store {
            Some(store) => store.fact(Fact::Since).await?,
            None => None,
        };
        Ok(self.since.is_some() || stored.is_some())
    }

    /// Reads what concerns these boards alone, however many others there are.
    pub(super) async fn read_some(
        &self,
        world: &mut World,
        boards: &[BoardId],
    ) -> Result<(), SurveyError> {
        let scope = Scope::resolve(self.trello, &self.wanted, None).await?;
        world.known.scope = Some(scope.into());
        let answers = self.trello.boards(boards).await?;
        world.asked.extend(boards.iter().copied().zip(answers));
        for board in boards {
            if let Some(store) = self.store {
                let record = store.record(*board).await?;
                world.records.extend(record.map(|record| (*board, record)));
            }
            let tagged = self.docspace.rooms_tagged(&board_tag(*board)).await?;
            world.find(tagged, |tagged| tagged == *board);
        }
        world.known.audited = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn read_trello(&self, world: &mut World) -> Result<(), SurveyError> {
        let scope = Scope::resolve(self.trello, &self.wanted, None).await?;
        for workspace in &scope.workspaces {
            let boards = self.trello.workspace_boards(workspace.id).await?;
            world.take(boards);
        }
        if self.rules.personal_boards || !scope.guests.is_empty() {
            let boards = self.trello.member_boards().await?;
            for guest in &scope.guests {
                let theirs = boards
                    .iter()
                    .filter(|board| board.workspace == Some(*guest));
                world.take(theirs.cloned());
            }
            if self.rules.personal_boards {
                let personal = boards.into_iter().filter(|board| board.workspace.is_none());
                world.take(personal);
            }
        }
        world.known.scope = Some(scope.into());
        Ok(())
    }

    pub(super) async fn read_docspace(&self, world: &mut World) -> Result<(), SurveyError> {
        let rooms = self.docspace.rooms_tagged(INTEGRATION_TAG).await?;
        world.find(rooms, |_| true);
        world.known.audited = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn read_records(&self, world: &mut World) -> Result<(), SurveyError> {
        let (Some(store), mut after) = (self.store, None) else {
            return Ok(());
        };
        loop {
            let page = store.records(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            world
                .records
                .extend(page.into_iter().map(|record| (record.id, record)));
        }
    }

    /// Which boards existed before, as the service would have it.
    pub(super) async fn learn(&self, world: &mut World) -> Result<(), SurveyError> {
        let mut stored = None;
        if let Some(store) = self.store {
            stored = store.fact(Fact::Since).await?;
            let known: Vec<ModelId> = store.baselines().await?;
            // What is in a first list existed before; with a baseline, what is not in it is new.
            for id in known {
                world.known.baselines.insert(id);
            }
        }
        let lost = match self.store {
            Some(store) => store.fact(Fact::Audited).await?.is_none(),
            None => true,
        };
        let newest = world.tagged.keys().map(|board| board.0.created()).max();
        let now = self.trello.now().unwrap_or_else(Timestamp::now);
        let first_start = now.minus(SETTING_UP);
        let since = match (self.since, stored.and_then(|text| text.parse().ok())) {
            (Some(since), _) => since,
            (None, Some(stored)) => Timestamp(stored),
            (None, None) => newest
                .filter(|_| lost)
                .map_or(first_start, |newest| newest.minus(A_DAY).min(first_start)),
        };
        world.known.since = Some(since);
        let scope = world.known.scope.clone();
        let member = scope.as_ref().map(|scope| ModelId::from(scope.member.id));
        for (board, workspace) in self.open_boards(world) {
            let source = workspace.map(ModelId::from).or(member);
            let Some(source) = source.filter(|source| !world.known.baselines.contains(source))
            else {
                continue;
            };
            let record = world
                .records
                .entry(board)
                .or_insert_with(|| Record::of_nothing(board));
            record.baseline = Some(source);
        }
        let sources = scope.iter().flat_map(|scope| {
            let own = scope.workspaces.iter().map(|one| one.id.into());
            own.chain(scope.guests.iter().map(|guest| (*guest).into()))
        });
        world.known.baselines.extend(sources.chain(member));
        Ok(())
    }

    /// The open boards that are listed, or would be, and where they lie.
    fn open_boards(&self, world: &World) -> Vec<(BoardId, Option<WorkspaceId>)> {
        let is_listed = |board: &&Board| match (board.workspace, &world.known.scope) {
            (Some(workspace), Some(scope)) => scope.watches(workspace),
            (None, _) => self.rules.personal_boards,
            (Some(_), None) => false,
        };
        let listed = world.listed.values();
        let listed = listed.map(|listed| (listed.id, listed.workspace, listed.closed));
        let asked = world.asked.values().flatten().filter(is_listed);
        let asked = asked.map(|board| (board.id, board.workspace, board.closed));
        listed
            .chain(asked)
            .filter(|(_, _, closed)| !closed)
            .map(|(board, workspace, _)| (board, workspace))
            .collect()
    }
}

impl World {
    /// Takes note of rooms by the boards that they are tagged for and that are meant, of each the oldest first.
    fn find(&mut self, mut rooms: Vec<Room>, is_meant: impl Fn(BoardId) -> bool) {
        rooms.sort_by_key(|room| (room.created, room.id));
        for room in rooms {
            let boards = room.tags.iter().filter_map(|tag| board_of_tag(tag));
            for board in boards.filter(|board| is_meant(*board)) {
                self.tagged.entry(board).or_default().push(room.id);
            }
            self.rooms.insert(room.id, room);
        }
    }

    fn take(&mut self, boards: impl IntoIterator<Item = Listed>) {
        let boards = boards.into_iter();
        self.listed.extend(boards.map(|board| (board.id, board)));
    }
}
