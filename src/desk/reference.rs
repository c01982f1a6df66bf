//! Which board of the database a person means. Nothing is ever guessed: what fits several is an error that lists them.

use std::fmt::Write as _;

use crate::api;
use crate::model::id::BoardId;
use crate::store::{Candidate, Meant, Store, StoreError};

/// How a board can be named.
pub const FORMS: &str = "its id (24 hex digits), its short link (8 letters and digits), its address (https://trello.com/b/…) or its exact name";
/// As many candidates as a person looks through.
const MOST: u32 = 20;

/// Why it is not known which board is meant.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error("this is the address of no board: give {FORMS}")]
    OtherAddress,
    #[error("this is no board: give {FORMS}")]
    NoBoard,
    #[error("{}", ambiguous(.0))]
    Ambiguous(Vec<Candidate>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The board in the database that is meant; none when there is no such board.
pub async fn find_known(named: &str, store: &dyn Store) -> Result<Option<BoardId>, ReferenceError> {
    let meant = meant(named)?;
    let mut found = store.find(meant, MOST + 1).await?;
    // 24 hex digits may be a name, too, but first they are an id: so there is always a way to say which board is meant.
    if let (true, Meant::Id(_)) = (found.is_empty(), meant) {
        found = store.find(Meant::NameOrShortLink(named), MOST + 1).await?;
    }
    match &found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(ReferenceError::Ambiguous(found)),
    }
}

/// What a person gave: `64f0…`, `https://trello.com/b/aBcD1234/name`, or a text that is a name or a short link.
pub fn meant(named: &str) -> Result<Meant<'_>, ReferenceError> {
    let trimmed = named.trim();
    if let Ok(id) = trimmed.parse() {
        return Ok(Meant::Id(id));
    }
    let (address, is_address) = match trimmed.strip_prefix("https://") {
        Some(rest) => (rest, true),
        None => (trimmed, false),
    };
    if let Some(("trello.com" | "www.trello.com", tail)) = address.split_once("/b/") {
        let head = tail.split(['/', '?', '#']).next().unwrap_or_default();
        return match head.parse() {
            Ok(id) => Ok(Meant::Id(id)),
            Err(_) if is_short_link(head) => Ok(Meant::ShortLink(head)),
            Err(_) => Err(ReferenceError::OtherAddress),
        };
    }
    if is_address || trimmed.is_empty() {
        return Err(ReferenceError::NoBoard);
    }
    Ok(Meant::NameOrShortLink(named))
}

#[must_use]
pub fn is_short_link(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Says which boards may be meant.
#[must_use]
pub fn ambiguous(candidates: &[Candidate]) -> String {
    let mut text = String::from("several boards are called so; give the id or the address of one:");
    for candidate in candidates.iter().take(MOST as usize) {
        let name = api::printable(candidate.name.as_deref().unwrap_or("(no name yet)"));
        let _ = write!(text, "\n  {}  {name}", candidate.id);
        if let Some(link) = &candidate.short_link {
            let _ = write!(text, "  {}", address(link));
        }
    }
    if candidates.len() > MOST as usize {
        text.push_str("\n  …");
    }
    text
}

/// Where a person opens a board.
#[must_use]
pub fn address(short_link: &str) -> String {
    format!("https://trello.com/b/{}", api::printable(short_link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_meant_in_four_ways() {
        let id = "64f0c0ffee0123456789abcd";
        let by_id = Meant::Id(id.parse().unwrap());
        let (link, name) = (Meant::ShortLink, Meant::NameOrShortLink);
        let address = format!("https://trello.com/b/{id}");
        let table = [
            (id, by_id),
            (" 64F0C0FFEE0123456789ABCD\n", by_id),
            (&address, by_id),
            ("https://trello.com/b/aBcD1234/launch?x#y", link("aBcD1234")),
            ("www.trello.com/b/aBcD1234", link("aBcD1234")),
            ("aBcD1234", name("aBcD1234")),
            (" two  words ", name(" two  words ")),
            ("this/b/aBcD1234", name("this/b/aBcD1234")),
        ];
        for (named, expected) in table {
            assert_eq!(meant(named).unwrap(), expected, "{named}");
        }
        for wrong in [
            "",
            " ",
            "https://trello.com/c/aBcD1234",
            "https://trello.com/b/short",
            "https://example.com/b/aBcD1234",
        ] {
            assert!(meant(wrong).is_err(), "{wrong}");
        }
    }
}
