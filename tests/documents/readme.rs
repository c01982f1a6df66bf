//! What the README tells people to type and to open.

use std::path::Path;

use crate::markdown::{code, headings, links};
use crate::{accepts, commands, read};

/// The words after each mention of the program in code: `boardroom mirror BOARD…`, `cargo run --release -- demo`.
fn runs(readme: &str) -> Vec<Vec<&str>> {
    let mut runs = Vec::new();
    for line in code(readme) {
        let words: Vec<_> = line.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            let program = *word == "boardroom" || word.ends_with("/boardroom");
            let by_cargo = *word == "--" && words.starts_with(&["cargo", "run"]);
            let rest = &words[at + 1..];
            // `compose exec boardroom boardroom mirror`, `exec deployment/boardroom -- boardroom mirror`: the service first.
            let is_service = matches!(rest.first(), None | Some(&("boardroom" | "--")));
            if (program || by_cargo) && !is_service {
                runs.push(rest.to_vec());
            }
        }
    }
    runs
}

#[test]
fn every_command_that_is_shown_exists() {
    let readme = read("README.md");
    let commands = commands();
    let runs = runs(&readme);
    assert!(runs.len() > 10, "{runs:?}");
    for run in &runs {
        let command = run[0];
        assert!(commands.contains(command), "boardroom {}", run.join(" "));
        let options: Vec<_> = run
            .iter()
            .copied()
            .filter(|word| word.starts_with("--"))
            .collect();
        let arguments: Vec<_> = [command].into_iter().chain(options).collect();
        assert!(accepts(&arguments), "boardroom {}", arguments.join(" "));
    }
}

#[test]
fn the_two_commands_for_a_first_look_are_there() {
    let readme = read("README.md");
    let code = code(&readme);
    for command in ["cargo run --release -- demo", "tests/run"] {
        assert!(code.contains(&command), "{command}");
    }
}

#[test]
fn the_link_for_the_token_is_the_one_that_the_program_gives() {
    let path = "https://trello.com/1/authorize?expiration=never&name=boardroom&scope=read&response_type=token&key=";
    assert!(read("README.md").contains(&format!("`{path}YOUR_KEY`")));
    let output = crate::boardroom(&["serve"]).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains(path), "{complaint}");
}

#[test]
fn no_link_within_the_repository_is_dead() {
    let readme = read("README.md");
    let anchors: Vec<_> = headings(&readme).map(|(_, line)| anchor(line)).collect();
    let local: Vec<_> = links(&readme)
        .into_iter()
        .filter(|link| !link.starts_with("https://"))
        .collect();
    assert!(!local.is_empty());
    for link in local {
        match link.strip_prefix('#') {
            Some(name) => assert!(anchors.iter().any(|anchor| anchor == name), "{link}"),
            None => assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
                "{link}"
            ),
        }
    }
}

/// The anchor of a heading, as the usual viewers make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn the_layout_names_files_that_exist() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```text\nsrc/main.rs").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let block = format!("src/main.rs{block}");
    let mut found = 0;
    for word in block.split([' ', ',', ';', '\n']) {
        // Lists of files share the folder of the first one.
        let is_file = Path::new(word).extension().is_some_and(|kind| kind == "rs");
        if !is_file && !word.ends_with('/') {
            continue;
        }
        let path = word.strip_prefix("src/").unwrap_or(word);
        let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
        assert!(full.exists(), "{word}");
        found += 1;
    }
    assert!(found > 10);
}
