//! What a delivery of Trello's says, and whether it matters.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::model::delivery::Hint;
use crate::model::id::{ActionId, BoardId, ModelId, ObjectId, WorkspaceId};

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Look at this board, says the webhook on this model.
    Hint { model: ModelId, hint: Hint },
    /// Somebody's part in a workspace has changed, perhaps ours, says the webhook on this model.
    Roles { model: ModelId },
    /// Nothing that a room would follow.
    Uninteresting,
}

/// A signed body that is not a delivery: the sender cannot mend it, so it is kept for a person.
#[derive(Debug, thiserror::Error)]
pub enum NotADelivery {
    #[error("not JSON of the expected form: {0}")]
    Form(#[from] serde_json::Error),
    #[error("`{0}` is missing or no id of 24 hex digits")]
    Id(&'static str),
}

/// Reads only what is needed, and nothing of a delivery whose kind does not matter; unknown fields and types are normal.
pub fn parse(body: &[u8]) -> Result<Delivery, NotADelivery> {
    let envelope: Envelope<'_> = serde_json::from_slice(body)?;
    let action = envelope.action;
    let Some(interest) = interest(&action.kind) else {
        return Ok(Delivery::Uninteresting);
    };
    if interest == Interest::InRoles {
        let model = watched_model(envelope.webhook, envelope.model)?;
        return Ok(Delivery::Roles { model });
    }
    let data: Data<'_> = part(action.data)?;
    if interest == Interest::InChanges && !data.old.is_some_and(|old| old.concerns_a_room()) {
        return Ok(Delivery::Uninteresting);
    }
    let model = watched_model(envelope.webhook, envelope.model)?;
    let workspace = data.organization.and_then(|organization| organization.id);
    let appeared = workspace.filter(|_| action.kind == "addToOrganizationBoard");
    let hint = Hint {
        action: ActionId(id(action.id, "action.id")?),
        board: BoardId(id(
            data.board.and_then(|board| board.id),
            "action.data.board.id",
        )?),
        appeared: appeared.and_then(|workspace| workspace.parse::<WorkspaceId>().ok()),
        trace: None,
        kind: action.kind.into_owned(),
    };
    Ok(Delivery::Hint { model, hint })
}

/// What the webhook watches, as it says itself, or else the model that was sent along.
fn watched_model(
    webhook: Option<&RawValue>,
    model: Option<&RawValue>,
) -> Result<ModelId, NotADelivery> {
    let registered: Registered<'_> = part(webhook)?;
    let watched = match registered.model {
        Some(model) => Some(model),
        None => part::<Identified<'_>>(model)?.id,
    };
    Ok(ModelId(id(watched, "model.id")?))
}

/// A part that was left unread until it was known to matter.
fn part<'a, T: Deserialize<'a> + Default>(
    raw: Option<&'a RawValue>,
) -> Result<T, serde_json::Error> {
    raw.map_or_else(
        || Ok(T::default()),
        |raw| Ok(serde_json::from_str::<Option<T>>(raw.get())?.unwrap_or_default()),
    )
}

fn id(text: Option<Text<'_>>, name: &'static str) -> Result<ObjectId, NotADelivery> {
    text.and_then(|text| text.parse().ok())
        .ok_or(NotADelivery::Id(name))
}

/// When a kind of action concerns a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interest {
    Always,
    /// Only where what changed is something of a room's.
    InChanges,
    /// Not in a board, but in what we may see of boards.
    InRoles,
}

/// Whether a room may have to be made or changed (Atlassian, "Webhook actions and types"). Most deliveries are of cards that move.
fn interest(kind: &str) -> Option<Interest> {
    match kind {
        "createBoard"
        | "copyBoard"
        | "addToOrganizationBoard"
        | "removeFromOrganizationBoard"
        | "addMemberToBoard" => Some(Interest::Always),
        "updateBoard" => Some(Interest::InChanges),
        "makeAdminOfOrganization"
        | "makeNormalMemberOfOrganization"
        | "addMemberToOrganization"
        | "removeMemberFromOrganization" => Some(Interest::InRoles),
        _ => None,
    }
}

/// Borrowed from the body where the text has no escapes.
type Text<'a> = std::borrow::Cow<'a, str>;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Envelope<'a> {
    #[serde(borrow)]
    action: Action<'a>,
    #[serde(default, borrow)]
    model: Option<&'a RawValue>,
    #[serde(default, borrow)]
    webhook: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Action<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(expecting = "an object")]
struct Data<'a> {
    #[serde(default, borrow)]
    board: Option<Identified<'a>>,
    #[serde(default, borrow)]
    organization: Option<Identified<'a>>,
    #[serde(default)]
    old: Option<Old>,
}

#[derive(Deserialize, Default)]
#[serde(expecting = "an object")]
struct Identified<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(expecting = "an object")]
struct Registered<'a> {
    #[serde(default, borrow, rename = "idModel")]
    model: Option<Text<'a>>,
}

/// What changed; only whether it is there matters, and JSON's `null` counts as there.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Old {
    #[serde(default, deserialize_with = "present")]
    name: Option<()>,
    #[serde(default, deserialize_with = "present")]
    closed: Option<()>,
    #[serde(default, rename = "idOrganization", deserialize_with = "present")]
    workspace: Option<()>,
    #[serde(default)]
    prefs: Option<OldPreferences>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct OldPreferences {
    #[serde(default, rename = "isTemplate", deserialize_with = "present")]
    is_template: Option<()>,
}

impl Old {
    fn concerns_a_room(&self) -> bool {
        let template = self.prefs.as_ref().and_then(|prefs| prefs.is_template);
        [self.name, self.closed, self.workspace, template]
            .iter()
            .any(Option::is_some)
    }
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<()>, D::Error> {
    IgnoredAny::deserialize(value).map(|_| Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(kind: &str, data: &str) -> String {
        format!(
            r#"{{"action":{{"id":"650000000000000000000001","type":"{kind}","data":{data},"new":1}},
               "model":{{"id":"5b0000000000000000000001"}},"webhook":{{"idModel":"5b0000000000000000000002"}}}}"#
        )
    }

    const BOARD: &str = r#""board":{"id":"64f0c0ffee0123456789abcd","name":"A \"B\""}"#;

    #[test]
    fn boards_that_come_or_change_matter_and_cards_do_not() {
        let table = [
            ("createBoard", format!("{{{BOARD}}}"), true),
            ("copyBoard", format!("{{{BOARD}}}"), true),
            ("addToOrganizationBoard", format!("{{{BOARD}}}"), true),
            ("removeFromOrganizationBoard", format!("{{{BOARD}}}"), true),
            ("addMemberToBoard", format!("{{{BOARD}}}"), true),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"name":"x"}}}}"#),
                true,
            ),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"closed":false}}}}"#),
                true,
            ),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"idOrganization":null}}}}"#),
                true,
            ),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"prefs":{{"isTemplate":false}}}}}}"#),
                true,
            ),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"desc":"x"}}}}"#),
                false,
            ),
            (
                "updateBoard",
                format!(r#"{{{BOARD},"old":{{"prefs":{{"background":"x"}}}}}}"#),
                false,
            ),
            ("updateBoard", format!("{{{BOARD}}}"), false),
            (
                "updateCard",
                format!(r#"{{{BOARD},"old":{{"name":"x"}}}}"#),
                false,
            ),
            ("somethingOfTomorrow", "{}".to_owned(), false),
            (
                "updateCard",
                r#"{"old":[1,{"name":"x"}],"board":7}"#.to_owned(),
                false,
            ),
        ];
        for (kind, data, matters) in table {
            let parsed = parse(delivery(kind, &data).as_bytes()).unwrap();
            assert_eq!(
                matches!(parsed, Delivery::Hint { .. }),
                matters,
                "{kind} {data}"
            );
        }
    }

    #[test]
    fn the_watched_model_is_the_webhooks_or_else_the_model() {
        let body = delivery("createBoard", &format!("{{{BOARD}}}"));
        let Delivery::Hint { model, hint } = parse(body.as_bytes()).unwrap() else {
            panic!("it matters")
        };
        assert_eq!(model.to_string(), "5b0000000000000000000002");
        assert_eq!(hint.board.to_string(), "64f0c0ffee0123456789abcd");
        let older = body.replace(r#""webhook""#, r#""before 2023""#);
        assert!(
            matches!(parse(older.as_bytes()), Ok(Delivery::Hint { model, .. }) if model.to_string() == "5b0000000000000000000001")
        );
    }

    #[test]
    fn signed_junk_is_named() {
        let evil = delivery("createBoard", r#"{"board":{"id":"../../../etc/passwd"}}"#);
        let bodies = [
            "",
            "null",
            "[]",
            "{}",
            r#"{"action":null}"#,
            r#"{"action":{"type":7}}"#,
            &"[".repeat(100_000),
            &evil,
            "\u{0}",
        ];
        for body in bodies {
            parse(body.as_bytes()).expect_err(body);
        }
        assert_eq!(
            parse(evil.as_bytes()).unwrap_err().to_string(),
            "`action.data.board.id` is missing or no id of 24 hex digits"
        );
        assert_eq!(
            parse(br#"{"action":[]}"#).unwrap_err().to_string(),
            "not JSON of the expected form: invalid length 1, expected an object at line 1 column 12"
        );
    }
}
