//! What a room is called: the configured template, the normalisation of what we send, and the one place that knows what the server makes of it.

use std::str::FromStr;

use unicode_segmentation::UnicodeSegmentation;

/// `DocSpace` refuses longer titles with 400; it counts UTF-16 units (`CreateRoomRequestDto`, `StringLength(170)`).
const LONGEST: usize = 170;
const UNTITLED: &str = "Untitled board";

/// `{board}`, with `{workspace}` allowed beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleTemplate(String);

impl TitleTemplate {
    /// The title to send for a board. `workspace` is empty for a personal board.
    #[must_use]
    pub fn title(&self, board: &str, workspace: &str) -> String {
        // Filled in one pass, so that a board called "{workspace}" keeps its name.
        let mut title = String::new();
        let mut rest = self.0.as_str();
        while let Some(open) = rest.find('{') {
            title.push_str(&rest[..open]);
            rest = &rest[open..];
            if let Some(after) = rest.strip_prefix("{board}") {
                title.push_str(&normalised(board));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{workspace}") {
                title.push_str(workspace);
                rest = after;
            } else {
                title.push('{');
                rest = &rest[1..];
            }
        }
        title.push_str(rest);
        normalised(&title)
    }

    /// Whether a workspace's name is needed to fill it.
    #[must_use]
    pub fn names_workspace(&self) -> bool {
        self.0.contains("{workspace}")
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TitleTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let left = text.replace("{board}", "").replace("{workspace}", "");
        if !text.contains("{board}") {
            Err("it must contain {board}, or all rooms would be called the same".into())
        } else if left.contains(['{', '}']) {
            Err("only {board} and {workspace} are filled in".into())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// The title as we send it: control characters become a space, trimmed, at most 170 UTF-16 units without splitting a grapheme, never empty.
#[must_use]
pub fn normalised(title: &str) -> String {
    let mut clean = String::with_capacity(title.len());
    for part in title
        .split(char::is_control)
        .filter(|part| !part.is_empty())
    {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(part);
    }
    let cut = cut(clean.trim()).trim_end();
    if cut.is_empty() {
        UNTITLED.to_owned()
    } else {
        cut.to_owned()
    }
}

/// The longest head of `title` that fits, at a boundary between graphemes; inside the first grapheme when that alone is too long.
fn cut(title: &str) -> &str {
    let head = head_that_fits(title, title.graphemes(true));
    if head.is_empty() {
        head_that_fits(title, title.split_inclusive(|_: char| true))
    } else {
        head
    }
}

fn head_that_fits<'a>(title: &'a str, pieces: impl Iterator<Item = &'a str>) -> &'a str {
    let (mut units, mut end) = (0, 0);
    for piece in pieces {
        units += piece.encode_utf16().count();
        if units > LONGEST {
            break;
        }
        end += piece.len();
    }
    &title[..end]
}

/// What `DocSpace` stores for a title that we sent: it trims, then writes `_` for some characters and for each half of a surrogate pair
/// (`ASC.Files.Core/Helpers/Global.cs`, `ReplaceInvalidCharsAndTruncate`). Only to recognise a room of which we never saw the answer;
/// everywhere else the title that the server returned is compared, not a guess.
#[must_use]
pub fn as_stored(sent: &str) -> String {
    let mut stored = String::with_capacity(sent.len());
    for character in sent.trim().chars() {
        match character {
            '\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' => stored.push('_'),
            _ if character.len_utf16() == 2 => stored.push_str("__"),
            _ => stored.push(character),
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_are_made_fit() {
        let long = "é".repeat(200);
        let family = format!("{}👨‍👩‍👧‍👦", "x".repeat(165));
        let table = [
            ("Q3 Launch", "Q3 Launch"),
            ("  two\r\n\tlines  ", "two lines"),
            ("\u{0}\u{7}", "Untitled board"),
            ("", "Untitled board"),
            (" \u{a0}", "Untitled board"),
            (long.as_str(), &long[..340]),
            // the family is 11 units: it does not fit whole, so it is left out whole
            (family.as_str(), &family[..165]),
        ];
        for (name, title) in table {
            assert_eq!(normalised(name), title, "{name:?}");
        }
    }

    #[test]
    fn one_endless_grapheme_is_cut_rather_than_dropped() {
        let zalgo = format!("a{}", "\u{301}".repeat(300));
        assert_eq!(normalised(&zalgo).encode_utf16().count(), 170);
    }

    #[test]
    fn the_template_is_filled_once() {
        let template: TitleTemplate = "{workspace}: {board}".parse().unwrap();
        assert_eq!(template.title("{workspace}", "Sales"), "Sales: {workspace}");
        assert_eq!(template.title("", "Sales"), "Sales: Untitled board");
        assert!("{workspace}".parse::<TitleTemplate>().is_err());
        assert!(
            "{board} {bord}"
                .parse::<TitleTemplate>()
                .unwrap_err()
                .contains("{workspace}")
        );
    }

    #[test]
    fn the_server_underlines_what_it_does_not_like() {
        assert_eq!(as_stored("Room 🎉 测试"), "Room __ 测试");
        assert_eq!(
            as_stored(r#"Room "with" \slashes & <html>"#),
            "Room _with_ _slashes & _html_"
        );
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_title_that_is_accepted_and_stays_itself(name in any::<String>()) {
            let title = normalised(&name);
            let units = title.encode_utf16().count();
            prop_assert!((1..=LONGEST).contains(&units));
            prop_assert_eq!(normalised(&title), title.as_str());
            prop_assert_eq!(title.trim(), title.as_str());
            prop_assert!(!title.contains(char::is_control));
        }
    }
}
