//! `backup`: a copy of the file beside a running service, what it refuses, and what it leaves behind then.

use std::os::unix::fs::PermissionsExt as _;

use boardroom::sandbox::NewBoard;

use crate::{Lab, storage};

#[tokio::test]
async fn a_copy_is_made_beside_the_running_service_for_its_owner_alone() {
    let lab = Lab::new().await;
    let workspace = lab.trello().add_workspace("Sales");
    let service = lab.serve().await;
    let board = NewBoard::named("Launch").in_workspace(&workspace);
    let board = lab.trello().create_board(board);
    let mirrored = lab.run(&["mirror", &board]).await;
    assert_eq!(mirrored.code, 0, "{mirrored:?}");
    let backup = lab.run(&["backup", "copy.db"]).await;
    assert_eq!((backup.code, backup.stderr.as_str()), (0, ""));
    let boards = lab.run(&["boards", "--json"]).await.stdout;
    // The service and the command both keep boards here: the copy has as many as stood there at its moment.
    let counted = match boards.lines().count() {
        1 => "copy.db: 1 board, ".to_owned(),
        boards => format!("copy.db: {boards} boards, "),
    };
    assert!(backup.stdout.starts_with(&counted), "{backup:?}");
    assert!(backup.stdout.ends_with(" kB\n"), "{backup:?}");
    let mode = std::fs::metadata(lab.path("copy.db"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    drop(service);

    let mut other = lab;
    other.set("BOARDROOM_DATABASE_URL", "sqlite://copy.db");
    let boards = other.run(&["boards"]).await;
    assert!(boards.stdout.contains("Launch"), "{boards:?}");
    assert!(boards.stdout.contains("mirrored"), "{boards:?}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let lab = Lab::new().await;
    let missing = lab.run(&["backup", "copy.db"]).await;
    missing.failed_with(&[
        "no database at",
        "data/boardroom.db",
        "BOARDROOM_DATABASE_URL",
    ]);

    drop(lab.serve().await);
    std::fs::write(lab.path("mine"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", lab.path("link")).unwrap();
    std::fs::create_dir(lab.path("folder")).unwrap();
    for there in ["mine", "link", "folder", "data/boardroom.db"] {
        let refused = lab.run(&["backup", there]).await;
        refused.failed_with(&[there, "is there already", "another name"]);
    }
    assert_eq!(std::fs::read_to_string(lab.path("mine")).unwrap(), "mine");
    for nowhere in ["nowhere/copy.db", "mine/copy.db"] {
        let refused = lab.run(&["backup", nowhere]).await;
        refused.failed_with(&[nowhere, "cannot be made", "its folder"]);
    }
    let entries = std::fs::read_dir(lab.path(".")).unwrap();
    let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[tokio::test]
async fn a_full_disk_is_named_and_the_beginning_of_a_copy_is_removed() {
    let lab = Lab::new().await;
    drop(lab.serve().await);
    std::fs::create_dir(lab.path("small")).unwrap();
    // A limit on the size of files stops SQLite as a full disk does; bash counts in kB. Its index of the WAL takes 32.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" backup small/copy.db";
    let run = lab.shell(script).await;
    run.failed_with(&["small/copy.db", "to its end", "make room"]);
    assert_eq!(std::fs::read_dir(lab.path("small")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_refused() {
    let lab = Lab::new().await;
    drop(lab.serve().await);
    let run = lab.shell(r#"exec "$0" backup $'copy-\xff.db'"#).await;
    run.failed_with(&["copy-", "is not UTF-8", "another name"]);
    let entries = std::fs::read_dir(lab.path(".")).unwrap();
    assert_eq!(entries.count(), 1, "the folder of the database alone");
}

#[tokio::test]
async fn a_backup_that_is_interrupted_leaves_nothing_behind() {
    let lab = Lab::new().await;
    lab.serve().await.terminate().await;
    std::fs::create_dir(lab.path("copies")).unwrap();
    // So that it waits with what it has begun.
    let mut holder = storage::open(lab.path("data/boardroom.db")).await.unwrap();
    let hold = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let script = "\"$0\" backup copies/copy.db & until compgen -G 'copies/*.partial'; do sleep 0.01; done; kill -INT $!; wait $!";
    let run = lab.shell(script).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("SIGINT has ended it"), "{run:?}");
    assert_eq!(std::fs::read_dir(lab.path("copies")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_damaged_database_gives_no_backup() {
    let lab = Lab::new().await;
    // What a killed service leaves beside the file would mend it.
    lab.serve().await.terminate().await;
    let path = lab.path("data/boardroom.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let run = lab.run(&["backup", "copy.db"]).await;
    run.failed_with(&["data/boardroom.db", "malformed"]);
    assert!(!lab.path("copy.db").exists());
}

#[tokio::test]
async fn a_server_is_backed_up_by_its_own_tools_and_no_password_is_shown() {
    let mut lab = Lab::new().await;
    let url = "postgres://ann:hidden-value@db.example.com/rooms";
    lab.set("BOARDROOM_DATABASE_URL", url);
    let run = lab.run(&["backup", "it's.dump"]).await;
    run.failed_with(&[
        "pg_dump",
        "--file='it'\\''s.dump'",
        "db.example.com/rooms",
        "~/.pgpass",
    ]);
    assert!(!run.stderr.contains("hidden-value"), "{}", run.stderr);
    assert!(!lab.path("it's.dump").exists());
}
