//! The workflows: understood, safe, pinned, and no word of the image's name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use yaml_serde::Value;

use crate::read;
use crate::tool::check;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows")
}

fn workflows() -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder()).unwrap();
    let mut found: Vec<_> = files
        .map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            let text = read(&format!(".github/workflows/{name}"));
            (name, text)
        })
        .collect();
    found.sort();
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["nightly.yml", "release.yml", "test.yml"]);
    found
}

fn understood(path: &Path) -> (bool, String) {
    let schema = ["--builtin-schema", "vendor.github-workflows"].map(OsStr::new);
    check(
        "check-jsonschema",
        &[schema[0], schema[1], path.as_os_str()],
    )
}

#[test]
fn each_is_a_workflow_and_a_wrong_key_is_told() {
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("wrong.yml");
    for (name, text) in workflows() {
        let (content, said) = understood(&folder().join(&name));
        assert!(content, "{name}: {said}");
        std::fs::write(&path, text.replace("timeout-minutes", "timeout-minute")).unwrap();
        let (content, said) = understood(&path);
        assert!(!content && said.contains("timeout-minute"), "{said}");
    }
}

#[test]
fn nobody_can_make_them_do_what_they_should_not() {
    let offline = ["--offline", "--no-progress"].map(OsStr::new);
    let (content, said) = check("zizmor", &[offline[0], offline[1], folder().as_os_str()]);
    assert!(content, "{said}");
    // The title of a change is anybody's text.
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("test.yml");
    let (_, text) = workflows().remove(2);
    let unsafe_text = text.replace(".ci/run", "echo ${{ github.event.pull_request.title }}");
    assert_ne!(unsafe_text, text);
    std::fs::write(&path, unsafe_text).unwrap();
    let (content, said) = check("zizmor", &[offline[0], offline[1], path.as_os_str()]);
    assert!(!content && said.contains("template-injection"), "{said}");
}

#[test]
fn they_use_what_is_pinned_and_may_do_no_more_than_they_must() {
    for (name, text) in workflows() {
        let workflow: Value = yaml_serde::from_str(&text).unwrap();
        let nothing = workflow["permissions"].as_mapping();
        assert!(nothing.is_some_and(yaml_serde::Mapping::is_empty), "{name}");
        for (job, steps) in workflow["jobs"].as_mapping().unwrap() {
            assert!(steps["permissions"].is_mapping(), "{name}: {job:?}");
            // A job that is a workflow of ours has that one's limit.
            let is_ours = steps["uses"]
                .as_str()
                .is_some_and(|path| path.starts_with("./"));
            let is_limited = steps["timeout-minutes"].is_number();
            assert!(is_limited || is_ours, "{name}: {job:?}");
        }
        let uses = text.lines().filter_map(|line| line.split_once("uses: "));
        let foreign = uses.filter(|(_, action)| !action.starts_with("./"));
        let mut count = 0;
        for (_, action) in foreign {
            let (_, pin) = action.split_once('@').unwrap();
            let (commit, version) = pin.split_once(" # v").unwrap();
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit && version.split('.').count() == 3, "{action}");
            count += 1;
        }
        assert!(count > 0, "{name}");
    }
}

#[test]
fn each_change_runs_what_a_person_runs() {
    let of = |name: &str| read(&format!(".github/workflows/{name}"));
    assert!(of("test.yml").contains("run: .ci/run\n"));
    assert!(read(".ci/run").contains("exec tests/run\n"));
    let rust = format!("rustup default {}", env!("CARGO_PKG_RUST_VERSION"));
    for name in ["test.yml", "nightly.yml"] {
        assert!(of(name).contains(&rust), "{name}");
    }
    let deny = "cargo deny --locked --config config/deny.toml check\n";
    assert!(of("nightly.yml").contains(deny));
    for path in ["tests/soak", "config/deny.toml"] {
        assert!(of("nightly.yml").contains(path));
        assert!(!read(path).is_empty());
    }
}

/// What the image of the runner has without being asked.
const ON_THE_IMAGE: [&str; 7] = [
    "chromium",
    "fonts-noto-core", // wanted together with Chromium alone
    "kubernetes-client",
    "nodejs",
    "npm",
    "python3",
    "systemd",
];

/// The packages that a script installs or asks for.
fn packages(script: &str) -> BTreeSet<String> {
    let marks = ["--no-install-recommends ", "package ", "missing+=("];
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut found = BTreeSet::new();
    for line in script.lines().map(str::trim) {
        let commands = if line.starts_with('#') { "" } else { line };
        for list in marks.iter().flat_map(|mark| commands.split(mark).skip(1)) {
            // Up to what is no package: a redirection, a variable, the next command.
            let names = list
                .split_whitespace()
                .map(|word| word.trim_end_matches([')', ';', '"']))
                .take_while(|word| !word.is_empty() && word.chars().all(is_of_name));
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_runner_has_or_gets_every_package_that_only_root_can_install() {
    let scripts = ["tests/run", "tests/tools", "tests/postgres"];
    let wanted: BTreeSet<_> = scripts
        .iter()
        .flat_map(|path| packages(&read(path)))
        .collect();
    let there = BTreeSet::from(ON_THE_IMAGE.map(str::to_owned));
    assert!(there.is_subset(&wanted), "{wanted:?}");
    let installed = packages(&read(".github/workflows/test.yml"));
    assert_eq!(installed, wanted.difference(&there).cloned().collect());
}

#[test]
fn nothing_is_published_whose_tests_did_not_pass() {
    let release: Value = yaml_serde::from_str(&read(".github/workflows/release.yml")).unwrap();
    let jobs = &release["jobs"];
    assert_eq!(jobs["test"]["uses"], "./.github/workflows/test.yml");
    let needs = jobs["publish"]["needs"].as_sequence().unwrap();
    assert!(needs.contains(&"test".into()), "{needs:?}");
    let test: Value = yaml_serde::from_str(&read(".github/workflows/test.yml")).unwrap();
    let begins = test["on"].as_mapping().unwrap();
    assert!(begins.contains_key("workflow_call"), "{begins:?}");
}
