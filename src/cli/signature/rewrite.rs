//! What a body looked like before somebody rewrote it on its way, or as a signer wrote it for itself. The order of its members stays,
//! and so does the spelling of its numbers.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use serde_json::Value;

/// How a body was written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// Not at all.
    None,
    /// Without blanks between the tokens, and with no more escapes than needed, as JavaScript does.
    Compact,
    /// The same, the members of each object in alphabetical order.
    Sorted,
    /// With a blank after each comma and colon, as Python does.
    Spaced,
    /// Without blanks, and with everything beyond ASCII as `\u….`
    Escaped,
    /// With both, as Python does unless told otherwise.
    SpacedEscaped,
    /// With or without a line break at its end.
    LineBreakAdded,
    LineBreakRemoved,
    /// CR LF in place of LF, or the other way round.
    Windows,
    Unix,
}

/// The body as it is, and every other form of it that differs, in the order of their likelihood.
pub(super) fn forms(body: &[u8]) -> Vec<(Rewrite, Vec<u8>)> {
    let mut forms = vec![(Rewrite::None, body.to_vec())];
    let Ok(text) = std::str::from_utf8(body) else {
        return forms;
    };
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let json = |separator, escaped| is_json.then(|| respelt(text, separator, escaped)).flatten();
    let sorted = serde_json::from_str::<Value>(text).map(|value| value.to_string());
    let lines = text.replace("\r\n", "\n");
    let rewritten = [
        (Rewrite::Compact, json("", false)),
        (Rewrite::SpacedEscaped, json(" ", true)),
        (Rewrite::Spaced, json(" ", false)),
        (Rewrite::Escaped, json("", true)),
        (Rewrite::Sorted, sorted.ok()),
        (
            Rewrite::LineBreakRemoved,
            Some(text.trim_end_matches(['\r', '\n']).to_owned()),
        ),
        (Rewrite::LineBreakAdded, Some(format!("{text}\n"))),
        (Rewrite::Unix, Some(lines.clone())),
        (Rewrite::Windows, Some(lines.replace('\n', "\r\n"))),
    ];
    for (rewrite, text) in rewritten {
        let Some(text) = text.map(String::into_bytes) else {
            continue;
        };
        if forms.iter().all(|(_, known)| *known != text) {
            forms.push((rewrite, text));
        }
    }
    forms
}

/// JSON with other blanks and other escapes. None where a string is not one that can be read.
fn respelt(json: &str, after_separator: &str, escaped: bool) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(next) = rest.chars().next() {
        match next {
            '"' => {
                let end = end_of_string(rest)?;
                let text: String = serde_json::from_str(&rest[..end]).ok()?;
                let raw = serde_json::to_string(&text).ok()?;
                out.push_str(&if escaped { ascii(&raw) } else { raw });
                rest = &rest[end..];
                continue;
            }
            ',' | ':' => {
                out.push(next);
                out.push_str(after_separator);
            }
            blank if blank.is_ascii_whitespace() => {}
            other => out.push(other),
        }
        rest = &rest[next.len_utf8()..];
    }
    Some(out)
}

/// Behind the quotation mark that closes the string at the beginning of `text`.
fn end_of_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Everything beyond ASCII as `\uXXXX`, in UTF-16 as JSON wants it.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = r#"{"b":"Ü 📁 \"x\"","a":[1.50,{},"\n"]}"#;
    const SPACED: &str = r#"{"b": "Ü 📁 \"x\"", "a": [1.50, {}, "\n"]}"#;
    const ESCAPED: &str = r#"{"b":"\u00dc \ud83d\udcc1 \"x\"","a":[1.50,{},"\n"]}"#;

    fn form(body: &str, wanted: Rewrite) -> String {
        let forms = forms(body.as_bytes());
        let found = forms.into_iter().find(|(rewrite, _)| *rewrite == wanted);
        String::from_utf8(found.unwrap_or_else(|| panic!("{wanted:?} of {body}")).1).unwrap()
    }

    #[test]
    fn json_is_written_as_other_programs_write_it() {
        // With Python: json.dumps(json.loads(RAW)), but for the number that keeps its spelling here.
        let python = r#"{"b": "\u00dc \ud83d\udcc1 \"x\"", "a": [1.50, {}, "\n"]}"#;
        let sorted = r#"{"a":[1.5,{},"\n"],"b":"Ü 📁 \"x\""}"#;
        let table = [
            (SPACED, Rewrite::Compact, RAW),
            (python, Rewrite::Compact, RAW),
            (RAW, Rewrite::SpacedEscaped, python),
            (RAW, Rewrite::Spaced, SPACED),
            (RAW, Rewrite::Escaped, ESCAPED),
            (RAW, Rewrite::Sorted, sorted),
            (r#"{"url":"a\/b"}"#, Rewrite::Compact, r#"{"url":"a/b"}"#),
        ];
        for (body, rewrite, expected) in table {
            assert_eq!(form(body, rewrite), expected, "{rewrite:?}");
        }
    }

    #[test]
    fn line_breaks_come_and_go() {
        assert_eq!(form("{}\n", Rewrite::Compact), "{}");
        assert_eq!(form("x\r\n", Rewrite::LineBreakRemoved), "x");
        assert_eq!(form("x", Rewrite::LineBreakAdded), "x\n");
        assert_eq!(form("{\n}", Rewrite::Windows), "{\r\n}");
        assert_eq!(form("{\r\n}", Rewrite::Unix), "{\n}");
    }

    #[test]
    fn what_is_no_json_or_no_text_stays_as_it_is() {
        for body in ["", "{", "\"", "[1,", "{\"a\":\"\\ud83d\"}"] {
            let forms = forms(body.as_bytes());
            assert_eq!(forms[0], (Rewrite::None, body.as_bytes().to_vec()));
        }
        assert_eq!(forms(b"\xff\xfe").len(), 1);
    }
}
