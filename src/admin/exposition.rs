//! `/metrics`, as Prometheus reads it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::admin::Admin;
use crate::exposition::{self, Exposition};
use crate::http::Shared;

pub(super) fn routes(shared: Shared) -> Router<Admin> {
    let exposition = Exposition::new(shared);
    let metrics = async move || {
        let text = exposition.render().await;
        ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], text)
    };
    Router::new().route("/metrics", get(metrics))
}
