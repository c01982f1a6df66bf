//! What only a server can be: started by several at once, away, newer.

use std::time::{Duration, Instant};

use boardroom::model::failure::Code;
use boardroom::model::status::Status;
use boardroom::store::{
    Account, Boards as _, Permits as _, Postgres, Store as _, StoreError, Terms,
};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlStr};

use crate::{LEASE, board};

/// A place of its own on a server: the address of a new, empty schema.
pub(crate) async fn schema(server: &str) -> String {
    let name = format!("test_{:016x}", fastrand::u64(..));
    let mut server_itself = PgConnection::connect(server).await.unwrap();
    let create = format!("CREATE SCHEMA {name}");
    server_itself.execute(AssertSqlSafe(create)).await.unwrap();
    server_itself.close().await.unwrap();
    format!("{server}?options=-csearch_path%3D{name}")
}

fn server() -> String {
    std::env::var("BOARDROOM_TEST_POSTGRES")
        .expect("BOARDROOM_TEST_POSTGRES names no PostgreSQL server; tests/run starts one")
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn several_may_bring_the_schema_up_to_date_at_once() {
    let url = schema(&server()).await;
    let stores: Vec<_> = (0..3).map(|_| Postgres::new(&url).unwrap()).collect();
    let opened = tokio::join!(stores[0].open(), stores[1].open(), stores[2].open());
    opened.0.unwrap();
    opened.1.unwrap();
    opened.2.unwrap();
    stores[0].hint(&[board(1)]).await.unwrap();
    assert!(stores[2].record(board(1)).await.unwrap().is_some());
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_database_of_the_first_version_is_brought_up_to_date_and_its_boards_are_counted() {
    let url = schema(&server()).await;
    let mut raw = PgConnection::connect(&url).await.unwrap();
    let base = SqlStr::from_static(include_str!("../../src/store/postgres/0002_base.sql"));
    let base = Migration::new(2, "base".into(), MigrationType::Simple, base, false);
    let first = Migrator::with_migrations(vec![base]);
    first.run_direct(None, &mut raw, false).await.unwrap();
    raw.execute(
        "INSERT INTO board (id, status, reason, since) SELECT lpad(n::text, 24, '0'), 'failed', 'docspace_rejected', 1
             FROM generate_series(1, 5) AS n",
    )
    .await
    .unwrap();
    let store = Postgres::new(&url).unwrap();
    store.open().await.unwrap();
    let failed = Status::Failed(Code::DocSpaceRejected);
    assert_eq!(store.totals().await.unwrap(), [(failed, 5)]);
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_tally_of_much_that_moved_stays_short_and_what_is_taken_out_by_hand_is_counted_no_more() {
    let url = schema(&server()).await;
    let store = Postgres::new(&url).unwrap();
    store.open().await.unwrap();
    let boards: Vec<_> = (0..100).map(board).collect();
    store.hint(&boards).await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    for status in ["ignored", "pending"].repeat(30) {
        let moved = sqlx::query("UPDATE board SET status = $1").bind(status);
        moved.execute(&mut raw).await.unwrap();
    }
    let entries = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tally");
    let entries = entries.fetch_one(&mut raw).await.unwrap();
    assert!(entries < 4_000, "{entries} of 12,000 are left");
    let all = [(Status::Pending(None), 100)];
    assert_eq!(store.totals().await.unwrap(), all);
    let some = "DELETE FROM board WHERE id < '640000000000000000000040'";
    raw.execute(some).await.unwrap();
    assert_eq!(store.totals().await.unwrap(), [(Status::Pending(None), 36)]);
    raw.execute("TRUNCATE board").await.unwrap();
    assert!(store.totals().await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_newer_schema_is_refused() {
    let url = schema(&server()).await;
    Postgres::new(&url).unwrap().open().await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    raw.execute("INSERT INTO meta (name, value) VALUES ('needs_schema', '999')")
        .await
        .unwrap();
    let refused = Postgres::new(&url).unwrap().open().await.unwrap_err();
    assert!(matches!(refused, StoreError::TooNew), "{refused}");
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_server_that_is_away_or_refuses_says_why_and_is_worth_another_try() {
    let server = server();
    let nobody = "postgres://boardroom@127.0.0.1:1/postgres";
    let (server, _) = server.rsplit_once('/').unwrap();
    let no_such = format!("{server}/nowhere_at_all");
    for (url, words) in [(nobody, "refused"), (&no_such, "nowhere_at_all")] {
        let refused = Postgres::new(url).unwrap().open().await.unwrap_err();
        assert!(matches!(refused, StoreError::Away { .. }), "{refused:?}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_future_that_is_dropped_in_a_transaction_poisons_nothing() {
    use boardroom::store::{Deliveries as _, Queue as _};
    let store = Postgres::new(&schema(&server()).await).unwrap();
    store.open().await.unwrap();
    for of in 0..200 {
        let hints = [crate::hint(of, of)];
        let patience = Duration::from_micros(u64::from(of) * 10);
        // Dropped wherever it stands: while it connects, begins, writes or commits.
        let _ = tokio::time::timeout(patience, store.accept(&hints)).await;
        store.awaited().await.unwrap();
        store.accept(&hints).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn a_program_of_the_second_version_counts_and_a_clock_that_was_set_back_does_not_for_long() {
    let url = schema(&server()).await;
    let store = Postgres::new(&url).unwrap();
    store.open().await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    let now = "CAST(date_part('epoch', statement_timestamp()) * 1000 AS BIGINT)";
    crate::budget::beside_an_older_program(&store, now, async |sql| {
        raw.execute(AssertSqlSafe(sql)).await.unwrap();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn who_is_frozen_while_it_takes_permits_fails_nobody_else() {
    let url = schema(&server()).await;
    let (frozen, other) = (Postgres::new(&url).unwrap(), Postgres::new(&url).unwrap());
    frozen.open().await.unwrap();
    let need = |holder| Account {
        holder,
        held: 0,
        ended: &[],
        need: 1,
        want: 1,
    };
    let terms = Terms {
        limit: 1_000,
        per: LEASE,
        life: LEASE,
        longest: LEASE,
    };
    other.exchange_permits(&need("b"), &terms).await.unwrap();
    let account = need("a");
    let started = Instant::now();
    for patience in (1..100).cycle() {
        assert!(started.elapsed() < LEASE, "it never held the lock");
        // Wherever it stands by then, it goes no further.
        let mut silent = frozen.exchange_permits(&account, &terms);
        let patience = Duration::from_micros(patience * 200);
        let ended = tokio::time::timeout(patience, &mut silent).await;
        if ended.is_ok() {
            continue;
        }
        let begun = Instant::now();
        other.exchange_permits(&need("b"), &terms).await.unwrap();
        if begun.elapsed() > Duration::from_secs(1) {
            let late = silent.await.unwrap_err();
            assert!(matches!(late, StoreError::Away { .. }), "{late:?}");
            return;
        }
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn who_is_frozen_while_it_stores_a_delivery_fails_nobody_else() {
    use boardroom::store::Deliveries as _;
    let url = schema(&server()).await;
    let (frozen, other) = (Postgres::new(&url).unwrap(), Postgres::new(&url).unwrap());
    frozen.open().await.unwrap();
    let started = Instant::now();
    let mut numbers = 0..;
    let mut next = || crate::hint(numbers.next().unwrap(), 1);
    for patience in (1..100).cycle() {
        assert!(started.elapsed() < LEASE, "it never held the board");
        let (mine, theirs) = ([next()], [next()]);
        let mut silent = frozen.accept(&mine);
        let patience = Duration::from_micros(patience * 200);
        if tokio::time::timeout(patience, &mut silent).await.is_ok() {
            continue;
        }
        let begun = Instant::now();
        other.accept(&theirs).await.unwrap();
        if begun.elapsed() > Duration::from_secs(1) {
            let late = silent.await.unwrap_err();
            assert!(matches!(late, StoreError::Away { .. }), "{late:?}");
            return;
        }
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn what_somebody_else_holds_for_too_long_is_worth_another_try() {
    let url = schema(&server()).await;
    let store = Postgres::new(&url).unwrap();
    store.open().await.unwrap();
    store.hint(&[board(1)]).await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    let hold = "BEGIN; UPDATE board SET hints = hints + 1";
    raw.execute(hold).await.unwrap();
    let late = store.hint(&[board(1)]).await.unwrap_err();
    assert!(matches!(late, StoreError::Away { .. }), "{late:?}");
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn who_is_frozen_while_it_brings_the_schema_up_to_date_holds_up_nobody_without_end() {
    use sqlx::migrate::Migrate as _;
    let server = server();
    let mut raw = PgConnection::connect(&server).await.unwrap();
    // Of its own: the lock is one for a whole database.
    let name = format!("test_{:016x}", fastrand::u64(..));
    let create = format!("CREATE DATABASE {name}");
    raw.execute(AssertSqlSafe(create)).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    let url = format!("{server}/{name}");
    let mut frozen = PgConnection::connect(&url).await.unwrap();
    frozen.lock().await.unwrap();
    let store = Postgres::new(&url).unwrap();
    let late = store.open().await.unwrap_err();
    assert!(matches!(late, StoreError::Away { .. }), "{late:?}");
    drop(frozen);
    store.open().await.unwrap();
}
