//! The database as a file: where it is missing, where it cannot be made or written, and what is no database.

mod backup;

use crate::Lab;
use crate::boards::id;

#[tokio::test]
async fn a_database_that_cannot_be_written_is_named_with_the_cause() {
    let mut lab = Lab::new().await;
    std::fs::write(lab.path("file"), "").unwrap();
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://file/boardroom.db");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["database"]);
    let path = lab.path("file/boardroom.db").display().to_string();
    let words = [path.as_str(), "BOARDROOM_DATABASE_URL"];
    check.found("FAILED", "database", &words);

    std::fs::write(lab.path("garbage.db"), "no database at all\n".repeat(500)).unwrap();
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://garbage.db");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["database"]);
    check.found("FAILED", "database", &["garbage.db", "not a database"]);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_and_not_made() {
    let mut lab = Lab::new().await;
    lab.forget_credentials();
    let board = id(1).to_string();
    for arguments in [
        &["boards"][..],
        &["explain", &board],
        &["retry", "--all"],
        &["release"],
        &["ignore", &board],
    ] {
        let run = lab.run(arguments).await;
        run.failed_with(&[
            "no database at",
            "data/boardroom.db",
            "BOARDROOM_DATABASE_URL",
        ]);
    }
    assert!(!lab.path("data").exists());
}

#[tokio::test]
async fn a_check_makes_no_database() {
    let lab = Lab::new().await;
    for _ in 0..2 {
        let check = lab.run(&["check"]).await;
        check.found("ok", "database", &["data/boardroom.db can be made"]);
    }
    assert!(!lab.path("data").exists());
}
