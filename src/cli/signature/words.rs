//! A verdict in words: what it would match with, and what to set to what. A secret is never among them.

use super::address::same_host;
use super::header::{Form, Hash, Header};
use super::rewrite::Rewrite;
use super::search::{Guess, Key, Known, Verdict, Wrapping};
use crate::api::printable;
use crate::config::CALLBACK_PATH;
use crate::redact;

const SECRET: &str = "TRELLO_API_SECRET";
const WHERE: &str =
    "it stands beside the API key of your Power-Up at https://trello.com/power-ups/admin";
/// To what was kept because it did not match.
pub(super) const REFUSED_ALL_THE_SAME: &str = "It was refused all the same: the service ran with another secret or public URL than this command. If these settings are right, restart it with them.";
/// As long as a token has been since 2022, and as an API key.
const TOKEN_LENGTH: usize = 76;
const KEY_LENGTH: usize = 32;

/// A verdict for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// For programs.
    pub(super) word: &'static str,
    pub(super) sentence: String,
    pub(super) fix: Option<String>,
}

pub(super) fn said(verdict: &Verdict, known: &Known<'_>) -> Said {
    let say = |word, sentence: String, fix: &str| Said {
        word,
        sentence,
        fix: (!fix.is_empty()).then(|| fix.to_owned()),
    };
    match verdict {
        Verdict::Matches { secret, callback } => {
            let secret = nth(*secret, known.secrets.len());
            let sentence = format!(
                "matches as configured, with {secret} and {}",
                shown(callback)
            );
            say("matches", sentence, "")
        }
        Verdict::WouldMatch(guess) => {
            let fix = fix(guess, known);
            say(
                "would_match",
                format!("would match with {}", with(guess, known)),
                &fix,
            )
        }
        Verdict::Nothing { told } => nothing(told.as_deref()),
        Verdict::Cut => say(
            "cut",
            "cannot be verified any more: only the beginning of its body was kept".to_owned(),
            "Try a shorter one: boardroom simulate sends one, and so does a card that moves in Trello.",
        ),
        Verdict::Forged => say(
            "forged",
            "was forged by boardroom simulate, to see that it is refused".to_owned(),
            "",
        ),
        Verdict::Unsigned => say(
            "unsigned",
            "has no signature: the header X-Trello-Webhook is missing or empty".to_owned(),
            "Trello signs every delivery: this was sent by somebody else, or a proxy drops the header.",
        ),
        Verdict::Several => say(
            "several_signatures",
            "has several signatures, and nobody can say which counts".to_owned(),
            "Trello sends one: look for a proxy that repeats the header X-Trello-Webhook.",
        ),
        Verdict::Unreadable => say(
            "no_signature",
            "the header X-Trello-Webhook holds no signature: Trello sends 28 characters of base64"
                .to_owned(),
            "Trello did not send this; or the value was not copied as a whole.",
        ),
    }
}

/// What to say where nothing explains the signature.
fn nothing(told: Option<&str>) -> Said {
    let sentence = "nothing matches: neither what is configured nor any of the usual mistakes";
    let told = told.map(|told| format!(". Its body says that it was sent to {}", shown(told)));
    Said {
        word: "nothing_matches",
        sentence: format!("{sentence}{}", told.unwrap_or_default()),
        fix: Some(format!(
            "If Trello sent it, {SECRET} is another app's: {WHERE}. The key that registered the webhook must be of the same app. If Trello did not send it, it was refused rightly."
        )),
    }
}

/// What about the configured secrets is suspicious whatever was delivered.
pub(super) fn suspicions(known: &Known<'_>) -> Vec<String> {
    use secrecy::ExposeSecret as _;
    let count = known.secrets.len();
    let suspicion = |(at, secret): (usize, &secrecy::SecretString)| {
        let text = secret.expose_secret();
        let is = |other: Option<&secrecy::SecretString>| {
            other.is_some_and(|other| other.expose_secret() == text)
        };
        let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let what = if is(known.key) {
            "is the API key"
        } else if is(known.token) {
            "is the token"
        } else if text.starts_with("ATTA") || text.len() == TOKEN_LENGTH {
            "looks like a token"
        } else if text.len() == KEY_LENGTH && is_hex {
            "looks like an API key"
        } else {
            return None;
        };
        Some(format!(
            "{} {what}, and Trello signs with neither key nor token. Set {SECRET} to the secret: {WHERE}.",
            nth(at, count)
        ))
    };
    known
        .secrets
        .iter()
        .enumerate()
        .filter_map(suspicion)
        .collect()
}

/// The name of a secret: the variable, and which of several.
fn nth(secret: usize, of: usize) -> String {
    match (secret, of) {
        (_, 0 | 1) => SECRET.to_owned(),
        (0, _) => format!("the first of {SECRET}"),
        (1, _) => format!("the second of {SECRET}"),
        (later, _) => format!("number {} of {SECRET}", later + 1),
    }
}

fn shown(url: &str) -> String {
    printable(&redact::url(url))
}

/// What is otherwise than it should be.
fn with(guess: &Guess, known: &Known<'_>) -> String {
    let mut parts = Vec::new();
    if guess.address.is_empty() {
        parts.push("no callback URL behind the body".to_owned());
    } else if !guess.is_ours {
        parts.push(format!("the callback URL {}", shown(&guess.address)));
    }
    match guess.key {
        Key::Secret(_) => {}
        Key::Api => parts.push("TRELLO_API_KEY as the secret".to_owned()),
        Key::Token => parts.push("TRELLO_TOKEN as the secret".to_owned()),
        Key::Wrapped(at, wrapping) => {
            let secret = nth(at, known.secrets.len());
            parts.push(match wrapping {
                Wrapping::LineBreak => format!("a line break behind {secret}"),
                Wrapping::Blank => format!("a blank before or behind {secret}"),
                Wrapping::Quotes => format!("quotation marks around {secret}"),
            });
        }
    }
    if let Some(form) = form(guess.rewrite) {
        parts.push(format!("the body {form}"));
    }
    parts.extend(spelling(&guess.header).map(|spelling| format!("a signature {spelling}")));
    match guess.key {
        Key::Secret(at) if known.secrets.len() > 1 => {
            parts.push(nth(at, known.secrets.len()));
        }
        Key::Secret(_) | Key::Wrapped(..) | Key::Api | Key::Token => {}
    }
    match parts.split_last() {
        None => "what is configured".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// How the body would have to be.
fn form(rewrite: Rewrite) -> Option<&'static str> {
    match rewrite {
        Rewrite::None => None,
        Rewrite::Compact => Some("as compact JSON"),
        Rewrite::Sorted => Some("as compact JSON with its members in alphabetical order"),
        Rewrite::Spaced => Some("as JSON with blanks between its parts"),
        Rewrite::Escaped => Some("as JSON with everything beyond ASCII written as \\u…"),
        Rewrite::SpacedEscaped => Some(
            "as JSON with blanks between its parts and everything beyond ASCII written as \\u…",
        ),
        Rewrite::LineBreakAdded => Some("with a line break at its end"),
        Rewrite::LineBreakRemoved => Some("without the line break at its end"),
        Rewrite::Windows => Some("with CR LF for its line breaks"),
        Rewrite::Unix => Some("with LF for its line breaks"),
    }
}

/// How the signature is written, where that is not Trello's way.
fn spelling(header: &Header) -> Option<String> {
    let mut parts = Vec::new();
    match header.hash() {
        Hash::Sha1 => {}
        Hash::Sha256 => parts.push("made with SHA-256 in place of SHA-1"),
    }
    match header.form {
        Form::Base64 => {}
        Form::Unpadded => parts.push("without the = at its end"),
        Form::UrlSafe => parts.push("in the base64 of URLs"),
        Form::Hex => parts.push("in hex in place of base64"),
    }
    if header.prefixed {
        parts.push("with the name of the hash before it");
    }
    if header.wrapped {
        parts.push("with blanks or quotation marks around it");
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// What to do about all that is otherwise, the most telling first.
fn fix(guess: &Guess, known: &Known<'_>) -> String {
    let mut fixes = Vec::new();
    match guess.key {
        Key::Secret(_) => {}
        Key::Api | Key::Token => fixes.push(format!(
            "Trello signs with neither key nor token: let the sender use the secret; {WHERE}."
        )),
        Key::Wrapped(_, wrapping) => fixes.push(match wrapping {
            Wrapping::LineBreak => {
                "The sender reads the secret with the line break at its end: printf %s in place of echo.".to_owned()
            }
            Wrapping::Blank | Wrapping::Quotes => {
                "The sender must use the secret alone, without anything around it.".to_owned()
            }
        }),
    }
    if !guess.is_ours {
        fixes.push(fix_of_address(&guess.address, known));
    }
    match guess.rewrite {
        Rewrite::None => {}
        Rewrite::Compact
        | Rewrite::Sorted
        | Rewrite::Spaced
        | Rewrite::Escaped
        | Rewrite::SpacedEscaped => {
            fixes.push("The body was written anew between the signature and the service: every proxy must pass its bytes on as they are, and a sender must sign what it sends.".to_owned());
        }
        Rewrite::LineBreakAdded | Rewrite::LineBreakRemoved | Rewrite::Windows | Rewrite::Unix => {
            fixes.push("Line breaks of the body changed on its way: every proxy must pass its bytes on as they are (and curl sends a file as it is with --data-binary only).".to_owned());
        }
    }
    if guess.header.mistakes() > 0 {
        fixes.push("Trello writes the signature as plain base64 of an HMAC-SHA1: the sender is not Trello, and must do the same.".to_owned());
    }
    fixes.join(" ")
}

fn fix_of_address(address: &str, known: &Known<'_>) -> String {
    if address.is_empty() {
        return "The sender must sign the body followed by the callback URL.".to_owned();
    }
    if !known
        .callbacks
        .iter()
        .any(|callback| same_host(callback, address))
    {
        return format!(
            "Trello signs with the address at which a webhook was registered. If this one is yours, set BOARDROOM_CALLBACK_URLS={0}, or BOARDROOM_PUBLIC_URL to it without {CALLBACK_PATH}; if not, it was refused rightly: whoever uses the same app has the same secret.",
            shown(address)
        );
    }
    match address.strip_suffix(CALLBACK_PATH) {
        Some(base) => format!(
            "Trello signs with the address at which the webhook was registered: set BOARDROOM_PUBLIC_URL={}, or delete that webhook if it is an old one.",
            shown(base)
        ),
        None => format!(
            "Trello signs with the address at which the webhook was registered: set BOARDROOM_CALLBACK_URLS={}, or delete that webhook; the service registers its own.",
            shown(address)
        ),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_secret_that_is_something_else_is_called_so() {
        let (key, token) = (
            SecretString::from("a".repeat(32)),
            SecretString::from("hidden"),
        );
        let of = |secret: &str| {
            let secrets = [SecretString::from(secret)];
            let known = Known {
                secrets: &secrets,
                key: Some(&key),
                token: Some(&token),
                callbacks: Vec::new(),
                port: 8080,
            };
            let said = suspicions(&known);
            assert!(said.iter().all(|said| !said.contains(secret)), "{said:?}");
            said.first().cloned().unwrap_or_default()
        };
        let (attached, longer) = (format!("ATTA{}", "0".repeat(72)), "f".repeat(76));
        let table = [
            ("a".repeat(32), "is the API key"),
            ("hidden".to_owned(), "is the token"),
            (attached, "looks like a token"),
            (longer, "looks like a token"),
            ("0f".repeat(16), "looks like an API key"),
        ];
        for (secret, words) in table {
            assert!(of(&secret).contains(words), "{words}: {}", of(&secret));
        }
        // Secrets have 64 hex digits, as tokens had before 2022.
        assert_eq!(of(&"0f".repeat(32)), "");
    }

    #[test]
    fn the_fix_names_the_variable_and_the_value() {
        let known = Known {
            secrets: &[],
            key: None,
            token: None,
            callbacks: vec!["https://rooms.example/webhooks/trello"],
            port: 8080,
        };
        let table = [
            (
                "https://www.rooms.example/webhooks/trello",
                "set BOARDROOM_PUBLIC_URL=https://www.rooms.example,",
            ),
            (
                "https://rooms.example/webhooks/trello/",
                "set BOARDROOM_CALLBACK_URLS=https://rooms.example/webhooks/trello/,",
            ),
            (
                "https://other.example/cb?token=hidden-value",
                "refused rightly",
            ),
            ("", "followed by the callback URL"),
        ];
        for (address, words) in table {
            let fix = fix_of_address(address, &known);
            assert!(fix.contains(words), "{fix}");
            assert!(!fix.contains("hidden-value"), "{fix}");
        }
    }
}
