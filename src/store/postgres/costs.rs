//! Costs on PostgreSQL: the rows and entries of indexes that its server counts as read.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::store::costs::{BOARDS, CALLS, Call, FILL, assert_all_below};
use crate::store::{Postgres, State as _, Store as _};

const READ: &str = "
    SELECT CAST((SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE schemaname = current_schema())
              + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE schemaname = current_schema()) AS BIGINT)";

/// A schema of its own, filled.
struct Place {
    server: PgConnection,
    url: String,
    name: String,
}

impl Place {
    async fn filled() -> Self {
        let server = std::env::var("BOARDROOM_TEST_POSTGRES");
        let server = server.expect("BOARDROOM_TEST_POSTGRES names a PostgreSQL server");
        let name = format!("costs_{:016x}", fastrand::u64(..));
        let mut raw = PgConnection::connect(&server).await.unwrap();
        let make = format!("CREATE SCHEMA {name}; SET search_path = {name}");
        raw.execute(AssertSqlSafe(make)).await.unwrap();
        let url = format!("{server}?application_name={name}&options=-csearch_path%3D{name}");
        let store = Postgres::new(&url).unwrap();
        store.open().await.unwrap();
        store.close().await;
        for fill in FILL {
            raw.execute(AssertSqlSafe(fill.postgres)).await.unwrap();
        }
        Self {
            server: raw,
            url,
            name,
        }
    }

    /// What has been read so far, once nobody is connected who has not said so yet.
    async fn read(&mut self) -> i64 {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        loop {
            let others = sqlx::query_scalar::<_, i64>(others).bind(&self.name);
            if others.fetch_one(&mut self.server).await.unwrap() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let read = sqlx::query_scalar(READ).fetch_one(&mut self.server);
        read.await.unwrap()
    }

    /// What a call reads on a connection of its own, whose end makes it tell. `settings` are those of the server's planner.
    async fn cost(&mut self, settings: &str, call: Call) -> i64 {
        let before = self.read().await;
        let store = Postgres::new(&format!("{}{settings}", self.url)).unwrap();
        call(&store).await;
        store.close().await;
        self.read().await - before
    }
}

/// With plans that are made for what is bound, and with those that the server keeps for whatever will be bound.
#[tokio::test]
#[ignore = "needs a PostgreSQL server: tests/run starts one"]
async fn no_call_but_those_that_must_looks_through_everything() {
    for settings in ["", "%20-cplan_cache_mode%3Dforce_generic_plan"] {
        let mut place = Place::filled().await;
        let mut costs = Vec::new();
        for (name, call) in CALLS {
            costs.push((*name, place.cost(settings, *call).await));
        }
        let drop = format!("DROP SCHEMA {} CASCADE", place.name);
        place.server.execute(AssertSqlSafe(drop)).await.unwrap();
        assert_all_below(BOARDS / 10, &costs);
    }
}
