//! What only a server can be: started by several at once, away, newer.

use boardroom::store::{Boards as _, Postgres, Store as _, StoreError};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::board;

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
    use std::time::Duration;
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
