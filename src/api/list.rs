//! A long list is read entry by entry as it comes, and is never held as a whole.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::api::{Caller, Reply, SendError, begin};

/// The longest list that is read: one of a million boards.
const LONGEST_LIST: usize = 256 << 20;

/// How a list ended.
#[derive(Debug)]
pub enum Ending {
    Complete,
    /// What was read of it counts for nothing.
    Broken(String),
    /// The request was refused, or something else than a list was answered.
    Other(Reply),
}

/// A list that is under way.
#[derive(Debug)]
pub struct Incoming {
    response: reqwest::Response,
    /// The answer as a whole, while it is no list.
    reply: Reply,
    list: Entries,
    length: usize,
}

/// Sends one request of which the answer is a list.
pub async fn send_for_list(
    request: reqwest::RequestBuilder,
    caller: &Caller,
) -> Result<Incoming, SendError> {
    let (response, reply) = begin(request, caller).await?;
    Ok(Incoming {
        response,
        reply,
        list: Entries::default(),
        length: 0,
    })
}

impl Incoming {
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Hands on the entries that come next; says how the list ended when nothing more comes. Single entries that cannot be read are left
    /// out, and what they were is logged.
    pub async fn read<T: DeserializeOwned>(
        &mut self,
        each: &mut impl FnMut(T),
    ) -> Result<Option<Ending>, SendError> {
        let Some(piece) = self.response.chunk().await.map_err(SendError::lost)? else {
            return Ok(Some(match self.list.place {
                Place::Before | Place::Elsewhere => Ending::Other(std::mem::take(&mut self.reply)),
                Place::Within => Ending::Broken("the list ends too early".to_owned()),
                Place::Behind => Ending::Complete,
            }));
        };
        self.length += piece.len();
        if !self.response.status().is_success() || !self.list.is_list(&piece) {
            self.reply.add(&piece)?;
            return Ok(None);
        }
        if self.length > LONGEST_LIST {
            return Err(SendError::TooLong);
        }
        let mut take =
            |entry: &[u8]| read(entry).map(|entry| entry.into_iter().for_each(&mut *each));
        let broken = self.list.read(&piece, &mut take).err();
        Ok(broken.map(Ending::Broken))
    }
}

/// An entry; none where it is JSON and something else. What is no JSON at all is no matter of one entry.
fn read<T: DeserializeOwned>(entry: &[u8]) -> Result<Option<T>, String> {
    let error = match serde_json::from_slice(entry) {
        Ok(entry) => return Ok(Some(entry)),
        Err(error) => error,
    };
    let is_json = || serde_json::from_slice::<IgnoredAny>(entry).is_ok();
    if error.classify() == Category::Data && is_json() {
        tracing::warn!(%error, "an entry of a list cannot be read and is left out");
        Ok(None)
    } else {
        Err(error.to_string())
    }
}

/// Where in an answer the reading is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Within,
    Behind,
    /// In something that is no list.
    Elsewhere,
}

/// Finds where the entries of a list begin and end, in whatever pieces it comes.
#[derive(Debug, Default)]
struct Entries {
    place: Place,
    /// How many brackets and braces are open within the entry.
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// Whether an entry came already: then another one follows a comma.
    is_under_way: bool,
    /// The beginning of an entry that goes on in the next piece.
    begun: Vec<u8>,
}

impl Entries {
    /// Whether this piece is of a list, as far as that can be told.
    fn is_list(&mut self, piece: &[u8]) -> bool {
        if self.place == Place::Before {
            match piece.trim_ascii_start().first() {
                None => return false,
                Some(b'[') => {}
                Some(_) => self.place = Place::Elsewhere,
            }
        }
        self.place != Place::Elsewhere
    }

    /// Hands on the entries that end in this piece.
    fn read(
        &mut self,
        piece: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut start = 0;
        for (at, byte) in piece.iter().enumerate() {
            match self.place {
                Place::Before => {
                    if *byte == b'[' {
                        self.place = Place::Within;
                    }
                    start = at + 1;
                }
                Place::Within => {
                    if self.ends_at(*byte) {
                        let is_last = *byte == b']';
                        self.hand_on(&piece[start..at], is_last, take)?;
                        start = at + 1;
                    }
                }
                Place::Behind | Place::Elsewhere => {
                    if !byte.is_ascii_whitespace() {
                        return Err("something follows the list".to_owned());
                    }
                }
            }
        }
        if self.place == Place::Within {
            self.begun.extend_from_slice(&piece[start..]);
        }
        Ok(())
    }

    /// Whether the entry ends before this byte.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_text {
            self.in_text = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }

    fn hand_on(
        &mut self,
        end: &[u8],
        is_last: bool,
        take: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        if is_last {
            self.place = Place::Behind;
        }
        let is_whole = self.begun.is_empty();
        self.begun
            .extend_from_slice(if is_whole { &[] } else { end });
        let entry = if is_whole { end } else { &self.begun };
        if !entry.trim_ascii().is_empty() {
            take(entry)?;
        } else if self.is_under_way || !is_last {
            return Err("an entry of the list is missing".to_owned());
        }
        self.is_under_way = true;
        self.begun.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Reads a list that comes in pieces of these lengths, over and over.
    fn entries(text: &str, lengths: &[usize]) -> Result<Vec<Value>, String> {
        let (mut list, mut found) = (Entries::default(), Vec::new());
        let mut take = |entry: &[u8]| read(entry).map(|entry| found.extend(entry));
        let mut rest = text.as_bytes();
        for length in lengths.iter().cycle() {
            let (piece, behind) = rest.split_at((*length).min(rest.len()));
            rest = behind;
            if list.is_list(piece) {
                list.read(piece, &mut take)?;
            }
            if rest.is_empty() {
                break;
            }
        }
        match list.place {
            Place::Behind => Ok(found),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_list_is_read_in_whatever_pieces_it_comes() {
        let list = json!([{"id": "a\"]\\", "b": [1, {"c": []}]}, 7, "x,y]", null, [], "é\\\\"]);
        let text = format!(" \n{} ", serde_json::to_string_pretty(&list).unwrap());
        for length in 1..=text.len() {
            assert_eq!(
                Value::from(entries(&text, &[length]).unwrap()),
                list,
                "{length}"
            );
        }
        assert_eq!(entries(" [ \n] ", &[1]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_whole_or_no_list_is_told_from_one() {
        for broken in [
            "[1,2",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1]x",
            "[{]",
            "[\"a]",
            "[1}]",
            "[",
            "{}",
            "",
            "<html>[1]",
            "[tru]",
            "{\"a\":\n[1]}",
        ] {
            for length in 1..4 {
                assert!(
                    entries(broken, &[length]).is_err(),
                    "{broken} in pieces of {length}"
                );
            }
        }
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out() {
        assert_eq!(read::<u8>(b" 7"), Ok(Some(7)));
        assert_eq!(read::<u8>(b"\"a\""), Ok(None));
        assert!(read::<u8>(b"\"a").is_err());
        assert!(read::<u8>(b"{\"a\":}").is_err());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_added(texts: Vec<String>, lengths in prop::collection::vec(1..40_usize, 1..5)) {
            let list = json!(texts);
            prop_assert_eq!(Value::from(entries(&list.to_string(), &lengths).unwrap()), list);
        }
    }
}
