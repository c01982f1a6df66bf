//! The table of boards: within 80 columns, page by page, so that it needs no more memory for many boards than for a few.

use unicode_width::UnicodeWidthStr as _;

use crate::api;
use crate::cli::terminal::{WIDTH, fitted};
use crate::desk::roughly;
use crate::desk::standings::reason;
use crate::model::id::BoardId;
use crate::model::time::Timestamp;
use crate::store::Standing;

/// A name that is cut says something still.
const SHORTEST_NAME: usize = 16;
const GAP: &str = "  ";
/// All columns but the first, which takes what they leave.
const HEADER: [&str; 5] = ["ROOM", "STATUS", "REASON", "FOR", "NEXT TRY"];

/// A table under way. Columns only grow, so that pages stand below each other.
#[derive(Debug)]
pub(super) struct Table {
    now: Timestamp,
    widths: [usize; HEADER.len()],
    begun: bool,
}

impl Table {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            widths: HEADER.map(str::len),
            begun: false,
        }
    }

    /// The lines of some more boards; the header before the first ones.
    pub(super) fn rows(&mut self, page: &[Standing]) -> String {
        let rows: Vec<_> = page.iter().map(|board| self.cells(board)).collect();
        for (_, cells) in &rows {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.width());
            }
        }
        let mut text = String::new();
        if !self.begun && !rows.is_empty() {
            self.begun = true;
            text.push_str(&self.line("BOARD", &HEADER.map(str::to_owned)));
        }
        for (name, cells) in &rows {
            text.push_str(&self.line(name, cells));
        }
        text
    }

    fn cells(&self, board: &Standing) -> (String, [String; HEADER.len()]) {
        let room = board.room.map_or("-".to_owned(), |room| room.to_string());
        let next = match board.next {
            None => "-".to_owned(),
            Some(next) if next <= self.now => "due".to_owned(),
            Some(next) => format!("in {}", roughly(next.since(self.now))),
        };
        let cells = [
            room,
            api::printable(&board.words.status),
            reason(board).map_or("-".to_owned(), api::printable),
            roughly(self.now.since(board.since)),
            next,
        ];
        (name(board), cells)
    }

    fn line(&self, name: &str, cells: &[String; HEADER.len()]) -> String {
        let others: usize = self.widths.iter().map(|width| width + GAP.len()).sum();
        let room_for_name = WIDTH.saturating_sub(others).max(SHORTEST_NAME);
        // An id is there to be copied: it is not cut.
        let room_for_name = match name.parse::<BoardId>() {
            Ok(_) => room_for_name.max(name.len()),
            Err(_) => room_for_name,
        };
        let mut line = fitted(name, room_for_name);
        for (cell, width) in cells.iter().zip(self.widths) {
            line.push_str(GAP);
            line.push_str(&fitted(cell, width));
        }
        format!("{}\n", line.trim_end())
    }
}

/// The name, or the id of a board of which nothing else is known.
fn name(board: &Standing) -> String {
    let name = board.name.as_deref().map(api::printable);
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| board.id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::RoomId;
    use crate::store::Words;

    fn board(name: Option<&str>, words: (&str, Option<&str>), room: Option<i64>) -> Standing {
        Standing {
            id: "64f0c0ffee0123456789abcd".parse().unwrap(),
            name: name.map(str::to_owned),
            short_link: None,
            words: Words {
                status: words.0.into(),
                reason: words.1.map(str::to_owned),
            },
            since: Timestamp(0),
            next: room.is_none().then_some(Timestamp(303_000)),
            failures: 0,
            failing_since: None,
            room: room.map(RoomId),
            room_title: None,
            drift: None,
            twins: Vec::new(),
        }
    }

    #[test]
    fn a_table_ends_before_column_80_whatever_boards_are_called() {
        let long = "Q3 2026: the launch of everything, everywhere 🚀 発売計画";
        let boards = [
            board(Some(long), ("failed", Some("docspace_rejected")), None),
            board(
                Some("\u{1b}[2JLaunch\nday"),
                ("mirrored", None),
                Some(2_147_483_647),
            ),
            board(
                Some("Old"),
                ("ignored", Some("closed_when_first_seen")),
                Some(8),
            ),
        ];
        let mut table = Table::new(Timestamp(3_000));
        let text = table.rows(&boards);
        let expected = "\
BOARD                ROOM        STATUS    REASON                  FOR  NEXT TRY
Q3 2026: the launc…  -           failed    docspace_rejected       3 s  in 5 min
[2JLaunch day        2147483647  mirrored  -                       3 s  -
Old                  8           ignored   closed_when_first_seen  3 s  -
";
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| line.width() <= WIDTH));
        let nameless = table.rows(&[board(None, ("pending", None), None)]);
        assert!(nameless.starts_with("64f0c0ffee0123456789abcd  -"));
    }
}
