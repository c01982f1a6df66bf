//! What people are told of, and whether it holds: a pure function of what is known in one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::model::failure::{Code, Failure};
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::model::time::Timestamp;
use crate::store::{Concern, Group};

/// Something that people are told of once, and once more when it is over. Boards that fail for the same reason, webhooks that die
/// together and all twins are one cause each: whoever mends one mends the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A service, or one kind of call to it, is paused for long.
    LanePaused(Lane),
    /// DocSpace takes no more rooms for the plan's sake.
    PlanFull,
    BrakeOn(Lane),
    BoardsFailed(Code),
    TokenExpires,
    WebhookDead,
    WebhookRefused,
    TwinRooms,
    /// The token's member is no admin of a workspace, and does not see others' private boards there.
    WorkspaceAdminLost,
    /// The token's member does not see a workspace any more.
    WorkspaceLeft,
}

impl Cause {
    /// What sort of cause it is: a stable word.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::LanePaused(_) => "lane_paused",
            Self::PlanFull => "plan_full",
            Self::BrakeOn(_) => "brake_on",
            Self::BoardsFailed(_) => "boards_failed",
            Self::TokenExpires => "token_expires",
            Self::WebhookDead => "webhook_dead",
            Self::WebhookRefused => "webhook_refused",
            Self::TwinRooms => "twin_rooms",
            Self::WorkspaceAdminLost => "workspace_admin_lost",
            Self::WorkspaceLeft => "workspace_left",
        }
    }
}

/// The stable name: the kind, and after a slash what it is about where one kind has several causes.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::LanePaused(lane) | Self::BrakeOn(lane) => write!(f, "{kind}/{lane}"),
            Self::BoardsFailed(code) => write!(f, "{kind}/{code}"),
            Self::PlanFull
            | Self::TokenExpires
            | Self::WebhookDead
            | Self::WebhookRefused
            | Self::TwinRooms
            | Self::WorkspaceAdminLost
            | Self::WorkspaceLeft => f.write_str(kind),
        }
    }
}

impl FromStr for Cause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, about) = text.split_once('/').unwrap_or((text, ""));
        match (kind, about) {
            ("lane_paused", lane) => lane.parse().map(Self::LanePaused),
            ("brake_on", lane) => lane.parse().map(Self::BrakeOn),
            ("boards_failed", code) => code.parse().map(Self::BoardsFailed),
            ("plan_full", "") => Ok(Self::PlanFull),
            ("token_expires", "") => Ok(Self::TokenExpires),
            ("webhook_dead", "") => Ok(Self::WebhookDead),
            ("webhook_refused", "") => Ok(Self::WebhookRefused),
            ("twin_rooms", "") => Ok(Self::TwinRooms),
            ("workspace_admin_lost", "") => Ok(Self::WorkspaceAdminLost),
            ("workspace_left", "") => Ok(Self::WorkspaceLeft),
            _ => Err(format!("unknown cause `{text}`")),
        }
    }
}

/// What is known in one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    /// By the database's clock, like all other moments.
    pub now: Timestamp,
    pub paused: Vec<(Lane, Pause)>,
    /// How many boards stand where.
    pub groups: Vec<(Group, u64)>,
    pub concerns: Vec<Concern>,
}

/// A cause that holds, if only since a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub cause: Cause,
    pub since: Timestamp,
    /// How many boards, webhooks or workspaces it concerns; 1 where there is nothing to count.
    pub count: u64,
    pub failure: Failure,
    /// The names of what it concerns, as far as they are known without asking.
    pub subjects: Vec<String>,
}

/// Everything that holds now.
#[must_use]
pub fn firing(facts: &Facts) -> Vec<Firing> {
    let mut firing = of_lanes(facts);
    firing.extend(facts.groups.iter().filter_map(|(group, count)| {
        let (cause, code) = match group {
            Group::Twins => (Cause::TwinRooms, Code::TwinRooms),
            Group::At(words) if words.status == "failed" => {
                let code = words.reason.as_deref().and_then(|code| code.parse().ok())?;
                (Cause::BoardsFailed(code), code)
            }
            Group::At(_) | Group::All => return None,
        };
        (*count > 0).then(|| Firing {
            cause,
            since: facts.now,
            count: *count,
            failure: Failure::new(code, ""),
            subjects: Vec::new(),
        })
    }));
    firing.extend(of_concerns(facts));
    firing
}

fn of_lanes(facts: &Facts) -> Vec<Firing> {
    let mut firing: Vec<Firing> = Vec::new();
    for (lane, pause) in &facts.paused {
        let cause = match lane.kind() {
            LaneKind::Brake => Cause::BrakeOn(*lane),
            LaneKind::Gate if is_of_plan(pause.failure.code) => Cause::PlanFull,
            LaneKind::Service | LaneKind::Gate => Cause::LanePaused(*lane),
        };
        // Making rooms and taking them out of the archive may both be closed for the same plan's sake.
        if firing.iter().any(|known| known.cause == cause) {
            continue;
        }
        firing.push(Firing {
            cause,
            since: pause.since,
            count: 1,
            failure: pause.failure.clone(),
            subjects: Vec::new(),
        });
    }
    firing
}

fn is_of_plan(code: Code) -> bool {
    matches!(
        code,
        Code::DocSpaceQuotaFull | Code::DocSpacePaymentRequired
    )
}

/// The concerns that people are told of.
const TOLD_CONCERNS: [(Code, Cause); 5] = [
    (Code::TrelloTokenExpires, Cause::TokenExpires),
    (Code::WebhookDead, Cause::WebhookDead),
    (Code::WebhookRefused, Cause::WebhookRefused),
    (Code::WorkspaceAdminLost, Cause::WorkspaceAdminLost),
    (Code::WorkspaceLeft, Cause::WorkspaceLeft),
];

fn of_concerns(facts: &Facts) -> Vec<Firing> {
    let mut firing: BTreeMap<&'static str, Firing> = BTreeMap::new();
    for concern in &facts.concerns {
        let told = TOLD_CONCERNS.iter();
        let found = told.copied().find(|told| told.0 == concern.failure.code);
        let Some((_, cause)) = found else {
            continue;
        };
        let one = firing.entry(cause.kind()).or_insert_with(|| Firing {
            cause,
            since: concern.since,
            count: 0,
            failure: concern.failure.clone(),
            subjects: Vec::new(),
        });
        one.count += 1;
        one.since = one.since.min(concern.since);
        one.subjects.push(concern.subject.clone());
    }
    firing.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Words;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn paused(lane: Lane, code: Code, minutes: u64) -> Facts {
        let pause = Pause {
            failure: Failure::new(code, "because"),
            since: NOW.minus(Duration::from_mins(minutes)),
            until: NOW,
            failures: 3,
        };
        Facts {
            paused: vec![(lane, pause)],
            ..nothing()
        }
    }

    fn nothing() -> Facts {
        Facts {
            now: NOW,
            paused: Vec::new(),
            groups: Vec::new(),
            concerns: Vec::new(),
        }
    }

    fn standing(status: &str, reason: &str, count: u64) -> Facts {
        let words = Words {
            status: status.into(),
            reason: Some(reason.into()),
        };
        Facts {
            groups: vec![(Group::At(words), count)],
            ..nothing()
        }
    }

    fn concerned(codes: &[Code], minutes: u64) -> Facts {
        let concern = |(at, code): (usize, &Code)| Concern {
            subject: format!("webhook {at}"),
            failure: Failure::new(*code, "said"),
            since: NOW.minus(Duration::from_mins(minutes)),
        };
        Facts {
            concerns: codes.iter().enumerate().map(concern).collect(),
            ..nothing()
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one row a cause")]
    fn what_holds_is_known_by_what_it_is_about() {
        let away = Code::DocSpaceUnreachable;
        let full = Code::DocSpaceQuotaFull;
        let mut both = paused(Lane::Create, full, 0);
        both.paused.extend(paused(Lane::Restore, full, 9).paused);
        let table: [(Facts, &[(&str, u64)]); 14] = [
            (nothing(), &[]),
            (
                paused(Lane::DocSpace, away, 0),
                &[("lane_paused/docspace", 1)],
            ),
            (
                paused(Lane::Rename, away, 6),
                &[("lane_paused/docspace.rename", 1)],
            ),
            (paused(Lane::Create, full, 0), &[("plan_full", 1)]),
            (paused(Lane::Create, full, 60), &[("plan_full", 1)]),
            (both, &[("plan_full", 1)]),
            (
                paused(Lane::ArchiveBrake, Code::BrakeOn, 0),
                &[("brake_on/brake.archive", 1)],
            ),
            (
                standing("failed", "docspace_rejected", 1_000),
                &[("boards_failed/docspace_rejected", 1_000)],
            ),
            (standing("failed", "of_a_newer_program", 1), &[]),
            (standing("pending", "docspace_rejected", 7), &[]),
            (
                Facts {
                    groups: vec![(Group::Twins, 2), (Group::All, 9)],
                    ..nothing()
                },
                &[("twin_rooms", 2)],
            ),
            (
                concerned(
                    &[Code::WebhookDead, Code::WebhookDead, Code::WebhookRefused],
                    5,
                ),
                &[("webhook_dead", 2), ("webhook_refused", 1)],
            ),
            (
                concerned(&[Code::WebhookDead, Code::WebhookRefused], 4),
                &[("webhook_dead", 1), ("webhook_refused", 1)],
            ),
            (
                concerned(
                    &[
                        Code::TrelloTokenExpires,
                        Code::WebhookFailing,
                        Code::NoticeUndelivered,
                        Code::WorkspaceLeft,
                        Code::WorkspaceAdminLost,
                        Code::WorkspaceLeft,
                    ],
                    0,
                ),
                &[
                    ("token_expires", 1),
                    ("workspace_admin_lost", 1),
                    ("workspace_left", 2),
                ],
            ),
        ];
        for (facts, expected) in table {
            let found = firing(&facts);
            let found: Vec<_> = found
                .iter()
                .map(|one| (one.cause.to_string(), one.count))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(cause, count)| ((*cause).to_owned(), *count))
                .collect();
            assert_eq!(found, expected, "{facts:?}");
        }
    }

    #[test]
    fn every_cause_is_read_back_by_its_name() {
        let causes = [
            Cause::LanePaused(Lane::Trello),
            Cause::PlanFull,
            Cause::BrakeOn(Lane::CreateBrake),
            Cause::BoardsFailed(Code::RoomTaken),
            Cause::TokenExpires,
            Cause::WebhookDead,
            Cause::WebhookRefused,
            Cause::TwinRooms,
            Cause::WorkspaceAdminLost,
            Cause::WorkspaceLeft,
        ];
        for cause in causes {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        for unknown in ["", "plan_full/x", "lane_paused", "boards_failed/x", "later"] {
            assert!(unknown.parse::<Cause>().is_err(), "{unknown}");
        }
    }
}
