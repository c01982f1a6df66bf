//! What is wrong with a configuration, told all at once, and where a value came from. Never holds a secret value.

use std::fmt;
use std::path::PathBuf;

use crate::config::keys::{Key, Secrecy};

/// The longest value that a message repeats, in characters.
const SHOWN: usize = 80;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/boardroom.toml`, compiled in.
    Default,
    /// The option `--config`.
    Option,
    /// The configuration file.
    File(PathBuf),
    /// The variable of that name.
    Environment(String),
    /// The file that `…_FILE` names.
    SecretFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Option => f.write_str("option --config"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::SecretFile(path) => write!(f, "secret file {}", path.display()),
        }
    }
}

/// One thing that is wrong: the key, where its value came from, what is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// As the configuration file spells it.
    pub key: String,
    /// None when the key is not set at all.
    pub origin: Option<Origin>,
    /// The value as a Rust literal, if it may be seen.
    shown: Option<String>,
    /// What is wrong, then the fix.
    pub message: String,
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, origin: Origin, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            origin: Some(origin),
            shown: None,
            message: message.into(),
        }
    }

    pub(super) fn not_set(key: &Key, message: impl Into<String>) -> Self {
        Self {
            key: key.name.to_owned(),
            origin: None,
            shown: None,
            message: message.into(),
        }
    }

    /// A value that was refused. It is repeated only if nothing in it can be secret.
    pub(super) fn refused(
        key: &Key,
        origin: Origin,
        value: &str,
        message: impl Into<String>,
    ) -> Self {
        let shown = match key.secrecy {
            Secrecy::Open => Some(shortened(value)),
            Secrecy::Guarded | Secrecy::Secret => None,
        };
        Self {
            shown,
            ..Self::new(key.name, origin, message)
        }
    }
}

fn shortened(value: &str) -> String {
    let head: String = value.chars().take(SHOWN).collect();
    let rest = if head.len() < value.len() { "…" } else { "" };
    format!("{head:?}{rest}")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.shown {
            write!(f, " = {value}")?;
        }
        match &self.origin {
            Some(Origin::Environment(variable)) => write!(f, " (environment variable {variable})")?,
            Some(origin) => write!(f, " ({origin})")?,
            None => f.write_str(" (not set)")?,
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong with a configuration, at least one thing. `Display` is a list, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::key;

    #[test]
    fn problems_read_as_a_list() {
        let error = ConfigError::new(vec![
            Problem::refused(
                key("sweep_every"),
                Origin::Environment("BOARDROOM_SWEEP_EVERY".into()),
                "5 minutes",
                "not a duration; write 5m",
            ),
            Problem::refused(
                key("trello_token"),
                Origin::SecretFile("/run/token".into()),
                "hidden",
                "has a space",
            ),
            Problem::not_set(key("onlyoffice_api_host"), "set ONLYOFFICE_API_HOST"),
        ]);
        assert_eq!(
            error.to_string(),
            "the configuration has 3 problems:\n  \
             - sweep_every = \"5 minutes\" (environment variable BOARDROOM_SWEEP_EVERY): not a duration; write 5m\n  \
             - trello_token (secret file /run/token): has a space\n  \
             - onlyoffice_api_host (not set): set ONLYOFFICE_API_HOST"
        );
    }

    #[test]
    fn a_long_value_is_shortened() {
        assert_eq!(
            shortened(&"é".repeat(81)),
            format!("\"{}\"…", "é".repeat(80))
        );
    }
}
