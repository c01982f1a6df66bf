//! The JSON API: what the page and the commands show and do, for programs. `openapi.json` describes it, and a test holds the two together.

use axum::routing::get;
use axum::{Json, Router};

use crate::admin::Admin;
use crate::admin::refusal::{Reason, Refusal};

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route(
            "/status",
            get(|| async { Json(serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })) }),
        )
        .fallback(|| async { Refusal::from(Reason::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal::from(Reason::MethodNotAllowed) })
}
