//! The PostgreSQL half of `store`: both programs on the same server, on databases of the same schema.

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{Rig, SETTLE, ack};
use crate::limit::Work;
use crate::report::{Goal, Report};
use crate::server::Boardroom;
use crate::upstream::{Settings, Upstream};

/// Databases of this name, and of no other, are made and dropped.
const SCHEMA: &str = "boardroom_bench_schema";
const MEASURED: &str = "boardroom_bench";

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let Some(server) = &rig.postgres else {
        report
            .remark("`store` on PostgreSQL was not measured: there is no server (BENCH_POSTGRES).");
        return Ok(());
    };
    if let Err(error) = make_schema(rig, server) {
        report.remark(format!(
            "`store` on PostgreSQL was not measured: {error:#}."
        ));
        return Ok(());
    }
    let ours = |folder: &_, upstream| {
        Ok(Boardroom {
            database: new_database(server)?,
            ..Boardroom::on_sqlite(folder, upstream)
        })
    };
    let all = rig.compare(
        report,
        "store, PostgreSQL",
        &[
            ("boardroom", Box::new(|| ack::boardroom(rig, ours))),
            (
                "the same rows",
                Box::new(|| ack::limit(rig, |_| Ok(Work::PostgresRows(new_database(server)?)))),
            ),
        ],
    )?;
    report.ratio(
        "`store`: new boards stored, PostgreSQL",
        ack::per_second("boardroom", &all[0]),
        ack::per_second("the same rows", &all[1]),
        Goal::AtLeast(0.85),
    );
    Ok(())
}

/// A database with boardroom's schema, made by boardroom.
fn make_schema(rig: &Rig, server: &str) -> Result<()> {
    say(
        server,
        &[&drop_database(SCHEMA), &format!("CREATE DATABASE {SCHEMA}")],
    )?;
    let upstream = Upstream::start(Settings::USUAL)?;
    let boardroom = Boardroom {
        database: format!("{server}/{SCHEMA}"),
        ..Boardroom::on_sqlite(&rig.fresh("schema")?, upstream.url())
    };
    let boardroom = boardroom.start()?;
    upstream.wait_until_settled(SETTLE)?;
    boardroom.stop()
}

/// A copy of it, for one run.
fn new_database(server: &str) -> Result<String> {
    let copy = format!("CREATE DATABASE {MEASURED} TEMPLATE {SCHEMA}");
    say(server, &[&drop_database(MEASURED), &copy])?;
    Ok(format!("{server}/{MEASURED}"))
}

fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

fn say(server: &str, statements: &[&str]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let url = format!("{server}/postgres");
        let mut connection = PgConnection::connect(&url).await;
        let connection = connection
            .as_mut()
            .map_err(|error| anyhow::anyhow!("{error}"));
        let connection = connection.context("PostgreSQL does not answer")?;
        for statement in statements {
            connection
                .execute(AssertSqlSafe((*statement).to_owned()))
                .await?;
        }
        Ok(())
    })
}
