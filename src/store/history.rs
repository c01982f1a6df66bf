//! What happened to a board, one line an event. The words are pinned by a test: people read them in bug reports.
//! No secret and no e-mail address ever enters a detail.

use crate::model::time::Timestamp;

/// One line of a board's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub event: Event,
    pub detail: String,
    /// When it happened, by the database's clock; none is the moment at which it is written down.
    pub at: Option<Timestamp>,
}

impl Note {
    #[must_use]
    pub fn new(event: Event, detail: impl Into<String>) -> Self {
        Self {
            event,
            detail: detail.into(),
            at: None,
        }
    }

    /// One that is written down later than it happened.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self {
            at: Some(at),
            ..self
        }
    }
}

/// What can happen to a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Delivery,
    Ignored,
    CreateUnanswered,
    RoomCreated,
    RoomAdopted,
    RoomForgotten,
    Tagged,
    Invited,
    InvitationRefused,
    Twin,
    Waiting,
    Failed,
    Told,
    Observed,
    Renamed,
    ArchiveSent,
    Archived,
    RestoreSent,
    Restored,
    Drift,
    DriftEnded,
    Kept,
    Linked,
    WebhookAdded,
    WebhookRemoved,
    Mirrored,
}

impl Event {
    pub const ALL: [Self; 26] = [
        Self::Delivery,
        Self::Ignored,
        Self::CreateUnanswered,
        Self::RoomCreated,
        Self::RoomAdopted,
        Self::RoomForgotten,
        Self::Tagged,
        Self::Invited,
        Self::InvitationRefused,
        Self::Twin,
        Self::Waiting,
        Self::Failed,
        Self::Told,
        Self::Observed,
        Self::Renamed,
        Self::ArchiveSent,
        Self::Archived,
        Self::RestoreSent,
        Self::Restored,
        Self::Drift,
        Self::DriftEnded,
        Self::Kept,
        Self::Linked,
        Self::WebhookAdded,
        Self::WebhookRemoved,
        Self::Mirrored,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Ignored => "ignored",
            Self::CreateUnanswered => "create_unanswered",
            Self::RoomCreated => "room_created",
            Self::RoomAdopted => "room_adopted",
            Self::RoomForgotten => "room_forgotten",
            Self::Tagged => "tagged",
            Self::Invited => "invited",
            Self::InvitationRefused => "invitation_refused",
            Self::Twin => "twin",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Told => "told",
            Self::Observed => "observed",
            Self::Renamed => "renamed",
            Self::ArchiveSent => "archive_sent",
            Self::Archived => "archived",
            Self::RestoreSent => "restore_sent",
            Self::Restored => "restored",
            Self::Drift => "drift",
            Self::DriftEnded => "drift_ended",
            Self::Kept => "kept",
            Self::Linked => "linked",
            Self::WebhookAdded => "webhook_added",
            Self::WebhookRemoved => "webhook_removed",
            Self::Mirrored => "mirrored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_words_are_these() {
        let words: Vec<_> = Event::ALL.into_iter().map(Event::as_str).collect();
        let pinned = "delivery ignored create_unanswered room_created room_adopted room_forgotten tagged invited \
                      invitation_refused twin waiting failed told observed renamed archive_sent archived restore_sent \
                      restored drift drift_ended kept linked webhook_added webhook_removed mirrored";
        assert_eq!(words.join(" "), pinned);
    }
}
