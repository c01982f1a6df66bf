//! The JSON API: what the page and the commands show and do, for programs. `openapi.json` describes it, and a test holds the two together.

mod boards;
mod figures;
mod given;
mod list;
mod plan;
mod rooms;
mod status;
mod webhooks;
mod words;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};

use crate::admin::Admin;
use crate::admin::refusal::{Reason, Refusal};
use crate::desk::reference::{self, ReferenceError};
use crate::http::Shared;
use crate::model::id::BoardId;
use crate::store::{Candidate, Store};

pub(super) use webhooks::Listed;

const DOCUMENT: &str = include_str!("api/openapi.json");

pub(super) fn routes(shared: Shared) -> Router<Admin> {
    Router::new()
        .route("/status", get(status::status))
        .route("/boards", get(boards::list))
        .route("/boards/{board}", get(boards::one))
        .route("/boards/{board}/history", get(boards::history))
        .route("/boards/{board}/plan", get(plan::of_board))
        .route("/boards/{board}/retry", post(words::retry_one))
        .route("/boards/{board}/ignore", post(words::ignore))
        .route("/boards/{board}/mirror", post(rooms::mirror))
        .route("/boards/{board}/room", put(rooms::link))
        .route("/retry", post(words::retry))
        .route("/release", post(words::release))
        .route("/sweep", post(words::sweep))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/sync", post(webhooks::sync))
        .route("/figures", get(figures::show))
        .route_layer(from_fn_with_state(shared, once_open))
        .route(
            "/openapi.json",
            get(|| async { ([(CONTENT_TYPE, "application/json")], DOCUMENT) }),
        )
        .fallback(|| async { Refusal::from(Reason::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal::from(Reason::MethodNotAllowed) })
}

/// Until the service has opened its database there is nothing to read there, and nothing to be told.
async fn once_open(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match shared.inbox.door().why_shut() {
        Some(why) => Refusal::saying(Reason::DatabaseAway, why).into_response(),
        None => next.run(request).await,
    }
}

/// The board of the database that is meant.
async fn known(named: &str, store: &dyn Store) -> Result<BoardId, Refusal> {
    let found = reference::find_known(named, store).await?;
    found.ok_or(Refusal::from(Reason::BoardUnknown))
}

impl From<ReferenceError> for Refusal {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::OtherAddress | ReferenceError::NoBoard => {
                Self::from(Reason::BoardUnclear)
            }
            ReferenceError::Ambiguous(candidates) => {
                let candidates = candidates.iter().map(candidate).collect();
                Self::from(Reason::BoardAmbiguous).among(candidates)
            }
            ReferenceError::Store(error) => Self::from(error),
        }
    }
}

fn candidate(candidate: &Candidate) -> serde_json::Value {
    let link = candidate.short_link.as_deref();
    serde_json::json!({
        "board_id": candidate.id,
        "name": candidate.name,
        "board_url": link.map(reference::address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_the_document_with_its_status() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        for reason in Reason::ALL {
            let status = reason.status().as_u16().to_string();
            let said = &document["components"]["responses"][&status]["description"];
            let code = format!("`{}`", reason.code());
            assert!(
                said.as_str().unwrap_or_default().contains(&code),
                "{reason:?}"
            );
        }
    }
}
