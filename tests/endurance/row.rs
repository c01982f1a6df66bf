//! What the database holds of a board, as far as the end must agree with it.

use boardroom::model::board::Drift;
use boardroom::sandbox::Room;
use serde::Deserialize;

/// What the database holds of a board.
#[derive(Debug, Clone, Deserialize)]
#[expect(dead_code, reason = "some of it is only shown when something is wrong")]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) room_id: Option<i64>,
    pub(crate) title_sent: Option<String>,
    pub(crate) title_returned: Option<String>,
    pub(crate) room_archived: Option<u8>,
    pub(crate) drift: Option<String>,
    pub(crate) changes: Option<String>,
    pub(crate) intent_title: Option<String>,
    pub(crate) due_at: Option<i64>,
    pub(crate) lease_until: Option<i64>,
}

impl Row {
    pub(crate) const COLUMNS: [&str; 12] = [
        "id",
        "status",
        "reason",
        "room_id",
        "title_sent",
        "title_returned",
        "room_archived",
        "drift",
        "changes",
        "intent_title",
        "due_at",
        "lease_until",
    ];

    /// Whether the record says that a person gave the room its title.
    pub(crate) fn title_is_by_hand(&self, room: &Room) -> bool {
        self.title_sent.is_none() || self.title_returned.as_deref() != Some(&room.title)
    }

    pub(crate) fn drift(&self) -> Drift {
        let drift = self.drift.as_deref().map(serde_json::from_str);
        drift.transpose().unwrap().unwrap_or_default()
    }

    /// Whether its room is left as it is, whatever becomes of it.
    pub(crate) fn is_left_alone(&self) -> bool {
        let reasons = ["not_visible", "outside_workspaces", "board_deleted"];
        self.reason
            .as_deref()
            .is_some_and(|reason| reasons.contains(&reason))
    }

    pub(crate) fn is_settled(&self) -> bool {
        let is_done = !matches!(self.status.as_str(), "pending" | "waiting");
        is_done && self.due_at.is_none() && self.lease_until.is_none()
    }
}
