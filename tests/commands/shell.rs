//! What concerns the shell alone: help, versions, completions, usage, and the settings as they are shown.

use crate::{Finished, Lab};

const COMMANDS: [&str; 20] = [
    "serve",
    "demo",
    "check",
    "mirror",
    "boards",
    "explain",
    "retry",
    "release",
    "ignore",
    "link",
    "plan",
    "apply",
    "webhooks",
    "signature",
    "simulate",
    "backup",
    "notify",
    "config",
    "healthcheck",
    "completions",
];

#[tokio::test]
async fn every_command_explains_itself() {
    let lab = Lab::new().await;
    let help = lab.run(&["--help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for command in COMMANDS {
        assert!(help.stdout.contains(command), "{command}");
        let own = lab.run(&[command, "--help"]).await;
        assert_eq!((own.code, own.stderr.as_str()), (0, ""), "{command}");
        let usage = format!("Usage: boardroom {command}");
        assert!(own.stdout.contains(&usage), "{}", own.stdout);
        assert!(own.stdout.contains("--config <FILE>"), "{}", own.stdout);
    }
    let listed = help.stdout.split("Commands:").nth(1).unwrap();
    let listed = listed.split("Options:").next().unwrap();
    let listed = listed.lines().filter(|line| !line.trim().is_empty());
    assert_eq!(listed.count(), COMMANDS.len() + 1, "a command is untested");
    for code in ["0 success", "1 failure", "64 wrong usage", "78 wrong"] {
        assert!(help.stdout.contains(code), "{code}");
    }
}

#[tokio::test]
async fn the_version_is_that_of_the_package() {
    let lab = Lab::new().await;
    let version = lab.run(&["--version"]).await;
    let expected = concat!("boardroom ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((version.code, version.stdout.as_str()), (0, expected));
}

#[tokio::test]
async fn completions_know_the_commands() {
    let lab = Lab::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = lab.run(&["completions", shell]).await;
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        for command in COMMANDS {
            assert!(script.stdout.contains(command), "{shell} {command}");
        }
    }
}

#[tokio::test]
async fn wrong_usage_is_64_and_no_failure_of_the_program() {
    let lab = Lab::new().await;
    let wrong: [&[&str]; 7] = [
        &[],
        &["dance"],
        &["serve", "now"],
        &["mirror"],
        &["check", "--fast"],
        &["completions", "tcl"],
        &["--config"],
    ];
    for arguments in wrong {
        let run = lab.run(arguments).await;
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{arguments:?}");
        assert!(run.stderr.contains("--help") || run.stderr.contains("Usage:"));
    }
}

impl Finished {
    /// The value and the origin of a setting.
    #[track_caller]
    fn setting(&self, variable: &str) -> (String, String) {
        let line = self
            .stdout
            .lines()
            .find(|line| line.split_whitespace().next() == Some(variable));
        let line = line.unwrap_or_else(|| panic!("{variable} in {}", self.stdout));
        let (_, rest) = line.split_once(' ').unwrap();
        let (value, origin) = rest.trim().split_once("  ").unwrap();
        (value.trim().to_owned(), origin.trim().to_owned())
    }
}

#[tokio::test]
async fn settings_are_shown_with_their_origin_and_without_secrets() {
    let mut lab = Lab::new().await;
    std::fs::write(lab.path("boardroom.toml"), "sweep_every = \"1m\"\n").unwrap();
    std::fs::write(lab.path("token"), lab.trello().token()).unwrap();
    lab.unset("TRELLO_TOKEN");
    lab.set("TRELLO_TOKEN_FILE", "token");
    lab.set("BOARDROOM_INSTANCE", "green");
    lab.set("HTTPS_PROXY", "http://ann:hidden-value@proxy.example:3128");
    let config = lab.run(&["--config", "boardroom.toml", "config"]).await;
    assert_eq!((config.code, config.stderr.as_str()), (0, ""));
    let table = [
        ("TRELLO_API_KEY", "(hidden)", "environment TRELLO_API_KEY"),
        ("TRELLO_TOKEN", "(hidden)", "secret file token"),
        ("TRELLO_API_SECRET", "(not set)", "default"),
        ("BOARDROOM_SWEEP_EVERY", "1m", "file boardroom.toml"),
        ("BOARDROOM_AUDIT_EVERY", "6h", "default"),
        (
            "BOARDROOM_INSTANCE",
            "green",
            "environment BOARDROOM_INSTANCE",
        ),
        ("BOARDROOM_CONFIG", "boardroom.toml", "option --config"),
    ];
    for (variable, value, origin) in table {
        let expected = (value.to_owned(), origin.to_owned());
        assert_eq!(config.setting(variable), expected, "{variable}");
    }
    assert!(config.stdout.contains("(hidden)@proxy.example"));
    assert!(!config.stdout.contains("hidden-value"));
}

#[tokio::test]
async fn settings_are_shown_even_when_they_are_wrong() {
    let mut lab = Lab::new().await;
    lab.unset("ONLYOFFICE_API_HOST");
    lab.set("BOARDROOM_SWEEP_EVERY", "often");
    let config = lab.run(&["config"]).await;
    assert_eq!(config.code, 78);
    let (value, origin) = config.setting("BOARDROOM_SWEEP_EVERY");
    assert_eq!(
        (value.as_str(), origin.as_str()),
        ("often", "environment BOARDROOM_SWEEP_EVERY")
    );
    for key in ["onlyoffice_api_host", "sweep_every"] {
        assert!(config.stderr.contains(key), "{}", config.stderr);
    }
}

#[tokio::test]
async fn a_missing_configuration_file_is_named() {
    let lab = Lab::new().await;
    let run = lab.run(&["--config", "missing.toml", "check"]).await;
    assert_eq!(run.code, 78);
    assert!(run.stderr.contains("missing.toml"), "{}", run.stderr);
}

#[tokio::test]
async fn names_that_an_orchestrator_injects_are_not_ours() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_SERVICE_HOST", "10.0.0.7");
    lab.set("BOARDROOM_PORT", "tcp://10.0.0.7:8080");
    let config = lab.run(&["config"]).await;
    assert_eq!((config.code, config.stderr.as_str()), (0, ""));
}
