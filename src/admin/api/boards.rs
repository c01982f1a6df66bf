//! `/boards`: lists of boards, one board, and what happened to it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::admin::api::given::{Named, Parameters};
use crate::admin::api::known;
use crate::admin::api::list::{self, Wanted};
use crate::admin::refusal::{Reason, Refusal};
use crate::api;
use crate::desk::reference;
use crate::desk::standings::{Filter, Line, NoFilter, changes, sentence};
use crate::http::Clients;
use crate::model::time::Timestamp;
use crate::store::{Cursor, Happened, Sought, Standing, Store};

/// As many as fit on a page.
const USUAL: u32 = 50;
const MOST: u32 = 500;

pub(super) async fn list(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    asked: Parameters,
) -> Result<Json<Value>, Refusal> {
    asked.only(&["status", "search", "limit", "cursor"])?;
    let wanted = Wanted {
        filter: asked
            .get("status")
            .filter(|text| !text.is_empty())
            .map(filter)
            .transpose()?,
        sought: asked
            .get("search")
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(Sought::new),
        from: asked.get("cursor").map(list::place).transpose()?,
        most: limit(&asked)?,
    };
    let (boards, next) = list::read(&wanted, &*store).await?;
    let entries: Vec<_> = boards
        .iter()
        .map(|board| Entry::of(board, &clients))
        .collect();
    Ok(Json(json!({
        "boards": entries,
        "next": next.as_ref().map(list::cursor),
    })))
}

fn filter(text: &str) -> Result<Filter, Refusal> {
    Filter::read(text).map_err(|error| match error {
        NoFilter::Status => Reason::NoSuchStatus.into(),
        NoFilter::Reason(status) => Refusal::saying(
            Reason::NoSuchStatus,
            format!("`status` gives a reason that no {status} board has"),
        ),
    })
}

fn limit(asked: &Parameters) -> Result<u32, Refusal> {
    let Some(limit) = asked.get("limit") else {
        return Ok(USUAL);
    };
    let digits = limit.strip_prefix('-').unwrap_or(limit);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`limit` is no whole number: give one from 1 to {MOST}");
        return Err(Refusal::saying(Reason::Malformed, message));
    }
    match limit.parse() {
        Ok(limit @ 1..=MOST) => Ok(limit),
        Ok(_) | Err(_) => Err(Reason::BadLimit.into()),
    }
}

/// A board in a list: what `boardroom boards --json` shows of it, and what a page needs beside that.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    /// The status in words that say why.
    sentence: String,
    board_url: Option<String>,
    room_url: Option<String>,
    failures: u32,
    failing_since: Option<String>,
}

impl<'a> Entry<'a> {
    fn of(board: &'a Standing, clients: &Clients) -> Self {
        // An archived room is found at either address.
        let room = |room| clients.docspace.room_url(room, false);
        Self {
            line: Line::of(board),
            sentence: sentence(&board.words),
            board_url: board.short_link.as_deref().map(reference::address),
            room_url: board.room.map(room),
            failures: board.failures,
            failing_since: board.failing_since.map(|since| since.to_string()),
        }
    }
}

/// A board by itself: what a list shows of it, and what is recorded of it and its room.
pub(super) async fn one(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    Named(named): Named,
) -> Result<Json<Value>, Refusal> {
    let board = known(&named, &*store).await?;
    let (standing, record) = tokio::try_join!(store.standing(board), store.record(board))?;
    let (Some(standing), Some(record)) = (standing, record) else {
        return Err(Reason::BoardUnknown.into());
    };
    let mut entry = json!(Entry::of(&standing, &clients));
    entry["drift_sentence"] = json!(standing.drift.as_ref().map(changes));
    entry["closed"] = json!(record.seen.as_ref().map(|seen| seen.closed));
    entry["workspace_id"] = json!(record.seen.as_ref().and_then(|seen| seen.workspace));
    entry["room"] = match &record.room {
        None => Value::Null,
        Some(room) => json!({
            "room_id": room.id,
            "url": clients.docspace.room_url(room.id, room.archived == Some(true)),
            "title": room.title_returned,
            "title_sent": room.title_sent,
            "archived": room.archived,
            "tagged": room.tagged,
            "invited": room.invited,
        }),
    };
    entry["creating_since"] = json!(record.intention.map(|intention| intention.at.to_string()));
    Ok(Json(entry))
}

/// What happened to a board, the earliest first, as `boardroom explain --json` tells it.
pub(super) async fn history(
    State(store): State<Arc<dyn Store>>,
    Named(named): Named,
    asked: Parameters,
) -> Result<Json<Value>, Refusal> {
    asked.only(&["limit", "cursor"])?;
    let most = limit(&asked)?;
    let after = match asked.get("cursor").map(str::parse) {
        None => Cursor::default(),
        Some(Ok(after)) => after,
        Some(Err(_)) => return Err(Reason::BadCursor.into()),
    };
    let board = known(&named, &*store).await?;
    let page = store.history(board, after, most).await?;
    let lines: Vec<_> = page.rows.iter().map(happened).collect();
    Ok(Json(json!({
        "board_id": board,
        "history": lines,
        "next": page.next.map(|next| next.to_string()),
        "at": Timestamp::now().to_string(),
    })))
}

fn happened(happened: &Happened) -> Value {
    json!({
        "at": happened.at.to_string(),
        "event": api::one_line(&happened.event),
        "detail": api::one_line(&happened.detail),
    })
}
