//! The stream by which a page learns that it shows what was, in server-sent events. It says no more than that: the page is fetched again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use crate::admin::pages::snapshot::Watch;

/// How often a stream looks. However many there are, the database is read once for all.
const LOOK: Duration = Duration::from_secs(2);
/// So that nothing between takes a quiet stream for a dead one.
const ALIVE: Duration = Duration::from_secs(15);

/// What a stream remembers.
#[derive(Debug)]
struct Seat {
    watch: Watch,
    seen: u64,
    _permit: OwnedSemaphorePermit,
}

/// `GET /live`: the event `changed` whenever anything that is shown is another.
pub(super) async fn stream(State(watch): State<Watch>) -> Response {
    let Ok(permit) = watch.seats().clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "15")]).into_response();
    };
    let seat = Seat {
        seen: watch.look().await.version,
        watch,
        _permit: permit,
    };
    let events = stream::unfold(seat, |mut seat| async move {
        let stop = seat.watch.stop().clone();
        let changed = stop.run_until_cancelled(seat.change()).await;
        changed?;
        let event = Event::default()
            .event("changed")
            .data(seat.seen.to_string());
        Some((Ok::<_, Infallible>(event), seat))
    });
    let alive = KeepAlive::new().interval(ALIVE);
    // A proxy must not keep back what it takes for the beginning of something longer.
    let unbuffered = [("x-accel-buffering", "no")];
    (unbuffered, Sse::new(events).keep_alive(alive)).into_response()
}

impl Seat {
    /// Waits until there is something else to see.
    async fn change(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let version = self.watch.look().await.version;
            if version != self.seen {
                self.seen = version;
                return;
            }
        }
    }
}
