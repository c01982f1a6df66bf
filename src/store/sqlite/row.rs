//! Rows of the board table as values. What a row holds that no version of this program wrote is an error, not a guess.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::model::board::{Board, Intention, Record, RoomRecord};
use crate::model::id::{BoardId, RoomId};
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// Reads text of a known form.
pub(super) fn parsed<T: FromStr>(text: &str) -> Result<T, StoreError>
where
    T::Err: ToString,
{
    text.parse()
        .map_err(|error: T::Err| StoreError::Unreadable(format!("{}: `{text}`", error.to_string())))
}

fn maybe<T: FromStr>(row: &SqliteRow, column: &str) -> Result<Option<T>, StoreError>
where
    T::Err: ToString,
{
    row.try_get::<Option<&str>, _>(column)?
        .map(parsed)
        .transpose()
}

/// The JSON of a column, its members in the order of the type.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has no keys that JSON could not have")
}

/// A column of JSON.
pub(super) fn json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let text = row.try_get::<Option<&str>, _>(column)?;
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::Unreadable(format!("{column}: {error}")))
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

pub(super) fn status(status: &str, reason: Option<&str>) -> Result<Status, StoreError> {
    Status::from_words(status, reason).map_err(StoreError::Unreadable)
}

/// What could be read; what could not is left out, and logged.
pub(super) fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "a row is left out"))
        .ok()
}

pub(super) fn record(row: &SqliteRow) -> Result<Record, StoreError> {
    let (status, reason): (&str, Option<&str>) = (row.try_get("status")?, row.try_get("reason")?);
    Ok(Record {
        id: parsed(row.try_get("id")?)?,
        seen: seen(row)?,
        baseline: maybe(row, "baseline")?,
        appeared: maybe(row, "appeared")?,
        told: maybe(row, "word")?,
        asked: row.try_get("asked")?,
        status: self::status(status, reason)?,
        since: Timestamp(row.try_get("since")?),
        failures: row.try_get("failures")?,
        failing_since: time(row, "failing_since")?,
        closed_at: time(row, "closed_at")?,
        gone_at: time(row, "gone_at")?,
        missing_at: time(row, "missing_at")?,
        room: room(row)?,
        intention: intention(row)?,
    })
}

fn seen(row: &SqliteRow) -> Result<Option<Board>, StoreError> {
    let Some(kind) = maybe(row, "kind")? else {
        return Ok(None);
    };
    Ok(Some(Board {
        id: parsed::<BoardId>(row.try_get("id")?)?,
        name: row
            .try_get::<Option<String>, _>("name")?
            .unwrap_or_default(),
        short_link: row.try_get("short_link")?,
        workspace: maybe(row, "workspace")?,
        closed: row.try_get::<Option<bool>, _>("closed")?.unwrap_or(false),
        kind,
    }))
}

fn room(row: &SqliteRow) -> Result<Option<RoomRecord>, StoreError> {
    let Some(id) = row.try_get::<Option<i64>, _>("room_id")? else {
        return Ok(None);
    };
    Ok(Some(RoomRecord {
        id: RoomId(id),
        title_sent: row.try_get("title_sent")?,
        title_returned: row.try_get("title_returned")?,
        archived: row.try_get("room_archived")?,
        tagged: row.try_get::<Option<bool>, _>("tagged")?.unwrap_or(false),
        invited: row.try_get::<Option<bool>, _>("invited")?.unwrap_or(false),
        invitees: row.try_get("invitees")?,
        drift: json(row, "drift")?,
        changes: json(row, "changes")?.unwrap_or_default(),
    }))
}

fn intention(row: &SqliteRow) -> Result<Option<Intention>, StoreError> {
    let Some(title) = row.try_get::<Option<String>, _>("intent_title")? else {
        return Ok(None);
    };
    Ok(Some(Intention {
        title,
        at: Timestamp(row.try_get("intent_at")?),
        remote_at: Timestamp(row.try_get("intent_remote_at")?),
        answer: parsed(row.try_get("intent_answer")?)?,
    }))
}
