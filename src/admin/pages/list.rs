//! The list of boards: what is asked for in the address, and how it is shown.

use serde::Deserialize;

use crate::admin::pages::done::Done;
use crate::admin::pages::plot::Span;
use crate::admin::pages::view::{BoardRow, Link, List, StatusChoice};
use crate::admin::pages::words::{briefly_named, encoded, mark, moment, why};
use crate::docspace::DocSpace;
use crate::model::time::Timestamp;
use crate::store::{Cursor, Entry, Filter, Page};

/// How many boards a page of the list has.
pub(super) const ROWS: u32 = 25;
/// A longer text is in no name: Trello cuts names, too.
const LONGEST: usize = 200;
/// What stands before the short link in the address of a board.
const ADDRESS: &str = "https://trello.com/b/";

/// The statuses that can be chosen: as they are asked for, and as they are called.
const STATUSES: [(&str, &str); 8] = [
    ("pending", "Pending"),
    ("mirrored", "Mirrored"),
    ("mirrored/drift", "Mirrored, changed by hand"),
    ("mirrored/twins", "Mirrored, twins"),
    ("waiting", "Waiting"),
    ("waiting/brake", "Waiting for the brake"),
    ("failed", "Failed"),
    ("ignored", "Ignored"),
];

/// What came of reading the list.
#[derive(Debug)]
pub(super) enum Found {
    Boards(Page<Entry>),
    /// The database cannot be read.
    Away,
    /// It can, but this took longer than anybody waits.
    Slow,
    /// Too many search at the same time.
    Busy,
}

impl Found {
    fn page(&self) -> Option<&Page<Entry>> {
        match self {
            Self::Boards(page) => Some(page),
            Self::Away | Self::Slow | Self::Busy => None,
        }
    }

    /// What is said where no board is shown.
    fn emptiness(&self, is_filtered: bool, is_further: bool) -> &'static str {
        match self {
            Self::Away => "The database does not answer, so no board can be shown.",
            Self::Slow => "This took too long. Try again in a moment.",
            Self::Busy => "Others are searching just now. Try again in a moment.",
            Self::Boards(page) if page.next.is_some() => {
                "None of the boards that were looked through so far is like that."
            }
            Self::Boards(_) if is_further => "No more boards come after these.",
            Self::Boards(_) if is_filtered => "No board is like that.",
            Self::Boards(_) => {
                "There is no board yet. It comes here by itself when it is made in Trello."
            }
        }
    }
}

/// What the address of the page asks for. An empty field of a form is none.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    pub(super) span: Span,
    #[serde(default)]
    before: String,
    pub(super) done: Option<Done>,
    #[serde(default)]
    pub(super) count: u64,
}

impl Asked {
    pub(super) fn filter(&self) -> Filter {
        let (status, reason) = match self.status.split_once('/') {
            Some((status, reason)) => (status, Some(reason)),
            None => (self.status.as_str(), None),
        };
        let text = self.text();
        let text = match text.strip_prefix(ADDRESS) {
            Some(rest) => rest.split('/').next().unwrap_or(rest),
            None => text,
        };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Filter {
            status: some(status),
            reason: reason.and_then(some),
            text: some(text),
        }
    }

    pub(super) fn before(&self) -> Option<Cursor> {
        self.before.parse().ok()
    }

    fn text(&self) -> &str {
        let text = self.q.trim();
        let end = text.char_indices().nth(LONGEST);
        end.map_or(text, |(end, _)| &text[..end])
    }

    /// The address of the same list with another span, or from another board on.
    pub(super) fn address(&self, span: Span, before: Option<Cursor>) -> String {
        let mut parts = Vec::new();
        if !self.text().is_empty() {
            parts.push(format!("q={}", encoded(self.text())));
        }
        if !self.status.is_empty() {
            parts.push(format!("status={}", encoded(&self.status)));
        }
        if span != Span::default() {
            parts.push(format!("span={}", span.as_str()));
        }
        if let Some(before) = before {
            parts.push(format!("before={before}"));
        }
        format!("/?{}", parts.join("&"))
    }

    /// Puts what was found into words.
    pub(super) fn list(&self, found: &Found, docspace: &DocSpace, now: Timestamp) -> List {
        let is_filtered = !self.text().is_empty() || !self.status.is_empty();
        let to = |before| format!("{}#boards", self.address(self.span, before));
        let page = found.page();
        let rows = page.map_or(&[][..], |page| &page.rows);
        let next = page.and_then(|page| page.next);
        let is_searched_on = !self.text().is_empty() && rows.len() < ROWS as usize;
        let label = if is_searched_on {
            "Search on"
        } else {
            "Next page"
        };
        List {
            search: self.text().to_owned(),
            choices: STATUSES
                .iter()
                .map(|(value, label)| StatusChoice {
                    value,
                    label,
                    is_chosen: *value == self.status,
                })
                .collect(),
            is_filtered,
            here: self.address(self.span, self.before()),
            rows: rows.iter().map(|entry| row(entry, docspace, now)).collect(),
            emptiness: found.emptiness(is_filtered, self.before().is_some()),
            first: self.before().is_some().then(|| to(None)),
            next: next.map(|next| Link {
                url: to(Some(next)),
                text: label.to_owned(),
            }),
        }
    }
}

fn row(entry: &Entry, docspace: &DocSpace, now: Timestamp) -> BoardRow {
    let board = &entry.standing;
    BoardRow {
        href: format!("/boards/{}", board.id),
        name: briefly_named(board.name.as_deref()),
        trello: trello(board.short_link.as_deref()),
        mark: mark(&board.words, !board.twins.is_empty()),
        why: why(&board.words, !board.twins.is_empty()),
        can_retry: board.words.status == "failed",
        room: board.room.map(|room| Link {
            url: docspace.room_url(room, entry.is_archived),
            text: briefly_named(board.room_title.as_deref()),
        }),
        since: moment(board.since, now),
    }
}

/// Where a person opens the board. A short link is letters and digits, or it is none of Trello's.
pub(super) fn trello(short_link: Option<&str>) -> Option<Link> {
    let link = short_link.filter(|link| link.chars().all(|c| c.is_ascii_alphanumeric()))?;
    Some(Link {
        url: format!("{ADDRESS}{link}"),
        text: "Trello".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(q: &str, status: &str) -> Asked {
        Asked {
            q: q.into(),
            status: status.into(),
            ..Asked::default()
        }
    }

    #[test]
    fn what_is_asked_for_is_understood_as_it_is_written() {
        assert_eq!(asked("", "").filter(), Filter::default());
        let filter = asked("  Café ", "waiting/brake").filter();
        let expected = Filter {
            status: Some("waiting".into()),
            reason: Some("brake".into()),
            text: Some("Café".into()),
        };
        assert_eq!(filter, expected);
        let link = asked("https://trello.com/b/AbCd1234/a-board", "").filter();
        assert_eq!(link.text.as_deref(), Some("AbCd1234"));
        let long = asked(&"é".repeat(900), "").filter();
        assert_eq!(long.text.unwrap().chars().count(), LONGEST);
    }

    #[test]
    fn the_address_of_a_list_holds_all_that_was_asked_for() {
        let asked = asked("a&b\"><", "failed");
        assert_eq!(
            asked.address(Span::Hour, None),
            "/?q=a%26b%22%3E%3C&status=failed"
        );
        let later = asked.address(Span::Week, Some("12".parse().unwrap()));
        assert_eq!(
            later,
            "/?q=a%26b%22%3E%3C&status=failed&span=week&before=12"
        );
        assert_eq!(Asked::default().address(Span::Hour, None), "/?");
    }

    #[test]
    fn where_no_board_is_shown_it_is_said_why() {
        let found = |next| {
            Found::Boards(Page {
                rows: Vec::new(),
                next,
            })
        };
        let table = [
            (Found::Away, "does not answer"),
            (Found::Slow, "took too long"),
            (Found::Busy, "Others are searching"),
            (found(Some("7".parse().unwrap())), "looked through so far"),
            (found(None), "No board is like that."),
        ];
        for (found, said) in table {
            assert!(found.emptiness(true, false).contains(said), "{found:?}");
        }
        let none = found(None).emptiness(false, false);
        assert!(none.starts_with("There is no board yet."), "{none}");
        let further = found(None).emptiness(false, true);
        assert!(further.starts_with("No more boards"), "{further}");
    }

    #[test]
    fn only_what_can_be_a_short_link_becomes_an_address() {
        assert_eq!(
            trello(Some("AbCd1234")).unwrap().url,
            "https://trello.com/b/AbCd1234"
        );
        assert_eq!(trello(Some("../evil")), None);
        assert_eq!(trello(None), None);
    }
}
