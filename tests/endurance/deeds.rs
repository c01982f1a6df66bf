//! What people do in Trello and DocSpace.

use boardroom::sandbox::{BoardId, HandMadeRoom, NewBoard, Room, RoomId, Visibility};

use crate::names;
use crate::row::Row;
use crate::story::{Kind, Story};

const BOARD_TAG: &str = "Trello board ";
const INTEGRATION_TAG: &str = "Trello integration";

/// With more boards than this a new one grows rare.
const MANY: usize = 120;

/// The board that a room is tagged for.
pub(crate) fn board_of(room: &Room) -> Option<&str> {
    room.tags.iter().find_map(|tag| tag.strip_prefix(BOARD_TAG))
}

/// A name as a report shows it.
pub(crate) fn short(name: &str) -> String {
    let head: String = name.chars().take(24).collect();
    let more = if head.len() < name.len() { "…" } else { "" };
    format!("{head:?}{more}")
}

impl Story {
    pub(crate) fn somebody_does_something(&mut self) {
        let few = self.ledger.pages.len() < MANY;
        match self.chance.u8(..100) {
            0..=24 if few || self.chance.u8(..10) == 0 => self.create_board(),
            0..=44 => self.rename_board(),
            45..=58 => self.close_or_reopen(),
            59..=61 => self.delete_board(),
            62..=68 => self.hide_or_show(),
            69..=77 => self.move_board(),
            78..=80 => self.make_a_room_of_ones_own(),
            81..=86 => self.make_room_and_board_agree(),
            87..=93 => self.tag_a_room(),
            _ => self.move_a_card(),
        }
    }

    fn any_board(&mut self) -> Option<BoardId> {
        let there: Vec<_> = self
            .ledger
            .pages
            .values()
            .filter(|page| self.house.trello.board(&page.id).is_some())
            .map(|page| page.id.clone())
            .collect();
        self.chance.choice(there)
    }

    fn create_board(&mut self) {
        let name = names::any(&mut self.chance);
        let mut new = NewBoard::named(&name);
        new = match self.chance.u8(..10) {
            0..=5 => new.in_workspace(&self.house.watched[0]),
            6 | 7 => new.in_workspace(&self.house.watched[1]),
            8 => new.in_workspace(&self.house.elsewhere),
            _ => new,
        };
        let (mut is_template, mut how) = (false, "");
        match self.chance.u8(..14) {
            0 => (new, how) = (new.silently(), ", and nobody is told"),
            1 => (new, how) = (new.closed(), ", closed"),
            2 => (new, is_template, how) = (new.template(), true, ", a template"),
            3 => {
                new = new.by(&self.house.teammate).visibility(Visibility::Private);
                how = ", by somebody else";
            }
            _ => {}
        }
        let id = self.house.trello.create_board(new);
        self.ledger.open_page(&id, is_template);
        self.ledger
            .tell_of(&id, format!("is made, called {}{how}", short(&name)));
    }

    fn changed(&mut self, id: &BoardId) {
        let board = self.house.trello.board(id);
        let stored = board.as_ref().map(|board| self.house.stored(&board.name));
        self.ledger
            .board_changed(id, board.as_ref(), stored.as_deref());
    }

    fn rename_board(&mut self) {
        let Some(id) = self.any_board() else { return };
        let name = names::any(&mut self.chance);
        self.rename_to(&id, &name);
    }

    fn rename_to(&mut self, id: &BoardId, name: &str) {
        self.house.trello.rename(id, name);
        self.changed(id);
        self.ledger
            .tell_of(id, format!("is renamed to {}", short(name)));
    }

    fn close_or_reopen(&mut self) {
        let Some(id) = self.any_board() else { return };
        let is_closed = self
            .house
            .trello
            .board(&id)
            .is_some_and(|board| board.closed);
        self.set_closed(&id, !is_closed);
    }

    fn set_closed(&mut self, id: &BoardId, closed: bool) {
        if closed {
            self.house.trello.close(id);
        } else {
            self.house.trello.reopen(id);
        }
        self.changed(id);
        self.ledger
            .tell_of(id, if closed { "is closed" } else { "is reopened" });
    }

    fn delete_board(&mut self) {
        let Some(id) = self.any_board() else { return };
        self.house.trello.delete(&id);
        self.changed(&id);
        self.ledger.tell_of(&id, "is deleted");
    }

    fn hide_or_show(&mut self) {
        let Some(id) = self.any_board() else { return };
        // More come back than go, or soon none would be seen.
        if self
            .house
            .trello
            .board(&id)
            .is_some_and(|board| board.hidden)
        {
            self.house.trello.show(&id);
            self.ledger.tell_of(&id, "is shown again");
        } else if self.chance.u8(..3) == 0 {
            self.house.trello.hide(&id);
            self.ledger.tell_of(&id, "is hidden");
        } else {
            let hidden = self
                .house
                .trello
                .boards()
                .into_iter()
                .filter(|board| board.hidden);
            if let Some(board) = self.chance.choice(hidden.collect::<Vec<_>>()) {
                self.house.trello.show(&board.id);
                self.ledger.tell_of(&board.id, "is shown again");
            }
        }
    }

    fn move_board(&mut self) {
        let Some(id) = self.any_board() else { return };
        let [sales, engine] = self.house.watched.clone();
        let (to, name) = match self.chance.u8(..8) {
            0..=2 => (Some(sales), "Sales Team"),
            3 | 4 => (Some(engine), "Engine Room"),
            5 => (None, "no workspace"),
            _ => (Some(self.house.elsewhere.clone()), "Elsewhere"),
        };
        self.house.trello.move_board(&id, to.as_ref());
        self.ledger.tell_of(&id, format!("is moved to {name}"));
    }

    fn move_a_card(&mut self) {
        if let Some(id) = self.any_board() {
            self.house.trello.move_card(&id);
        }
    }

    /// A colleague makes a room that is called like a board.
    fn make_a_room_of_ones_own(&mut self) {
        let Some(board) = self.any_board().and_then(|id| self.house.trello.board(&id)) else {
            return;
        };
        let docspace = &self.house.docspace;
        let room =
            docspace.create_room(HandMadeRoom::titled(&board.name).by(&self.house.colleague));
        self.ledger
            .strangers
            .insert(room, docspace.room(room).unwrap());
        self.ledger.tell(format!(
            "a colleague makes room {room}, called {:?}",
            board.name
        ));
    }

    /// Somebody makes the board agree with what was done to its room.
    fn make_room_and_board_agree(&mut self) {
        let differing = self.ledger.pages.values().filter_map(|page| {
            self.house.trello.board(&page.id)?;
            let (title, archived) = (page.hand.title.clone(), page.hand.archived);
            (title.is_some() || archived.is_some()).then(|| (page.id.clone(), title, archived))
        });
        let Some((id, title, archived)) = self.chance.choice(differing.collect::<Vec<_>>()) else {
            return;
        };
        if let Some(title) = title {
            self.rename_to(&id, &title);
        }
        if let Some(archived) = archived {
            self.set_closed(&id, archived);
        }
    }

    /// A room of ours that is recorded, or at least tagged.
    fn any_room(&mut self) -> Option<Room> {
        let rooms = self.house.docspace.rooms();
        let ours: Vec<_> = rooms
            .into_iter()
            .filter(|room| {
                board_of(room).is_some_and(|board| self.ledger.pages.contains_key(board))
            })
            .collect();
        self.chance.choice(ours)
    }

    fn tag_a_room(&mut self) {
        let Some(room) = self.any_room() else { return };
        let tag = format!("Tag {}", self.chance.u8(..20));
        self.house.docspace.tag_room(room.id, &tag);
        let board = board_of(&room).unwrap().to_owned();
        self.ledger
            .pages
            .get_mut(&board)
            .unwrap()
            .hand
            .tags
            .insert(tag.clone());
        self.ledger.tell_of(
            &board,
            format!("room {} is tagged {tag:?} by hand", room.id),
        );
    }

    /// Renames, archives or restores a room by hand while the service may be at it. Only where it is not running is that certain to be last.
    pub(crate) async fn edit_a_room_while_busy(&mut self) {
        let docspace = &self.house.docspace;
        let is_last = !self.house.is_anybody_running()
            && docspace.writes_in_flight() == 0
            && docspace.operations_under_way() == 0;
        let rows = if is_last {
            self.house.rows().await
        } else {
            Vec::new()
        };
        let Some(room) = self.any_room() else { return };
        let board = board_of(&room).unwrap().to_owned();
        if self.chance.bool() {
            self.rename_by_hand(&board, room.id, is_last);
        } else {
            self.move_by_hand(&board, &room, &rows);
        }
    }

    /// All is quiet: whatever is done now is a person's, and must stay.
    pub(crate) async fn edit_in_the_quiet(&mut self) {
        if self.chance.bool() {
            self.house.stop_all().await;
        }
        let rows = self.house.rows().await;
        for _ in 0..self.chance.usize(0..7) {
            let Some(room) = self.any_room() else { break };
            let board = board_of(&room).unwrap().to_owned();
            match self.chance.u8(..10) {
                0..=3 => self.rename_by_hand(&board, room.id, true),
                4..=6 => self.move_by_hand(&board, &room, &rows),
                7 | 8 if self.kind == Kind::People => self.untag_by_hand(&board, room.id),
                9 if self.kind == Kind::People => self.delete_by_hand(&board, room.id),
                _ => self.tag_a_room(),
            }
        }
        self.house.start_all();
    }

    fn rename_by_hand(&mut self, board: &str, room: RoomId, is_firm: bool) {
        self.serial += 1;
        let ornament = self
            .chance
            .choice(["", " 🎉", ": a/b", " é"])
            .unwrap_or_default();
        let title = format!("By hand {}{ornament}", self.serial);
        self.house.docspace.rename_room(room, &title);
        let stored = self.house.docspace.room(room).unwrap().title;
        let hand = &mut self.ledger.pages.get_mut(board).unwrap().hand;
        hand.touched_title = true;
        hand.title = is_firm.then_some(stored);
        let when = if is_firm { "" } else { ", meanwhile" };
        self.ledger.tell_of(
            board,
            format!("room {room} is renamed to {title:?} by hand{when}"),
        );
    }

    /// It is certain to be taken for a person's work where the record says otherwise and the service had not meant to do the same.
    fn move_by_hand(&mut self, board: &str, room: &Room, rows: &[Row]) {
        let archived = !room.archived;
        let is_firm = rows.iter().any(|row| {
            row.id == board
                && row.changes.is_none()
                && row.room_archived != Some(u8::from(archived))
        });
        if archived {
            self.house.docspace.archive_room(room.id);
        } else {
            self.house.docspace.unarchive_room(room.id);
        }
        let shown = self.house.trello.board(board);
        let differs = shown.is_none_or(|board| board.closed) != archived;
        let hand = &mut self.ledger.pages.get_mut(board).unwrap().hand;
        hand.touched_place = true;
        hand.archived = (is_firm && differs).then_some(archived);
        let (place, when) = (
            if archived { "archived" } else { "restored" },
            if is_firm { "" } else { ", meanwhile" },
        );
        self.ledger
            .tell_of(board, format!("room {} is {place} by hand{when}", room.id));
    }

    fn untag_by_hand(&mut self, board: &str, room: RoomId) {
        let tag = if self.chance.bool() {
            INTEGRATION_TAG.to_owned()
        } else {
            format!("{BOARD_TAG}{board}")
        };
        self.house.docspace.untag_room(room, &tag);
        let page = self.ledger.pages.get_mut(board).unwrap();
        page.hand.removed_tags.insert(tag.clone());
        self.ledger
            .tell_of(board, format!("room {room} loses the tag {tag:?} by hand"));
    }

    fn delete_by_hand(&mut self, board: &str, room: RoomId) {
        self.house.docspace.delete_room(room);
        self.ledger.rooms.remove(&room);
        self.ledger.pages.get_mut(board).unwrap().hand.is_deleted = true;
        self.ledger
            .tell_of(board, format!("room {room} is deleted by hand"));
    }
}
