//! What only a server can be: started by several at once, away, newer.

use std::time::{Duration, Instant};

use boardroom::store::{
    Account, Boards as _, Permits as _, Postgres, Store as _, StoreError, Terms,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

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

/// The server of this run; none where the contract is held against SQLite.
fn server() -> Option<String> {
    std::env::var("BOARDROOM_TEST_POSTGRES").ok()
}

#[tokio::test]
async fn several_may_bring_the_schema_up_to_date_at_once() {
    let Some(server) = server() else { return };
    let url = schema(&server).await;
    let stores: Vec<_> = (0..3).map(|_| Postgres::new(&url).unwrap()).collect();
    let opened = tokio::join!(stores[0].open(), stores[1].open(), stores[2].open());
    opened.0.unwrap();
    opened.1.unwrap();
    opened.2.unwrap();
    stores[0].hint(&[board(1)]).await.unwrap();
    assert!(stores[2].record(board(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(server) = server() else { return };
    let url = schema(&server).await;
    Postgres::new(&url).unwrap().open().await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    raw.execute("INSERT INTO meta (name, value) VALUES ('needs_schema', '999')")
        .await
        .unwrap();
    let refused = Postgres::new(&url).unwrap().open().await.unwrap_err();
    assert!(matches!(refused, StoreError::TooNew), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_away_or_refuses_says_why_and_is_worth_another_try() {
    let Some(server) = server() else { return };
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
async fn a_future_that_is_dropped_in_a_transaction_poisons_nothing() {
    use boardroom::store::{Deliveries as _, Queue as _};
    let Some(server) = server() else { return };
    let store = Postgres::new(&schema(&server).await).unwrap();
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
async fn a_program_of_the_second_version_counts_and_a_clock_that_was_set_back_does_not_for_long() {
    let Some(server) = server() else { return };
    let url = schema(&server).await;
    let store = Postgres::new(&url).unwrap();
    store.open().await.unwrap();
    let mut raw = PgConnection::connect(&url).await.unwrap();
    let now = "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)";
    crate::budget::beside_an_older_program(&store, now, async |sql| {
        raw.execute(AssertSqlSafe(sql)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_is_frozen_while_it_takes_permits_fails_nobody_else() {
    let Some(server) = server() else { return };
    let url = schema(&server).await;
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
