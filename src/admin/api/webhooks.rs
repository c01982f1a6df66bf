//! `/webhooks`: what Trello has registered for the token, as `boardroom webhooks --json` tells it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
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

/// The webhooks as they were listed last. Whoever asks meanwhile waits for the answer to the one before.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Listed(Arc<Mutex<Option<Answer>>>);

/// When Trello was asked, and what it said.
type Answer = (Instant, Vec<Line>);

pub(super) async fn list(
    State(listed): State<Listed>,
    State(about): State<About>,
    State(clients): State<Clients>,
    State(lanes): State<Lanes>,
    State(store): State<Arc<dyn Store>>,
) -> Result<Json<Value>, Refusal> {
    let mut last = listed.0.lock().await;
    let is_fresh = last.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
    if !is_fresh {
        if !lanes.is_open(Lane::Trello) {
            return Err(Reason::ServicePaused.into());
        }
        let all = webhooks::list(&clients.trello, Some(&*store), &about.webhooks).await;
        let all = all.map_err(|error| match error {
            WebhooksError::Store(error) => Refusal::from(error),
            WebhooksError::Trello(error) => {
                let failure = error.failure();
                Refusal::saying(Reason::ServicePaused, failure.code.sentence())
            }
        })?;
        *last = Some((Instant::now(), all));
    }
    let shown = last.as_ref().map(|(_, all)| all);
    Ok(Json(json!({ "webhooks": shown })))
}
