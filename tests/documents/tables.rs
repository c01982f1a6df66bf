//! The tables of the README against the tables of the program.

use std::collections::BTreeSet;
use std::path::Path;

use boardroom::config::{Environment, effective, keys};
use boardroom::model::failure::Code;
use boardroom::model::status::Ignored;

use crate::markdown::{section, spans, table};
use crate::{boardroom, commands, read};

#[test]
fn the_settings_are_those_of_the_program_with_their_defaults() {
    let readme = read("README.md");
    let documented: Vec<_> = table(section(&readme, "## Settings"))
        .into_iter()
        .map(|row| {
            let [variables, default, meaning] = row[..] else {
                panic!("{row:?}")
            };
            assert!(!meaning.is_empty(), "{variables} is not explained");
            (spans(variables).join(" "), default.to_owned())
        })
        .collect();
    let defaults = effective(None, &Environment::default());
    let known: Vec<_> = keys()
        .iter()
        .zip(&defaults)
        .map(|(key, setting)| {
            assert_eq!(key.variable, setting.variable);
            let default = match setting.value.as_str() {
                "(not set)" => "–".to_owned(),
                value => format!("`{value}`"),
            };
            (key.variables().join(" "), default)
        })
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn the_codes_are_those_of_the_program() {
    let readme = read("README.md");
    let documented: Vec<_> = table(section(&readme, "### Codes"))
        .iter()
        .map(|row| row.join(" | "))
        .collect();
    let known: Vec<_> = Code::ALL
        .iter()
        .map(|code| format!("`{code}` | {} | {}", code.sentence(), code.fix()))
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn every_reason_for_no_room_is_in_the_table_of_boards() {
    let readme = read("README.md");
    let rows = table(section(&readme, "## Which boards get a room"));
    let documented: BTreeSet<_> = rows
        .iter()
        .flat_map(|row| spans(row.last().unwrap()))
        .collect();
    let known: BTreeSet<_> = Ignored::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_commands_are_those_of_the_program() {
    let readme = read("README.md");
    let documented: BTreeSet<_> = table(section(&readme, "## Commands"))
        .iter()
        .map(|row| {
            let mut words = spans(row[0])[0].split(' ');
            assert_eq!(words.next(), Some("boardroom"));
            words.next().unwrap().to_owned()
        })
        .collect();
    let mut known = commands();
    known.remove("help");
    assert_eq!(documented, known);
}

#[test]
fn the_exit_codes_are_those_that_the_program_gives() {
    let readme = read("README.md");
    let documented: Vec<i32> = table(section(&readme, "### Exit codes"))
        .iter()
        .map(|row| row[0].parse().unwrap())
        .collect();
    // Nothing listens on port 9 of this machine.
    let runs: [(&[&str], i32); 4] = [
        (&["--version"], 0),
        (&["healthcheck"], 1),
        (&["no-such-command"], 64),
        (&["serve"], 78),
    ];
    for (arguments, code) in runs {
        let mut run = boardroom(arguments);
        run.env("BOARDROOM_LISTEN", "127.0.0.1:9");
        run.assert().code(code);
    }
    assert_eq!(documented, runs.map(|(_, code)| code));
}

#[test]
fn the_probes_are_the_routes_of_the_public_listener() {
    let readme = read("README.md");
    let probes = section(&readme, "## Probes");
    let mut documented: BTreeSet<_> = table(probes)
        .iter()
        .map(|row| spans(row[0])[0].to_owned())
        .collect();
    documented.insert("/webhooks/trello".to_owned());
    let source = read("src/http.rs");
    let routes: BTreeSet<_> = source
        .split(".route(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(documented, routes);
}

#[test]
fn the_version_of_rust_is_the_one_that_the_crate_needs() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let needed = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(read("README.md").contains(&format!("Rust {needed} ")));
    let image = format!("FROM rust:{needed}-");
    assert!(read("Dockerfile").contains(&image), "{image}");
    assert!(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("LICENSE")
            .exists()
    );
    assert_eq!(manifest["package"]["license"].as_str(), Some("Apache-2.0"));
    assert!(read("LICENSE").contains("Version 2.0, January 2004"));
}
