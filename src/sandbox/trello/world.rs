//! Trello's state and who may see what of it. No JSON, no sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::courier::Courier;
use super::settings::Limits;
use crate::sandbox::identity::{self, BoardId, MemberId, WebhookId, WorkspaceId, hex, letters};

/// The state behind a [`super::Trello`].
#[derive(Debug)]
pub struct TrelloWorld {
    pub(super) credentials: Credentials,
    pub(super) members: Vec<Member>,
    pub(super) workspaces: Vec<Workspace>,
    pub(super) boards: BTreeMap<String, Board>,
    pub(super) inbox: BoardId,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) courier: Courier,
    pub(super) limits: Limits,
    /// How long the `HEAD` on a callback may take.
    pub(super) head_timeout: Duration,
}

/// The application's key and secret, and the one token that somebody gave it.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) token_id: String,
    pub(super) created: Timestamp,
    pub(super) revoked: bool,
    pub(super) expires: Option<Timestamp>,
    pub(super) reads: bool,
    pub(super) writes: bool,
    /// Whose token it is.
    pub(super) member: MemberId,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) username: String,
    pub(super) full_name: String,
}

#[derive(Clone, Debug)]
pub(super) struct Workspace {
    pub(super) id: WorkspaceId,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) members: Vec<Membership>,
}

/// A member's part in a workspace or on a board.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) id: String,
    pub(super) member: MemberId,
    pub(super) role: Role,
}

/// What a member is in a workspace or on a board.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// May do everything; a workspace's admin sees every board in it.
    Admin,
    /// An ordinary member.
    Normal,
    /// May look and comment; on boards only.
    Observer,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Normal => "normal",
            Self::Observer => "observer",
        }
    }
}

/// `prefs.permissionLevel` of a board.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Its members, and the admins of its workspace.
    Private,
    /// Everybody in its workspace.
    Workspace,
    /// Everybody.
    Public,
}

impl Visibility {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Workspace => "org",
            Self::Public => "public",
        }
    }
}

/// A board as it is now.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the real object has as many flags, each on its own"
)]
pub struct Board {
    /// Its id.
    pub id: BoardId,
    /// Its name, 1 to 16384 characters.
    pub name: String,
    /// Its description.
    pub desc: String,
    /// Whether it is archived.
    pub closed: bool,
    /// Its workspace; `None` for a personal board.
    pub workspace: Option<WorkspaceId>,
    /// Eight letters and digits, case-sensitive; accepted in paths in place of the id.
    pub short_link: String,
    /// Who made it.
    pub creator: MemberId,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is the member's inbox, which is a board only in name.
    pub inbox: bool,
    /// Whether it was hidden from the token by [`super::Trello::hide`].
    pub hidden: bool,
    /// The last time somebody did something on it.
    pub last_activity: Timestamp,
    pub(super) members: Vec<Membership>,
}

impl Board {
    /// Whether this member is on the board.
    #[must_use]
    pub fn has_member(&self, member: &MemberId) -> bool {
        self.members.iter().any(|part| part.member == *member)
    }
}

/// Whose webhook it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebhookOwner {
    /// The sandbox's token.
    OurToken,
    /// Somebody else's token for the same application, so signed with the same secret.
    AnotherToken,
}

/// A webhook as Trello keeps it.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Free text, at most 16384 characters.
    pub description: String,
    /// The workspace, member or board that it watches.
    pub id_model: String,
    /// Verbatim as it was registered.
    pub callback_url: String,
    /// Paused when `false`.
    pub active: bool,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the first of them was.
    pub first_consecutive_fail_date: Option<Timestamp>,
    /// Whose it is.
    pub owner: WebhookOwner,
}

impl TrelloWorld {
    pub(super) fn new() -> reqwest::Result<Self> {
        let now = Timestamp::now();
        let owner = Member {
            id: MemberId(identity::object_id(now)),
            username: "adaadmin".to_owned(),
            full_name: "Ada Admin".to_owned(),
        };
        let inbox = Board {
            inbox: true,
            ..Board::new(now, "Inbox", &owner.id, None)
        };
        Ok(Self {
            credentials: Credentials {
                key: hex(32),
                secret: hex(64),
                token: format!("ATTA{}", letters(72)),
                token_id: identity::object_id(now),
                created: now,
                revoked: false,
                expires: None,
                reads: true,
                writes: true,
                member: owner.id.clone(),
            },
            members: vec![owner],
            workspaces: Vec::new(),
            inbox: inbox.id.clone(),
            boards: BTreeMap::from([(inbox.id.0.clone(), inbox)]),
            webhooks: Vec::new(),
            courier: Courier::new()?,
            limits: Limits::default(),
            head_timeout: Duration::from_secs(10),
        })
    }

    pub(super) fn member(&self, id_or_name: &str) -> Option<&Member> {
        let wanted = if id_or_name == "me" {
            &self.credentials.member.0
        } else {
            id_or_name
        };
        self.members
            .iter()
            .find(|member| member.id.0 == wanted || member.username == wanted)
    }

    pub(super) fn workspace(&self, id_or_name: &str) -> Option<&Workspace> {
        self.workspaces
            .iter()
            .find(|workspace| workspace.id.0 == id_or_name || workspace.name == id_or_name)
    }

    pub(super) fn board(&self, id_or_link: &str) -> Option<&Board> {
        self.boards.get(id_or_link).or_else(|| {
            self.boards
                .values()
                .find(|board| board.short_link == id_or_link)
        })
    }

    /// What our member is in a workspace.
    pub(super) fn our_role(&self, workspace: &WorkspaceId) -> Option<Role> {
        let workspace = self.workspace(workspace)?;
        let ours = &self.credentials.member;
        workspace
            .members
            .iter()
            .find(|part| part.member == *ours)
            .map(|part| part.role)
    }

    /// Whether the token may see a board at all.
    pub(super) fn sees(&self, board: &Board) -> bool {
        let role = board
            .workspace
            .as_ref()
            .and_then(|workspace| self.our_role(workspace));
        let by_workspace = match board.visibility {
            Visibility::Private => role == Some(Role::Admin),
            Visibility::Workspace => role.is_some(),
            Visibility::Public => true,
        };
        !board.hidden && (board.has_member(&self.credentials.member) || by_workspace)
    }

    /// Whether the token may watch or read a model of any kind; `None` if there is none.
    pub(super) fn sees_model(&self, id: &str) -> Option<bool> {
        if let Some(board) = self.boards.get(id) {
            return Some(self.sees(board));
        }
        if let Some(workspace) = self
            .workspaces
            .iter()
            .find(|workspace| workspace.id.0 == id)
        {
            return Some(self.our_role(&workspace.id).is_some());
        }
        let member = self.members.iter().find(|member| member.id.0 == id)?;
        Some(member.id == self.credentials.member)
    }
}

impl Board {
    pub(super) fn new(
        created: Timestamp,
        name: &str,
        creator: &MemberId,
        workspace: Option<WorkspaceId>,
    ) -> Self {
        Self {
            id: BoardId(identity::object_id(created)),
            name: name.to_owned(),
            desc: String::new(),
            closed: false,
            visibility: if workspace.is_some() {
                Visibility::Workspace
            } else {
                Visibility::Private
            },
            workspace,
            short_link: letters(8),
            creator: creator.clone(),
            template: false,
            inbox: false,
            hidden: false,
            last_activity: created,
            members: vec![Membership::new(created, creator, Role::Admin)],
        }
    }
}

impl Membership {
    pub(super) fn new(moment: Timestamp, member: &MemberId, role: Role) -> Self {
        Self {
            id: identity::object_id(moment),
            member: member.clone(),
            role,
        }
    }
}
