//! The probes. Live: this process answers. Ready: a delivery can be stored, whatever Trello and DocSpace are doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::http::Clients;
use crate::inbox::Inbox;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::model::lane::LaneKind;
use crate::store::{Store, StoreError};
use crate::trello::Budget;

/// However many ask, the database is asked to write no more often than this.
const FRESH: Duration = Duration::from_secs(1);
/// An orchestrator's probe gives up after a second or a few.
const PATIENCE: Duration = Duration::from_millis(900);

/// Whether a delivery can be stored. Clones share what is known.
#[derive(Debug, Clone)]
pub(super) struct Readiness {
    store: Arc<dyn Store>,
    inbox: Inbox,
    draining: Arc<AtomicBool>,
    last: Arc<Mutex<Option<Probed>>>,
}

/// When it was last tried to write, and what kept it from being written.
type Probed = (Instant, Result<(), &'static str>);

impl Readiness {
    pub(super) fn new(store: Arc<dyn Store>, inbox: Inbox) -> Self {
        Self {
            store,
            inbox,
            draining: Arc::default(),
            last: Arc::default(),
        }
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) async fn check(&self) -> Result<(), &'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("shutting down");
        }
        if let Some(why) = self.inbox.door().why_shut() {
            return Err(why);
        }
        if self.inbox.is_full() {
            return Err("too many deliveries wait to be stored");
        }
        // Whoever waits here for somebody else's probe waits no longer than for his own.
        match timeout(PATIENCE, self.probe()).await {
            Ok(result) => result,
            Err(_) => Err("the database does not answer in time"),
        }
    }

    async fn probe(&self) -> Result<(), &'static str> {
        let mut last = self.last.lock().await;
        if let Some((at, result)) = *last
            && at.elapsed() < FRESH
        {
            return result;
        }
        let before = last.and_then(|(_, result)| result.err());
        let result = self.store.probe().await.map_err(|error| {
            let why = unready(&error);
            if before != Some(why) {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "not ready: {why}");
            }
            why
        });
        *last = Some((Instant::now(), result));
        result
    }
}

/// What anybody may know of it: the error may name hosts.
fn unready(error: &StoreError) -> &'static str {
    match error {
        StoreError::Away { .. } => "the database does not answer",
        StoreError::Open { .. }
        | StoreError::Missing { .. }
        | StoreError::TooNew
        | StoreError::Database(_)
        | StoreError::Migrate(_)
        | StoreError::Unreadable(_) => "the database cannot be written",
    }
}

/// `GET /livez` and `/healthz`.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`; with `?verbose` a JSON object that says more.
pub(super) async fn ready(
    State(readiness): State<Readiness>,
    State(lanes): State<Lanes>,
    State(clients): State<Clients>,
    State(metrics): State<Arc<Metrics>>,
    State(store): State<Arc<dyn Store>>,
    RawQuery(query): RawQuery,
) -> Response {
    let ready = readiness.check().await;
    let status = if ready.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let asks_more = query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part == "verbose" || part.starts_with("verbose="))
    });
    let mut response = if asks_more {
        let mut details = details(ready, &lanes, &clients, &metrics);
        let asked = tokio::join!(
            concerns(&*store),
            requests(&*store, clients.trello.budget())
        );
        (details["concerns"], details["trello"]) = asked;
        (status, Json(details)).into_response()
    } else {
        (status, format!("{}\n", ready.err().unwrap_or("ok"))).into_response()
    };
    if ready.is_err() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
    }
    response
}

/// What somebody should know although nothing waits for it; null where the database does not say.
async fn concerns(store: &dyn Store) -> Value {
    let Ok(Ok(concerns)) = timeout(PATIENCE, store.concerns()).await else {
        return Value::Null;
    };
    let concerns = concerns.into_iter().map(|concern| {
        let code = concern.failure.code;
        json!({
            "subject": concern.subject,
            "code": code.as_str(),
            "reason": code.sentence(),
            "detail": concern.failure.detail,
            "fix": code.fix(),
            "since": concern.since.to_string(),
        })
    });
    concerns.collect()
}

/// How many requests to Trello this process could make at once; where the database does not say, as far as it knows itself.
async fn requests(store: &dyn Store, budget: &Budget) -> Value {
    let (mut left, allowed) = budget.left();
    let occupied = timeout(PATIENCE, store.occupied_permits(budget.per()));
    if let Ok(Ok(occupied)) = occupied.await {
        // What others do not occupy, and what is leased to this process.
        left = allowed.saturating_sub(occupied) + budget.reserve();
    }
    json!({ "requests_left": left, "requests_allowed": allowed })
}

/// Lanes, budgets and counters; no secret and no name of a board.
fn details(
    ready: Result<(), &'static str>,
    lanes: &Lanes,
    clients: &Clients,
    metrics: &Metrics,
) -> Value {
    let closed = lanes.closed().into_iter().map(|(lane, pause)| {
        json!({
            "lane": lane.as_str(),
            "code": pause.failure.code.as_str(),
            "reason": pause.failure.code.sentence(),
            "fix": pause.failure.code.fix(),
            "since": pause.since.to_string(),
            "until": match lane.kind() {
                LaneKind::Service | LaneKind::Gate => json!(pause.until.to_string()),
                // Until a person says so.
                LaneKind::Brake => Value::Null,
            },
        })
    });
    let (writes, most_writes) = clients.docspace.writes_in_flight();
    let counters: serde_json::Map<_, _> = metrics
        .snapshot()
        .into_iter()
        .map(|(name, count)| (name.to_owned(), json!(count)))
        .collect();
    json!({
        "ready": ready.is_ok(),
        "reason": ready.err(),
        "version": env!("CARGO_PKG_VERSION"),
        "paused": closed.collect::<Vec<_>>(),
        "docspace": { "writes_in_flight": writes, "writes_allowed": most_writes },
        "counters": counters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Account, Permits as _, Sqlite, Terms};

    #[tokio::test]
    async fn it_is_ready_once_the_door_is_open_and_until_it_drains() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("b.db")).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let (inbox, _writer) = Inbox::new(store.clone(), Arc::default());
        let readiness = Readiness::new(store, inbox.clone());
        inbox.door().shut("the database does not answer");
        let shut = readiness.check().await;
        assert_eq!(shut, Err("the database does not answer"));
        inbox.door().open();
        assert_eq!(readiness.check().await, Ok(()));
        readiness.drain();
        assert_eq!(readiness.check().await, Err("shutting down"));
    }

    #[tokio::test]
    async fn what_other_services_occupy_is_not_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("b.db")).await.unwrap();
        let budget = Budget::new(10, Duration::from_mins(10));
        budget.share();
        let left = |left| json!({ "requests_left": left, "requests_allowed": 10 });
        assert_eq!(requests(&store, &budget).await, left(10));
        let other = Account {
            holder: "other",
            held: 0,
            ended: &[],
            need: 3,
            want: 3,
        };
        let terms = Terms {
            limit: 10,
            per: budget.per(),
            life: PATIENCE,
            longest: PATIENCE,
        };
        store.exchange_permits(&other, &terms).await.unwrap();
        assert_eq!(requests(&store, &budget).await, left(7));
    }

    #[test]
    fn what_anybody_may_know_names_no_host() {
        let away = StoreError::Away {
            reason: "db.internal refuses".into(),
        };
        assert_eq!(unready(&away), "the database does not answer");
        assert_eq!(
            unready(&StoreError::TooNew),
            "the database cannot be written"
        );
    }
}
