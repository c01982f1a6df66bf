//! Which boards get a room.

use crate::mirror::plan::{RoomSight, Rules, Step};
use crate::model::board::{Board, BoardKind, Record, Told};
use crate::model::status::{Ignored, Waiting};
use crate::scope::{Known, Scope};

pub(super) fn for_a_board_without_room(
    board: &Board,
    room: &RoomSight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Step {
    let told = matches!(record.told, Some(Told::Mirror | Told::Apply));
    if board.kind == BoardKind::Inbox || known.is_inbox(board.id) {
        return Step::Ignore(Ignored::Inbox);
    }
    if !told {
        let Some(scope) = &known.scope else {
            return Step::Wait(Waiting::Baseline);
        };
        if board.kind == BoardKind::Template {
            return Step::Ignore(Ignored::Template);
        }
        if !is_inside(board, scope, rules) {
            return Step::Ignore(Ignored::OutsideWorkspaces);
        }
        let source = board.source(scope.member.id);
        let (Some(since), true) = (known.since, known.baselines.contains(&source)) else {
            return Step::Wait(Waiting::Baseline);
        };
        let appeared = board.workspace.is_some() && record.appeared == board.workspace;
        let existed = record.baseline == Some(source) && !appeared && board.id.0.created() < since;
        if existed && !rules.existing_boards {
            return Step::Ignore(Ignored::ExistedBefore);
        }
        if board.closed {
            return Step::Ignore(Ignored::ClosedWhenFirstSeen);
        }
    }
    match room {
        // A person who asks for one board does not wait for the look over all; its room is looked up all the same.
        RoomSight::Unknown if known.audited.is_none() && !told => Step::Wait(Waiting::Audit),
        RoomSight::Unknown => Step::FindRoom,
        RoomSight::Absent | RoomSight::Present(..) => Step::Create,
    }
}

/// Whether a board lies where boards are mirrored.
pub(super) fn is_inside(board: &Board, scope: &Scope, rules: &Rules) -> bool {
    board
        .workspace
        .map_or(rules.personal_boards, |workspace| scope.watches(workspace))
}
