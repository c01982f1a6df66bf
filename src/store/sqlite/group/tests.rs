//! What becomes of those who write together: also when some fail, give up, or write from another process.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use super::*;
use crate::store::sqlite::wait_not;

async fn group(folder: &tempfile::TempDir) -> Group {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("group.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(BUSY)
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .after_connect(|connection, _| Box::pin(wait_not(connection)));
    let pool = pool.connect_with(options).await.unwrap();
    let table = "CREATE TABLE IF NOT EXISTS number (n INTEGER PRIMARY KEY)";
    sqlx::query(table).execute(&pool).await.unwrap();
    Group::new(pool)
}

async fn write(part: &mut Part, number: i64) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO number (n) VALUES ($1)").bind(number);
    insert.execute(part.connection()).await.map(drop)
}

async fn kept(group: &Group) -> BTreeSet<i64> {
    let numbers = sqlx::query_scalar("SELECT n FROM number");
    // It waits where the one that writes does not.
    let options = group.pool.connect_options();
    let mut reader = SqliteConnection::connect_with(&options).await.unwrap();
    let numbers: Vec<i64> = numbers.fetch_all(&mut reader).await.unwrap();
    numbers.into_iter().collect()
}

#[tokio::test]
async fn many_write_together_and_what_fails_or_is_dropped_takes_nobody_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let group = group(&folder).await;
    let one = async |number: i64| {
        let mut part = if number % 5 == 0 {
            group.begin_in_haste().await?
        } else {
            group.begin().await?
        };
        write(&mut part, number).await?;
        if number % 3 == 1 {
            // It is there already.
            write(&mut part, number).await?;
        }
        if number % 3 == 2 {
            return Ok(false);
        }
        part.commit_with_others().await.map(|()| true)
    };
    let told = join_all((0..200).map(one)).await;
    let mut expected = BTreeSet::new();
    for (number, told) in (0..).zip(told) {
        match number % 3 {
            0 => {
                assert!(matches!(told, Ok(true)), "{number}: {told:?}");
                expected.insert(number);
            }
            1 => assert!(told.is_err(), "{number}"),
            _ => assert!(matches!(told, Ok(false)), "{number}: {told:?}"),
        }
    }
    assert_eq!(kept(&group).await, expected);
}

#[tokio::test]
async fn whoever_gives_up_at_any_point_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let group = group(&folder).await;
    let mut kept_for_certain = BTreeSet::new();
    for round in 0..300 {
        let one = async |number: i64| {
            let mut part = group.begin().await?;
            write(&mut part, number).await?;
            part.commit_with_others().await
        };
        let (first, given_up, last) = (round * 3, round * 3 + 1, round * 3 + 2);
        let patience = Duration::from_micros(fastrand::u64(0..1500));
        let (one_told, _, last_told) =
            tokio::join!(one(first), timeout(patience, one(given_up)), one(last));
        one_told.unwrap();
        last_told.unwrap();
        kept_for_certain.extend([first, last]);
    }
    let kept = kept(&group).await;
    assert!(kept.is_superset(&kept_for_certain));
    assert_eq!(group.coming.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn beside_a_busy_process_others_get_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (busy, other) = (group(&folder).await, group(&folder).await);
    let next = AtomicUsize::new(0);
    let one = async |group: &Group| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let mut part = group.begin().await?;
        write(&mut part, i64::try_from(number).unwrap()).await?;
        part.commit_with_others().await
    };
    let for_ever = async || -> StoreError {
        loop {
            if let Err(error) = one(&busy).await {
                return error;
            }
        }
    };
    let others = async {
        for _ in 0..20 {
            one(&other).await?;
        }
        Ok::<_, StoreError>(())
    };
    tokio::select! {
        ended = others => ended.unwrap(),
        errors = join_all((0..64).map(|_| for_ever())) => panic!("{errors:?}"),
    }
}

#[tokio::test]
async fn what_waits_for_a_commit_when_it_is_closed_gets_it_and_nobody_writes_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let group = group(&folder).await;
    let coming = Coming::announce(&group);
    let mut part = group.begin().await.unwrap();
    write(&mut part, 1).await.unwrap();
    let committed = tokio::spawn(part.commit_with_others());
    // From when it is done it waits for who is coming.
    while group
        .gate
        .lock()
        .await
        .open()
        .is_none_or(|open| open.done.is_empty())
    {
        tokio::task::yield_now().await;
    }
    assert!(!committed.is_finished());
    group.close().await;
    committed.await.unwrap().unwrap();
    assert!(group.begin().await.is_err());
    drop(coming);
    assert!(!folder.path().join("group.db-wal").exists());
    let again = self::group(&folder).await;
    assert_eq!(kept(&again).await, BTreeSet::from([1]));
}

#[tokio::test]
async fn parts_that_are_undone_count_towards_a_full_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let group = group(&folder).await;
    // Somebody is always about to come.
    let coming = Coming::announce(&group);
    let mut first = group.begin().await.unwrap();
    write(&mut first, 1).await.unwrap();
    let first = tokio::spawn(first.commit_with_others());
    for number in 2..=MOST {
        assert!(!first.is_finished());
        let mut part = group.begin().await.unwrap();
        write(&mut part, i64::try_from(number).unwrap())
            .await
            .unwrap();
    }
    first.await.unwrap().unwrap();
    assert_eq!(kept(&group).await, BTreeSet::from([1]));
    drop(coming);
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_all_whom_it_was_for() {
    let folder = tempfile::tempdir().unwrap();
    let group = group(&folder).await;
    let break_it = async {
        let mut part = group.begin().await.unwrap();
        write(&mut part, 1).await.unwrap();
        // What ends the transaction behind the back of the others, as a full disk does.
        run("ROLLBACK", part.connection()).await.unwrap();
        part.commit_with_others().await
    };
    let other = async {
        let mut part = group.begin().await.unwrap();
        write(&mut part, 2).await.unwrap();
        part.commit_with_others().await
    };
    let (broken, other) = tokio::join!(break_it, other);
    assert!(matches!(broken, Err(StoreError::Refused(_))), "{broken:?}");
    assert!(other.is_err() || kept(&group).await.contains(&2));
    let mut part = group.begin().await.unwrap();
    write(&mut part, 3).await.unwrap();
    part.commit_with_others().await.unwrap();
    assert!(kept(&group).await.contains(&3));
}
