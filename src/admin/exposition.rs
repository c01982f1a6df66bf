//! `/metrics`, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::admin::Admin;
use crate::metrics::Metrics;

pub(super) fn routes() -> Router<Admin> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let mut text = String::new();
    for (name, count) in metrics.snapshot() {
        let _ = writeln!(
            text,
            "# TYPE boardroom_{name}_total counter\nboardroom_{name}_total {count}"
        );
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
