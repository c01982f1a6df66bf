//! One board with everything that is known of it, and what is wrong with that.

use boardroom::model::board::Drift;
use boardroom::sandbox::{Board, Room, RoomId};

use crate::ledger::Page;
use crate::row::Row;

const OURS: [&str; 2] = ["Trello integration", "Trello board "];

#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) page: &'a Page,
    /// None when it was deleted.
    pub(crate) board: Option<Board>,
    /// What DocSpace makes of its name.
    pub(crate) stored: Option<String>,
    pub(crate) rooms: Vec<&'a Room>,
    pub(crate) row: Option<&'a Row>,
    pub(crate) is_visible: bool,
    pub(crate) is_watched: bool,
    pub(crate) was_robbed: bool,
}

/// What must stay as it is from now on.
#[derive(Debug)]
pub(crate) struct Firm {
    pub(crate) room: RoomId,
    pub(crate) title: Option<String>,
    pub(crate) archived: Option<bool>,
}

impl Case<'_> {
    fn is_followed(&self) -> bool {
        self.board.is_none() || (self.is_visible && self.is_watched)
    }

    /// What the service has shown to be people's work.
    pub(crate) fn firm(&self) -> Option<Firm> {
        let (Some(row), [room]) = (self.row, &self.rooms[..]) else {
            return None;
        };
        let hand = &self.page.hand;
        if !self.is_followed() {
            return Some(Firm {
                room: room.id,
                title: hand.title.clone(),
                archived: hand.archived,
            });
        }
        let drift = row.drift();
        // A room that was archived by hand may lag behind in its title only for that.
        Some(Firm {
            room: room.id,
            title: drift.title.filter(|_| row.title_is_by_hand(room)),
            archived: drift.archived,
        })
    }

    /// What is wrong with it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut found: Vec<_> = self.wrong_number().into_iter().collect();
        if let [room] = self.rooms[..] {
            match self.row {
                Some(row) => found.extend(self.wrong_record(room, row)),
                None => found.push(format!("room {} is not in the database", room.id)),
            }
            found.extend(self.undone(room));
        }
        let id = &self.page.id;
        found
            .into_iter()
            .map(|words| format!("{id}: {words}"))
            .collect()
    }

    /// Lost, or doubled.
    fn wrong_number(&self) -> Option<String> {
        let hand = &self.page.hand;
        let is_open = self.board.as_ref().is_some_and(|board| !board.closed);
        let may_have_one = !self.page.is_template && !hand.is_deleted;
        let wants_one = may_have_one && is_open && self.is_visible && self.is_watched;
        let is_shown = |row: &Row| row.is_left_alone() || row.drift().deleted;
        match self.rooms.len() {
            0 if wants_one => Some("lost: it has no room".to_owned()),
            0 if hand.is_deleted && !self.row.is_some_and(is_shown) => {
                Some("untrue: it does not show that its room was deleted by hand".to_owned())
            }
            count if count > usize::from(may_have_one) => {
                Some(format!("doubled: it has {count} rooms"))
            }
            _ => None,
        }
    }

    /// The room beside the board, and what the database says of the difference.
    fn wrong_record(&self, room: &Room, row: &Row) -> Vec<String> {
        let reason = row.reason.as_deref();
        if row.room_id != i64::try_from(room.id).ok() {
            return vec![format!(
                "untrue: it has room {}, and the record says otherwise",
                room.id
            )];
        }
        if row.status != "mirrored" {
            return vec![format!(
                "untrue: it has a room and is {} {reason:?}",
                row.status
            )];
        }
        let is_beyond = self.board.is_none() || !(self.is_visible && self.is_watched);
        let may_be: &[Option<&str>] = match &self.board {
            // No list tells what becomes of a board that is hidden or outside the watched workspaces; its room is kept in any case.
            _ if is_beyond && matches!(reason, Some("not_visible" | "outside_workspaces")) => {
                return Vec::new();
            }
            None => &[Some("board_deleted"), Some("drift")],
            Some(_) if is_beyond => &[Some("drift")],
            Some(_) => &[None, Some("drift")],
        };
        let mut wrong = Vec::new();
        if !may_be.contains(&reason) {
            wrong.push(format!(
                "untrue: it is mirrored with {reason:?}, not with one of {may_be:?}"
            ));
        }
        if reason == Some("board_deleted") {
            // Nobody looks at its room any more, once it has been archived.
            if !room.archived && !self.was_robbed && !self.page.hand.touched_place {
                wrong.push("untrue: it is deleted, and its room is not archived".to_owned());
            }
        } else if self.is_followed() {
            wrong.extend(self.untrue(room, &row.drift()));
            wrong.extend(self.blamed(room, &row.drift()));
        }
        wrong
    }

    /// Differences that are not shown, or shown and not there.
    fn untrue(&self, room: &Room, drift: &Drift) -> Vec<String> {
        let archived = self.board.as_ref().is_none_or(|board| board.closed);
        let title_differs = self
            .stored
            .as_ref()
            .is_some_and(|stored| *stored != room.title);
        let lacks = |tag: &&str| !room.tags.iter().any(|other| other.starts_with(*tag));
        let truth = Drift {
            title: title_differs.then(|| room.title.clone()),
            archived: (room.archived != archived).then_some(room.archived),
            untagged: OURS.iter().any(lacks),
            deleted: false,
        };
        // A room without the tag by which all rooms are listed is out of the audit's sight: what is done to it by hand shows with the next look.
        let hand = &self.page.hand;
        let is_out_of_sight = hand.removed_tags.contains(OURS[0])
            && (!title_differs || hand.touched_title)
            && (truth.archived.is_none() || hand.touched_place);
        let wrong = (truth != *drift && !is_out_of_sight)
            .then(|| format!("untrue: it differs by {truth:?}, and shown is {drift:?}"));
        wrong.into_iter().collect()
    }

    /// What is said to be people's work and is not.
    fn blamed(&self, room: &Room, drift: &Drift) -> Vec<String> {
        let hand = &self.page.hand;
        let moved = self.was_robbed || hand.touched_place;
        // A room that somebody archived cannot be renamed.
        let renamed = self.was_robbed || hand.touched_title || (moved && room.archived);
        let mut wrong = Vec::new();
        if drift.archived.is_some() && !moved {
            wrong.push("untrue: it is said to be moved by hand, and nobody did".to_owned());
        }
        if drift.title.is_some() && !renamed {
            wrong.push("untrue: it is said to be renamed by hand, and nobody did".to_owned());
        }
        if drift.untagged && hand.removed_tags.is_empty() {
            wrong.push("untrue: it is said to be untagged by hand, and nobody did".to_owned());
        }
        wrong
    }

    /// What people did and is not there any more.
    fn undone(&self, room: &Room) -> Vec<String> {
        let hand = &self.page.hand;
        let mut wrong = Vec::new();
        if let Some(title) = hand.title.as_ref().filter(|title| **title != room.title) {
            wrong.push(format!(
                "undone: its room was renamed to {title:?} by hand, and is {:?}",
                room.title
            ));
        }
        if let Some(archived) = hand.archived.filter(|archived| *archived != room.archived) {
            wrong.push(format!(
                "undone: its room was moved by hand, archived {archived}"
            ));
        }
        if let Some(tag) = hand.tags.iter().find(|tag| !room.tags.contains(tag)) {
            wrong.push(format!("undone: its room lost a person's tag {tag:?}"));
        }
        if let Some(tag) = hand.removed_tags.iter().find(|tag| room.tags.contains(tag)) {
            wrong.push(format!(
                "undone: its room got back the tag {tag:?}, which a person took"
            ));
        }
        wrong
    }
}
