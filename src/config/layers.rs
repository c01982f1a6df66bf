//! The three layers of a configuration (compiled-in defaults, file, environment) as text, and which of them gives a key
//! its value. Nothing here knows what a value means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::environment::Environment;
use crate::config::keys::{Key, Kind, key, keys};
use crate::config::problem::{Origin, Problem};
use crate::config::text_file;

/// The defaults, which are also the documentation of every key.
pub(super) const DEFAULTS: &str = include_str!("../../config/boardroom.toml");

/// How alike a known and an unknown name must be before the one is suggested for the other (Jaro-Winkler, 0 to 1).
pub(super) const ALIKE: f64 = 0.85;

/// A value as it was written. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    /// An array of the file's, whose texts may contain commas.
    Items(Vec<String>),
}

impl Raw {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Items(items) => items.join(", "),
        }
    }

    /// The entries of a list; the empty ones, such as that after a last comma, are left out.
    pub(super) fn items(&self) -> Vec<String> {
        let items: Vec<_> = match self {
            // Only blanks are trimmed: a line break inside a secret is for the secret's own check.
            Self::Text(text) => text
                .split(',')
                .map(|item| item.trim_matches(' ').to_owned())
                .collect(),
            Self::Items(items) => items.clone(),
        };
        items.into_iter().filter(|item| !item.is_empty()).collect()
    }
}

/// What a layer says about a key.
pub(super) enum Given {
    Value(Raw),
    /// The path of the file that holds the value.
    InFile(PathBuf),
}

pub(super) struct Found {
    pub given: Given,
    pub origin: Origin,
}

/// The layers of one configuration.
pub(super) struct Layers<'a> {
    environment: &'a Environment,
    file: Option<File>,
    defaults: BTreeMap<String, Raw>,
    /// The file that was asked for and who asked, whether or not it could be read.
    pub config: Option<(PathBuf, Origin)>,
}

struct File {
    path: PathBuf,
    values: BTreeMap<String, Raw>,
}

impl<'a> Layers<'a> {
    /// Reads the layers; what is wrong with the file as such is added to `problems`.
    pub(super) fn read(
        option: Option<&Path>,
        environment: &'a Environment,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (defaults, wrong) = values(DEFAULTS, &Origin::Default);
        debug_assert!(wrong.is_empty(), "{wrong:?}");
        let mut layers = Self {
            environment,
            file: None,
            defaults,
            config: None,
        };
        layers.config = match option {
            Some(path) => Some((path.to_owned(), Origin::Option)),
            None => layers.config_variable(problems),
        };
        if let Some((path, origin)) = &layers.config {
            match text_file::read(path) {
                Ok(text) => {
                    let (values, wrong) = values(&text, &Origin::File(path.clone()));
                    problems.extend(wrong);
                    layers.file = Some(File {
                        path: path.clone(),
                        values,
                    });
                }
                Err(message) => {
                    let message = format!("{}: {message}", path.display());
                    problems.push(Problem::new("config", origin.clone(), message));
                }
            }
        }
        layers
    }

    fn config_variable(&self, problems: &mut Vec<Problem>) -> Option<(PathBuf, Origin)> {
        let Key { name, variable, .. } = key("config");
        let text = self.variable(name, variable, problems)?;
        Some((
            PathBuf::from(text),
            Origin::Environment((*variable).to_owned()),
        ))
    }

    fn variable(&self, key: &str, name: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        self.environment.text(name).unwrap_or_else(|_| {
            let message = "the value is not UTF-8 text; set it again, as plain text";
            problems.push(Problem::new(
                key,
                Origin::Environment(name.to_owned()),
                message,
            ));
            None
        })
    }

    /// The value of a key in the highest layer that has one. Where one layer says two things, that is added to
    /// `problems`, in a layer that another one overrides too.
    pub(super) fn find(&self, key: &Key, problems: &mut Vec<Problem>) -> Option<Found> {
        let environment = self.in_environment(key, problems);
        let file = self.in_file(key, problems);
        let default = || {
            let value = self.defaults.get(key.name)?;
            Some(Found {
                given: Given::Value(value.clone()),
                origin: Origin::Default,
            })
        };
        environment.or(file).or_else(default)
    }

    fn in_environment(&self, key: &Key, problems: &mut Vec<Problem>) -> Option<Found> {
        let mut read = |name: &str| {
            self.variable(key.name, name, problems)
                .map(|text| (name.to_owned(), text.to_owned()))
        };
        let plain = key.spellings().into_iter().find_map(&mut read);
        let by_file = key.variable_by_file().and_then(|name| read(&name));
        match (plain, by_file) {
            (Some((name, _)), Some((name_by_file, _))) => {
                problems.push(twice(
                    key,
                    Origin::Environment(name.clone()),
                    &name,
                    &name_by_file,
                ));
                None
            }
            (Some((name, text)), None) => Some(Found {
                given: Given::Value(Raw::Text(text)),
                origin: Origin::Environment(name),
            }),
            (None, by_file) => by_file.map(|(name, path)| Found {
                given: Given::InFile(path.into()),
                origin: Origin::Environment(name),
            }),
        }
    }

    fn in_file(&self, key: &Key, problems: &mut Vec<Problem>) -> Option<Found> {
        let file = self.file.as_ref()?;
        let origin = Origin::File(file.path.clone());
        let plain = file.values.get(key.name);
        let name_by_file = key.name_by_file().unwrap_or_default();
        let given = match (plain, file.values.get(&name_by_file)) {
            (Some(_), Some(_)) => {
                problems.push(twice(key, origin, key.name, &name_by_file));
                return None;
            }
            (Some(value), None) => Given::Value(value.clone()),
            (None, path) => Given::InFile(path?.text().into()),
        };
        Some(Found { given, origin })
    }
}

fn twice(key: &Key, origin: Origin, plain: &str, by_file: &str) -> Problem {
    Problem::new(
        key.name,
        origin,
        format!("{plain} and {by_file} are both set; remove one of them"),
    )
}

/// The values of a configuration file by key, and what is wrong with it.
fn values(text: &str, origin: &Origin) -> (BTreeMap<String, Raw>, Vec<Problem>) {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => return (BTreeMap::new(), vec![syntax(text, origin, &error)]),
    };
    let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, value) in table {
        let named = |key: &&Key| key.file_names().contains(&name);
        let checked = match keys().iter().find(named) {
            Some(key) if key.name == name => raw(key.kind, value),
            Some(_) => raw(Kind::Path, value),
            None => Err(unknown(&name, &value)),
        };
        match checked {
            Ok(Some(value)) => drop(values.insert(name, value)),
            Ok(None) => {}
            // A quoted name may hold anything, so it is escaped before it reaches a terminal.
            Err(message) => problems.push(Problem::new(
                name.escape_debug().to_string(),
                origin.clone(),
                message,
            )),
        }
    }
    (values, problems)
}

/// The place and the parser's own words, which are fixed texts; its `Display` would show the line, and with it a secret.
fn syntax(text: &str, origin: &Origin, error: &toml::de::Error) -> Problem {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = format!(
        "line {line} is not TOML: {}; write `name = \"value\"`",
        error.message()
    );
    Problem::new("config", origin.clone(), message)
}

/// A value of the file as text; a blank text counts as unset, as it does in the environment.
fn raw(kind: Kind, value: toml::Value) -> Result<Option<Raw>, String> {
    let not_a_text = format!("{} is expected", kind.words());
    let text = match (value, kind) {
        (toml::Value::String(text), _) => text,
        (toml::Value::Boolean(flag), Kind::Flag) => flag.to_string(),
        (toml::Value::Integer(number), Kind::Number | Kind::Choice(_)) => number.to_string(),
        (toml::Value::Datetime(time), Kind::Moment) => time.to_string(),
        (toml::Value::Array(items), Kind::List) => {
            let texts: Option<Vec<_>> = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect();
            return texts.map(|texts| Some(Raw::Items(texts))).ok_or(not_a_text);
        }
        (other, _) => return Err(format!("{not_a_text}, not {}", described(&other))),
    };
    Ok((!text.trim().is_empty()).then_some(Raw::Text(text)))
}

fn described(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a text",
        toml::Value::Integer(_) => "a bare number",
        toml::Value::Float(_) => "a fraction",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "an array",
        toml::Value::Table(_) => "a section",
    }
}

fn unknown(name: &str, value: &toml::Value) -> String {
    let plain = name.to_lowercase().replace('-', "_");
    let plain = plain.strip_prefix("boardroom_").unwrap_or(&plain);
    if let Some(key) = keys().iter().find(|key| !key.in_file && key.name == plain) {
        return format!(
            "the file cannot set this; set the environment variable {}",
            key.variable
        );
    }
    if value.is_table() {
        return "there are no sections; write every key as `name = value`, outside of any [section]".into();
    }
    let names = keys().iter().flat_map(Key::file_names);
    let scored = names.map(|known| (strsim::jaro_winkler(plain, &known), known));
    match scored.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((score, known)) if score >= ALIKE => {
            format!("there is no such key; did you mean {known}?")
        }
        _ => {
            "there is no such key; remove it (`boardroom config` lists those that there are)".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let (_, problems) = values(text, &Origin::File("b.toml".into()));
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn an_unknown_key_is_told_with_the_one_that_was_meant() {
        let table = [
            (
                "sweep_evry = \"5m\"",
                "sweep_evry (file b.toml): there is no such key; did you mean sweep_every?",
            ),
            (
                "BOARDROOM_SWEEP_EVERY = \"5m\"",
                "did you mean sweep_every?",
            ),
            (
                "trello-token-file = \"x\"",
                "did you mean trello_token_file?",
            ),
            ("frobnicate = 1", "remove it"),
            ("\"a\\nb\" = 1", "a\\nb (file b.toml): "),
            (
                "https_proxy = \"http://p\"",
                "the environment variable HTTPS_PROXY",
            ),
            (
                "config = \"other.toml\"",
                "the environment variable BOARDROOM_CONFIG",
            ),
            ("[trello]\ntoken = \"x\"", "outside of any [section]"),
        ];
        for (text, expected) in table {
            let complaints = complaints(text);
            assert!(
                complaints.len() == 1 && complaints[0].contains(expected),
                "{text}: {complaints:?}"
            );
        }
    }

    #[test]
    fn values_may_be_of_their_natural_type() {
        let text = "personal_boards = false\ndocspace_writes = 2\nroom_type = 5\nsince = 2026-11-23\n\
                    room_tags = [\"a, b\", \"c\"]\nworkspaces = \"Sales, Ops,\"\npublic_url = \" \"";
        let (values, problems) = values(text, &Origin::Default);
        assert!(problems.is_empty(), "{problems:?}");
        let texts: Vec<_> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.text()))
            .collect();
        let expected = [
            ("docspace_writes", "2"),
            ("personal_boards", "false"),
            ("room_tags", "a, b, c"),
            ("room_type", "5"),
            ("since", "2026-11-23"),
            ("workspaces", "Sales, Ops,"),
        ];
        assert_eq!(
            texts,
            expected.map(|(name, value)| (name, value.to_owned()))
        );
        assert_eq!(values["room_tags"].items(), ["a, b", "c"]);
        assert_eq!(values["workspaces"].items(), ["Sales", "Ops"]);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_without_the_value() {
        let complaints =
            complaints("sweep_every = 300\ntrello_token = 123456\nworkspaces = [1]\nlog = true");
        assert_eq!(
            complaints,
            [
                "log (file b.toml): text is expected, not true or false",
                "sweep_every (file b.toml): a duration in quotes, such as \"30s\" is expected, not a bare number",
                "trello_token (file b.toml): text is expected, not a bare number",
                "workspaces (file b.toml): an array of texts, or one text with commas is expected",
            ]
        );
    }

    #[test]
    fn a_broken_file_is_told_by_its_line_and_never_by_its_text() {
        for broken in [
            "trello_token = hidden-value",
            "trello_token = \"hidden-value",
            "trello_token = 'hidden-value'x",
            "hidden-value",
            "= \"hidden-value\"",
            "trello_token = \"hidden-value\"\ntrello_token = \"hidden-value\"",
            "trello_token = \"hidden-value\\q\"",
        ] {
            let complaints = complaints(&format!("log = \"info\"\n{broken}"));
            assert!(
                complaints.len() == 1 && complaints[0].contains("is not TOML"),
                "{complaints:?}"
            );
            assert!(
                complaints[0].starts_with("config (file b.toml): line ")
                    && !complaints[0].contains("hidden-value"),
                "{complaints:?}"
            );
        }
    }
}
