//! Reads one key after the other out of the layers, and collects what is wrong instead of stopping at it.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::environment::Environment;
use crate::config::keys::{Key, Secrecy, key};
use crate::config::layers::{Found, Given, Layers, Raw};
use crate::config::problem::{ConfigError, Origin, Problem};
use crate::config::{text_file, value};

pub(super) struct Reader<'a> {
    layers: Layers<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: Option<&Path>, environment: &'a Environment) -> Self {
        let mut problems = Vec::new();
        Self {
            layers: Layers::read(file, environment, &mut problems),
            problems,
        }
    }

    /// The value of a key; None when it is not set, or wrong and the problem noted.
    pub(super) fn one<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let key = key(name);
        self.parsed(key, |raw| {
            let text = raw.text();
            // What may hold a secret, or is used verbatim, judges its blanks itself.
            parse(if key.secrecy == Secrecy::Open {
                text.trim()
            } else {
                &text
            })
        })
    }

    /// The entries of a list; none when it is not set.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(Vec<String>) -> Result<T, String>,
    ) -> Option<T> {
        if self.is_set(name) {
            self.parsed(key(name), |raw| parse(raw.items()))
        } else {
            parse(Vec::new()).ok()
        }
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.one(name, value::secret)
    }

    /// A secret that is of use but not needed: whatever is wrong with it, there is none then.
    pub(super) fn secret_if_any(&mut self, name: &str) -> Option<SecretString> {
        let known = self.problems.len();
        let secret = self.secret(name);
        self.problems.truncate(known);
        secret
    }

    /// The application's secrets; none when they are not set.
    pub(super) fn secrets(&mut self, name: &str) -> Vec<SecretString> {
        self.list(name, |texts| value::secrets(&texts))
            .unwrap_or_default()
    }

    /// A file with certificates, checked while somebody is there to read the answer.
    pub(super) fn certificates(&mut self, name: &str) -> Option<PathBuf> {
        self.one(name, |path| {
            let text = text_file::read(Path::new(path))?;
            let pem = text.contains("-----BEGIN CERTIFICATE-----");
            pem.then(|| path.into()).ok_or_else(|| {
                "there is no PEM certificate in the file; write a path to one".into()
            })
        })
    }

    /// Notes that a key is not set, unless it is, or was meant to be: in a file that cannot be read, or in a way that was
    /// refused.
    pub(super) fn demand(&mut self, name: &str, message: impl FnOnce(&Key) -> String) {
        let key = key(name);
        let excused =
            |problem: &Problem| problem.key == "config" || key.file_names().contains(&problem.key);
        if !self.is_set(name) && !self.problems.iter().any(excused) {
            self.problems.push(Problem::not_set(key, message(key)));
        }
    }

    /// Notes what is wrong with a value that is well formed but does not go with another one.
    pub(super) fn complain(&mut self, name: &str, message: &str) {
        let key = key(name);
        if let Some(Found {
            given: Given::Value(raw),
            origin,
        }) = self.layers.find(key, &mut Vec::new())
        {
            self.problems
                .push(Problem::refused(key, origin, &raw.text(), message));
        }
    }

    /// What was built, if nothing was wrong.
    pub(super) fn finish<T>(self, built: Option<T>) -> Result<T, ConfigError> {
        match built {
            Some(built) if self.problems.is_empty() => Ok(built),
            _ => Err(ConfigError::new(self.problems)),
        }
    }

    /// Whether any layer has something for it; a contradiction counts, since it was noted or will be.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let mut contradictions = Vec::new();
        self.layers.find(key(name), &mut contradictions).is_some() || !contradictions.is_empty()
    }

    /// Whether somebody has written it, so that it is not the default.
    pub(super) fn is_written(&self, name: &str) -> bool {
        let found = self.layers.find(key(name), &mut Vec::new());
        found.is_some_and(|found| found.origin != Origin::Default)
    }

    fn parsed<T>(&mut self, key: &Key, parse: impl FnOnce(&Raw) -> Result<T, String>) -> Option<T> {
        let Found { given, origin } = self.layers.find(key, &mut self.problems)?;
        let (raw, origin) = match given {
            Given::Value(raw) => (raw, origin),
            Given::InFile(path) => {
                let text = text_file::read_secret(&path);
                let named_by = origin;
                let origin = Origin::SecretFile(path);
                match text {
                    Ok(text) => (Raw::Text(text), origin),
                    Err(message) => {
                        let message = format!("{message} (named by {named_by})");
                        self.problems.push(Problem::new(key.name, origin, message));
                        return None;
                    }
                }
            }
        };
        match parse(&raw) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problems
                    .push(Problem::refused(key, origin, &raw.text(), message));
                None
            }
        }
    }
}
