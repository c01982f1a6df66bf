//! What a signature was made with: first what is configured, then the usual mistakes, alone and a few together. Pure; nothing of it is
//! used where deliveries are verified.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use sha2::Sha256;

use super::address::{self, Address, Sources};
use super::header::{Hash, Header};
use super::rewrite::{self, Rewrite};
use crate::trello::signature::Verifier;

/// More mistakes than this at once are not looked for: every one multiplies the tries.
const MOST_MISTAKES: u8 = 3;

/// What is known of a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'a> {
    pub(super) body: &'a [u8],
    pub(super) is_cut: bool,
    pub(super) signature: Option<&'a str>,
    /// What the request said of its own address.
    pub(super) asked: Option<&'a str>,
}

/// What is configured.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    pub(super) secrets: &'a [SecretString],
    pub(super) key: Option<&'a SecretString>,
    pub(super) token: Option<&'a SecretString>,
    pub(super) callbacks: Vec<&'a str>,
    pub(super) port: u16,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With this secret, counted from 0, and this callback URL.
    Matches {
        secret: usize,
        callback: String,
    },
    WouldMatch(Guess),
    /// The callback URL that the body names, if it names one.
    Nothing {
        told: Option<String>,
    },
    /// Only its beginning is there.
    Cut,
    /// By `boardroom simulate`, to see that it is refused.
    Forged,
    Unsigned,
    /// More than one signature.
    Several,
    /// The header holds no signature.
    Unreadable,
}

/// What it would match with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) key: Key,
    /// Empty: signed without any.
    pub(super) address: String,
    /// Whether the address is a configured one.
    pub(super) is_ours: bool,
    pub(super) rewrite: Rewrite,
    pub(super) header: Header,
}

/// What stood in the secret's place. Secrets are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Secret(usize),
    /// A secret with something around it that does not belong to it.
    Wrapped(usize, Wrapping),
    /// The API key.
    Api,
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    LineBreak,
    Blank,
    Quotes,
}

impl Key {
    fn mistakes(self) -> u8 {
        match self {
            Self::Secret(_) => 0,
            Self::Wrapped(..) | Self::Api | Self::Token => 1,
        }
    }
}

impl Rewrite {
    fn mistakes(self) -> u8 {
        u8::from(self != Self::None)
    }
}

/// Says with what the signature was made.
pub(super) fn diagnose(letter: Letter<'_>, known: &Known<'_>) -> Verdict {
    let Some(signature) = letter.signature else {
        return Verdict::Unsigned;
    };
    if signature.contains(", ") {
        return Verdict::Several;
    }
    if signature == super::FORGED {
        return Verdict::Forged;
    }
    let Some(header) = Header::read(signature) else {
        return if signature.trim().is_empty() {
            Verdict::Unsigned
        } else {
            Verdict::Unreadable
        };
    };
    if letter.is_cut {
        return Verdict::Cut;
    }
    if let Some((secret, callback)) = accepted(letter.body, signature, known) {
        return Verdict::Matches { secret, callback };
    }
    let told = address::told(letter.body);
    let addresses = address::addresses(Sources {
        callbacks: &known.callbacks,
        asked: letter.asked,
        told: told.as_deref(),
        port: known.port,
    });
    let search = Search {
        keys: keys(known),
        forms: rewrite::forms(letter.body),
        addresses,
        mac: &header.mac,
    };
    let found = match header.hash() {
        Hash::Sha1 => search.best::<Hmac<Sha1>>(),
        Hash::Sha256 => search.best::<Hmac<Sha256>>(),
    };
    match found {
        Some((key, rewrite, address)) => Verdict::WouldMatch(Guess {
            key,
            is_ours: known.callbacks.contains(&address.as_str()),
            address,
            rewrite,
            header,
        }),
        None => Verdict::Nothing {
            told: told.filter(|told| !known.callbacks.contains(&told.as_str())),
        },
    }
}

/// Asks the very verifier of the service, for each secret and callback URL.
fn accepted(body: &[u8], signature: &str, known: &Known<'_>) -> Option<(usize, String)> {
    let secrets = known.secrets.iter().enumerate();
    let mut pairs = secrets.flat_map(|(at, secret)| {
        let callbacks = known.callbacks.iter();
        callbacks.map(move |callback| (at, secret, *callback))
    });
    pairs.find_map(|(at, secret, callback)| {
        let verifier = Verifier::new(std::slice::from_ref(secret), vec![callback.to_owned()]);
        let is_accepted = verifier.accepts(body, signature.as_bytes());
        is_accepted.then(|| (at, callback.to_owned()))
    })
}

/// Everything that may have stood in the secret's place.
fn keys(known: &Known<'_>) -> Vec<(Key, SecretString)> {
    let mut keys = Vec::new();
    for (at, secret) in known.secrets.iter().enumerate() {
        let bare = secret.expose_secret();
        keys.push((Key::Secret(at), secret.clone()));
        let wrapped = [
            (Wrapping::LineBreak, format!("{bare}\n")),
            (Wrapping::LineBreak, format!("{bare}\r\n")),
            (Wrapping::Blank, format!("{bare} ")),
            (Wrapping::Blank, format!(" {bare}")),
            (Wrapping::Quotes, format!("\"{bare}\"")),
            (Wrapping::Quotes, format!("'{bare}'")),
        ];
        for (wrapping, text) in wrapped {
            keys.push((Key::Wrapped(at, wrapping), SecretString::from(text)));
        }
    }
    keys.extend(known.key.map(|key| (Key::Api, key.clone())));
    keys.extend(known.token.map(|token| (Key::Token, token.clone())));
    keys
}

struct Search<'a> {
    keys: Vec<(Key, SecretString)>,
    forms: Vec<(Rewrite, Vec<u8>)>,
    addresses: Vec<Address>,
    mac: &'a [u8],
}

impl Search<'_> {
    /// What makes the signature, with as few mistakes as possible.
    fn best<M: Mac + KeyInit + Clone>(&self) -> Option<(Key, Rewrite, String)> {
        let mut best: Option<(u8, Key, Rewrite, &str)> = None;
        for (key, secret) in &self.keys {
            let keyed = <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
                .expect("HMAC takes keys of any length");
            for (rewrite, body) in &self.forms {
                let before = key.mistakes() + rewrite.mistakes();
                // The body is the longest part and hashed once for all addresses.
                let over_body = keyed.clone().chain_update(body);
                for address in &self.addresses {
                    let mistakes = before + address.mistakes;
                    let is_better = best.is_none_or(|(fewest, ..)| mistakes < fewest);
                    if mistakes <= MOST_MISTAKES
                        && is_better
                        && over_body
                            .clone()
                            .chain_update(&address.url)
                            .finalize()
                            .into_bytes()[..]
                            == *self.mac
                    {
                        best = Some((mistakes, *key, *rewrite, &address.url));
                    }
                }
            }
        }
        best.map(|(_, key, rewrite, address)| (key, rewrite, address.to_owned()))
    }
}

#[cfg(test)]
mod tests;
