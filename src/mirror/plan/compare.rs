//! A room beside what it should be: what agrees, and what a person did by hand.
//!
//! The board was renamed when its title differs from the one that we sent; a person renamed the room when its title differs from the one
//! that the server returned. So no guess at what the server makes of a title is needed to compare, and no rename loop can exist. A guess only
//! finds out that the two agree again. A room that was adopted is taken as it is until it agrees with its board.

use crate::mirror::plan::{Rules, Sight, Step, wanted};
use crate::model::board::{Drift, Record, RoomRecord};
use crate::model::room::{INTEGRATION_TAG, Room, board_tag};
use crate::model::status::Apart;
use crate::model::title::as_stored;
use crate::scope::Known;

/// What a room should be like; none leaves it to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) archived: Option<bool>,
}

/// A room, what is recorded of it, and what it should be like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison<'a> {
    pub(crate) wanted: Wanted<'a>,
    pub(crate) room: &'a Room,
    pub(crate) recorded: &'a RoomRecord,
}

impl Comparison<'_> {
    pub(super) fn title_agrees(&self) -> bool {
        let recorded = self.recorded;
        self.wanted.title.is_none_or(|title| {
            let untouched = recorded.title_sent.as_deref() == Some(title)
                && recorded.title_returned == self.room.title;
            untouched || as_stored(title) == self.room.title
        })
    }

    pub(super) fn title_is_by_hand(&self) -> bool {
        self.recorded.title_sent.is_none() || self.recorded.title_returned != self.room.title
    }

    pub(super) fn place_agrees(&self) -> bool {
        self.wanted
            .archived
            .is_none_or(|archived| archived == self.room.archived)
    }

    pub(super) fn place_is_by_hand(&self) -> bool {
        self.recorded.archived != Some(self.room.archived)
    }

    /// What differs and is left so, for a person did it.
    pub(crate) fn drift(&self, record: &Record) -> Option<Drift> {
        let drift = Drift {
            title: (!self.title_agrees()).then(|| self.room.title.clone()),
            archived: (!self.place_agrees()).then_some(self.room.archived),
            untagged: self.recorded.tagged && !missing_tags(self.room, record).is_empty(),
            deleted: false,
        };
        (drift != Drift::default()).then_some(drift)
    }

    /// The record of a room that is left as it is: what agrees is ours from now on.
    pub(crate) fn kept(&self, record: &Record) -> RoomRecord {
        let mut kept = self.recorded.clone();
        if let (Some(title), true) = (self.wanted.title, self.title_agrees()) {
            kept.title_sent = Some(title.to_owned());
            kept.title_returned.clone_from(&self.room.title);
        }
        if self.wanted.archived.is_some() && self.place_agrees() {
            kept.archived = Some(self.room.archived);
        }
        kept.tagged |= missing_tags(self.room, record).is_empty();
        kept.drift = self.drift(record);
        kept
    }
}

/// What a person did to a board's room and is left so.
#[must_use]
pub fn drift(
    sight: &Sight,
    room: &Room,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Option<Drift> {
    let recorded = record.room.as_ref()?;
    let wanted = wanted(sight, record, rules, known).ok()?;
    let comparison = Comparison {
        wanted,
        room,
        recorded,
    };
    comparison.drift(record)
}

/// Whether a room has never carried all our tags, and can be given them now.
pub(super) fn never_tagged(room: &Room, record: &Record) -> bool {
    let tagged = record.room.as_ref().is_none_or(|recorded| recorded.tagged);
    !tagged && !room.archived && !missing_tags(room, record).is_empty()
}

/// A board whose room a person deleted: shown as that, unless there is more to say of the board.
pub(super) fn without_its_room(
    sight: &Sight,
    record: &Record,
    rules: &Rules,
    known: &Known,
) -> Step {
    match (wanted(sight, record, rules, known), sight) {
        (Err(kept @ Step::Keep(_)), _) => kept,
        (Ok(_), Sight::Gone { .. }) => Step::Keep(Some(Apart::BoardDeleted)),
        (Ok(_) | Err(_), _) => Step::Keep(Some(Apart::Drift)),
    }
}

/// Our two tags, as far as the room lacks them.
pub(super) fn missing_tags(room: &Room, record: &Record) -> Vec<String> {
    let carries = |tag: &String| {
        room.tags
            .iter()
            .any(|had| had.trim_end().eq_ignore_ascii_case(tag))
    };
    let ours = [INTEGRATION_TAG.to_owned(), board_tag(record.id)];
    ours.into_iter().filter(|tag| !carries(tag)).collect()
}
