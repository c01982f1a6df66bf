//! `/webhooks`: what Trello has registered for the token, as `boardroom webhooks --json` tells it, and its being brought in line.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::admin::About;
use crate::admin::refusal::{Reason, Refusal};
use crate::desk::webhooks::{self, Line, WebhooksError};
use crate::http::Clients;
use crate::lane::Lanes;
use crate::model::lane::Lane;
use crate::store::Store;

/// However many ask, Trello is asked no more often than this: its budget belongs to the boards.
const FRESH: Duration = Duration::from_secs(30);

/// While Trello is known not to work.
const NOT_ASKED: &str = "Trello does not answer, or is not asked at the moment";
/// As many are shown.
const MOST: usize = 1_000;

/// The webhooks as they were listed last, or why they could not be. Whoever asks meanwhile waits for the answer to the one before.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Listed(Arc<Mutex<Option<Answer>>>);

/// When Trello was asked last, and what came of it: while it fails it is asked no more often.
type Answer = (Instant, Result<Shown, Refusal>);

/// Some of them, and how many there are.
#[derive(Debug, Clone)]
struct Shown {
    lines: Vec<Line>,
    total: usize,
}

pub(super) async fn list(
    State(listed): State<Listed>,
    State(about): State<About>,
    State(clients): State<Clients>,
    State(lanes): State<Lanes>,
    State(store): State<Arc<dyn Store>>,
) -> Result<Json<Value>, Refusal> {
    let mut last = listed.0.lock().await;
    let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
    let shown = if let Some((_, said)) = fresh {
        said.clone()
    } else {
        if !lanes.is_open(Lane::Trello) {
            return Err(Refusal::saying(Reason::ServicePaused, NOT_ASKED));
        }
        // Before the answer: whoever asks may leave without it.
        *last = Some((
            Instant::now(),
            Err(Refusal::saying(Reason::ServicePaused, NOT_ASKED)),
        ));
        let said = webhooks::list(&clients.trello, Some(&*store), &about.webhooks).await;
        let said = said.map(shown).map_err(refused);
        *last = Some((Instant::now(), said.clone()));
        said
    };
    let Shown { lines, total } = shown?;
    Ok(Json(json!({ "webhooks": lines, "total": total })))
}

/// Whoever leads looks over all webhooks within a few seconds, also if that is another process: it does so as well when somebody's part in
/// a workspace has changed, and is told of both alike.
pub(super) async fn sync(
    State(about): State<About>,
    State(store): State<Arc<dyn Store>>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    if about.webhooks.callback.is_none() {
        return Err(Reason::NoPublicUrl.into());
    }
    store.tell_of_roles().await?;
    tracing::info!("a look over the webhooks was asked for by the API");
    let said =
        json!({ "sentence": "a running service looks over the webhooks within a few seconds" });
    Ok((StatusCode::ACCEPTED, Json(said)))
}

fn shown(mut lines: Vec<Line>) -> Shown {
    let total = lines.len();
    lines.truncate(MOST);
    Shown { lines, total }
}

fn refused(error: WebhooksError) -> Refusal {
    match error {
        WebhooksError::Store(error) => Refusal::from(error),
        WebhooksError::Trello(error) => {
            let failure = error.failure();
            Refusal::saying(Reason::ServicePaused, failure.code.sentence())
        }
    }
}
