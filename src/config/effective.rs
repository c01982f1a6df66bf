//! The configuration as it may be shown: every key with its value and where that came from, without any secret.

use std::path::Path;

use crate::config::environment::Environment;
use crate::config::keys::{Key, Kind, Secrecy, keys};
use crate::config::layers::{Found, Given, Layers, Raw};
use crate::config::location::{self, without_secrets};
use crate::config::problem::Origin;

const HIDDEN: &str = "(hidden)";
const NOT_SET: &str = "(not set)";

/// One line of `boardroom config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static str,
    pub variable: &'static str,
    /// As it was written, right or wrong; `(hidden)` for a secret, `(not set)` without any.
    pub value: String,
    pub origin: Origin,
}

/// Every key with the value that would be used. It works whatever is missing or wrong, and reads no secret file;
/// what is wrong is told by [`Config::load`](super::Config::load).
#[must_use]
pub fn effective(file: Option<&Path>, environment: &Environment) -> Vec<Setting> {
    let mut told_elsewhere = Vec::new();
    let layers = Layers::read(file, environment, &mut told_elsewhere);
    let setting = |key: &'static Key| {
        let (value, origin) = if key.name == "config" {
            config_file(&layers)
        } else {
            layers
                .find(key, &mut told_elsewhere)
                .map_or((NOT_SET.to_owned(), Origin::Default), |found| {
                    shown(key, found)
                })
        };
        Setting {
            key: key.name,
            variable: key.variable,
            value,
            origin,
        }
    };
    keys().iter().map(setting).collect()
}

fn config_file(layers: &Layers<'_>) -> (String, Origin) {
    let config = layers.config.as_ref();
    config.map_or((NOT_SET.to_owned(), Origin::Default), |(path, origin)| {
        (path.display().to_string(), origin.clone())
    })
}

fn shown(key: &Key, found: Found) -> (String, Origin) {
    let Found { given, origin } = found;
    match given {
        Given::InFile(path) => (HIDDEN.to_owned(), Origin::SecretFile(path)),
        Given::Value(raw) => {
            let value = match key.secrecy {
                Secrecy::Open => raw.text(),
                Secrecy::Guarded if key.name == "database_url" => database(&raw),
                Secrecy::Guarded => {
                    let items: Vec<_> = items(key, &raw)
                        .iter()
                        .map(|item| without_secrets(item))
                        .collect();
                    items.join(", ")
                }
                Secrecy::Secret => HIDDEN.to_owned(),
            };
            (value, origin)
        }
    }
}

/// In a text that is no such URL, nobody knows where the password is.
fn database(raw: &Raw) -> String {
    let text = raw.text();
    match location::database(&text) {
        Ok(_) => without_secrets(&text),
        Err(_) => HIDDEN.to_owned(),
    }
}

/// Each URL of a list is stripped for itself. Where a comma belongs to a password instead, its first half would be
/// shown, so a text with an @ is never taken apart.
fn items(key: &Key, raw: &Raw) -> Vec<String> {
    let text = raw.text();
    if key.kind == Kind::List && !text.contains('@') {
        raw.items()
    } else {
        vec![text]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(settings: &[Setting], key: &str) -> (String, String) {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        (setting.value.clone(), setting.origin.to_string())
    }

    const FILE: &str =
        "trello_token_file = \"/run/token\"\nsweep_every = \"1m\"\ninstance = \"blue\"";
    const VARIABLES: [(&str, &str); 7] = [
        ("TRELLO_API_KEY", "hidden-value"),
        ("BOARDROOM_INSTANCE", "green"),
        ("BOARDROOM_ROOM_MEMBERS", "hidden-value@example.com:editor"),
        (
            "BOARDROOM_DATABASE_URL",
            "postgres://ann:hidden-value,@db/b",
        ),
        (
            "BOARDROOM_CALLBACK_URLS",
            "https://a.example/?hidden-value,https://b.example/",
        ),
        ("https_proxy", "http://ann:hidden-value@proxy:3128"),
        ("BOARDROOM_SINCE", "never"),
    ];

    #[test]
    fn every_key_is_shown_with_its_origin_and_no_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, FILE).unwrap();
        let settings = effective(Some(file.path()), &VARIABLES.into_iter().collect());
        let path = file.path().display().to_string();
        let origin = format!("file {path}");
        let table = [
            ("trello_api_key", "(hidden)", "environment TRELLO_API_KEY"),
            ("trello_token", "(hidden)", "secret file /run/token"),
            ("trello_api_secret", "(not set)", "default"),
            ("config", &path, "option --config"),
            ("sweep_every", "1m", &origin),
            ("audit_every", "6h", "default"),
            ("instance", "green", "environment BOARDROOM_INSTANCE"),
            (
                "room_members",
                "(hidden)",
                "environment BOARDROOM_ROOM_MEMBERS",
            ),
            (
                "database_url",
                "postgres://(hidden)@db/b",
                "environment BOARDROOM_DATABASE_URL",
            ),
            (
                "callback_urls",
                "https://a.example/?(hidden), https://b.example/",
                "environment BOARDROOM_CALLBACK_URLS",
            ),
            (
                "https_proxy",
                "http://(hidden)@proxy:3128",
                "environment https_proxy",
            ),
            ("since", "never", "environment BOARDROOM_SINCE"),
        ];
        for (key, value, origin) in table {
            assert_eq!(
                setting(&settings, key),
                (value.to_owned(), origin.to_owned()),
                "{key}"
            );
        }
        assert_eq!(settings.len(), keys().len());
        assert!(!format!("{settings:?}").contains("hidden-value"));
    }

    #[test]
    fn of_the_database_only_a_right_url_is_shown() {
        let table = [
            ("sqlite://data/b.db", "sqlite://data/b.db"),
            ("postgres://ann:S3KRETpw@db/br", "postgres://(hidden)@db/br"),
            (
                "postgres://ann@db/br?password=S3KRETpw",
                "postgres://(hidden)@db/br?(hidden)",
            ),
            (
                "postgres://db/br?user=ann&password=S3KRETpw",
                "postgres://db/br?(hidden)",
            ),
            ("postgres://db.example.invalid/br;password=S3KRETpw", HIDDEN),
            ("postgres://ann@db;password=S3KRETpw/br", HIDDEN),
            ("postgres://pwuser:S3KRETpw/br", HIDDEN),
            ("postgres://pwuser:S3KRETpw", HIDDEN),
            ("postgres://pwuser:S3KRETpw:h/br", HIDDEN),
            ("postgres://pwuser:12345/br", HIDDEN),
            ("postgres://S3KRETpw/br", HIDDEN),
            ("host=127.0.0.1 password=S3KRETpw", HIDDEN),
            ("Server=h;Password=S3KRETpw", HIDDEN),
            ("sqlite://pwuser:S3KRETpw/x", HIDDEN),
            ("sqlite://x;password=S3KRETpw", HIDDEN),
            ("mysql://pwuser:S3KRETpw@h/br", HIDDEN),
            ("S3KRETpw", HIDDEN),
        ];
        for (text, expected) in table {
            let variables = [("BOARDROOM_DATABASE_URL", text)];
            let settings = effective(None, &variables.into_iter().collect());
            let (value, _) = setting(&settings, "database_url");
            assert_eq!(value, expected, "{text}");
        }
    }
}
