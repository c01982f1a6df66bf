//! What only a file can be: of an earlier version, of a newer one.

use boardroom::model::board::Told;
use boardroom::model::status::Status;
use boardroom::store::{Boards as _, ClaimRequest, Queue as _, Sqlite, State as _, Upkeep as _};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, SqlStr};

use crate::{LEASE, board};

/// What the first version wrote: a made room, an adopted one, and a board that a person asked for.
const WRITTEN: &str = "
    INSERT INTO board (id, name, kind, workspace, closed, status, since, room_id, title_sent, title_returned, room_archived, tagged, invited)
    VALUES ('640000000000000000000001', 'a: b', 'ordinary', NULL, 0, 'mirrored', 1000, 7, 'a: b', 'a_ b', 0, 1, 1),
           ('640000000000000000000002', 'c', 'ordinary', NULL, 0, 'mirrored', 1000, 8, NULL, 'c', 1, 1, 1);
    INSERT INTO board (id, status, told, since, due_at) VALUES ('640000000000000000000003', 'pending', 'mirror', 1000, 1000);
    INSERT INTO capture (at, reason, body) VALUES (1, 'not JSON', x'78');";

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_and_its_boards_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let base = include_str!("../../src/store/sqlite/0001_base.sql");
    let base = SqlStr::from_static(base);
    let base = Migration::new(1, "base".into(), MigrationType::Simple, base, false);
    let first = Migrator::with_migrations(vec![base]);
    first.run_direct(None, &mut raw, false).await.unwrap();
    sqlx::raw_sql(WRITTEN).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();

    let store = Sqlite::open(&path).await.unwrap();
    let made = store.record(board(1)).await.unwrap().unwrap();
    let made = made.room.unwrap();
    assert_eq!(
        (made.title_sent.as_deref(), made.archived),
        (Some("a: b"), Some(false))
    );
    let adopted = store.record(board(2)).await.unwrap().unwrap().room.unwrap();
    assert_eq!((adopted.title_sent, adopted.archived), (None, None));
    let asked = store.record(board(3)).await.unwrap().unwrap();
    assert_eq!(
        (asked.told, asked.status),
        (Some(Told::Mirror), Status::Pending(None))
    );
    let all = ClaimRequest {
        holder: "test",
        most: 10,
        lease: LEASE,
        only: None,
    };
    assert_eq!(
        store.claim(&all).await.unwrap().len(),
        3,
        "rooms did not follow before"
    );
    assert_eq!(store.unhooked(10).await.unwrap(), [board(2), board(1)]);
    let totals = [(Status::Mirrored(None), 2), (Status::Pending(None), 1)];
    assert_eq!(store.totals().await.unwrap(), totals);
}

#[tokio::test]
async fn boards_that_are_taken_out_by_hand_are_counted_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = Sqlite::open(&path).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let boards: Vec<_> = (0..10).map(board).collect();
    store.hint(&boards).await.unwrap();
    let one = sqlx::query("DELETE FROM board WHERE id = '640000000000000000000003'");
    one.execute(&mut raw).await.unwrap();
    assert_eq!(store.totals().await.unwrap(), [(Status::Pending(None), 9)]);
    let all = sqlx::query("DELETE FROM board");
    all.execute(&mut raw).await.unwrap();
    assert!(store.totals().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_store_is_found_as_it_was_left_and_a_newer_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = Sqlite::open(&path).await.unwrap();
    store.hint(&[board(1)]).await.unwrap();
    store.close().await;
    let store = Sqlite::open(&path).await.unwrap();
    assert_eq!(store.totals().await.unwrap(), [(Status::Pending(None), 1)]);
    store.close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("INSERT INTO meta (name, value) VALUES ('needs_schema', '999')")
        .execute(&mut raw)
        .await
        .unwrap();
    let refused = Sqlite::open(&path).await.unwrap_err();
    assert!(refused.to_string().contains("too old"), "{refused}");
}

#[tokio::test]
async fn a_service_that_outlived_the_first_one_is_not_overlooked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("served.db");
    let stores = [
        Sqlite::open(&path).await.unwrap(),
        Sqlite::open(&path).await.unwrap(),
        Sqlite::open(&path).await.unwrap(),
    ];
    let first = stores[0].sole_service();
    assert!(first.is_some());
    assert!(stores[1].sole_service().is_none());
    // The second waits until the first has done what only that one may do.
    let second = stores[1].one_of_the_services(None);
    let mut second = std::pin::pin!(second);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), &mut second).await;
    assert!(waited.is_err());
    let first = stores[0].one_of_the_services(first).await.unwrap();
    let second = second.await.unwrap();
    drop(first);
    assert!(stores[2].sole_service().is_none(), "the second one lives");
    drop(second);
    assert!(stores[2].sole_service().is_some());
}

#[tokio::test]
async fn a_program_of_the_second_version_counts_and_a_clock_that_was_set_back_does_not_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let store = Sqlite::open(&path).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    crate::budget::beside_an_older_program(&store, now, async |sql| {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut raw)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_makes_the_same_file_at_the_same_time_waits_for_the_others() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let opening = (0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { Sqlite::open(&path).await })
        });
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap().unwrap().close().await;
        }
    }
}
