//! Making boards: whose, where, when, of what kind, and what follows from it.

#![expect(
    clippy::must_use_candidate,
    reason = "most callers want the deed, not the id that comes of it"
)]

use jiff::Timestamp;
use serde_json::json;

use super::Trello;
use super::actions::Action;
use super::world::{Board, TrelloWorld, Visibility};
use crate::sandbox::identity::{BoardId, MemberId, WorkspaceId};

/// A board to be made. By our member and without a workspace, if nothing else is said.
#[derive(Clone, Debug)]
pub struct NewBoard {
    name: String,
    workspace: Option<WorkspaceId>,
    creator: Option<MemberId>,
    copy_of: Option<BoardId>,
    created: Option<Timestamp>,
    visibility: Option<Visibility>,
    template: bool,
    closed: bool,
    silent: bool,
}

impl NewBoard {
    /// A board of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            workspace: None,
            creator: None,
            copy_of: None,
            created: None,
            visibility: None,
            template: false,
            closed: false,
            silent: false,
        }
    }

    /// In a workspace, visible to all of it.
    #[must_use]
    pub fn in_workspace(mut self, workspace: &WorkspaceId) -> Self {
        self.workspace = Some(workspace.clone());
        self
    }

    /// Made by somebody else, who is then its only member.
    #[must_use]
    pub fn by(mut self, member: &MemberId) -> Self {
        self.creator = Some(member.clone());
        self
    }

    /// Copied from a board or a template: the member's webhook gets `copyBoard` in place of `createBoard`.
    #[must_use]
    pub fn copied_from(mut self, board: &BoardId) -> Self {
        self.copy_of = Some(board.clone());
        self
    }

    /// Made at another time: its id says so, and it arrives silently if that time has passed.
    #[must_use]
    pub fn created_at(mut self, created: Timestamp) -> Self {
        self.created = Some(created);
        self
    }

    /// Visible to others than everybody in its workspace.
    #[must_use]
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// A template from the beginning.
    #[must_use]
    pub fn template(mut self) -> Self {
        self.template = true;
        self
    }

    /// Archived from the beginning.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// Without any delivery.
    #[must_use]
    pub fn silently(mut self) -> Self {
        self.silent = true;
        self
    }

    fn build(self, world: &TrelloWorld, now: Timestamp) -> Board {
        let creator = self.creator.as_ref().unwrap_or(&world.credentials.member);
        let created = self.created.unwrap_or(now);
        let mut board = Board::new(created, &self.name, creator, self.workspace);
        board.visibility = self.visibility.unwrap_or(board.visibility);
        board.template = self.template;
        board.closed = self.closed;
        board
    }
}

/// What follows from a board that was made, or copied from another.
fn births(
    world: &TrelloWorld,
    board: &Board,
    source: Option<&BoardId>,
    now: Timestamp,
) -> Vec<Action> {
    let seen = world.sees(board);
    let source = source.and_then(|id| world.boards.get(&**id));
    let born = if let Some(source) = source {
        let source = json!({ "id": *source.id, "prefs": { "isTemplate": source.template } });
        Action::new("copyBoard", "action_copy_board", now, &board.creator)
            .with("boardSource", source)
    } else {
        Action::new("createBoard", "action_create_board", now, &board.creator)
            .with("creationMethod", json!("automatic"))
    };
    let joined = board
        .workspace
        .as_ref()
        .map(|workspace| joined(board, workspace, &board.creator, now));
    let actions = std::iter::once(born.on_board(board, false)).chain(joined);
    actions.map(|action| action.seen(seen)).collect()
}

pub(super) fn joined(
    board: &Board,
    workspace: &WorkspaceId,
    actor: &MemberId,
    now: Timestamp,
) -> Action {
    Action::new(
        "addToOrganizationBoard",
        "action_add_to_organization_board",
        now,
        actor,
    )
    .on_board(board, true)
    .in_workspace(workspace)
}

pub(super) fn left(
    board: &Board,
    workspace: &WorkspaceId,
    actor: &MemberId,
    now: Timestamp,
) -> Action {
    Action::new(
        "removeFromOrganizationBoard",
        "action_remove_from_organization_board",
        now,
        actor,
    )
    .on_board(board, true)
    .in_workspace(workspace)
}

impl Trello {
    /// Makes a board.
    pub fn create_board(&self, new: NewBoard) -> BoardId {
        self.act(|world, now| {
            let silent = new.silent || new.created.is_some_and(|created| created < now);
            let source = new.copy_of.clone();
            let board = new.build(world, now);
            let id = board.id.clone();
            let actions = if silent {
                Vec::new()
            } else {
                births(world, &board, source.as_ref(), now)
            };
            world.boards.insert(id.0.clone(), board);
            (id, actions)
        })
    }

    /// Every board there is, seen by the token or not, oldest id first; the inbox too.
    #[must_use]
    pub fn boards(&self) -> Vec<Board> {
        self.world().boards.values().cloned().collect()
    }

    /// A board by its id or short link.
    #[must_use]
    pub fn board(&self, id_or_link: &str) -> Option<Board> {
        self.world().board(id_or_link).cloned()
    }
}
