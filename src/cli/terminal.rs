//! Texts as they reach people: within 80 columns, in one line, and nothing in them that a terminal would obey. JSON for programs.

use std::fmt::Write as _;

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// What every terminal has.
pub(super) const WIDTH: usize = 80;

/// Breaks a text at its blanks so that it ends before column 80; further lines begin at `indent`.
/// A word that is longer, such as a URL, stays whole: it will be copied.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    wrapped_from(indent, text, indent)
}

/// The same for a text whose first line begins at another column, because of what stands before it.
pub(super) fn wrapped_from(first: usize, text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let (mut column, mut begins) = (first, true);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.width();
        if !begins && column + 1 + length > WIDTH {
            let _ = write!(lines, "\n{:indent$}", "");
            (column, begins) = (indent, true);
        }
        if !begins {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
        begins = false;
    }
    lines.push('\n');
    lines
}

/// A text in so many columns: filled up, or cut with an ellipsis between two characters as people see them.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let width = text.width();
    if width <= columns {
        return format!("{text}{:1$}", "", columns - width);
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for character in text.graphemes(true) {
        if taken + character.width() + 1 > columns {
            break;
        }
        taken += character.width();
        cut.push_str(character);
    }
    format!("{cut}…{:1$}", "", columns.saturating_sub(taken + 1))
}

/// One line of JSON. What a terminal would obey is escaped, which leaves the value what it is.
pub(super) fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut line = String::new();
    for character in serde_json::to_string(value)?.chars() {
        if crate::api::is_printable(character) {
            line.push(character);
        } else {
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        }
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_fitted_by_what_a_terminal_shows() {
        let table = [
            ("Launch", 8, "Launch  "),
            ("Launch", 6, "Launch"),
            ("Launch", 5, "Laun…"),
            ("発売計画", 8, "発売計画"),
            ("発売計画", 6, "発売… "),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("👩‍👩‍👧 family", 4, "👩‍👩‍👧 …"),
        ];
        for (text, columns, fit) in table {
            assert_eq!(fitted(text, columns), fit, "{text}");
        }
    }

    #[test]
    fn json_keeps_the_value_and_moves_no_cursor() {
        let value = "a\u{1b}[2J\u{9b}\u{202e}é";
        let line = json_line(&value).unwrap();
        assert_eq!(line, "\"a\\u001b[2J\\u009b\\u202eé\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
    }
}
