//! Whether all is well, in one sentence, and what to do if it is not. The most pressing thing is told first.

use serde::Serialize;

use crate::desk::{counted, standings};
use crate::model::failure::Failure;
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::store::{Concern, Group};

/// The one thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Whether nobody needs to do or to know anything.
    pub well: bool,
    /// A word for programs: `well`, `empty`, `service_paused`, `brake_on`, `boards_failed`, `calls_paused`, `twins` or `concern`.
    pub state: &'static str,
    /// With a full stop.
    pub sentence: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// What it is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub lanes: &'a [(Lane, Pause)],
    pub groups: &'a [(Group, u64)],
    pub concerns: &'a [Concern],
}

#[must_use]
pub fn summary(facts: Facts<'_>) -> Summary {
    let of_kind = |kind: LaneKind| facts.lanes.iter().find(|(lane, _)| lane.kind() == kind);
    if let Some((lane, pause)) = of_kind(LaneKind::Service) {
        return paused("service_paused", *lane, pause);
    }
    if let Some((lane, pause)) = of_kind(LaneKind::Brake) {
        return paused("brake_on", *lane, pause);
    }
    let failed = standings::total(facts.groups, "failed");
    if failed > 0 {
        let boards = counted(failed, "board has", "boards have");
        return unwell(
            "boards_failed",
            format!("{boards} failed."),
            "See why at each, mend it, and retry.",
        );
    }
    if let Some((lane, pause)) = of_kind(LaneKind::Gate) {
        return paused("calls_paused", *lane, pause);
    }
    let twins = facts
        .groups
        .iter()
        .find(|(group, _)| *group == Group::Twins);
    if let Some((_, count)) = twins {
        let boards = counted(*count, "board has", "boards have");
        return unwell(
            "twins",
            format!("{boards} more than one room."),
            "Say which one is right: boardroom link BOARD ROOM.",
        );
    }
    if let Some(concern) = facts.concerns.first() {
        let Concern {
            subject, failure, ..
        } = concern;
        return unwell(
            "concern",
            format!("{subject}: {}.", failure.code.sentence()),
            failure.code.fix(),
        );
    }
    let total = |status| standings::total(facts.groups, status);
    let mirrored = total("mirrored");
    // Boards that get no room do not count: the member's inbox is always there.
    if mirrored + total("pending") + total("waiting") == 0 {
        return Summary {
            well: true,
            state: "empty",
            sentence: "No board has a room yet.".to_owned(),
            fix: Some(
                "Make a board in a watched workspace: its room appears by itself.".to_owned(),
            ),
        };
    }
    let rooms = counted(mirrored, "board has its room", "boards have their rooms");
    Summary {
        well: true,
        state: "well",
        sentence: format!("All is well: {rooms}."),
        fix: None,
    }
}

fn paused(state: &'static str, lane: Lane, pause: &Pause) -> Summary {
    let Failure { code, .. } = &pause.failure;
    let sentence = match lane.kind() {
        LaneKind::Brake => format!("The brake is on: {}.", code.sentence()),
        LaneKind::Service => format!("{}.", code.sentence()),
        LaneKind::Gate => format!("{}: {lane} is paused.", code.sentence()),
    };
    unwell(state, sentence, code.fix())
}

fn unwell(state: &'static str, sentence: String, fix: &str) -> Summary {
    Summary {
        well: false,
        state,
        sentence,
        fix: Some(fix.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::Code;
    use crate::model::time::Timestamp;
    use crate::store::Words;

    fn closed(lane: Lane, code: Code) -> (Lane, Pause) {
        let pause = Pause {
            failure: Failure::new(code, ""),
            since: Timestamp(0),
            until: Timestamp(1),
            failures: 1,
        };
        (lane, pause)
    }

    fn at(status: &str, reason: Option<&str>) -> Group {
        Group::At(Words {
            status: status.into(),
            reason: reason.map(str::to_owned),
        })
    }

    #[test]
    fn the_most_pressing_thing_is_told() {
        let lanes = [
            closed(Lane::Create, Code::DocSpaceQuotaFull),
            closed(Lane::CreateBrake, Code::BrakeOn),
            closed(Lane::Trello, Code::TrelloUnreachable),
        ];
        let concern = Concern {
            subject: "Sales".into(),
            failure: Failure::new(Code::WorkspaceAdminLost, ""),
            since: Timestamp(0),
        };
        let groups = [
            (at("failed", Some("docspace_rejected")), 2),
            (Group::Twins, 1),
            (at("mirrored", None), 5),
        ];
        let told = |lanes: &[(Lane, Pause)], groups: &[(Group, u64)], concerns: &[Concern]| {
            let told = summary(Facts {
                lanes,
                groups,
                concerns,
            });
            assert!(told.well || told.fix.is_some(), "{told:?}");
            assert!(told.sentence.ends_with('.'), "{told:?}");
            told.state
        };
        let concerns = [concern];
        let table = [
            (told(&lanes, &groups, &concerns), "service_paused"),
            (told(&lanes[..2], &groups, &concerns), "brake_on"),
            (told(&lanes[..1], &groups, &concerns), "boards_failed"),
            (told(&lanes[..1], &groups[1..], &concerns), "calls_paused"),
            (told(&[], &groups[1..], &concerns), "twins"),
            (told(&[], &groups[2..], &concerns), "concern"),
            (told(&[], &groups[2..], &[]), "well"),
            (told(&[], &[], &[]), "empty"),
            (
                told(&[], &[(at("ignored", Some("inbox")), 1)], &[]),
                "empty",
            ),
        ];
        for (state, expected) in table {
            assert_eq!(state, expected);
        }
    }
}
