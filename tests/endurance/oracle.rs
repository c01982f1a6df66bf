//! The comparison of Trello and DocSpace, board by board, when all is quiet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use boardroom::sandbox::{Board, Room, RoomId};

use crate::deeds::board_of;
use crate::house::Row;
use crate::ledger::Page;
use crate::story::Story;

/// No more wrong boards than this are described.
const SHOWN: usize = 6;
/// Longer lines of a report are cut: there are titles of hundreds of characters.
const WIDE: usize = 400;
const OURS: [&str; 2] = ["Trello integration", "Trello board "];

/// One board with everything that is known of it.
struct Case<'a> {
    page: &'a Page,
    board: Option<Board>,
    stored: Option<String>,
    rooms: Vec<&'a Room>,
    row: Option<&'a Row>,
    is_visible: bool,
    is_watched: bool,
    was_robbed: bool,
}

impl Story {
    /// Compares everything, and remembers what people's work the service has owned up to: from now on it must stay.
    pub(crate) async fn compare(&mut self) {
        let rows = self.house.rows().await;
        let rooms = self.house.docspace.rooms();
        let rooms: BTreeMap<RoomId, Room> = rooms.into_iter().map(|room| (room.id, room)).collect();
        let mut wrong = self.wrong_rooms(&rooms);
        let mut firm = Vec::new();
        for page in self.ledger.pages.values() {
            let case = self.case(page, &rooms, &rows);
            let complaints = case.complaints();
            if complaints.is_empty() {
                firm.push((page.id.to_string(), case.firm()));
                continue;
            }
            if wrong.len() < SHOWN {
                let mut text = complaints.join("\n");
                text.push('\n');
                if let Some(row) = case.row {
                    text.push_str(&self.describe(row).await);
                } else {
                    let _ = writeln!(
                        text,
                        "  {} is not in the database; {}",
                        page.id,
                        page.log.join("; ")
                    );
                }
                wrong.push(text);
            }
        }
        if !wrong.is_empty() {
            self.give_up(&wrong.join("\n"));
        }
        for (id, firm) in firm {
            let page = self.ledger.pages.get_mut(&id).unwrap();
            if let Some(firm) = firm {
                page.room = Some(firm.room);
                page.hand.title = firm.title;
                page.hand.archived = firm.archived;
            }
        }
        let strangers = &self.ledger.strangers;
        self.ledger.rooms = rooms
            .keys()
            .filter(|id| !strangers.contains_key(id))
            .copied()
            .collect();
        self.house.docspace.forget_requests();
        self.house.trello.forget_requests();
        self.ledger.tell("all agrees");
    }

    fn case<'a>(
        &self,
        page: &'a Page,
        rooms: &'a BTreeMap<RoomId, Room>,
        rows: &'a [Row],
    ) -> Case<'a> {
        let board = self.house.trello.board(&page.id);
        let tagged = rooms
            .values()
            .filter(|room| board_of(room) == Some(&*page.id));
        let mut own: Vec<_> = tagged.collect();
        let untagged = page
            .room
            .and_then(|id| rooms.get(&id))
            .filter(|room| board_of(room).is_none());
        own.extend(untagged);
        let (ours, house) = (self.house.trello.member(), &self.house);
        let is_visible = board.as_ref().is_some_and(|board| {
            !board.hidden && (board.has_member(&ours) || board.workspace.is_some())
        });
        let is_watched = board.as_ref().is_some_and(|board| match &board.workspace {
            Some(workspace) => house.watched.contains(workspace),
            None => true,
        });
        Case {
            page,
            stored: board.as_ref().map(|board| house.stored(&board.name)),
            board,
            rooms: own,
            row: rows.iter().find(|row| row.id == *page.id),
            is_visible,
            is_watched,
            was_robbed: self.ledger.was_robbed,
        }
    }

    /// Rooms that vanished, that belong to nobody, or that are none of ours and were touched.
    fn wrong_rooms(&self, rooms: &BTreeMap<RoomId, Room>) -> Vec<String> {
        let mut wrong = Vec::new();
        let known: Vec<_> = self
            .ledger
            .pages
            .values()
            .filter_map(|page| page.room)
            .collect();
        for id in self
            .ledger
            .rooms
            .iter()
            .filter(|id| !rooms.contains_key(id))
        {
            wrong.push(format!("room {id} was deleted, and not by a person"));
        }
        for room in rooms.values() {
            if let Some(made) = self.ledger.strangers.get(&room.id) {
                if (&made.title, &made.tags, made.archived)
                    != (&room.title, &room.tags, room.archived)
                {
                    wrong.push(format!(
                        "a colleague's room was touched: {made:?} is {room:?}"
                    ));
                }
            } else if board_of(room).is_none() && !known.contains(&room.id) {
                wrong.push(format!(
                    "room {} called {:?} belongs to no board: made twice, or lost",
                    room.id, room.title
                ));
            }
        }
        let deletes = self.house.docspace.requests_to("DELETE", "/");
        if deletes > 0 {
            wrong.push(format!(
                "{deletes} times something was to be deleted in DocSpace"
            ));
        }
        wrong
    }

    /// All that is known of a board.
    pub(crate) async fn describe(&self, row: &Row) -> String {
        let board = self.house.trello.board(&row.id);
        let mut text = format!("  {}\n", row.id);
        let board = board.map(|board| {
            format!(
                "{:?}, closed {}, hidden {}, workspace {:?}",
                board.name, board.closed, board.hidden, board.workspace
            )
        });
        let _ = writeln!(
            text,
            "    Trello: {}",
            board.unwrap_or_else(|| "deleted".to_owned())
        );
        let rooms = self.house.docspace.rooms();
        let recorded = |room: &Room| row.room_id == i64::try_from(room.id).ok();
        for room in rooms
            .iter()
            .filter(|room| board_of(room) == Some(&row.id) || recorded(room))
        {
            let _ = writeln!(
                text,
                "    DocSpace: room {} {:?}, archived {}, tags {:?}",
                room.id, room.title, room.archived, room.tags
            );
        }
        let _ = writeln!(text, "    database: {row:?}");
        if let Some(page) = self.ledger.pages.get(&row.id) {
            let _ = writeln!(text, "    by hand: {:?}", page.hand);
            let _ = writeln!(text, "    story:\n      {}", page.log.join("\n      "));
        }
        let history = self.house.history(&row.id).await;
        let _ = writeln!(
            text,
            "    history:\n      {}",
            history[history.len().saturating_sub(25)..].join("\n      ")
        );
        text
    }

    /// Something is wrong.
    pub(crate) fn give_up(&mut self, what: &str) -> ! {
        let report = format!("last steps:\n{}\n\n{what}", self.ledger.last_steps());
        for line in report.lines() {
            eprintln!("{}", line.chars().take(WIDE).collect::<String>());
        }
        eprintln!("logs and database: {}", self.house.keep().display());
        panic!(
            "wrong in the chapter of {:?}, seed {}, step {}; again: BOARDROOM_SOAK_SEED={} tests/soak",
            self.kind, self.seed, self.ledger.step, self.seed
        );
    }
}

/// What must stay as it is from now on.
struct Firm {
    room: RoomId,
    title: Option<String>,
    archived: Option<bool>,
}

impl Case<'_> {
    fn is_followed(&self) -> bool {
        self.board.is_none() || (self.is_visible && self.is_watched)
    }

    fn firm(&self) -> Option<Firm> {
        let (Some(row), [room]) = (self.row, &self.rooms[..]) else {
            return None;
        };
        let hand = &self.page.hand;
        if !self.is_followed() {
            let (title, archived) = (hand.title.clone(), hand.archived);
            return Some(Firm {
                room: room.id,
                title,
                archived,
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
    fn complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        let id = &self.page.id;
        let mut complain = |words: String| found.push(format!("{id} {words}"));
        let hand = &self.page.hand;
        let wants_one = self.is_visible
            && self.is_watched
            && !self.page.is_template
            && self.board.as_ref().is_some_and(|board| !board.closed);
        let most = usize::from(!self.page.is_template && !hand.is_deleted);
        match self.rooms.len() {
            count if count > most => {
                complain(format!("has {count} rooms and may have {most}: doubled"))
            }
            0 if wants_one && !hand.is_deleted => complain("has no room: lost".to_owned()),
            0 if hand.is_deleted
                && self
                    .row
                    .is_none_or(|row| !row.is_left_alone() && !row.drift().deleted) =>
            {
                complain("does not show that its room was deleted by hand".to_owned());
            }
            _ => {}
        }
        if let [room] = self.rooms[..] {
            if let Some(row) = self.row {
                self.compare(room, row, &mut complain);
            }
            self.undone(room, &mut complain);
        }
        found
    }

    /// The room beside the board, and what the database says of the difference.
    fn compare(&self, room: &Room, row: &Row, complain: &mut impl FnMut(String)) {
        let (hand, drift) = (&self.page.hand, row.drift());
        let reason = row.reason.as_deref();
        if row.room_id != i64::try_from(room.id).ok() {
            return complain(format!(
                "has room {}, and the record says otherwise",
                room.id
            ));
        }
        if row.status != "mirrored" {
            return complain(format!("has a room and is {} {reason:?}", row.status));
        }
        let may_be: &[Option<&str>] = match &self.board {
            None => &[Some("board_deleted"), Some("drift")],
            Some(_) if !self.is_visible => &[Some("not_visible"), Some("drift")],
            Some(_) if !self.is_watched => &[Some("outside_workspaces"), Some("drift")],
            Some(_) => &[None, Some("drift")],
        };
        // No list tells what becomes of a board outside the watched workspaces; its room is kept in any case.
        let is_outside = self
            .board
            .as_ref()
            .is_none_or(|_| !(self.is_visible && self.is_watched));
        if is_outside && matches!(reason, Some("outside_workspaces" | "not_visible")) {
            return;
        }
        if !may_be.contains(&reason) {
            complain(format!(
                "is mirrored with {reason:?} and should be with one of {may_be:?}"
            ));
        }
        if !self.is_followed() {
            return;
        }
        // Nobody looks at the room of a deleted board any more, once it has been archived.
        if reason == Some("board_deleted") {
            if !room.archived && !self.was_robbed && !hand.touched_place {
                complain("is deleted, and its room is not archived: untrue".to_owned());
            }
            return;
        }
        let archived = self.board.as_ref().is_none_or(|board| board.closed);
        let place_differs = room.archived != archived;
        let title_differs = self
            .stored
            .as_ref()
            .is_some_and(|stored| *stored != room.title);
        if drift.archived != place_differs.then_some(room.archived) {
            complain(format!(
                "is to be archived: {archived}; the room is: {}; shown is {drift:?}: untrue",
                room.archived
            ));
        }
        if self.board.is_some() && drift.title.as_ref() != title_differs.then_some(&room.title) {
            complain(format!(
                "is to be called {:?}; the room is {:?}; shown is {drift:?}: untrue",
                self.stored, room.title
            ));
        }
        let lacks = OURS
            .iter()
            .any(|tag| !room.tags.iter().any(|other| other.starts_with(tag)));
        if lacks != drift.untagged {
            complain(format!(
                "has a room with tags {:?}; shown is {drift:?}: untrue",
                room.tags
            ));
        }
        let may_differ = self.was_robbed || hand.touched_place;
        if drift.archived.is_some() && !may_differ {
            complain(format!(
                "is said to be moved by hand, and nobody did: {drift:?}"
            ));
        }
        if drift.title.is_some()
            && !(self.was_robbed || hand.touched_title || (room.archived && may_differ))
        {
            complain(format!(
                "is said to be renamed by hand, and nobody did: {drift:?}"
            ));
        }
    }

    /// What people did and is not there any more.
    fn undone(&self, room: &Room, complain: &mut impl FnMut(String)) {
        let hand = &self.page.hand;
        if hand
            .title
            .as_ref()
            .is_some_and(|title| *title != room.title)
        {
            complain(format!(
                "has a room that was renamed to {:?} by hand, and it is {:?}: undone",
                hand.title, room.title
            ));
        }
        if hand
            .archived
            .is_some_and(|archived| archived != room.archived)
        {
            complain(format!(
                "has a room that was moved by hand, archived {:?}, and it is {}: undone",
                hand.archived, room.archived
            ));
        }
        if let Some(tag) = hand.tags.iter().find(|tag| !room.tags.contains(tag)) {
            complain(format!(
                "has a room that lost the tag {tag:?} of a person's: undone"
            ));
        }
        if let Some(tag) = hand.removed_tags.iter().find(|tag| room.tags.contains(tag)) {
            complain(format!(
                "has a room that got back the tag {tag:?} which a person took: undone"
            ));
        }
    }
}
