//! `GET /1/batch`: up to ten reads in one request, each with an answer and a fate of its own.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::routes::Route;
use super::{Trello, reading, webhooks};
use crate::sandbox::call::{Answer, Call, pairs};
use crate::sandbox::fault::{Ending, Fate};
use crate::sandbox::service::pause;

/// It takes no more URLs than this.
const MOST: usize = 10;

/// <https://developer.atlassian.com/cloud/trello/rest/api-group-batch/>: `[{"200": …}, {"name", "message", "statusCode"}]`.
/// A fault that is planned for a read and not for batches strikes the read inside a batch.
pub(super) async fn answer(trello: &Trello, call: &Call) -> Answer {
    let urls: Vec<&str> = match webhooks::parameter(&call.query, "urls") {
        Some(urls) if !urls.is_empty() => urls.split(',').collect(),
        _ => return Answer::text(400, "invalid value for urls"),
    };
    if urls.len() > MOST {
        return Answer::text(400, "invalid value for urls");
    }
    let reads: Vec<(Call, Fate)> = urls
        .into_iter()
        .map(|url| inner(call, url))
        .map(|read| (read.clone(), trello.fate_inside(&read, call)))
        .collect();
    // They are made side by side: the slowest is waited for.
    let slowest = |delay: fn(&Fate) -> Duration| reads.iter().map(|(_, fate)| delay(fate)).max();
    let (before, after) = (
        slowest(|fate| fate.delay_before),
        slowest(|fate| fate.delay_after),
    );
    pause(before.unwrap_or_default()).await;
    let mut answers = Vec::with_capacity(reads.len());
    for (call, fate) in reads {
        answers.push(entry(&struck(trello, &call, fate).await));
    }
    pause(after.unwrap_or_default()).await;
    Answer::json(200, &Value::Array(answers))
}

/// The request that one URL of a batch stands for.
fn inner(call: &Call, url: &str) -> Call {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Call {
        path: format!("/1/{}", path.trim_start_matches('/')),
        query: pairs(query.as_bytes()),
        body: Bytes::new(),
        ..call.clone()
    }
}

/// What becomes of one read. One that nobody would ever answer keeps the whole batch from being answered.
async fn struck(trello: &Trello, call: &Call, mut fate: Fate) -> Answer {
    let ending = match fate.instead() {
        Some(ending) => ending,
        None => fate.afterwards(read(trello, call)),
    };
    match ending {
        Ending::Answer(answer) => answer,
        Ending::Hang => std::future::pending().await,
        Ending::Drop | Ending::Garbage | Ending::HalfBody(_) => {
            Answer::text(503, "Service Unavailable")
        }
    }
}

fn read(trello: &Trello, call: &Call) -> Answer {
    let segments = call.segments();
    let route = segments.get(1..).and_then(|rest| Route::parse("GET", rest));
    let world = trello.world();
    match route {
        Some(Route::Batch) | None => Answer::text(404, &format!("Cannot GET {}", call.path)),
        Some(route) if route.is_malformed() => Answer::text(400, "invalid id"),
        Some(route)
            if route
                .token()
                .is_some_and(|token| token != world.credentials.token) =>
        {
            Answer::text(401, "unauthorized token")
        }
        Some(route) => reading::read(&world, &route, &call.query),
    }
}

/// An answer as a batch has it. Its status stands inside; what came with it in headers is lost.
fn entry(answer: &Answer) -> Value {
    let text = answer.body_text();
    if answer.status == 200 {
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        return json!({ "200": body });
    }
    let name = match answer.status {
        400 => "BadRequestError",
        401 => "UnauthorizedError",
        404 => "NotFoundError",
        _ => "Error",
    };
    json!({ "name": name, "message": text, "statusCode": answer.status })
}
