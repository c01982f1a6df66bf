//! The status page: what is the same for everybody who looks, and the list of boards that this one asks for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use tokio::time::timeout;

use crate::admin::About;
use crate::admin::access::Access;
use crate::admin::pages::frame;
use crate::admin::pages::list::{Asked, ROWS};
use crate::admin::pages::plot::{Span, plot};
use crate::admin::pages::snapshot::Watch;
use crate::admin::pages::view::{Choice, Home, rendered};
use crate::http::Clients;
use crate::store::{Grain, Store};

/// How long the list may take. What is above it is shown all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /`.
pub(super) async fn show(
    State(watch): State<Watch>,
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(about): State<About>,
    State(access): State<Access>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    // Whoever writes nonsense into the address sees the page as it is without.
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let snapshot = watch.look().await;
    let filter = asked.filter();
    let found = store.latest(&filter, asked.before(), ROWS);
    let found = if snapshot.is_read {
        timeout(PATIENCE, found).await.ok().and_then(Result::ok)
    } else {
        // Whoever looks why nothing goes on does not wait for the same.
        None
    };
    let past = match asked.span.grain() {
        Grain::Minute => &snapshot.minutes,
        Grain::Hour => &snapshot.hours,
    };
    let now = snapshot.minutes.now;
    rendered(&Home {
        frame: frame(&about, &access),
        done: asked.done.map(|done| done.said(asked.count)),
        status: snapshot.status.clone(),
        spans: Span::ALL
            .into_iter()
            .map(|span| Choice {
                href: format!("{}#plot-head", asked.address(span, asked.before())),
                label: span.label(),
                is_chosen: span == asked.span,
            })
            .collect(),
        plot: plot(asked.span, &past.spans, past.now),
        span_kept: (asked.span != Span::default()).then(|| asked.span.as_str()),
        list: asked.list(found.as_ref(), &clients.docspace, now),
    })
}
