//! Rows as values. What a row holds that no version of this program wrote is an error, not a guess.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::Row;
use crate::model::board::{Board, Intention, Record, RoomRecord};
use crate::model::id::{BoardId, RoomId};
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// A value of a kind that columns have.
pub(super) trait Column: Sized {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError>;
}

impl Column for i64 {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        row.integer(column)
    }
}

/// For counts, which are never negative.
macro_rules! count {
    ($($type:ty),+) => {
        $(impl Column for $type {
            fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
                let count = row.integer(column)?.map(Self::try_from).transpose();
                count.map_err(|error| StoreError::Unreadable(format!("{column}: {error}")))
            }
        })+
    };
}
count!(u32, u64);

impl Column for bool {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        Ok(row.integer(column)?.map(|value| value != 0))
    }
}

impl Column for Timestamp {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        Ok(row.integer(column)?.map(Self))
    }
}

impl Column for RoomId {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        Ok(row.integer(column)?.map(Self))
    }
}

impl Column for String {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        Ok(row.text(column)?.map(Self::from))
    }
}

impl Column for Vec<u8> {
    fn read(row: &impl Row, column: &str) -> Result<Option<Self>, StoreError> {
        row.bytes(column)
    }
}

/// A column that may hold nothing.
pub(super) fn maybe<T: Column>(row: &impl Row, column: &str) -> Result<Option<T>, StoreError> {
    T::read(row, column)
}

/// A column that always holds something.
pub(super) fn get<T: Column>(row: &impl Row, column: &str) -> Result<T, StoreError> {
    T::read(row, column)?
        .ok_or_else(|| StoreError::Unreadable(format!("{column}: there is nothing")))
}

/// Reads text of a known form.
pub(super) fn parsed<T: FromStr>(text: &str) -> Result<T, StoreError>
where
    T::Err: ToString,
{
    text.parse()
        .map_err(|error: T::Err| StoreError::Unreadable(format!("{}: `{text}`", error.to_string())))
}

/// A column of text of a known form, which may hold nothing.
pub(super) fn maybe_parsed<T: FromStr>(
    row: &impl Row,
    column: &str,
) -> Result<Option<T>, StoreError>
where
    T::Err: ToString,
{
    row.text(column)?.map(parsed).transpose()
}

/// One that always holds something.
pub(super) fn get_parsed<T: FromStr>(row: &impl Row, column: &str) -> Result<T, StoreError>
where
    T::Err: ToString,
{
    maybe_parsed(row, column)?
        .ok_or_else(|| StoreError::Unreadable(format!("{column}: there is nothing")))
}

/// A column of many rows.
pub(super) fn all_parsed<T: FromStr>(rows: &[impl Row], column: &str) -> Result<Vec<T>, StoreError>
where
    T::Err: ToString,
{
    rows.iter().map(|row| get_parsed(row, column)).collect()
}

/// The JSON of a column, its members in the order of the type.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has no keys that JSON could not have")
}

/// A column of JSON.
pub(super) fn json<T: DeserializeOwned>(
    row: &impl Row,
    column: &str,
) -> Result<Option<T>, StoreError> {
    row.text(column)?
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::Unreadable(format!("{column}: {error}")))
}

pub(super) fn status(status: &str, reason: Option<&str>) -> Result<Status, StoreError> {
    Status::from_words(status, reason).map_err(StoreError::Unreadable)
}

/// What could be read; what could not is left out, and logged.
pub(super) fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "a row is left out"))
        .ok()
}

pub(super) fn record(row: &impl Row) -> Result<Record, StoreError> {
    let words: String = get(row, "status")?;
    Ok(Record {
        id: get_parsed(row, "id")?,
        seen: seen(row)?,
        baseline: maybe_parsed(row, "baseline")?,
        appeared: maybe_parsed(row, "appeared")?,
        told: maybe_parsed(row, "word")?,
        asked: get(row, "asked")?,
        status: status(&words, row.text("reason")?)?,
        since: get(row, "since")?,
        failures: get(row, "failures")?,
        failing_since: maybe(row, "failing_since")?,
        closed_at: maybe(row, "closed_at")?,
        gone_at: maybe(row, "gone_at")?,
        missing_at: maybe(row, "missing_at")?,
        room: room(row)?,
        intention: intention(row)?,
    })
}

fn seen(row: &impl Row) -> Result<Option<Board>, StoreError> {
    let Some(kind) = maybe_parsed(row, "kind")? else {
        return Ok(None);
    };
    Ok(Some(Board {
        id: get_parsed::<BoardId>(row, "id")?,
        name: maybe(row, "name")?.unwrap_or_default(),
        short_link: maybe(row, "short_link")?,
        workspace: maybe_parsed(row, "workspace")?,
        closed: maybe(row, "closed")?.unwrap_or(false),
        kind,
    }))
}

fn room(row: &impl Row) -> Result<Option<RoomRecord>, StoreError> {
    let Some(id) = maybe(row, "room_id")? else {
        return Ok(None);
    };
    Ok(Some(RoomRecord {
        id,
        title_sent: maybe(row, "title_sent")?,
        title_returned: get(row, "title_returned")?,
        archived: maybe(row, "room_archived")?,
        tagged: maybe(row, "tagged")?.unwrap_or(false),
        invited: maybe(row, "invited")?.unwrap_or(false),
        invitees: get(row, "invitees")?,
        drift: json(row, "drift")?,
        changes: json(row, "changes")?.unwrap_or_default(),
    }))
}

fn intention(row: &impl Row) -> Result<Option<Intention>, StoreError> {
    let Some(title) = maybe(row, "intent_title")? else {
        return Ok(None);
    };
    Ok(Some(Intention {
        title,
        at: get(row, "intent_at")?,
        remote_at: get(row, "intent_remote_at")?,
        answer: get_parsed(row, "intent_answer")?,
    }))
}
