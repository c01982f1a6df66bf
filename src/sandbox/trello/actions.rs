//! Which action reaches which webhook, and what the payload looks like. Pure: state in, letters out.
//!
//! The table is Trello's own (the section "Webhook Actions and Types" of
//! <https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/>): a board that is made in a workspace reaches
//! the workspace's webhook as `addToOrganizationBoard` and never as `createBoard`, `updateBoard` reaches board and
//! member only, and nothing at all tells that a board was deleted.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::render;
use super::world::{Board, TrelloWorld, Webhook, WebhookOwner};
use crate::sandbox::identity::{BoardId, MemberId, WorkspaceId, object_id};

/// Something that somebody did.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) date: Timestamp,
    pub(super) actor: MemberId,
    /// The members of `data` beside `board` and `organization`.
    pub(super) data: Map<String, Value>,
    pub(super) translation_key: &'static str,
    pub(super) board: Option<Board>,
    /// What `data.board` shows beside id, name and short link.
    pub(super) board_extra: Map<String, Value>,
    pub(super) workspace: Option<WorkspaceId>,
    /// The member whom it is about: added, removed, promoted.
    pub(super) about: Option<MemberId>,
    /// Whether the webhook on `board` gets it.
    pub(super) to_board: bool,
    /// Whether the token could see the board before or after.
    pub(super) seen: bool,
}

/// One webhook's copy of an action.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) webhook: Webhook,
    pub(super) action: String,
    pub(super) kind: &'static str,
    pub(super) board: Option<BoardId>,
    pub(super) body: Arc<str>,
}

impl Action {
    pub(super) fn new(
        kind: &'static str,
        key: &'static str,
        date: Timestamp,
        actor: &MemberId,
    ) -> Self {
        Self {
            id: object_id(date),
            kind,
            date,
            actor: actor.clone(),
            data: Map::new(),
            translation_key: key,
            board: None,
            board_extra: Map::new(),
            workspace: None,
            about: None,
            to_board: false,
            seen: true,
        }
    }

    pub(super) fn on_board(mut self, board: &Board, to_board: bool) -> Self {
        self.board = Some(board.clone());
        self.to_board = to_board;
        self
    }

    pub(super) fn in_workspace(mut self, workspace: &WorkspaceId) -> Self {
        self.workspace = Some(workspace.clone());
        self
    }

    pub(super) fn about(mut self, member: &MemberId) -> Self {
        self.about = Some(member.clone());
        self
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.data.insert(name.to_owned(), value);
        self
    }

    /// `data.old.NAME` and, as far as it differs from what is always there, `data.board.NAME`.
    pub(super) fn changing(mut self, name: &str, old: &Value, new: Value) -> Self {
        self.data.insert("old".to_owned(), json!({ name: old }));
        self.board_extra.insert(name.to_owned(), new);
        self
    }

    pub(super) fn seen(mut self, seen: bool) -> Self {
        self.seen = seen;
        self
    }
}

/// A copy for every webhook that gets the action.
pub(super) fn parcels(world: &TrelloWorld, action: &Action) -> Vec<Parcel> {
    world
        .webhooks
        .iter()
        .filter(|webhook| gets(webhook, action))
        .map(|webhook| Parcel {
            webhook: webhook.clone(),
            action: action.id.clone(),
            kind: action.kind,
            board: action.board.as_ref().map(|board| board.id.clone()),
            body: payload(world, webhook, action).to_string().into(),
        })
        .collect()
}

fn gets(webhook: &Webhook, action: &Action) -> bool {
    let model = webhook.id_model.as_str();
    let is = |id: Option<&str>| id == Some(model);
    let watched = (action.to_board && is(action.board.as_ref().map(|board| &*board.id)))
        || is(action.workspace.as_deref())
        || is(action.about.as_deref())
        || *action.actor == *model;
    watched && webhook.active && (action.seen || webhook.owner == WebhookOwner::AnotherToken)
}

pub(super) fn payload(world: &TrelloWorld, webhook: &Webhook, action: &Action) -> Value {
    json!({
        "model": model(world, &webhook.id_model, action),
        "action": action_json(world, action),
        "webhook": render::webhook(webhook),
    })
}

/// The watched object as it is now.
fn model(world: &TrelloWorld, id: &str, action: &Action) -> Value {
    if let Some(workspace) = world
        .workspaces
        .iter()
        .find(|workspace| *workspace.id == *id)
    {
        let fields = "id,name,displayName,desc,descData,url,website,logoHash,products,powerUps";
        return render::chosen(render::workspace(world, workspace), Some(fields))
            .unwrap_or_default();
    }
    if let Some(member) = world.members.iter().find(|member| *member.id == *id) {
        return render::member(world, member);
    }
    let board = world.boards.get(id).or(action.board.as_ref());
    board
        .and_then(|board| render::board(board, Some(render::BOARD_DEFAULTS)))
        .unwrap_or_default()
}

fn action_json(world: &TrelloWorld, action: &Action) -> Value {
    let actor = world.member(&action.actor).map(render::person);
    let mut object = json!({
        "id": action.id,
        "idMemberCreator": *action.actor,
        "data": data(world, action),
        "appCreator": null,
        "type": action.kind,
        "date": render::date(action.date),
        "limits": null,
        "display": { "translationKey": action.translation_key, "entities": entities(world, action) },
        "memberCreator": actor,
    });
    if let (Some(about), Value::Object(members)) = (&action.about, &mut object) {
        members.insert(
            "member".to_owned(),
            json!(world.member(about).map(render::person)),
        );
    }
    object
}

fn data(world: &TrelloWorld, action: &Action) -> Value {
    let mut data = action.data.clone();
    if let Some(board) = &action.board {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(*board.id));
        shown.insert("name".to_owned(), json!(board.name));
        shown.insert("shortLink".to_owned(), json!(board.short_link));
        shown.extend(action.board_extra.clone());
        data.insert("board".to_owned(), Value::Object(shown));
    }
    if let Some(workspace) = action.workspace.as_ref().and_then(|id| world.workspace(id)) {
        let shown = json!({ "id": *workspace.id, "name": workspace.display_name });
        data.insert("organization".to_owned(), shown);
    }
    Value::Object(data)
}

fn entities(world: &TrelloWorld, action: &Action) -> Value {
    let mut entities = Map::new();
    if let Some(board) = &action.board {
        let shown = json!({ "type": "board", "id": *board.id, "text": board.name, "shortLink": board.short_link });
        entities.insert("board".to_owned(), shown);
    }
    if let Some(workspace) = action.workspace.as_ref().and_then(|id| world.workspace(id)) {
        let shown =
            json!({ "type": "organization", "id": *workspace.id, "text": workspace.display_name });
        entities.insert("organization".to_owned(), shown);
    }
    if let Some(name) = action.data.get("old").and_then(|old| old.get("name")) {
        entities.insert("name".to_owned(), json!({ "type": "text", "text": name }));
    }
    for (entity, id) in [
        ("member", action.about.as_ref()),
        ("memberCreator", Some(&action.actor)),
    ] {
        if let Some(member) = id.and_then(|id| world.member(id)) {
            let shown = json!({ "type": "member", "id": *member.id, "username": member.username, "text": member.full_name });
            entities.insert(entity.to_owned(), shown);
        }
    }
    Value::Object(entities)
}
