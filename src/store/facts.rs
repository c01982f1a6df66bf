//! What is known once for all services.

/// Facts that are kept under a name of their own. The names are pinned by a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// When the service first started, by this machine's clock; milliseconds.
    FirstStart,
    /// Boards made before this existed before; milliseconds by Trello's clock.
    Since,
    /// Whether all our rooms were looked over once since this database was made.
    Audited,
    /// The policies under which boards were ignored, and under which rooms were refused.
    BoardPolicy,
    RoomPolicy,
    /// The policies under which rooms follow their boards, and under which the brake was put on.
    FollowPolicy,
    BrakePolicy,
    /// How often a delivery told that somebody's part in a workspace has changed.
    Roles,
    /// How often a person has asked for a sweep.
    Sweeps,
    /// How often a person has asked that the webhooks be brought in line.
    WebhookSyncs,
    /// When a sweep and a look over all rooms last came to their end.
    SweptAt,
    AuditedAt,
    /// When all webhooks were last seen to be in order, or told of.
    WebhooksAt,
}

impl Fact {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstStart => "first_start",
            Self::Since => "since",
            Self::Audited => "audited",
            Self::BoardPolicy => "board_policy",
            Self::RoomPolicy => "room_policy",
            Self::FollowPolicy => "follow_policy",
            Self::BrakePolicy => "brake_policy",
            Self::Roles => "roles",
            Self::Sweeps => "sweeps",
            Self::WebhookSyncs => "webhook_syncs",
            Self::SweptAt => "swept_at",
            Self::AuditedAt => "audited_at",
            Self::WebhooksAt => "webhooks_at",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_kept_under_the_name_that_it_always_had() {
        let table = [
            (Fact::FirstStart, "first_start"),
            (Fact::Since, "since"),
            (Fact::Audited, "audited"),
            (Fact::BoardPolicy, "board_policy"),
            (Fact::RoomPolicy, "room_policy"),
            (Fact::FollowPolicy, "follow_policy"),
            (Fact::BrakePolicy, "brake_policy"),
            (Fact::Roles, "roles"),
            (Fact::Sweeps, "sweeps"),
            (Fact::WebhookSyncs, "webhook_syncs"),
            (Fact::SweptAt, "swept_at"),
            (Fact::AuditedAt, "audited_at"),
            (Fact::WebhooksAt, "webhooks_at"),
        ];
        for (fact, name) in table {
            assert_eq!(fact.as_str(), name);
        }
    }
}
