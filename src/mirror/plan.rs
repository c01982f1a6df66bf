//! What to do about one board: the specification of the product as one pure function. No I/O, no clock, no chance.

mod admission;
mod compare;
mod terms;

use crate::model::board::{Record, Told};
use crate::model::status::{Apart, Ignored, Waiting};
use crate::scope::Known;

use admission::{for_a_board_without_room, is_inside};
pub use compare::drift;
pub(super) use compare::{Comparison, Wanted};
use compare::{missing_tags, never_tagged, without_its_room};
pub use terms::{Age, Pending, RoomRules, RoomSight, Rules, Sight, Step};

/// Decides the next step for a board.
#[must_use]
pub fn plan(
    sight: &Sight,
    room: &RoomSight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Step {
    if record.told == Some(Told::Ignore) {
        return Step::Ignore(Ignored::Told);
    }
    // What was sent may have come true: that is settled before anything else is decided.
    if record.intention.is_some() && *room == RoomSight::Unknown {
        return Step::FindRoom;
    }
    match (&record.room, room) {
        (None, RoomSight::Present(room, _)) => Step::Adopt(room.clone()),
        (Some(_), RoomSight::Unknown) => Step::FindRoom,
        (Some(_), RoomSight::Absent) if record.told == Some(Told::Mirror) => Step::ForgetRoom,
        // Deleted by hand: that is respected.
        (Some(_), RoomSight::Absent) => without_its_room(sight, record, rules, known),
        // Whose room it is must not be known to the database alone, even where nothing else is done to it.
        (Some(_), RoomSight::Present(room, _)) if never_tagged(room, record) => {
            Step::Tag(missing_tags(room, record))
        }
        (Some(recorded), RoomSight::Present(room, pending)) => {
            match wanted(sight, record, rules, known) {
                Err(step) => step,
                Ok(wanted) => {
                    let comparison = Comparison {
                        wanted,
                        room,
                        recorded,
                    };
                    for_a_room(&comparison, *pending, sight, record, rules)
                }
            }
        }
        (None, RoomSight::Unknown | RoomSight::Absent) => match sight {
            Sight::Gone { .. } | Sight::Hidden => Step::Ignore(Ignored::Gone),
            Sight::Board { board, .. } => {
                for_a_board_without_room(board, room, record, rules, known)
            }
        },
    }
}

/// What the room of a board should be like, or why it is left as it is.
pub(super) fn wanted<'a>(
    sight: &'a Sight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Result<Wanted<'a>, Step> {
    let is_followed = record.asked || matches!(record.told, Some(Told::Mirror | Told::Apply));
    match sight {
        Sight::Gone { certain: false } => Err(Step::Wait(Waiting::Deletion)),
        Sight::Gone { .. } if !rules.archive_deleted => Err(Step::Keep(Some(Apart::BoardDeleted))),
        Sight::Gone { .. } => Ok(Wanted {
            title: None,
            archived: Some(true),
        }),
        Sight::Hidden => Err(Step::Keep(Some(Apart::NotVisible))),
        Sight::Board {
            board,
            title,
            in_grace,
        } => match &known.scope {
            Some(scope) if !is_followed && !is_inside(board, scope, rules) => {
                Err(Step::Keep(Some(Apart::OutsideWorkspaces)))
            }
            None if !is_followed => Err(Step::Wait(Waiting::Baseline)),
            Some(_) | None => Ok(Wanted {
                title: Some(title),
                archived: (!in_grace).then_some(board.closed),
            }),
        },
    }
}

fn for_a_room(
    seen: &Comparison<'_>,
    pending: Pending,
    sight: &Sight,
    record: &Record,
    rules: &Rules,
) -> Step {
    let (wanted, room) = (&seen.wanted, seen.room);
    // What people did by hand is theirs, until a person or the policy says otherwise.
    let by_word = matches!(record.told, Some(Told::Mirror | Told::Apply)) || rules.restore_drift;
    let title_is_ours = by_word || !seen.title_is_by_hand();
    let place_is_ours = by_word || !seen.place_is_by_hand();
    let missing = missing_tags(room, record);
    if !room.archived && !missing.is_empty() && by_word {
        return Step::Tag(missing);
    }
    if !room.archived && !seen.recorded.invited && !rules.room.members.is_empty() {
        return Step::Invite;
    }
    if let (Some(title), false, true) = (wanted.title, seen.title_agrees(), title_is_ours) {
        match (room.archived, pending.place) {
            (false, _) => return Step::Rename(title.to_owned()),
            // A room in the archive refuses a new title: it comes out, and goes back afterwards.
            (true, None | Some(Age::Stalled)) if place_is_ours => return Step::Restore,
            (true, _) => {}
        }
    }
    match (seen.place_agrees() || !place_is_ours, pending.place) {
        (false, None | Some(Age::Stalled)) if room.archived => return Step::Restore,
        (false, None | Some(Age::Stalled)) => return Step::Archive,
        // What was asked for may still come true, even if it is not wanted any more.
        (_, Some(_)) => return Step::Wait(Waiting::Operation),
        (true, None) => {}
    }
    if pending.rename {
        return Step::Wait(Waiting::Operation);
    }
    // Wherever the room lies: what is to become of it is decided when the grace is over.
    if matches!(sight, Sight::Board { in_grace: true, .. }) {
        return Step::Wait(Waiting::Grace);
    }
    let is_gone = matches!(sight, Sight::Gone { .. });
    let drifts = seen.drift(record).is_some();
    Step::Keep(
        drifts
            .then_some(Apart::Drift)
            .or(is_gone.then_some(Apart::BoardDeleted)),
    )
}

#[cfg(test)]
mod tests;
