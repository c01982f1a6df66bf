//! Boards as Trello sends them: alone, in a list, in a batch.

use serde::Deserialize;

use crate::model::board::{Board, BoardKind, Listed};
use crate::model::id::{BoardId, WorkspaceId};

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

/// One answer of a batch: `{"200": …}`, or an error with its status.
#[derive(Deserialize)]
pub(super) struct BatchAnswer {
    #[serde(default, rename = "200")]
    board: Option<BoardAnswer>,
    #[serde(default, rename = "statusCode")]
    status: Option<u16>,
}

impl BatchAnswer {
    pub(super) fn board(self) -> Result<Board, u16> {
        let status = self.status.unwrap_or(500);
        self.board.map(BoardAnswer::board).ok_or(status)
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
}
