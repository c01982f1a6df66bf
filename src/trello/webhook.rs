//! Deliveries of Trello's: is it signed for us, and does it matter?
//!
//! `X-Trello-Webhook` = base64(HMAC-SHA1(application secret, raw body ‖ callback URL as registered)); Atlassian, "Webhooks: Webhook signatures".
//! The callback URL is the configured one, never one that the request names: the same secret signs the webhooks of everybody who uses the app.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha1::Sha1;

use crate::model::delivery::Hint;
use crate::model::id::{ActionId, BoardId, ModelId, WorkspaceId};

/// The length of an HMAC-SHA1, in bytes.
const MAC_LENGTH: usize = 20;

/// Checks signatures against every configured secret and callback URL.
#[derive(Clone)]
pub struct Verifier {
    /// One keyed state per secret, so that the key schedule is paid once.
    keys: Vec<Hmac<Sha1>>,
    callbacks: Vec<String>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("callbacks", &self.callbacks)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Several secrets while one is rotated, several callback URLs while the service moves. Without either, nothing is accepted.
    #[must_use]
    pub fn new(secrets: &[SecretString], callbacks: Vec<String>) -> Self {
        let key = |secret: &SecretString| {
            Hmac::new_from_slice(secret.expose_secret().as_bytes())
                .expect("HMAC takes keys of any length")
        };
        Self {
            keys: secrets.iter().map(key).collect(),
            callbacks,
        }
    }

    /// Whether `signature` (the header's value) signs `body` for one of our callback URLs. The comparison takes constant time.
    #[must_use]
    pub fn accepts(&self, body: &[u8], signature: &[u8]) -> bool {
        // Room for one more block than the 28 characters of a signature; anything longer is none.
        let mut decoded = [0; MAC_LENGTH + 4];
        if BASE64_STANDARD.decode_slice(signature, &mut decoded) != Ok(MAC_LENGTH) {
            return false;
        }
        self.keys.iter().any(|key| {
            let over_body = key.clone().chain_update(body);
            self.callbacks.iter().any(|callback| {
                over_body
                    .clone()
                    .chain_update(callback)
                    .verify_slice(&decoded[..MAC_LENGTH])
                    .is_ok()
            })
        })
    }
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Look at this board, says the webhook on this model.
    Hint { model: ModelId, hint: Hint },
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

/// Reads only what is needed; unknown fields and types are normal.
pub fn parse(body: &[u8]) -> Result<Delivery, NotADelivery> {
    let envelope: Envelope<'_> = serde_json::from_slice(body)?;
    let action = envelope.action;
    if !matters(&action) {
        return Ok(Delivery::Uninteresting);
    }
    let watched = envelope
        .webhook
        .and_then(|webhook| webhook.model)
        .or_else(|| envelope.model.and_then(|model| model.id));
    let model = id(watched, "model.id")?;
    let data = action.data.unwrap_or_default();
    let workspace = data.organization.and_then(|organization| organization.id);
    let hint = Hint {
        action: ActionId(id(action.id, "action.id")?),
        board: BoardId(id(
            data.board.and_then(|board| board.id),
            "action.data.board.id",
        )?),
        appeared: match (&*action.kind, workspace) {
            ("addToOrganizationBoard", Some(workspace)) => workspace.parse::<WorkspaceId>().ok(),
            _ => None,
        },
        kind: action.kind.into_owned(),
    };
    Ok(Delivery::Hint {
        model: ModelId(model),
        hint,
    })
}

fn id(
    text: Option<std::borrow::Cow<'_, str>>,
    name: &'static str,
) -> Result<crate::model::id::ObjectId, NotADelivery> {
    text.and_then(|text| text.parse().ok())
        .ok_or(NotADelivery::Id(name))
}

/// Whether a room may have to be made or changed (Atlassian, "Webhook actions and types"). Most deliveries are of cards that move.
fn matters(action: &Action<'_>) -> bool {
    match &*action.kind {
        "createBoard"
        | "copyBoard"
        | "addToOrganizationBoard"
        | "removeFromOrganizationBoard"
        | "addMemberToBoard" => true,
        "updateBoard" => {
            let old = action.data.as_ref().and_then(|data| data.old.as_ref());
            old.is_some_and(|old| {
                let template = old
                    .prefs
                    .as_ref()
                    .is_some_and(|prefs| prefs.is_template.is_some());
                old.name.is_some() || old.closed.is_some() || old.workspace.is_some() || template
            })
        }
        _ => false,
    }
}

/// Borrowed from the body where the text has no escapes.
type Text<'a> = std::borrow::Cow<'a, str>;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    action: Action<'a>,
    #[serde(default, borrow)]
    model: Option<Identified<'a>>,
    #[serde(default, borrow)]
    webhook: Option<Registered<'a>>,
}

#[derive(Deserialize)]
struct Action<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize, Default)]
struct Data<'a> {
    #[serde(default, borrow)]
    board: Option<Identified<'a>>,
    #[serde(default, borrow)]
    organization: Option<Identified<'a>>,
    #[serde(default)]
    old: Option<Old>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Registered<'a> {
    #[serde(default, borrow, rename = "idModel")]
    model: Option<Text<'a>>,
}

/// What changed; only whether it is there matters, and JSON's `null` counts as there.
#[derive(Deserialize)]
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
struct OldPreferences {
    #[serde(default, rename = "isTemplate", deserialize_with = "present")]
    is_template: Option<()>,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<()>, D::Error> {
    IgnoredAny::deserialize(value).map(|_| Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLBACK: &str = "https://rooms.example/webhooks/trello";

    fn verifier(secrets: &[&str], callbacks: &[&str]) -> Verifier {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| SecretString::from(*secret))
            .collect();
        Verifier::new(
            &secrets,
            callbacks.iter().map(|url| (*url).to_owned()).collect(),
        )
    }

    /// Computed with another implementation (Python's `hmac`).
    const ASCII: (&str, &str) = (r#"{"a":1}"#, "zg09+BTVXm8S1IG6O7i9LQAQTL0=");
    const UNICODE: (&str, &str) = (r#"{"name":"Müller – 🚀"}"#, "5/qfQJP9ED0UoUTJFC2z4MCyLlg=");
    const LOW_BYTES: &str = "3zVSRC/OW0fUxwhQdXJMcnuNEXY=";

    #[test]
    fn the_raw_bytes_and_the_configured_url_are_signed() {
        let ours = verifier(&["s3cret"], &[CALLBACK]);
        for (body, signature) in [ASCII, UNICODE] {
            assert!(
                ours.accepts(body.as_bytes(), signature.as_bytes()),
                "{body}"
            );
            assert!(!ours.accepts(format!("{body} ").as_bytes(), signature.as_bytes()));
            assert!(
                !verifier(&["other"], &[CALLBACK]).accepts(body.as_bytes(), signature.as_bytes())
            );
            assert!(
                !verifier(&["s3cret"], &["https://rooms.example/webhooks/trello/"])
                    .accepts(body.as_bytes(), signature.as_bytes())
            );
        }
        assert!(
            !ours.accepts(UNICODE.0.as_bytes(), LOW_BYTES.as_bytes()),
            "the variant of before 2016 is refused"
        );
    }

    #[test]
    fn any_of_several_secrets_and_urls_will_do() {
        let moving = verifier(
            &["new", "s3cret"],
            &["https://new.example/webhooks/trello", CALLBACK],
        );
        assert!(moving.accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
    }

    #[test]
    fn nothing_is_accepted_without_a_secret_or_a_url() {
        assert!(!verifier(&[], &[CALLBACK]).accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
        assert!(!verifier(&["s3cret"], &[]).accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let ours = verifier(&["s3cret"], &[CALLBACK]);
        let long = "A".repeat(10_000);
        let hex = "6a27aef5d2bf9b4f1a1b5f3b0a3b7b2fd5a8a6ab";
        for wrong in [
            "",
            "=",
            "AAAA",
            "not base64 at all!",
            hex,
            &long,
            &ASCII.1[..27],
            &format!("{}=", ASCII.1),
            &format!(" {}", ASCII.1),
        ] {
            assert!(
                !ours.accepts(ASCII.0.as_bytes(), wrong.as_bytes()),
                "{wrong}"
            );
        }
    }

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
    }
}
