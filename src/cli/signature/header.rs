//! What the signature header holds, in every spelling that people and programs give it. Trello itself sends base64 of 20 bytes.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// The lengths of an HMAC-SHA1 and an HMAC-SHA256, in bytes.
const SHA1: usize = 20;
const SHA256: usize = 32;

/// A signature, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) mac: Vec<u8>,
    pub(super) form: Form,
    /// Whether something like `sha1=` stood before it.
    pub(super) prefixed: bool,
    /// Whether blanks or quotation marks stood around it.
    pub(super) wrapped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Base64,
    /// Without the `=` at its end.
    Unpadded,
    UrlSafe,
    Hex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Header {
    /// Nothing when it can be no signature.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bare = text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let (value, prefixed) = match bare.split_once('=') {
            Some((name, value))
                if name.eq_ignore_ascii_case("sha1") || name.eq_ignore_ascii_case("sha256") =>
            {
                (value, true)
            }
            Some(_) | None => (bare, false),
        };
        let (mac, form) = decoded(value)?;
        Some(Self {
            mac,
            form,
            prefixed,
            wrapped: bare.len() < text.len(),
        })
    }

    pub(super) fn hash(&self) -> Hash {
        if self.mac.len() == SHA256 {
            Hash::Sha256
        } else {
            Hash::Sha1
        }
    }

    /// How many things about its form are not as Trello does them.
    pub(super) fn mistakes(&self) -> u8 {
        let wrong = [
            self.form != Form::Base64,
            self.prefixed,
            self.wrapped,
            self.hash() == Hash::Sha256,
        ];
        wrong.into_iter().map(u8::from).sum()
    }
}

fn decoded(value: &str) -> Option<(Vec<u8>, Form)> {
    if let Some(mac) = hex(value) {
        return Some((mac, Form::Hex));
    }
    let unpadded = value.trim_end_matches('=');
    let readings = [
        (BASE64_STANDARD.decode(value), Form::Base64),
        (BASE64_STANDARD_NO_PAD.decode(unpadded), Form::Unpadded),
        (BASE64_URL_SAFE_NO_PAD.decode(unpadded), Form::UrlSafe),
    ];
    readings.into_iter().find_map(|(mac, form)| {
        let mac = mac.ok().filter(|mac| matches!(mac.len(), SHA1 | SHA256))?;
        Some((mac, form))
    })
}

fn hex(value: &str) -> Option<Vec<u8>> {
    if !matches!(value.len(), 40 | 64) || !value.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..value.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&value[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_read_however_it_is_spelt() {
        let mac = vec![0xfb; SHA1];
        let standard = BASE64_STANDARD.encode(&mac);
        let hex = "fb".repeat(SHA1);
        let table = [
            (standard.clone(), Form::Base64, 0),
            (standard.trim_end_matches('=').to_owned(), Form::Unpadded, 1),
            (
                standard.replace('+', "-").replace('/', "_"),
                Form::UrlSafe,
                1,
            ),
            (hex.to_uppercase(), Form::Hex, 1),
            (format!("sha1={hex}"), Form::Hex, 2),
            (format!("SHA1={standard}"), Form::Base64, 1),
            (format!(" \"{standard}\"\n"), Form::Base64, 1),
        ];
        for (text, form, mistakes) in table {
            let header = Header::read(&text).expect(&text);
            assert_eq!((&header.mac, header.form), (&mac, form), "{text}");
            assert_eq!(header.mistakes(), mistakes, "{text}");
        }
        let longer = Header::read(&BASE64_STANDARD.encode([7; SHA256])).unwrap();
        assert_eq!((longer.hash(), longer.mistakes()), (Hash::Sha256, 1));
        for wrong in [
            "",
            "=",
            "not base64 at all",
            "AAAA",
            "sha1=",
            &"a".repeat(41),
        ] {
            assert_eq!(Header::read(wrong), None, "{wrong}");
        }
    }
}
