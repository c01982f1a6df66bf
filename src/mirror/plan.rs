//! What to do about one board: the specification of the product as one pure function. No I/O, no clock, no chance.

use crate::model::board::{Board, BoardKind, Record, Told};
use crate::model::room::{INTEGRATION_TAG, Invitee, Room, RoomType, board_tag};
use crate::model::status::{Ignored, Waiting};
use crate::model::title::TitleTemplate;
use crate::scope::{Known, Scope};

/// What was decided once for all boards.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether boards without a workspace get rooms.
    pub personal_boards: bool,
    /// Whether boards that existed before get rooms.
    pub existing_boards: bool,
    pub room: RoomRules,
}

/// What rooms are made like.
#[derive(Debug, Clone)]
pub struct RoomRules {
    pub kind: RoomType,
    pub title: TitleTemplate,
    /// Tags beside our two.
    pub tags: Vec<String>,
    pub private: bool,
    pub members: Vec<Invitee>,
}

/// The board as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    Board(Board),
    /// Trello knows it no more, and was asked again.
    Gone,
}

/// Its room as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomSight {
    /// Nobody has looked yet.
    Unknown,
    Absent,
    Present(Room),
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It gets no room.
    Ignore(Ignored),
    Wait(Waiting),
    /// Look for its room in DocSpace.
    FindRoom,
    Create,
    /// Record a room that carries its tag.
    Adopt(Room),
    /// The recorded room was deleted, and a person wants a new one.
    ForgetRoom,
    /// Add these of our tags.
    Tag(Vec<String>),
    /// Invite the configured members.
    Invite,
    /// Nothing: board and room agree, or differ as people want it.
    Keep,
}

/// Decides the next step for a board.
#[must_use]
pub fn plan(
    sight: &Sight,
    room: &RoomSight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Step {
    // What was sent may have come true: that is settled before anything else is decided.
    if record.intention.is_some() && *room == RoomSight::Unknown {
        return Step::FindRoom;
    }
    match (room, &record.room) {
        (RoomSight::Present(room), None) => Step::Adopt(room.clone()),
        (RoomSight::Present(room), Some(recorded)) => {
            let missing = missing_tags(room, record);
            if !recorded.tagged && !missing.is_empty() && !room.archived {
                Step::Tag(missing)
            } else if !recorded.invited && !rules.room.members.is_empty() && !room.archived {
                Step::Invite
            } else {
                Step::Keep
            }
        }
        (RoomSight::Absent, Some(_)) if record.told == Some(Told::Mirror) => Step::ForgetRoom,
        // Deleted by hand: that is respected.
        (RoomSight::Absent, Some(_)) => Step::Keep,
        (RoomSight::Unknown, Some(_)) => Step::FindRoom,
        (RoomSight::Unknown | RoomSight::Absent, None) => match sight {
            Sight::Gone => Step::Ignore(Ignored::Gone),
            Sight::Board(board) => for_a_board_without_room(board, room, record, rules, known),
        },
    }
}

fn for_a_board_without_room(
    board: &Board,
    room: &RoomSight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Step {
    let told = record.told == Some(Told::Mirror);
    if told && board.kind == BoardKind::Inbox {
        return Step::Ignore(Ignored::Inbox);
    }
    if !told {
        let Some(scope) = &known.scope else {
            return Step::Wait(Waiting::Baseline);
        };
        if let Some(reason) = never_ours(board, scope, rules, known) {
            return Step::Ignore(reason);
        }
        let (Some(since), true) = (
            known.since,
            known.baselines.contains(&board.source(scope.member.id)),
        ) else {
            return Step::Wait(Waiting::Baseline);
        };
        let appeared = board.workspace.is_some() && record.appeared == board.workspace;
        let in_baseline = record.baseline == Some(board.source(scope.member.id));
        if in_baseline && !appeared && board.id.0.created() < since && !rules.existing_boards {
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
        RoomSight::Absent | RoomSight::Present(_) => Step::Create,
    }
}

/// Boards that get no room whenever they appear.
fn never_ours(board: &Board, scope: &Scope, rules: &Rules, known: &Known) -> Option<Ignored> {
    if known.is_inbox(board.id) {
        return Some(Ignored::Inbox);
    }
    match board.kind {
        BoardKind::Inbox => return Some(Ignored::Inbox),
        BoardKind::Template => return Some(Ignored::Template),
        BoardKind::Ordinary => {}
    }
    let watched = board
        .workspace
        .map_or(rules.personal_boards, |workspace| scope.watches(workspace));
    (!watched).then_some(Ignored::OutsideWorkspaces)
}

/// Our two tags, as far as the room lacks them.
fn missing_tags(room: &Room, record: &Record) -> Vec<String> {
    let carries = |tag: &String| room.tags.iter().any(|had| had.eq_ignore_ascii_case(tag));
    let ours = [INTEGRATION_TAG.to_owned(), board_tag(record.id)];
    ours.into_iter().filter(|tag| !carries(tag)).collect()
}

#[cfg(test)]
mod tests;
