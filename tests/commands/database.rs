//! A PostgreSQL database as the commands see it: what is said of its URL, and what is never said.

use crate::{Finished, Lab, deserted};

/// The password, percent-encoded and decoded.
const PASSWORD: [&str; 2] = ["hunter%2F2-hidden", "hunter/2-hidden"];

/// A server that nobody has started.
fn away() -> String {
    format!(
        "postgres://ann:{}@{}/rooms?sslmode=disable",
        PASSWORD[0],
        deserted()
    )
}

#[track_caller]
fn tells_no_password(finished: &Finished) {
    for password in PASSWORD {
        assert!(!finished.stdout.contains(password), "{}", finished.stdout);
        assert!(!finished.stderr.contains(password), "{}", finished.stderr);
    }
}

#[tokio::test]
async fn the_settings_are_shown_without_its_password() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_DATABASE_URL", away());
    let config = lab.run(&["config"]).await;
    assert_eq!(config.code, 0, "{config:?}");
    assert!(config.stdout.contains("postgres://(hidden)@127.0.0.1:"));
    assert!(config.stdout.contains("/rooms?(hidden)"));
    tells_no_password(&config);

    std::fs::write(lab.path("url"), format!("{}\n", away())).unwrap();
    lab.unset("BOARDROOM_DATABASE_URL");
    lab.set("BOARDROOM_DATABASE_URL_FILE", "url");
    let config = lab.run(&["config"]).await;
    assert_eq!(config.code, 0, "{config:?}");
    assert!(config.stdout.contains("secret file url"));
    tells_no_password(&config);
}

#[tokio::test]
async fn a_text_that_is_no_right_url_is_not_shown_at_all() {
    let mut lab = Lab::new().await;
    for text in [
        "postgres://db.example.invalid/rooms;password=hunter%2F2-hidden",
        "postgres://ann:hunter%2F2-hidden/rooms",
        "host=127.0.0.1 password=hunter/2-hidden",
        "sqlite://ann:hunter%2F2-hidden/rooms",
        "hunter/2-hidden",
    ] {
        lab.set("BOARDROOM_DATABASE_URL", text);
        for command in ["config", "serve"] {
            let run = lab.run(&[command]).await;
            assert_eq!(run.code, 78, "{run:?}");
            tells_no_password(&run);
        }
    }
}

#[tokio::test]
async fn a_wrong_url_is_told_with_the_fix_and_without_its_text() {
    let mut lab = Lab::new().await;
    for (url, expected) in [
        ("postgres://ann:hunter/2-hidden@db/rooms", "/ as %2F"),
        (
            "postgres://ann:hunter%2F2-hidden@db/rooms?sslmod=require",
            "did you mean sslmode?",
        ),
        (
            "postgres://ann:hunter%2F2-hidden@db",
            "the name of the database is missing",
        ),
    ] {
        lab.set("BOARDROOM_DATABASE_URL", url);
        for command in ["serve", "check", "boards"] {
            let run = lab.run(&[command]).await;
            assert_eq!(run.code, 78, "{run:?}");
            assert!(run.stderr.contains("- database_url (environment variable"));
            assert!(run.stderr.contains(expected), "{}", run.stderr);
            tells_no_password(&run);
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_fails_the_check_and_every_command() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_DATABASE_URL", away());
    lab.set("BOARDROOM_LOG", "trace");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["database"]);
    let shown = ["postgres://(hidden)@127.0.0.1:", "BOARDROOM_DATABASE_URL"];
    check.found("FAILED", "database", &shown);
    tells_no_password(&check);
    for command in [
        &["boards"][..],
        &["explain", "aBcD1234"],
        &["retry", "--all"],
        &["release"],
        &["ignore", "aBcD1234"],
        &["mirror", "aBcD1234"],
        &["plan"],
        &["apply", "--yes"],
        &["link", "aBcD1234", "1"],
        &["webhooks", "list"],
        &["webhooks", "remove"],
    ] {
        let run = lab.run(command).await;
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        tells_no_password(&run);
    }
    assert!(lab.docspace().rooms().is_empty() && lab.trello().webhooks().is_empty());
}
