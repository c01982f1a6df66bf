//! What the story has done, so far as the end must agree with it: boards, and what people did to rooms by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use boardroom::sandbox::{Board, BoardId, Room, RoomId};

/// So many of the last steps are told when something is wrong.
const TOLD: usize = 40;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) step: usize,
    pub(crate) pages: BTreeMap<String, Page>,
    /// Rooms that people made for themselves, as they were made.
    pub(crate) strangers: BTreeMap<RoomId, Room>,
    /// Every room that was ever seen and that nobody deleted by hand.
    pub(crate) rooms: BTreeSet<RoomId>,
    /// Whether the database was ever lost or replaced: then a difference may be taken for a person's work.
    pub(crate) was_robbed: bool,
    last: VecDeque<String>,
}

/// One board.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) id: BoardId,
    pub(crate) is_template: bool,
    /// Its room when all was quiet last.
    pub(crate) room: Option<RoomId>,
    pub(crate) hand: Hand,
    pub(crate) log: Vec<String>,
}

/// What people did to the room of a board.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    /// What must stay so until the board comes to agree with it.
    pub(crate) title: Option<String>,
    pub(crate) archived: Option<bool>,
    /// What must stay for ever.
    pub(crate) tags: BTreeSet<String>,
    pub(crate) removed_tags: BTreeSet<String>,
    pub(crate) is_deleted: bool,
    /// Whether people ever touched these: only then may the service say that they did.
    pub(crate) touched_title: bool,
    pub(crate) touched_place: bool,
}

impl Ledger {
    /// Writes a step down, for the report.
    pub(crate) fn tell(&mut self, deed: impl Into<String>) {
        let deed = format!("{:5}  {}", self.step, deed.into());
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        self.last.push_back(deed);
    }

    /// The same, about a board.
    pub(crate) fn tell_of(&mut self, board: &str, deed: impl Into<String>) {
        let deed = deed.into();
        self.tell(format!("{board} {deed}"));
        let step = self.step;
        if let Some(page) = self.pages.get_mut(board) {
            page.log.push(format!("{step} {deed}"));
        }
    }

    pub(crate) fn last_steps(&self) -> String {
        self.last.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn open_page(&mut self, id: &BoardId, is_template: bool) {
        let page = Page {
            id: id.clone(),
            is_template,
            room: None,
            hand: Hand::default(),
            log: Vec::new(),
        };
        self.pages.insert(id.to_string(), page);
    }

    /// The board may have come to agree with what people did: from then on the room may follow it.
    pub(crate) fn board_changed(&mut self, id: &str, board: Option<&Board>, stored: Option<&str>) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        let archived = board.is_none_or(|board| board.closed);
        page.hand.archived = page.hand.archived.filter(|by_hand| *by_hand != archived);
        page.hand.title = page
            .hand
            .title
            .take()
            .filter(|by_hand| Some(by_hand.as_str()) != stored);
    }

    /// The database is another one from now on. An older copy knows nothing of what was moved by hand since, nor which of two titles that
    /// boards have had is a person's; only titles that no board ever had are safe.
    pub(crate) fn robbed(&mut self, by_older_copy: bool) {
        self.was_robbed = true;
        if !by_older_copy {
            return;
        }
        for page in self.pages.values_mut() {
            page.hand.archived = None;
            page.hand.title = page
                .hand
                .title
                .take()
                .filter(|title| title.starts_with("By hand"));
        }
    }
}
