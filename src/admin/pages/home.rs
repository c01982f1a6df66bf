//! The status page: what is the same for everybody who looks, and the list of boards that this one asks for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use tokio::time::{Instant, timeout};

use crate::admin::About;
use crate::admin::access::Access;
use crate::admin::pages::done::Visitor;
use crate::admin::pages::frame;
use crate::admin::pages::list::{Asked, Found, ROWS};
use crate::admin::pages::plot::{Span, plot};
use crate::admin::pages::snapshot::Watch;
use crate::admin::pages::view::{Choice, Home, rendered};
use crate::http::Clients;
use crate::store::{Entry, Grain, Page, Store, StoreError};

/// How long the list may take. What is above it is shown all the same.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long boards are searched for one page. Where it ends, one searches on from there.
const SEARCHING: Duration = Duration::from_secs(1);

/// `GET /`.
pub(super) async fn show(
    State(watch): State<Watch>,
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(about): State<About>,
    State(access): State<Access>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    // Whoever writes nonsense into the address sees the page as it is without.
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let snapshot = watch.look().await;
    let found = if snapshot.is_read {
        find(&watch, &*store, &asked).await
    } else {
        // Whoever looks why nothing goes on does not wait for the same.
        Found::Away
    };
    let past = match asked.span.grain() {
        Grain::Minute => &snapshot.minutes,
        Grain::Hour => &snapshot.hours,
    };
    let now = snapshot.minutes.now;
    rendered(&Home {
        frame: frame(&about, &access),
        done: visitor.told(asked.done, asked.count),
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
        list: asked.list(&found, &clients.docspace, now),
    })
}

async fn find(watch: &Watch, store: &dyn Store, asked: &Asked) -> Found {
    let read = async {
        // Until this is let go, nobody else gets the place.
        let _place = match asked.filter().text {
            None => None,
            Some(_) => match timeout(SEARCHING, watch.searches().acquire()).await {
                Ok(place) => Some(place),
                Err(_) => return Found::Busy,
            },
        };
        match search(store, asked).await {
            Ok(page) => Found::Boards(page),
            Err(error) => {
                tracing::debug!(%error, "the page shows no boards");
                Found::Away
            }
        }
    };
    timeout(PATIENCE, read).await.unwrap_or(Found::Slow)
}

/// The boards of a page. Of a text only some hundred names are read at a time, for a database does not break off what it has begun.
async fn search(store: &dyn Store, asked: &Asked) -> Result<Page<Entry>, StoreError> {
    let (begun, filter) = (Instant::now(), asked.filter());
    let mut found = store.latest(&filter, asked.before(), ROWS).await?;
    while let Some(before) = found.next
        && found.rows.len() < ROWS as usize
        && begun.elapsed() < SEARCHING
    {
        let left = ROWS - u32::try_from(found.rows.len()).unwrap_or(ROWS);
        let more = store.latest(&filter, Some(before), left).await?;
        found.rows.extend(more.rows);
        found.next = more.next;
    }
    Ok(found)
}
