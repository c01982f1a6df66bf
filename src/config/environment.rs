//! The environment as a value, so that loading a configuration never depends on the process that does it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// Environment variables by name. `{:?}` shows the names only: the values may be secrets.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

/// A variable whose bytes are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotText;

impl Environment {
    /// The environment of this process, as it is now.
    #[must_use]
    pub fn of_process() -> Self {
        // All names that we know are ASCII, so one that is not UTF-8 cannot be ours.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A variable of somebody else's standard, which has rules of its own. An empty one counts as unset.
    #[must_use]
    pub fn of_standard(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten().map(str::to_owned)
    }

    /// The text of a variable; an empty or blank one counts as unset.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, NotText> {
        let Some(value) = self.0.get(name).map(OsString::as_os_str) else {
            return Ok(None);
        };
        let text = OsStr::to_str(value).ok_or(NotText)?;
        Ok((!text.trim().is_empty()).then_some(text))
    }
}

impl<Name: Into<String>, Value: Into<OsString>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Pairs: IntoIterator<Item = (Name, Value)>>(pairs: Pairs) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn blank_is_unset_and_bytes_are_not_text() {
        let environment: Environment = [
            ("SET", OsString::from(" a ")),
            ("EMPTY", OsString::new()),
            ("BLANK", OsString::from(" \n")),
            ("BYTES", OsString::from_vec(vec![0xff])),
        ]
        .into_iter()
        .collect();
        assert_eq!(environment.text("SET"), Ok(Some(" a ")));
        assert_eq!(environment.text("BYTES"), Err(NotText));
        for unset in ["EMPTY", "BLANK", "MISSING"] {
            assert_eq!(environment.text(unset), Ok(None), "{unset}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let environment: Environment = [("TRELLO_TOKEN", "hidden-value")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"TRELLO_TOKEN"}"#);
    }
}
