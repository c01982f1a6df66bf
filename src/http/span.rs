//! What a request is called in logs and traces.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Request, Response};
use tower_http::request_id::RequestId;
use tracing::Span;
use tracing::field::Empty;

use crate::telemetry;

/// The one route that is worth a trace.
const CALLBACK: &str = "/webhooks/trello";

/// The span of a request. What trace a sender claims to follow does not count: anybody may send.
pub(super) fn of_request<B>(request: &Request<B>) -> Span {
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let id = extensions.get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    if route != Some(CALLBACK) {
        return tracing::debug_span!(target: "boardroom::probe", "request", request.id = id);
    }
    let method = request.method();
    let span = tracing::info_span!(
        "request", otel.name = %format_args!("{method} {CALLBACK}"), otel.kind = "server", otel.status_code = Empty,
        http.request.method = %method, http.route = CALLBACK, http.response.status_code = Empty,
        request.id = id, trace.id = Empty, board.id = Empty
    );
    telemetry::identify(&span);
    span
}

pub(super) fn answered<B>(response: &Response<B>, after: Duration, span: &Span) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(status = status.as_u16(), after_ms, "answered");
}
