//! The comparison of Trello and DocSpace, board by board, when all is quiet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use boardroom::sandbox::{Room, RoomId};

use crate::case::Case;
use crate::deeds::board_of;
use crate::ledger::Page;
use crate::row::Row;
use crate::story::Story;

/// No more wrong boards than this are described.
const SHOWN: usize = 6;
/// Longer lines of a report are cut: there are titles of hundreds of characters.
const WIDE: usize = 400;

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
        eprintln!("logs and database: {}", self.house.keep());
        panic!(
            "wrong in the chapter of {:?}, seed {}, step {}; again: tests/soak {}{}",
            self.kind,
            self.seed,
            self.ledger.step,
            self.house.server.as_ref().map_or("", |_| "--postgres "),
            self.seed
        );
    }
}
