//! A delivery: bounded, verified, parsed, stored, and only then acknowledged.
//!
//! Never 410, which makes Trello delete the webhook, and never a redirect, which it does not follow.

use std::fmt::Display;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRef, FromRequest, Request, State};
use axum::http::header::{CONTENT_LENGTH, EXPECT, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{Instant, timeout, timeout_at};

use crate::http::refused::{Desk, Head, Keeper};
use crate::http::room::{Room, USUAL_BODY};
use crate::http::seldom::Seldom;
use crate::http::sources::Stranger;
use crate::http::{RolesBell, Shared};
use crate::inbox::{Inbox, NotStored};
use crate::metrics::Metrics;
use crate::model::delivery::{Capture, Captured, Hint, Recorded};
use crate::model::id::{BoardId, ModelId};
use crate::store::StoreError;
use crate::telemetry;
use crate::trello::signature::Verifier;
use crate::trello::webhook::{Delivery, NotADelivery, parse};
use crate::watched::{Watched, Whose};

/// Trello's deliveries are of 3 to 10 kB; a long description before and after a change makes one of 33 kB.
pub(super) const LONGEST_BODY: usize = 1 << 20;
/// Read and dropped of a body that is too long, so that the sender gets to read the answer.
const LONGEST_DRAIN: usize = 8 << 20;
/// How much of a body is kept for a person to look at.
const LONGEST_CAPTURE: usize = 16 << 10;
/// Trello sends a body at once. Whoever does not come to its end by then holds a connection for nothing.
const LONGEST_READ: Duration = Duration::from_secs(10);
pub(super) const SIGNATURE: &str = "x-trello-webhook";

/// A body whose signature was verified, and when its head had come. There is no other way to make one than by verifying.
#[derive(Debug)]
pub(super) struct Signed(Bytes, Instant);

impl FromRequest<Shared> for Signed {
    type Rejection = StatusCode;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, StatusCode> {
        let begun = Instant::now();
        let metrics = Arc::<Metrics>::from_ref(shared);
        let verifier = Arc::<Verifier>::from_ref(shared);
        let (parts, body) = request.into_parts();
        if let Err(stranger) = shared.sources.admit(peer(&parts), &parts.headers) {
            let _ = timeout(
                LONGEST_READ,
                drain_unread(&parts.headers, body, LONGEST_BODY),
            )
            .await;
            return Err(turned_away(&metrics, stranger));
        }
        let Some(signature) = only_signature(&parts.headers) else {
            return Err(refuse_unread(shared, &parts, body).await);
        };
        let until = begun + LONGEST_READ;
        let body = read(&parts.headers, body, &shared.room, until).await;
        let body = body.inspect_err(|status| {
            if *status == StatusCode::PAYLOAD_TOO_LARGE {
                metrics.deliveries_too_large.add_one();
            }
        })?;
        if verifier.accepts(&body, signature) {
            Ok(Self(body, begun))
        } else {
            Err(refuse(shared, &parts, &body).await)
        }
    }
}

/// The other end of the connection. Whoever calls the router without a listener comes from nowhere.
fn peer(parts: &Parts) -> SocketAddr {
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    connected.map_or((Ipv6Addr::UNSPECIFIED, 0).into(), |peer| peer.0)
}

fn turned_away(metrics: &Metrics, stranger: Stranger) -> StatusCode {
    static TURNED_AWAY: Seldom = Seldom::new();
    metrics.deliveries_turned_away.add_one();
    if let Some(deliveries) = TURNED_AWAY.due() {
        tracing::warn!(deliveries, "a delivery was turned away: {stranger}");
    }
    StatusCode::FORBIDDEN
}

/// Reads what nobody will look at to its end. Nothing of it is held in memory unless it is to be kept.
async fn refuse_unread(shared: &Shared, parts: &Parts, mut body: Body) -> StatusCode {
    const CAUSE: &str = "no single signature";
    match Keeper::from_ref(shared).leave() {
        None => {
            let _ = timeout(
                LONGEST_READ,
                drain_unread(&parts.headers, body, LONGEST_BODY),
            )
            .await;
        }
        Some(leave) => {
            let mut head = Head::default();
            let _ = timeout(LONGEST_READ, drain_into(&mut head, &mut body)).await;
            leave.keep(desk(shared), parts, head, CAUSE).await;
        }
    }
    refused(&Arc::<Metrics>::from_ref(shared), CAUSE)
}

async fn refuse(shared: &Shared, parts: &Parts, body: &[u8]) -> StatusCode {
    const CAUSE: &str = "the signature does not match";
    if let Some(leave) = Keeper::from_ref(shared).leave() {
        let mut head = Head::default();
        head.take_in(body, LONGEST_CAPTURE);
        leave.keep(desk(shared), parts, head, CAUSE).await;
    }
    refused(&Arc::<Metrics>::from_ref(shared), CAUSE)
}

fn desk(shared: &Shared) -> Desk<'_> {
    Desk {
        store: &*shared.store,
        inbox: &shared.inbox,
    }
}

fn refused(metrics: &Metrics, cause: &str) -> StatusCode {
    static REFUSED: Seldom = Seldom::new();
    metrics.deliveries_refused.add_one();
    if let Some(deliveries) = REFUSED.due() {
        tracing::warn!(deliveries, "a delivery was refused: {cause}");
    }
    StatusCode::UNAUTHORIZED
}

/// The signature, if there is just one: of two, nobody can say which counts.
fn only_signature(headers: &HeaderMap) -> Option<&[u8]> {
    let mut all = headers.get_all(SIGNATURE).iter();
    let first = all.next()?;
    all.next().is_none().then(|| first.as_bytes())
}

/// Reads a body to its end, which must come by `until`.
async fn read(
    headers: &HeaderMap,
    mut body: Body,
    room: &Room,
    until: Instant,
) -> Result<Bytes, StatusCode> {
    let late = |_| StatusCode::REQUEST_TIMEOUT;
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LONGEST_BODY) {
        let _ = timeout_at(until, drain_unread(headers, body, LONGEST_DRAIN)).await;
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    // Whoever says beforehand that it is long waits before anything of it is in memory.
    let mut place = match announced {
        Some(length) if length > USUAL_BODY => {
            let place = timeout_at(until, room.take(length)).await;
            Some(place.map_err(late)?)
        }
        _ => None,
    };
    let mut read = Vec::new();
    while let Some(frame) = timeout_at(until, body.frame()).await.map_err(late)? {
        let Ok(frame) = frame else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if read.len() + data.len() > LONGEST_BODY {
            // Nobody wants what was read, however slowly the rest comes.
            drop((data, read, place));
            let _ = timeout_at(until, drain(body, LONGEST_DRAIN)).await;
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        // Most bodies come in one piece, which need not be copied.
        if read.is_empty() && announced == Some(data.len()) {
            return Ok(data);
        }
        if read.len() + data.len() > USUAL_BODY && place.is_none() {
            let taken = timeout_at(until, room.take(LONGEST_BODY)).await;
            place = Some(taken.map_err(late)?);
        }
        // What is announced need not come.
        let likely = announced.unwrap_or(0);
        read.reserve_exact(likely.saturating_sub(read.len()));
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}

/// Closing a connection with unread data resets it, and the sender may never see the answer.
async fn drain(body: Body, longest: usize) {
    let mut rest = Limited::new(body, longest);
    while let Some(Ok(_)) = rest.frame().await {}
}

/// The same where nothing was read yet: who asks first whether to send has sent nothing, and is told no at once.
async fn drain_unread(headers: &HeaderMap, body: Body, longest: usize) {
    if !headers.contains_key(EXPECT) {
        drain(body, longest).await;
    }
}

/// Reads a body of no use to its end, and keeps its beginning.
async fn drain_into(head: &mut Head, body: &mut Body) {
    let mut rest = Limited::new(body, LONGEST_BODY);
    while let Some(Ok(frame)) = rest.frame().await {
        if let Some(piece) = frame.data_ref() {
            head.take_in(piece, LONGEST_CAPTURE);
        }
    }
}

/// `POST /webhooks/trello`.
pub(super) async fn receive(State(shared): State<Shared>, Signed(body, begun): Signed) -> Response {
    let response = take(&shared, body).await;
    shared.metrics.acknowledgement.observe(begun.elapsed());
    response
}

async fn take(shared: &Shared, body: Bytes) -> Response {
    let (metrics, watched, desk) = (&*shared.metrics, &shared.watched, desk(shared));
    let (model, hint) = match parse(&body) {
        Ok(Delivery::Hint { model, hint }) => (model, hint),
        Ok(Delivery::Roles { model }) => {
            metrics.deliveries_uninteresting.add_one();
            return hear_of_roles(watched, desk, model, &shared.roles).await;
        }
        Ok(Delivery::Uninteresting) => {
            metrics.deliveries_uninteresting.add_one();
            return StatusCode::OK.into_response();
        }
        Err(error) => return keep_junk(metrics, desk, body, &error).await,
    };
    // It is the buffer that the connection reads into, which need not wait for the commit.
    drop(body);
    match is_ours(watched, desk, model).await {
        Ok(true) => take_in(metrics, &shared.inbox, hint).await,
        Ok(false) => {
            metrics.deliveries_foreign.add_one();
            tracing::debug!(model = %model, board.id = %hint.board, "a signed delivery about a model that is not ours");
            StatusCode::OK.into_response()
        }
        Err(error) => not_stored(metrics, &shared.inbox, hint.board, &error),
    }
}

/// Somebody's part in a workspace has changed. Lost, it would be found within a few rounds of the guardian all the same.
async fn hear_of_roles(
    watched: &Watched,
    desk: Desk<'_>,
    model: ModelId,
    roles: &RolesBell,
) -> Response {
    static DROPPED: Seldom = Seldom::new();
    match is_ours(watched, desk, model).await {
        Ok(true) => roles.0.notify_one(),
        Ok(false) => {}
        Err(error) => {
            if let Some(deliveries) = DROPPED.due() {
                tracing::warn!(%error, deliveries, "a delivery that tells of somebody's part in a workspace is dropped");
            }
        }
    }
    StatusCode::OK.into_response()
}

/// The same secret signs the webhooks of everybody who uses the app.
async fn is_ours(watched: &Watched, desk: Desk<'_>, model: ModelId) -> Result<bool, StoreError> {
    match watched.whose(model) {
        Whose::Ours | Whose::Unknown => Ok(true),
        // Another process on this database may have registered it a moment ago.
        Whose::Others => {
            let known = desk.inbox.ask(desk.store.watches(model)).await?;
            if known {
                watched.add([model]);
            }
            Ok(known)
        }
    }
}

async fn take_in(metrics: &Metrics, inbox: &Inbox, mut hint: Hint) -> Response {
    hint.trace = telemetry::traceparent();
    tracing::Span::current().record("board.id", tracing::field::display(hint.board));
    let (board, kind, action) = (hint.board, hint.kind.clone(), hint.action);
    match inbox.hand_in(hint).await {
        Ok(Recorded::New) => {
            metrics.deliveries_stored.add_one();
            tracing::info!(board.id = %board, kind, action = %action, "delivery stored");
            StatusCode::OK.into_response()
        }
        Ok(Recorded::Duplicate) => {
            metrics.deliveries_duplicate.add_one();
            StatusCode::OK.into_response()
        }
        Err(error) => {
            let refusals = match error {
                NotStored::Shut(_) => &metrics.inbox_shut,
                NotStored::Full => &metrics.inbox_full,
                NotStored::Failed => &metrics.inbox_failed,
                NotStored::Late => &metrics.inbox_late,
            };
            refusals.add_one();
            not_stored(metrics, inbox, board, &error)
        }
    }
}

/// Says so to whoever brought it, and once a second to the log.
fn not_stored(metrics: &Metrics, inbox: &Inbox, board: BoardId, error: &dyn Display) -> Response {
    static UNSTORED: Seldom = Seldom::new();
    metrics.deliveries_unstored.add_one();
    inbox.count_refused();
    if let Some(deliveries) = UNSTORED.due() {
        tracing::warn!(board.id = %board, %error, deliveries, "a delivery was not stored; Trello will bring it again");
    }
    try_again()
}

/// The sender cannot mend it, and an error would only make it come again.
async fn keep_junk(
    metrics: &Metrics,
    desk: Desk<'_>,
    body: Bytes,
    error: &NotADelivery,
) -> Response {
    static JUNK: Seldom = Seldom::new();
    static UNKEPT: Seldom = Seldom::new();
    metrics.deliveries_junk.add_one();
    if let Some(deliveries) = JUNK.due() {
        tracing::warn!(
            bytes = body.len(),
            deliveries,
            "a signed body is no delivery of Trello's; the newest 20 are kept: {error}"
        );
    }
    let capture = Capture {
        kind: Captured::Junk,
        reason: error.to_string(),
        body: body[..body.len().min(LONGEST_CAPTURE)].to_vec(),
        length: body.len() as u64,
        signature: None,
        url: None,
    };
    if let Err(error) = desk.inbox.ask(desk.store.capture(&capture)).await
        && let Some(times) = UNKEPT.due()
    {
        tracing::error!(%error, times, "it could not be kept");
    }
    StatusCode::OK.into_response()
}

/// Trello comes again after 30, 60 and 120 s.
fn try_again() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")]).into_response()
}
