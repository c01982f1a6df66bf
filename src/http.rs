//! The public listener: Trello's callback and the probes. What a request may cost is bounded before anything is known of it.

mod caught;
mod delivery;
mod probes;
mod refused;
mod room;
pub(crate) mod seldom;
pub mod server;
pub mod sources;
mod span;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::sync::Notify;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;

use crate::docspace::DocSpace;
use crate::http::caught::CatchPanics;
use crate::http::probes::Readiness;
use crate::http::room::Room;
use crate::http::sources::Sources;
use crate::inbox::Inbox;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::trello::Trello;
use crate::trello::signature::Verifier;
use crate::watched::Watched;

pub use refused::Keeper;

/// What every handler shares: the clients of both services, the store, the way in. A handler asks only for the part that it needs.
/// It is cloned several times for every request, so a clone is one pointer.
#[derive(Debug, Clone)]
pub struct Shared(Arc<All>);

/// What a [`Shared`] points to.
#[derive(Debug)]
pub struct All {
    pub verifier: Arc<Verifier>,
    pub watched: Watched,
    pub inbox: Inbox,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub clients: Clients,
    pub metrics: Arc<Metrics>,
    pub roles: RolesBell,
    pub keeper: Keeper,
    pub sources: Sources,
    room: Room,
    readiness: Readiness,
}

impl Deref for Shared {
    type Target = All;

    fn deref(&self) -> &All {
        &self.0
    }
}

/// Rung when a delivery says that somebody's part in a workspace has changed.
#[derive(Debug, Clone, Default)]
pub struct RolesBell(pub Arc<Notify>);

/// The clients that the workers use, for what the probes tell of them.
#[derive(Debug, Clone)]
pub struct Clients {
    pub trello: Trello,
    pub docspace: DocSpace,
}

/// Everything a [`Shared`] is made from.
#[derive(Debug)]
pub struct Parts {
    pub verifier: Verifier,
    pub watched: Watched,
    pub inbox: Inbox,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub clients: Clients,
    pub metrics: Arc<Metrics>,
    pub roles: RolesBell,
    pub keeper: Keeper,
    pub sources: Sources,
}

impl Shared {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(All {
            verifier: Arc::new(parts.verifier),
            watched: parts.watched,
            readiness: Readiness::new(parts.store.clone(), parts.inbox.clone()),
            inbox: parts.inbox,
            store: parts.store,
            lanes: parts.lanes,
            clients: parts.clients,
            metrics: parts.metrics,
            roles: parts.roles,
            keeper: parts.keeper,
            sources: parts.sources,
            room: Room::default(),
        }))
    }

    /// Why no delivery can be stored now, as `/readyz` says it.
    pub async fn why_unready(&self) -> Option<&'static str> {
        self.readiness.check().await.err()
    }

    /// From now on `/readyz` says 503, so that no new traffic is sent here.
    pub fn drain(&self) {
        self.readiness.drain();
    }
}

/// One line per part that a handler may ask for.
macro_rules! parts {
    ($($field:ident: $part:ty),+ $(,)?) => {$(
        impl FromRef<Shared> for $part {
            fn from_ref(shared: &Shared) -> Self {
                shared.$field.clone()
            }
        }
    )+};
}

parts! {
    verifier: Arc<Verifier>,
    watched: Watched,
    inbox: Inbox,
    store: Arc<dyn Store>,
    lanes: Lanes,
    clients: Clients,
    metrics: Arc<Metrics>,
    roles: RolesBell,
    keeper: Keeper,
    readiness: Readiness,
}

/// The routes of the public listener.
pub fn router(shared: Shared) -> Router {
    // HEAD is answered by `get` as well: Trello asks so before it registers a webhook.
    let callback = get(|| async { StatusCode::OK }).post(delivery::receive);
    let routes = Router::new()
        .route("/webhooks/trello", callback)
        .route("/livez", get(probes::live))
        .route("/healthz", get(probes::live))
        .route("/readyz", get(probes::ready));
    let answer = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    watched_over(routes, shared.metrics.clone(), answer).with_state(shared)
}

/// Routes of whatever listener, each request with an id, and none that takes others with it when its handler panics: then `answer` is said.
pub fn watched_over<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    metrics: Arc<Metrics>,
    answer: fn() -> Response,
) -> Router<S> {
    // From the outside in. In one call, for axum boxes a request's future anew for each.
    routes.layer((
        SetRequestIdLayer::x_request_id(Chance),
        // Whoever answers 503 has logged why.
        TraceLayer::new_for_http()
            .make_span_with(span::of_request)
            .on_request(())
            .on_response(span::answered)
            .on_failure(()),
        PropagateRequestIdLayer::x_request_id(),
        CatchPanics { metrics, answer },
    ))
}

/// Names a request that came without a name, to be found again in the logs of a proxy. Nothing rests on its being unique.
#[derive(Debug, Clone, Copy)]
struct Chance;

impl MakeRequestId for Chance {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = format!("{:016x}", fastrand::u64(..));
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}
