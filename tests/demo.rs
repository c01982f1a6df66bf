//! The demo as somebody runs it who has just got the program.

use std::time::Duration;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, is_empty};

/// Far longer than it takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boardroom"));
    command.arg("demo").timeout(PATIENCE);
    command
}

#[test]
fn the_demo_tells_its_story_to_the_end_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let assert = demo()
        .arg("--once")
        .env("TMPDIR", temporary.path())
        // Whoever tries the demo may have settings already; they must not get into it.
        .env("BOARDROOM_LISTEN", "not an address")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .assert()
        .success()
        .stderr(is_empty());
    let output = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let words = output.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "registered two webhooks",
        "verified, stored and acknowledged in",
        "its room is there: \"Website relaunch\"",
        "later the room is called \"Website_ relaunch 2027\"",
        "Reopened: it came back.",
        "still called \"Our relaunch\"",
        "changed delivery: 401.",
        "recognised, not stored again: still one room",
        "/readyz stays 200",
        "both rooms are there",
        "SIGKILL: it had asked DocSpace for the room",
        "still exactly one room",
        "4 new boards have exactly one room each",
    ] {
        assert!(words.contains(line), "{line}:\n{output}");
    }
    assert!(!output.contains('✗') && !output.contains('\u{1b}'));
    let widest = output.lines().map(|line| line.chars().count()).max();
    assert!(widest < Some(80), "{output}");
    let left = std::fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 0, "the temporary folder is gone");
}

#[test]
fn the_help_says_what_the_demo_does() {
    demo()
        .arg("--help")
        .assert()
        .success()
        .stdout(contains("without an account").and(contains("--once")))
        .stderr(is_empty());
}
