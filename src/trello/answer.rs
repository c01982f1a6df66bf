//! Boards as Trello sends them: alone, in a list, in a batch.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::Reply;
use crate::model::board::{Board, BoardKind, Listed};
use crate::model::id::{BoardId, WorkspaceId};
use crate::redact::Redactor;

/// A board as Trello sends it, alone or in a list. All but the id may be missing.
#[derive(Deserialize)]
pub(super) struct BoardAnswer {
    id: BoardId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    closed: Option<bool>,
    #[serde(default, rename = "idOrganization")]
    workspace: Option<WorkspaceId>,
    #[serde(default, rename = "shortLink")]
    short_link: Option<String>,
    #[serde(default, rename = "shortUrl")]
    short_url: Option<String>,
    #[serde(default)]
    prefs: Option<Preferences>,
    #[serde(default, rename = "type")]
    kind: Option<serde_json::Value>,
}

/// One answer of a batch, `{"200": …}` or `{"name": …, "message": …, "statusCode": 404}`, as the answer that the read would have got alone.
pub(super) fn of_batch(entry: &RawValue, redactor: &Redactor) -> Reply {
    let members: HashMap<String, &RawValue> = serde_json::from_str(entry.get()).unwrap_or_default();
    let said = |value: &RawValue| match serde_json::from_str::<String>(value.get()) {
        Ok(text) => text,
        Err(_) => value.get().to_owned(),
    };
    let keyed = members
        .iter()
        .find_map(|(key, body)| Some((key.parse().ok()?, *body)));
    let (status, body) = if let Some((status, body)) = keyed {
        let is_success = (200..300).contains(&status);
        let body = if is_success {
            body.get().to_owned()
        } else {
            said(body)
        };
        (status, body)
    } else {
        let status = members.get("statusCode");
        let status = status.and_then(|status| serde_json::from_str(status.get()).ok());
        let message = members.get("message").map(|message| said(message));
        // What is neither is no answer to a read: as JSON of a success it is not understood.
        match status {
            Some(status) => (status, message.unwrap_or_default()),
            None => (200, entry.get().to_owned()),
        }
    };
    Reply {
        status,
        retry_after: None,
        body: body.into_bytes(),
        redactor: redactor.clone(),
    }
}

#[derive(Deserialize)]
struct Preferences {
    #[serde(default, rename = "isTemplate")]
    is_template: Option<bool>,
}

impl BoardAnswer {
    pub(super) fn listed(self) -> Listed {
        Listed {
            id: self.id,
            name: self.name.unwrap_or_default(),
            short_link: self.short_link,
            workspace: self.workspace,
            closed: self.closed.unwrap_or(false),
        }
    }

    pub(super) fn board(self) -> Board {
        let is_inbox = matches!(&self.kind, Some(serde_json::Value::String(kind)) if kind.eq_ignore_ascii_case("inbox"));
        let is_template = self
            .prefs
            .as_ref()
            .and_then(|prefs| prefs.is_template)
            .unwrap_or(false);
        let kind = match (is_inbox, is_template) {
            (true, _) => BoardKind::Inbox,
            (false, true) => BoardKind::Template,
            (false, false) => BoardKind::Ordinary,
        };
        let short_link = self
            .short_link
            .or_else(|| Some(self.short_url?.rsplit('/').next()?.to_owned()));
        Board {
            id: self.id,
            name: self.name.unwrap_or_default(),
            short_link,
            workspace: self.workspace,
            closed: self.closed.unwrap_or(false),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_may_lack_all_but_its_id() {
        let bare = r#"{"id":"64f0c0ffee0123456789abcd","idOrganization":null,"new":{"field":1}}"#;
        let board = serde_json::from_str::<BoardAnswer>(bare).unwrap().board();
        assert_eq!(
            (board.name.as_str(), board.workspace, board.kind),
            ("", None, BoardKind::Ordinary)
        );
        let template = r#"{"id":"64f0c0ffee0123456789abcd","prefs":{"isTemplate":true},"shortUrl":"https://trello.com/b/aBcD1234"}"#;
        let board = serde_json::from_str::<BoardAnswer>(template)
            .unwrap()
            .board();
        assert_eq!(
            (board.kind, board.short_link.as_deref()),
            (BoardKind::Template, Some("aBcD1234"))
        );
    }

    #[test]
    fn an_answer_of_a_batch_is_one_of_its_own() {
        let table = [
            (r#"{"200":{"id":"1"}}"#, 200, r#"{"id":"1"}"#),
            (
                r#"{"name":"NotFoundError","message":"The requested resource was not found.","statusCode":404}"#,
                404,
                "The requested resource was not found.",
            ),
            (r#"{"statusCode":401}"#, 401, ""),
            (
                r#"{"message":{"odd":1},"statusCode":503}"#,
                503,
                r#"{"odd":1}"#,
            ),
            (r#"{"404":"board not found"}"#, 404, "board not found"),
            (
                r#"{"message":"no status"}"#,
                200,
                r#"{"message":"no status"}"#,
            ),
            ("null", 200, "null"),
        ];
        for (entry, status, body) in table {
            let reply = of_batch(serde_json::from_str(entry).unwrap(), &Redactor::default());
            let text = String::from_utf8(reply.body).unwrap();
            assert_eq!((reply.status, text.as_str()), (status, body), "{entry}");
        }
    }
}
