//! Statements that are written once and read the same in both databases, and what is bound to them.

use serde::{Serialize, Serializer};

use crate::model::id::RoomId;
use crate::model::time::Timestamp;

/// A statement in the words of each database.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Statement {
    pub(in crate::store) sqlite: &'static str,
    pub(in crate::store) postgres: &'static str,
}

/// A statement with what is bound to it.
#[derive(Debug)]
pub(in crate::store) struct Query {
    pub(in crate::store) statement: Statement,
    pub(in crate::store) arguments: Vec<Argument>,
}

/// What can be bound. Nothing has a type, too: a database may not guess it.
#[derive(Debug)]
pub(in crate::store) enum Argument {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
    /// A list of texts, for `(each n)`.
    Texts(Vec<String>),
    /// A list of objects as JSON, for `(records n …)`.
    Records(String),
    /// Columns of one length, for `(columns n …)`.
    Columns(Vec<Column>),
}

/// What one column holds, row by row.
#[derive(Debug)]
pub(in crate::store) enum Column {
    Integers(Vec<i64>),
    Texts(Vec<Option<String>>),
}

impl Statement {
    pub(in crate::store) fn bind(self, argument: impl Into<Argument>) -> Query {
        Query::from(self).bind(argument)
    }
}

impl Query {
    /// Binds the next argument: the first is `$1`.
    pub(in crate::store) fn bind(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

impl From<Statement> for Query {
    fn from(statement: Statement) -> Self {
        Self {
            statement,
            arguments: Vec::new(),
        }
    }
}

/// A list of texts, for `(each n)`.
pub(in crate::store) fn texts(items: impl IntoIterator<Item: ToString>) -> Argument {
    Argument::Texts(items.into_iter().map(|item| item.to_string()).collect())
}

/// A list of objects, for `(records n …)`. A truth in them is 0 or 1.
pub(in crate::store) fn records(rows: &[impl Serialize]) -> Argument {
    let text = serde_json::to_string(rows);
    Argument::Records(text.expect("plain data has no keys that JSON could not have"))
}

/// The rows of such columns as JSON, which SQLite reads: an array of arrays.
pub(in crate::store) fn rows(columns: &[Column]) -> String {
    let rows = columns.first().map_or(0, Column::len);
    let rows: Vec<_> = (0..rows).map(|row| Cells { columns, row }).collect();
    serde_json::to_string(&rows).expect("plain data has no keys that JSON could not have")
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Integers(cells) => cells.len(),
            Self::Texts(cells) => cells.len(),
        }
    }
}

/// One row of columns.
struct Cells<'a> {
    columns: &'a [Column],
    row: usize,
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Cell<'a> {
            Integer(i64),
            Text(Option<&'a str>),
        }
        serializer.collect_seq(self.columns.iter().map(|column| match column {
            Column::Integers(cells) => Cell::Integer(cells[self.row]),
            Column::Texts(cells) => Cell::Text(cells[self.row].as_deref()),
        }))
    }
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Argument {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<RoomId> for Argument {
    fn from(value: RoomId) -> Self {
        Self::Integer(Some(value.0))
    }
}

impl From<Timestamp> for Argument {
    fn from(value: Timestamp) -> Self {
        Self::Integer(Some(value.0))
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<&String> for Argument {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&[u8]> for Argument {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// What may be absent.
macro_rules! optional {
    ($kind:ident: $($type:ty),+) => {
        $(impl From<Option<$type>> for Argument {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::$kind(None), Into::into)
            }
        })+
    };
}
optional!(Integer: i64, u32, bool, RoomId, Timestamp);
optional!(Text: String, &str);

/// Writes a statement for both databases: literals, and between them
///
/// - `now`: the database's clock, in milliseconds; the same within a statement
/// - `fenced`: what every statement on a claimed board asks: `$1` is the board, `$2` the fencing number, and a worker that outlived its
///   lease matches no row
/// - `due`: how a hint makes a board due in an `UPDATE`, which never shortens a backoff
/// - `record`: the columns of a board that a record is read from, each by its name: PostgreSQL refuses to go on with `*` when a newer
///   program adds a column
/// - `(each n)`: the texts of `$n`, as rows with the one column `value`
/// - `(among n)`: whether what stands before it is one of the texts of `$n`, and each of these is to be looked up: an array of unknown
///   length PostgreSQL takes for a short one, where a list of many it might compare with every board
/// - `(records n (column: type, …))`: the objects of `$n`, as the rows of a table `given`
/// - `(columns n column, n+1 column, …)`: the same where it is done for every delivery, of columns, which must be what is bound last:
///   PostgreSQL takes a third of the time for arrays that it takes for objects
/// - `(rows column, …)`: all rows as one value, for [`page`](super::many::page)
/// - `(lock)`: locks the rows of a subselect, in one order wherever it stands, so that no two statements wait for each other
/// - `{"SQLite" | "PostgreSQL"}`: where the words differ
macro_rules! sql {
    ($($piece:tt)+) => {
        $crate::store::sql::statement::Statement {
            sqlite: concat!($($crate::store::sql::statement::piece!(sqlite $piece)),+),
            postgres: concat!($($crate::store::sql::statement::piece!(postgres $piece)),+),
        }
    };
}

macro_rules! piece {
    ($dialect:ident $text:literal) => { $text };
    (sqlite {$sqlite:literal | $postgres:literal}) => { $sqlite };
    (postgres {$sqlite:literal | $postgres:literal}) => { $postgres };
    (sqlite now) => { "CAST(unixepoch('subsec') * 1000 AS INTEGER)" };
    // Not `extract`, whose exact numbers take twice the time in rows of a batch.
    (postgres now) => { "CAST(date_part('epoch', statement_timestamp()) * 1000 AS BIGINT)" };
    ($dialect:ident fenced) => {
        concat!(" WHERE id = $1 AND attempt = $2 AND lease_until > ", $crate::store::sql::statement::piece!($dialect now))
    };
    ($dialect:ident due) => {
        concat!(
            "hints = board.hints + 1, due_at = CASE WHEN failures > 0 AND due_at > ",
            $crate::store::sql::statement::piece!($dialect now),
            " THEN due_at WHEN due_at < ",
            $crate::store::sql::statement::piece!($dialect now),
            " THEN due_at ELSE ",
            $crate::store::sql::statement::piece!($dialect now),
            " END"
        )
    };
    ($dialect:ident record) => {
        "id, name, short_link, workspace, closed, kind, baseline, appeared, word, asked, status, reason, since, failures, failing_since, \
         closed_at, gone_at, missing_at, due_at, hints, attempt, room_id, title_sent, title_returned, room_archived, tagged, invited, \
         invitees, drift, changes, intent_title, intent_at, intent_remote_at, intent_answer"
    };
    (sqlite (each $n:literal)) => { concat!("json_each($", $n, ")") };
    (postgres (each $n:literal)) => { concat!("unnest($", $n, ") AS each(value)") };
    (sqlite (among $n:literal)) => { concat!(" IN (SELECT value FROM json_each($", $n, "))") };
    (postgres (among $n:literal)) => { concat!(" = ANY(ARRAY(SELECT unnest($", $n, ")))") };
    (sqlite (rows $first:ident $(, $column:ident)*)) => {
        concat!("json_group_array(json_array(", stringify!($first), $(", ", stringify!($column),)* ")) AS page")
    };
    (postgres (rows $first:ident $(, $column:ident)*)) => {
        concat!("CAST(coalesce(json_agg(json_build_array(", stringify!($first), $(", ", stringify!($column),)* ")), '[]') AS text) AS page")
    };
    (sqlite (lock)) => { "" };
    (postgres (lock)) => { " ORDER BY id FOR UPDATE" };
    (sqlite (columns $first:literal $column:ident $(, $n:literal $more:ident)*)) => {
        concat!("(SELECT value ->> 0 AS ", stringify!($column), $(", value ->> (", $n, " - ", $first, ") AS ", stringify!($more),)*
            " FROM json_each($", $first, ")) AS given")
    };
    (postgres (columns $first:literal $column:ident $(, $n:literal $more:ident)*)) => {
        concat!("unnest($", $first, $(", $", $n,)* ") AS given(", stringify!($column), $(", ", stringify!($more),)* ")")
    };
    (sqlite (records $n:literal ($($column:ident: $type:ident),+))) => {
        concat!("(SELECT 0 AS blank", $(", value ->> '", stringify!($column), "' AS ", stringify!($column),)+ " FROM json_each($", $n, ")) AS given")
    };
    (postgres (records $n:literal ($($column:ident: $type:ident),+))) => {
        concat!("json_to_recordset(CAST($", $n, " AS json)) AS given(blank bigint", $(", ", stringify!($column), " ", stringify!($type),)+ ")")
    };
}

pub(in crate::store) use {piece, sql};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_handed_over_as_they_are_or_as_rows() {
        let statement = sql!("SELECT a, $1 FROM " (columns 2 a, 3 b));
        assert_eq!(
            statement.sqlite,
            "SELECT a, $1 FROM (SELECT value ->> 0 AS a, value ->> (3 - 2) AS b FROM json_each($2)) AS given"
        );
        assert_eq!(
            statement.postgres,
            "SELECT a, $1 FROM unnest($2, $3) AS given(a, b)"
        );
        let columns = [
            Column::Texts(vec![Some("\"x\"".into()), None]),
            Column::Integers(vec![1, -2]),
        ];
        assert_eq!(rows(&columns), r#"[["\"x\"",1],[null,-2]]"#);
        assert_eq!(rows(&[]), "[]");
    }

    #[test]
    fn a_statement_is_written_once_and_read_by_both() {
        let statement = sql!("SELECT a FROM " (records 1 (a: text, b: bigint)) " WHERE a IN (SELECT value FROM " (each 2) ")" {" -- s" | " -- p"});
        assert_eq!(
            statement.sqlite,
            "SELECT a FROM (SELECT 0 AS blank, value ->> 'a' AS a, value ->> 'b' AS b FROM json_each($1)) AS given \
             WHERE a IN (SELECT value FROM json_each($2)) -- s"
        );
        assert_eq!(
            statement.postgres,
            "SELECT a FROM json_to_recordset(CAST($1 AS json)) AS given(blank bigint, a text, b bigint) \
             WHERE a IN (SELECT value FROM unnest($2) AS each(value)) -- p"
        );
        let statement = sql!("SELECT " (rows a, b) " FROM c WHERE a" (among 1));
        assert_eq!(
            statement.sqlite,
            "SELECT json_group_array(json_array(a, b)) AS page FROM c WHERE a IN (SELECT value FROM json_each($1))"
        );
        assert_eq!(
            statement.postgres,
            "SELECT CAST(coalesce(json_agg(json_build_array(a, b)), '[]') AS text) AS page FROM c WHERE a = ANY(ARRAY(SELECT unnest($1)))"
        );
    }
}
