//! `/webhooks`: what Trello has registered for the token, as `boardroom webhooks --json` tells it, and its being brought in line.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::admin::About;
use crate::admin::api::rooms::{TRELLO_NOT_ASKED, trello_must_be_open};
use crate::admin::api::words::{asked, soon};
use crate::admin::refusal::{Reason, Refusal};
use crate::desk::webhooks::{self, Line, WebhooksError};
use crate::http::Clients;
use crate::lane::Lanes;
use crate::store::Store;

/// However many ask, Trello is asked no more often than this: its budget belongs to the boards.
const FRESH: Duration = Duration::from_secs(30);

/// After somebody has asked that they be brought in line, who waits for that may ask so often, for as long as it takes.
const WHILE_SYNCED: Duration = Duration::from_secs(2);
const SYNCED: Duration = Duration::from_secs(15);

/// As many are shown.
const MOST: usize = 1_000;

/// The webhooks as they were listed last, or why they could not be. Whoever asks meanwhile waits for the answer to the one before.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Listed {
    last: Arc<Mutex<Option<Answer>>>,
    /// When somebody asked that they be brought in line.
    synced: watch::Sender<Option<Instant>>,
}

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
    let mut last = listed.last.lock().await;
    let synced = *listed.synced.borrow();
    let is_fresh = |(at, _): &&Answer| at.elapsed() < fresh_for(*at, synced);
    let fresh = last.as_ref().filter(is_fresh);
    let shown = if let Some((_, said)) = fresh {
        said.clone()
    } else {
        trello_must_be_open(&lanes)?;
        // Before the answer: whoever asks may leave without it.
        *last = Some((
            Instant::now(),
            Err(Refusal::saying(Reason::ServicePaused, TRELLO_NOT_ASKED)),
        ));
        let said = webhooks::list(&clients.trello, Some(&*store), &about.webhooks).await;
        let said = said.map(shown).map_err(refused);
        *last = Some((Instant::now(), said.clone()));
        said
    };
    let Shown { lines, total } = shown?;
    Ok(Json(json!({ "webhooks": lines, "total": total })))
}

/// For how long an answer holds. What was listed before the webhooks were in line is old soon.
fn fresh_for(at: Instant, synced: Option<Instant>) -> Duration {
    match synced {
        Some(synced) if at < synced + SYNCED => WHILE_SYNCED,
        _ => FRESH,
    }
}

/// Whoever leads brings them in line within a few seconds, also if that is another process.
pub(super) async fn sync(
    State(listed): State<Listed>,
    State(about): State<About>,
    State(store): State<Arc<dyn Store>>,
    State(lanes): State<Lanes>,
) -> Result<Response, Refusal> {
    if about.webhooks.callback.is_none() {
        return Err(Reason::NoPublicUrl.into());
    }
    asked(async move {
        store.ask_for_webhooks().await?;
        listed.synced.send_replace(Some(Instant::now()));
        tracing::info!("that the webhooks be brought in line was asked for by the API");
        let sentence = format!(
            "a running service brings the webhooks in line {}",
            soon(&lanes)
        );
        Ok(json!({ "sentence": sentence }))
    })
    .await
}

fn shown(mut lines: Vec<Line>) -> Shown {
    let total = lines.len();
    lines.truncate(MOST);
    Shown { lines, total }
}

fn refused(error: WebhooksError) -> Refusal {
    match error {
        WebhooksError::Store(error) => error.into(),
        WebhooksError::Trello(error) => error.into(),
    }
}
