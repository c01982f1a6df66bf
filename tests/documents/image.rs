//! The Dockerfile: no engine is at hand, so what can be proven by reading is proven.

use std::path::Path;

use crate::{accepts, commands, read};

const PROGRAM: &str = "/usr/local/bin/boardroom";

/// The instructions as (name, rest); continued lines are joined, comments left out.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let named = joined.lines().filter_map(|line| line.split_once(' '));
    named
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// The one instruction of this name in the last stage.
fn only(name: &str) -> String {
    let all = instructions();
    let stage = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    let found: Vec<_> = all[stage..].iter().filter(|(one, _)| one == name).collect();
    let [(_, rest)] = found[..] else {
        panic!("{name}: {found:?}")
    };
    rest.clone()
}

/// The words of an exec form; a shell form has no shell to run it here.
fn exec_form(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The paths that are copied from this repository.
fn copied() -> Vec<String> {
    let all = instructions();
    let copies = all
        .iter()
        .filter(|(name, rest)| name == "COPY" && !rest.contains("--from="));
    let sources = copies.flat_map(|(_, rest)| {
        let mut words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
        words.pop();
        words
    });
    let sources: Vec<_> = sources.collect();
    assert!(!sources.is_empty());
    sources
}

#[test]
fn what_is_copied_exists_and_reaches_the_builder() {
    let ignore = read(".dockerignore");
    let rules: Vec<_> = ignore
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(rules[0], "*", "nothing reaches the builder unasked");
    for source in copied() {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(&source).exists(),
            "{source}"
        );
        let allowed = format!("!{source}");
        assert!(rules.contains(&allowed.as_str()), "{allowed}");
    }
}

#[test]
fn what_the_program_compiles_in_is_copied() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .unwrap();
    let mut included = 0;
    for file in crate::sources("src") {
        let text = std::fs::read_to_string(&file).unwrap();
        for rest in text.split("include_str!(\"").skip(1) {
            let named = rest.split('"').next().unwrap();
            let path = file.parent().unwrap().join(named).canonicalize().unwrap();
            let path = path.strip_prefix(&root).unwrap();
            let reached = copied().iter().any(|source| path.starts_with(source));
            assert!(reached, "{} is not copied", path.display());
            included += 1;
        }
    }
    assert!(included > 0);
}

#[test]
fn it_starts_the_program_with_arguments_that_it_takes() {
    let entry = exec_form(&only("ENTRYPOINT"));
    assert_eq!(entry, [PROGRAM]);
    let command = exec_form(&only("CMD"));
    assert!(commands().contains(&command[0]), "{command:?}");
    let health = only("HEALTHCHECK");
    let (options, health) = health.split_once("CMD ").unwrap();
    assert!(options.contains("--interval=") && options.contains("--timeout="));
    let health = exec_form(health);
    assert_eq!(health[0], PROGRAM);
    assert_eq!(health[1], "healthcheck");
    let arguments: Vec<_> = health[1..].iter().map(String::as_str).collect();
    assert!(accepts(&arguments));
    let program = instructions()
        .into_iter()
        .any(|(name, rest)| name == "COPY" && rest.ends_with(&format!(" {PROGRAM}")));
    assert!(program, "the program is not where it is started");
}

#[test]
fn it_runs_as_nobody_and_keeps_its_state_in_one_place() {
    assert_eq!(only("USER"), "65532:0");
    assert_eq!(only("VOLUME"), "/data");
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
    let database = default("database_url");
    let path = database.strip_prefix("sqlite://").unwrap();
    let path = Path::new(&only("WORKDIR")).join(path);
    assert!(path.starts_with("/data"), "{}", path.display());
    let environment = only("ENV");
    assert!(!environment.contains("BOARDROOM_"), "{environment}");
    let port = default("listen");
    assert!(port.ends_with(&format!(":{}", only("EXPOSE"))), "{port}");
    assert!(only("LABEL").contains("image.licenses=\"Apache-2.0\""));
    let version = concat!("VERSION=", env!("CARGO_PKG_VERSION"));
    let arguments = instructions();
    assert!(
        arguments
            .iter()
            .any(|(name, rest)| name == "ARG" && rest == version),
        "{version}"
    );
}

/// A compiled-in default.
pub(crate) fn default(key: &str) -> String {
    let settings = boardroom::config::effective(None, &boardroom::config::Environment::default());
    let setting = settings.into_iter().find(|setting| setting.key == key);
    setting.unwrap().value
}

#[test]
fn builder_and_runtime_are_of_one_debian() {
    let stages: Vec<_> = instructions()
        .into_iter()
        .filter(|(name, _)| name == "FROM")
        .map(|(_, rest)| rest)
        .collect();
    let [builder, runtime] = &stages[..] else {
        panic!("{stages:?}")
    };
    let releases = [("-bookworm ", "-debian12:"), ("-trixie ", "-debian13:")];
    let same = releases
        .iter()
        .any(|(name, number)| builder.contains(name) && runtime.contains(number));
    assert!(
        same,
        "{builder} and {runtime}: the glibc may be older than the program needs"
    );
}
