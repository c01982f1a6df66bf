//! What people do in Trello, as tests and the demo do it for them. Each act delivers what the real one would.

#![expect(
    clippy::must_use_candidate,
    reason = "most callers want the deed, not the id that comes of it"
)]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Trello;
use super::actions::Action;
use super::boards::{joined, left};
use super::world::{Board, Member, Membership, Role, Visibility, Workspace};
use crate::sandbox::identity::{BoardId, MemberId, WorkspaceId, object_id};

impl Trello {
    /// A member whom the token does not belong to.
    pub fn add_member(&self, username: &str, full_name: &str) -> MemberId {
        let member = Member {
            id: MemberId(object_id(self.now())),
            username: username.to_owned(),
            full_name: full_name.to_owned(),
        };
        let id = member.id.clone();
        self.update(|world| world.members.push(member));
        id
    }

    /// A workspace in which our member is an admin. The short name is made from the display name.
    pub fn add_workspace(&self, display_name: &str) -> WorkspaceId {
        let ours = self.member();
        let id = self.add_foreign_workspace(display_name);
        self.set_workspace_role(&id, &ours, Some(Role::Admin));
        id
    }

    /// A workspace in which our member has no part.
    pub fn add_foreign_workspace(&self, display_name: &str) -> WorkspaceId {
        let short: String = display_name
            .to_lowercase()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let workspace = Workspace {
            id: WorkspaceId(object_id(self.now())),
            name: short,
            display_name: display_name.to_owned(),
            members: Vec::new(),
        };
        let id = workspace.id.clone();
        self.update(|world| world.workspaces.push(workspace));
        id
    }

    /// Makes somebody a member of a workspace, changes the role, or (`None`) removes the member.
    pub fn set_workspace_role(
        &self,
        workspace: &WorkspaceId,
        member: &MemberId,
        role: Option<Role>,
    ) {
        self.act(|world, now| {
            let Some(workspace) = world
                .workspaces
                .iter_mut()
                .find(|other| other.id == *workspace)
            else {
                return ((), Vec::new());
            };
            let kind = change_role(&mut workspace.members, member, role, now);
            let (kind, key) = match (kind, role) {
                (Change::Added, _) => (
                    "addMemberToOrganization",
                    "action_added_member_to_organization",
                ),
                (Change::Removed, _) => (
                    "removeMemberFromOrganization",
                    "action_removed_from_organization",
                ),
                (Change::Changed, Some(Role::Admin)) => (
                    "makeAdminOfOrganization",
                    "action_made_admin_of_organization",
                ),
                (Change::Changed, _) => (
                    "makeNormalMemberOfOrganization",
                    "action_made_normal_of_organization",
                ),
            };
            let action = Action::new(kind, key, now, member)
                .in_workspace(&workspace.id)
                .about(member)
                .with("idMember", json!(**member));
            ((), vec![action])
        });
    }

    /// Renames a board.
    pub fn rename(&self, board: &BoardId, name: &str) {
        self.update_board(board, "action_update_board_name", |board| {
            let old = std::mem::replace(&mut board.name, name.to_owned());
            ("name", json!(old), json!(name))
        });
    }

    /// Changes a board's description.
    pub fn describe(&self, board: &BoardId, desc: &str) {
        self.update_board(board, "action_update_board_desc", |board| {
            let old = std::mem::replace(&mut board.desc, desc.to_owned());
            ("desc", json!(old), json!(desc))
        });
    }

    /// Archives a board.
    pub fn close(&self, board: &BoardId) {
        self.update_board(board, "action_closed_board", |board| {
            (
                "closed",
                json!(std::mem::replace(&mut board.closed, true)),
                json!(true),
            )
        });
    }

    /// Reopens a board.
    pub fn reopen(&self, board: &BoardId) {
        self.update_board(board, "action_reopened_board", |board| {
            (
                "closed",
                json!(std::mem::replace(&mut board.closed, false)),
                json!(false),
            )
        });
    }

    /// Makes a board a template, or a board again.
    pub fn set_template(&self, board: &BoardId, template: bool) {
        self.update_board(board, "unknown", |board| {
            let old = std::mem::replace(&mut board.template, template);
            (
                "prefs",
                json!({ "isTemplate": old }),
                json!({ "isTemplate": template }),
            )
        });
    }

    /// Changes who may see a board.
    pub fn set_visibility(&self, board: &BoardId, visibility: Visibility) {
        self.update_board(board, "unknown", |board| {
            let old = std::mem::replace(&mut board.visibility, visibility);
            (
                "prefs",
                json!({ "permissionLevel": old.name() }),
                json!({ "permissionLevel": visibility.name() }),
            )
        });
    }

    /// Deletes a board. Nobody is told; its webhooks stay and never fire again.
    pub fn delete(&self, board: &BoardId) {
        self.update(|world| world.boards.remove(&**board));
    }

    /// Hides a board from the token, as if our member had lost the right to see it: 401, and absent from lists.
    pub fn hide(&self, board: &BoardId) {
        self.set_hidden(board, true);
    }

    /// Shows a hidden board again.
    pub fn show(&self, board: &BoardId) {
        self.set_hidden(board, false);
    }

    fn set_hidden(&self, board: &BoardId, hidden: bool) {
        self.update(|world| {
            if let Some(board) = world.boards.get_mut(&**board) {
                board.hidden = hidden;
            }
        });
    }

    /// Moves a board into another workspace, or out of any.
    pub fn move_board(&self, board: &BoardId, workspace: Option<&WorkspaceId>) {
        self.act(|world, now| {
            let Some(before) = world.boards.get(&**board).cloned() else {
                return ((), Vec::new());
            };
            let mut after = before.clone();
            after.workspace = workspace.cloned();
            after.last_activity = now;
            world.boards.insert(board.0.clone(), after.clone());
            let seen = world.sees(&before) || world.sees(&after);
            let out = before
                .workspace
                .as_ref()
                .map(|old| left(&after, old, &after.creator, now));
            let into = workspace.map(|new| joined(&after, new, &after.creator, now));
            (
                (),
                out.into_iter()
                    .chain(into)
                    .map(|action| action.seen(seen))
                    .collect(),
            )
        });
    }

    /// Makes somebody a member of a board, changes the role, or (`None`) removes the member. Done by the board's creator.
    pub fn set_board_role(&self, board: &BoardId, member: &MemberId, role: Option<Role>) {
        self.act(|world, now| {
            let Some(before) = world.boards.get(&**board).cloned() else {
                return ((), Vec::new());
            };
            let mut after = before.clone();
            let change = change_role(&mut after.members, member, role, now);
            world.boards.insert(board.0.clone(), after.clone());
            let seen = world.sees(&before) || world.sees(&after);
            (
                (),
                vec![membership(change, role, &after, member, now).seen(seen)],
            )
        });
    }

    /// Our member is invited to a board, as a guest if it lies in a workspace that is not ours.
    pub fn add_our_member(&self, board: &BoardId) {
        self.set_board_role(board, &self.member(), Some(Role::Normal));
    }

    /// Somebody moves a card on a board: traffic that has nothing to do with rooms.
    pub fn move_card(&self, board: &BoardId) {
        self.act(|world, now| {
            let Some(shown) = world.boards.get_mut(&**board) else {
                return ((), Vec::new());
            };
            shown.last_activity = now;
            let shown = shown.clone();
            let card = json!({ "id": object_id(now), "name": "Write the minutes", "idShort": 7, "shortLink": "cArD0007", "idList": object_id(now) });
            let action = Action::new("updateCard", "action_move_card_from_list_to_list", now, &shown.creator)
                .on_board(&shown, true)
                .with("card", card)
                .with("old", json!({ "idList": object_id(now) }))
                .with("listBefore", json!({ "id": object_id(now), "name": "Doing" }))
                .with("listAfter", json!({ "id": object_id(now), "name": "Done" }))
                .seen(world.sees(&shown));
            ((), vec![action])
        });
    }

    fn update_board(
        &self,
        board: &BoardId,
        key: &'static str,
        change: impl FnOnce(&mut Board) -> (&'static str, Value, Value),
    ) {
        self.act(|world, now| {
            let Some(before) = world.boards.get(&**board).cloned() else {
                return ((), Vec::new());
            };
            let mut after = before.clone();
            let (name, old, new) = change(&mut after);
            if old == new {
                return ((), Vec::new());
            }
            after.last_activity = now;
            world.boards.insert(board.0.clone(), after.clone());
            let seen = world.sees(&before) || world.sees(&after);
            let action = Action::new("updateBoard", key, now, &after.creator)
                .on_board(&after, true)
                .changing(name, &old, new)
                .seen(seen);
            ((), vec![action])
        });
    }
}

/// What became of a membership.
#[derive(Clone, Copy, Debug)]
enum Change {
    Added,
    Removed,
    Changed,
}

fn change_role(
    parts: &mut Vec<Membership>,
    member: &MemberId,
    role: Option<Role>,
    now: Timestamp,
) -> Change {
    let known = parts.iter_mut().find(|part| part.member == *member);
    match (known, role) {
        (Some(part), Some(role)) => {
            part.role = role;
            Change::Changed
        }
        (None, Some(role)) => {
            parts.push(Membership::new(now, member, role));
            Change::Added
        }
        (_, None) => {
            parts.retain(|part| part.member != *member);
            Change::Removed
        }
    }
}

fn membership(
    change: Change,
    role: Option<Role>,
    board: &Board,
    member: &MemberId,
    now: Timestamp,
) -> Action {
    let (kind, key) = match (change, role) {
        (Change::Added, _) => ("addMemberToBoard", "action_added_member_to_board"),
        (Change::Removed, _) => ("removeMemberFromBoard", "action_removed_from_board"),
        (Change::Changed, Some(Role::Admin)) => ("makeAdminOfBoard", "action_made_admin_of_board"),
        (Change::Changed, Some(Role::Observer)) => {
            ("makeObserverOfBoard", "action_made_observer_of_board")
        }
        (Change::Changed, _) => ("makeNormalMemberOfBoard", "action_made_normal_of_board"),
    };
    let action = Action::new(kind, key, now, &board.creator)
        .on_board(board, true)
        .about(member);
    match change {
        Change::Added => action
            .with("idMemberAdded", json!(**member))
            .with("memberType", json!(role.map(Role::name)))
            .with("method", json!("added")),
        Change::Removed | Change::Changed => action.with("idMember", json!(**member)),
    }
}
