//! What a person may want to know of a server before anything is done there. Only reads.

use sqlx::{Connection as _, PgConnection, query_scalar};

use crate::store::sql::Sql;
use crate::store::{SCHEMA, StoreError};

use super::Server;

/// What a server says of itself and of our tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// As the server writes it, such as `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    pub tables: Tables,
    /// Whether the user may make tables where ours belong.
    pub may_make_tables: bool,
    /// Whether it is a copy that takes no writes.
    pub is_read_only: bool,
}

/// How far our tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    Absent,
    /// The next start brings them up to date.
    Older,
    Usable,
    /// A newer program made them, with which this one cannot live.
    TooNew,
}

impl Sql<Server> {
    /// Looks at the server and changes nothing.
    pub async fn inspect(&self) -> Result<Inspection, StoreError> {
        let mut connection = self.engine.connect().await?;
        let newest = newest(&mut connection).await?;
        let tables = match newest {
            None => Tables::Absent,
            Some(_) if needs(&mut connection).await? > SCHEMA => Tables::TooNew,
            Some(version) if version < SCHEMA => Tables::Older,
            Some(_) => Tables::Usable,
        };
        let inspection = Inspection {
            version: query_scalar("SELECT current_setting('server_version')")
                .fetch_one(&mut connection)
                .await?,
            tables,
            may_make_tables: query_scalar(
                "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)",
            )
            .fetch_one(&mut connection)
            .await?,
            is_read_only: query_scalar("SELECT pg_is_in_recovery()")
                .fetch_one(&mut connection)
                .await?,
        };
        let _ = connection.close().await;
        Ok(inspection)
    }
}

/// The newest migration that was run; none where no program of ours has been yet.
pub(super) async fn newest(connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
    let is_there = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !query_scalar::<_, bool>(is_there)
        .fetch_one(&mut *connection)
        .await?
    {
        return Ok(None);
    }
    let newest = query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
    Ok(newest.fetch_one(connection).await?)
}

/// The oldest schema that a program must know to live with these tables.
pub(super) async fn needs(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let needs = "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'needs_schema'";
    let needs: Option<i64> = query_scalar(needs).fetch_optional(connection).await?;
    Ok(needs.unwrap_or(0))
}
