//! The documents are held to the truth: the README, the container files and the examples against the program itself.
//! Nothing here knows what is right; it is always asked of the program or of its tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod compose;
mod image;
mod kubernetes;
mod markdown;
mod monitoring;
mod nginx;
#[path = "../shared/prometheus.rs"]
#[expect(dead_code, reason = "some of it is for what a service tells")]
mod prometheus;
mod readme;
mod systemd;
mod tables;
mod tool;
mod workflows;

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use boardroom::config::{Key, keys};

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The program, without any setting of this machine.
fn boardroom(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("boardroom").unwrap();
    command
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(arguments);
    command
}

fn printed(arguments: &[&str]) -> String {
    let output = boardroom(arguments).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `boardroom --help` lists.
fn commands() -> BTreeSet<String> {
    let help = printed(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let list = list.split("\n\n").next().unwrap();
    // A long description goes on in a line that is indented further.
    let names = list
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '));
    let names: BTreeSet<_> = names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(names.contains("serve"), "{help}");
    names
}

/// Whether the program accepts these arguments, as far as it can tell without running.
fn accepts(arguments: &[&str]) -> bool {
    boardroom(arguments)
        .arg("--help")
        .output()
        .unwrap()
        .status
        .success()
}

/// Every variable that the program reads.
fn known_variables() -> BTreeSet<String> {
    keys().iter().flat_map(Key::variables).collect()
}

/// The words of a text that look like variables of ours or of the two services.
fn variables_in(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let prefixes = ["BOARDROOM_", "TRELLO_", "ONLYOFFICE_"];
    // The prefix alone speaks of all variables that begin so.
    words
        .filter(|word| {
            prefixes
                .iter()
                .any(|prefix| word.starts_with(prefix) && word != prefix)
        })
        .collect()
}

#[test]
fn documents_name_only_variables_that_the_program_reads() {
    let known = known_variables();
    for path in [
        "README.md",
        "Dockerfile",
        "docker-compose.yml",
        "config/Caddyfile",
        "config/env.example",
        "config/boardroom.toml",
    ] {
        let text = read(path);
        let named = variables_in(&text);
        assert!(!named.is_empty(), "{path} names no variable at all");
        let unknown: Vec<_> = named
            .into_iter()
            .filter(|name| !known.contains(*name))
            .collect();
        assert!(
            unknown.is_empty(),
            "{path} names what the program does not read: {unknown:?}"
        );
    }
}

#[test]
fn the_scripts_run_and_stop_at_the_first_failure() {
    for path in [
        ".ci/run",
        "tests/run",
        "tests/soak",
        "tests/postgres",
        "tests/tools",
    ] {
        let text = read(path);
        assert!(text.starts_with("#!/usr/bin/env bash\n"), "{path}");
        assert!(text.contains("\nset -euo pipefail\n"), "{path}");
        let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::process::Command::new("bash")
            .arg("-n")
            .arg(&full)
            .status()
            .map(|status| assert!(status.success(), "{path} is no bash"))
            .unwrap();
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(full).unwrap());
        assert_eq!(mode & 0o111, 0o111, "{path} is not executable");
    }
    // The tests come last, so that it ends as they do.
    let script = read("tests/run");
    assert!(script.contains("\ncargo nextest run --locked\n"));
    let last = script.lines().last().unwrap();
    assert!(last.starts_with("cargo nextest run --locked "), "{last}");
}

/// Every Rust file below a folder of the repository.
fn sources(folder: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}
