//! The documented configuration is the configuration: `config/boardroom.toml` and `config/env.example` against the table.

use std::collections::BTreeSet;

use super::*;
use crate::config::layers::DEFAULTS;

const ENV_EXAMPLE: &str = include_str!("../../../config/env.example");

/// The settings of a file as (name, value, whether it is commented out), with that sign between name and value.
fn settings<'a>(text: &'a str, sign: &str) -> Vec<(&'a str, &'a str, bool)> {
    let setting = |line: &'a str| {
        let (name, value) = line.strip_prefix("# ").unwrap_or(line).split_once(sign)?;
        let is_name = name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_');
        is_name.then_some((name, value, line.starts_with('#')))
    };
    text.lines().filter_map(setting).collect()
}

/// Every word in capitals that looks like the name of a variable.
fn variables_in(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let is_variable = |word: &&str| {
        let capitals = word
            .chars()
            .all(|character| character.is_ascii_uppercase() || character == '_');
        capitals && word.trim_matches('_').contains('_') && *word != "YOUR_API_KEY"
    };
    words.filter(is_variable).collect()
}

#[test]
fn the_file_has_every_key_once_and_those_without_a_default_commented_out() {
    let settings = settings(DEFAULTS, " = ");
    let names: Vec<_> = settings
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    let known: BTreeSet<_> = keys().iter().flat_map(Key::file_names).collect();
    assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), known);
    assert_eq!(names.len(), known.len(), "a key is there twice");
}

#[test]
fn the_files_name_only_variables_that_the_program_knows() {
    let known: BTreeSet<_> = keys().iter().flat_map(Key::variables).collect();
    let in_file: BTreeSet<_> = variables_in(DEFAULTS);
    for variable in in_file
        .iter()
        .chain(&variables_in(ENV_EXAMPLE))
        .filter(|variable| **variable != "_FILE")
    {
        assert!(known.contains(*variable), "{variable}");
    }
    for key in keys().iter().filter(|key| key.name != "config") {
        assert!(
            in_file.contains(key.variable),
            "boardroom.toml does not name {}",
            key.variable
        );
    }
    for (name, ..) in settings(ENV_EXAMPLE, "=") {
        assert!(known.contains(name), "{name}");
    }
}

#[test]
fn every_example_is_accepted() {
    let examples = settings(DEFAULTS, " = ").into_iter();
    let examples = examples.filter(|(name, value, _)| !name.ends_with("_file") && *value != "\"\"");
    let lines: Vec<_> = examples
        .map(|(name, value, _)| format!("{name} = {value}"))
        .collect();
    let files = Files::new();
    Config::load(
        Needs::Nothing,
        Some(&files.write("b.toml", &lines.join("\n"))),
        &Environment::default(),
    )
    .unwrap();

    let examples: Vec<_> = settings(ENV_EXAMPLE, "=")
        .into_iter()
        .map(|(name, value, _)| (name, value))
        .collect();
    load(Needs::Nothing, &examples).unwrap();
}

#[test]
fn the_example_for_compose_sets_no_credential_twice() {
    let uncommented: Vec<_> = settings(ENV_EXAMPLE, "=")
        .into_iter()
        .filter(|(.., commented)| !commented)
        .collect();
    assert_eq!(
        uncommented,
        [
            ("ONLYOFFICE_API_HOST", "", false),
            ("BOARDROOM_PUBLIC_URL", "", false)
        ]
    );
}

#[test]
fn nothing_set_gives_the_documented_defaults() {
    let config = load(Needs::Nothing, &[]).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(
        (
            config.public_url,
            config.callback,
            config.accepted_callbacks
        ),
        (None, None, Vec::new())
    );
    assert_eq!(
        config.database,
        Database::Sqlite {
            path: "data/boardroom.db".into()
        }
    );
    assert_eq!(config.instance, "boardroom");
    assert_eq!(config.workspaces, Workspaces::All);
    assert_eq!(
        (config.personal_boards, config.existing_boards),
        (true, ExistingBoards::Ignore)
    );
    assert_eq!(config.since, None);
    assert_eq!(
        (config.sweep_every, config.audit_every),
        (Duration::from_mins(5), Duration::from_hours(6))
    );
    assert_eq!(config.trello.api_url.as_str(), "https://api.trello.com/");
    assert_eq!(config.trello.timeout, Duration::from_secs(15));
    assert_eq!(
        config.trello.rate,
        Rate {
            count: 90,
            per: Duration::from_secs(10)
        }
    );
    assert_eq!(
        (config.docspace.timeout, config.docspace.writes),
        (Duration::from_secs(30), 4)
    );
    assert_eq!(
        (config.docspace.host, config.docspace.ca_file),
        (None, None)
    );
    assert_eq!(config.room.kind, RoomType::Collaboration);
    assert_eq!(config.room.title.as_str(), "{board}");
    assert!(config.room.tags.is_empty() && !config.room.private && config.room.members.is_empty());
    assert_eq!(
        (config.log.as_str(), config.log_format),
        ("info", LogFormat::Auto)
    );
    assert_eq!(
        (config.drain, config.grace),
        (Duration::ZERO, Duration::from_secs(25))
    );
    assert!(
        config.trello.key.is_none()
            && config.trello.token.is_none()
            && config.trello.secrets.is_empty()
    );
}

#[test]
fn a_default_is_shown_as_it_is_documented() {
    let documented = settings(DEFAULTS, " = ");
    for setting in effective(None, &Environment::default())
        .iter()
        .filter(|setting| setting.key != "config")
    {
        let default = documented
            .iter()
            .find(|(name, _, commented)| *name == setting.key && !commented);
        let expected = default.map_or("(not set)", |(_, value, _)| value.trim_matches('"'));
        assert_eq!(
            (setting.value.as_str(), &setting.origin),
            (expected, &Origin::Default),
            "{}",
            setting.key
        );
    }
}
