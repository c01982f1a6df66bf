//! What is kept, in the words of the pages: statuses, moments, spans, numbers. Everything here is a pure function.

use crate::admin::pages::view::{Mark, Moment};
use crate::api;
use crate::desk::findings::Tone;
use crate::desk::{number, roughly};
use crate::model::status::{Apart, Status};
use crate::model::time::Timestamp;
use crate::store::Words;

/// More letters than three lines of a list hold.
const SHOWN: usize = 300;
/// What is said of a board that is mirrored otherwise.
const TWINS: &str = "Another room carries its tag, too";

/// The badge of a status. That another room carries the tag of a board is said where there is nothing else to say.
pub(super) fn mark(words: &Words, has_twins: bool) -> Mark {
    let status = Status::from_words(&words.status, words.reason.as_deref());
    let (tone, word) = match status {
        Ok(Status::Pending(None)) => (Tone::Busy, "Pending"),
        Ok(Status::Pending(Some(_))) => (Tone::Care, "Tried again"),
        Ok(Status::Mirrored(None)) if has_twins => (Tone::Care, "Mirrored, twins"),
        Ok(Status::Mirrored(None)) => (Tone::Well, "Mirrored"),
        Ok(Status::Mirrored(Some(Apart::Drift))) => (Tone::Well, "Mirrored, changed by hand"),
        Ok(Status::Mirrored(Some(
            Apart::NotVisible | Apart::OutsideWorkspaces | Apart::BoardDeleted,
        ))) => (Tone::Well, "Mirrored, kept"),
        Ok(Status::Ignored(_)) => (Tone::Still, "Ignored"),
        Ok(Status::Waiting(_)) => (Tone::Care, "Waiting"),
        Ok(Status::Failed(_)) => (Tone::Wrong, "Failed"),
        // A newer program's.
        Err(_) => return Mark::new(Tone::Still, api::one_line(&words.status)),
    };
    Mark::new(tone, word)
}

/// Why a board stands so, where its badge does not say all.
pub(super) fn why(words: &Words, has_twins: bool) -> Option<String> {
    match Status::from_words(&words.status, words.reason.as_deref()) {
        Ok(Status::Mirrored(None)) if has_twins => Some(TWINS.to_owned()),
        Ok(Status::Pending(None) | Status::Mirrored(None)) => None,
        Ok(Status::Pending(Some(code)) | Status::Failed(code)) => Some(code.sentence().to_owned()),
        Ok(Status::Mirrored(Some(apart))) => Some(capitalised(apart.sentence())),
        Ok(Status::Ignored(reason)) => Some(capitalised(reason.sentence())),
        Ok(Status::Waiting(reason)) => Some(format!("Waits {}", reason.sentence())),
        Err(_) => words.reason.as_deref().map(api::one_line),
    }
}

/// The same as a sentence on the board's own page.
pub(super) fn sentence(words: &Words, has_twins: bool) -> String {
    match Status::from_words(&words.status, words.reason.as_deref()) {
        Ok(Status::Pending(None)) => "It is about to be looked at.".to_owned(),
        Ok(Status::Mirrored(None)) if !has_twins => "Its room agrees with it.".to_owned(),
        Ok(
            Status::Pending(Some(_))
            | Status::Mirrored(_)
            | Status::Ignored(_)
            | Status::Waiting(_)
            | Status::Failed(_),
        )
        | Err(_) => format!("{}.", why(words, has_twins).unwrap_or_default()),
    }
}

/// A moment, said as how long ago it was.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> Moment {
    Moment {
        exact: at.to_string(),
        said: roughly(now.since(at)),
    }
}

/// How many there are of something.
pub(super) fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{} {several}", number(count)),
    }
}

/// What a person gave a name to, on one line and without characters that turn what follows. Never empty.
pub(super) fn named(name: Option<&str>) -> String {
    let name = name.map(api::printable).unwrap_or_default();
    if name.is_empty() {
        "(no name is known yet)".to_owned()
    } else {
        name
    }
}

/// The same in a list, where three lines of it show: of thousands of letters the board's own page shows all.
pub(super) fn briefly_named(name: Option<&str>) -> String {
    let name = named(name);
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Text for a query of a URL.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn words(status: &str, reason: Option<&str>) -> Words {
        Words {
            status: status.into(),
            reason: reason.map(Into::into),
        }
    }

    #[test]
    fn a_status_has_a_tone_a_word_and_a_sentence() {
        let table = [
            (
                ("pending", None),
                Tone::Busy,
                "Pending",
                "It is about to be looked at.",
            ),
            (
                ("mirrored", None),
                Tone::Well,
                "Mirrored",
                "Its room agrees with it.",
            ),
            (
                ("failed", Some("docspace_rejected")),
                Tone::Wrong,
                "Failed",
                "DocSpace refuses the room.",
            ),
            (
                ("ignored", Some("template")),
                Tone::Still,
                "Ignored",
                "It is a template.",
            ),
            (
                ("waiting", Some("docspace")),
                Tone::Care,
                "Waiting",
                "Waits for DocSpace.",
            ),
            (
                ("dreaming", Some("of\u{202e}sheep")),
                Tone::Still,
                "dreaming",
                "of sheep.",
            ),
        ];
        for ((status, reason), tone, word, said) in table {
            let stored = words(status, reason);
            assert_eq!(mark(&stored, false), Mark::new(tone, word));
            assert_eq!(sentence(&stored, false), said);
        }
        let mirrored = words("mirrored", None);
        let twins = Mark::new(Tone::Care, "Mirrored, twins");
        assert_eq!(mark(&mirrored, true), twins);
        let said = sentence(&mirrored, true);
        assert_eq!(said, "Another room carries its tag, too.");
        let failed = words("failed", Some("docspace_rejected"));
        assert_eq!(mark(&failed, true).word, "Failed");
    }

    #[test]
    fn numbers_and_moments_read_well() {
        let at = Timestamp(1_790_000_000_123);
        let tomorrow = at.plus(Duration::from_hours(20));
        assert_eq!(moment(at, tomorrow).said, "20 h");
        assert_eq!(encoded("a&b=c d\"><é"), "a%26b%3Dc+d%22%3E%3C%C3%A9");
        assert_eq!(named(Some("a\u{202e}b\n")), "a b");
        assert_eq!(named(Some("\n")), "(no name is known yet)");
        let long = "ü".repeat(SHOWN);
        assert_eq!(briefly_named(Some(&long)), long);
        let longer = format!("{long}ü");
        assert_eq!(briefly_named(Some(&longer)), format!("{long}…"));
    }
}
