//! The admin listener: what the people who run boardroom see and do, on a listener of its own. Nothing of it is on the public one.
//!
//! A request passes, from the outside in: security headers, the check of its `Host`, that of its origin, and, but for what
//! `pages::open` lists, the proof of who sends it. Only then is there a handler.

mod access;
mod api;
mod attempts;
mod bodies;
mod exposition;
mod guard;
mod pages;
mod refusal;
mod session;

use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::admin::access::Access;
use crate::admin::api::Listed;
use crate::admin::refusal::{Reason, Refusal};
use crate::desk::findings::Rounds;
use crate::desk::webhooks::Ours;
use crate::http::{Clients, Shared, watched_over};
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::model::time::Timestamp;
use crate::store::Store;
use crate::survey::Policy;

pub use pages::Watch;

/// What a request may bring: a token, or the names of some boards.
const LARGEST_BODY: usize = 256 * 1024;
/// How long an answer may take to begin. A database that is away is not waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long whoever asked for something waits for its end, which comes all the same. What was read before it counts: no deed is begun and
/// then called too late.
const DEED: Duration = Duration::from_secs(12);

tokio::task_local! {
    /// Until when this request waits for the end of what it asks for.
    static WAITED_UNTIL: Instant;
}

/// What every handler shares. A handler asks only for the part that it needs.
#[derive(Debug, Clone)]
pub struct Admin(Arc<All>);

/// What an [`Admin`] points to.
#[derive(Debug)]
pub struct All {
    pub shared: Shared,
    pub about: About,
    /// The webhooks as Trello listed them last.
    listed: Listed,
    access: Access,
    watch: Watch,
}

/// What a page says of the installation itself.
#[derive(Debug, Clone)]
pub struct About {
    /// The name of the installation.
    pub instance: String,
    /// By what it knows its webhooks, and where Trello delivers.
    pub webhooks: Ours,
    /// By what it is decided what becomes of boards, for whoever asks what would.
    pub policy: Arc<Policy>,
    /// Since when it has been there to do what is to be done. No moment of a clock: what is stored is dated by the database's, and this
    /// machine's may differ from it and be set.
    pub started: Instant,
}

impl About {
    /// What is to be done how often, as seen at `now` by the clock of the database.
    fn rounds(&self, shared: &Shared, now: Timestamp) -> Rounds {
        Rounds {
            started: now.minus(self.started.elapsed()),
            sweep_every: shared.metrics.sweep.every(),
            audit_every: shared.metrics.audit.every(),
        }
    }
}

/// How one comes in.
#[derive(Debug, Clone, Copy)]
pub struct Entrance<'a> {
    pub token: Option<&'a SecretString>,
    /// The one that is listened on: on loopback only names of this machine are answered.
    pub address: SocketAddr,
}

impl Deref for Admin {
    type Target = All;

    fn deref(&self) -> &All {
        &self.0
    }
}

impl Admin {
    #[must_use]
    pub fn new(shared: Shared, about: About, watch: Watch, entrance: Entrance<'_>) -> Self {
        let (sources, metrics) = (shared.sources.clone(), shared.metrics.clone());
        Self(Arc::new(All {
            shared,
            about,
            listed: Listed::default(),
            access: Access::new(entrance, sources, metrics),
            watch,
        }))
    }
}

/// One line per part that a handler may ask for.
macro_rules! parts {
    ($($part:ty: $take:expr),+ $(,)?) => {$(
        impl FromRef<Admin> for $part {
            fn from_ref(admin: &Admin) -> Self {
                let take: fn(&Admin) -> Self = $take;
                take(admin)
            }
        }
    )+};
}

parts! {
    Shared: |admin| admin.shared.clone(),
    About: |admin| admin.about.clone(),
    Listed: |admin| admin.listed.clone(),
    Access: |admin| admin.access.clone(),
    Watch: |admin| admin.watch.clone(),
    Arc<dyn Store>: |admin| admin.shared.store.clone(),
    Lanes: |admin| admin.shared.lanes.clone(),
    Clients: |admin| admin.shared.clients.clone(),
    Arc<Metrics>: |admin| admin.shared.metrics.clone(),
}

/// The routes of the admin listener.
pub fn router(admin: Admin) -> Router {
    let proven = Router::new()
        .merge(pages::routes())
        .merge(exposition::routes(admin.shared.clone()))
        .nest("/api/v1", api::routes(admin.shared.clone()))
        .fallback(lost)
        .method_not_allowed_fallback(|| async { Refusal::from(Reason::MethodNotAllowed) })
        // From the outside in.
        .layer((
            from_fn_with_state(admin.access.clone(), access::authenticate),
            from_fn(bodies::inside),
        ));
    let open = pages::open().layer(from_fn(bodies::outside));
    let foreign = |_: ProtectionError| Refusal::from(Reason::CrossSite).into_response();
    // From the outside in.
    let guarded = proven.merge(open).layer((
        from_fn_with_state(admin.access.clone(), guard::check_host),
        CsrfLayer::new().with_rejection_response(foreign),
        from_fn(be_patient),
        DefaultBodyLimit::max(LARGEST_BODY),
    ));
    let answer = || Refusal::from(Reason::Internal).into_response();
    watched_over(guarded, admin.shared.metrics.clone(), answer)
        .layer(from_fn(guard::protect))
        .with_state(admin)
}

/// What is at no address.
async fn lost(State(_): State<Access>, uri: Uri) -> Response {
    if is_for_programs(uri.path()) {
        Refusal::from(Reason::NotFound).into_response()
    } else {
        pages::lost()
    }
}

/// Whether a program asks, which wants JSON and no form to log in by.
fn is_for_programs(path: &str) -> bool {
    path == "/metrics" || path == "/api" || path.starts_with("/api/")
}

/// Does something to its end, however long it takes and whether or not whoever asked for it is still there: half of it would be neither
/// the one nor the other. The task itself where it still goes on.
async fn to_its_end<T: Send + 'static>(
    deed: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinHandle<T>> {
    let by = WAITED_UNTIL.try_with(|by| *by);
    let by = by.unwrap_or_else(|_| Instant::now() + DEED);
    let mut deed = tokio::spawn(deed);
    match timeout_at(by, &mut deed).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => match error.try_into_panic() {
            // It is told of as if it had happened here.
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that ends has cut it off.
            Err(_) => Err(deed),
        },
        Err(_) => Err(deed),
    }
}

async fn be_patient(request: Request, next: Next) -> Response {
    let answer = WAITED_UNTIL.scope(Instant::now() + DEED, next.run(request));
    match timeout(PATIENCE, answer).await {
        Ok(response) => response,
        Err(_) => Refusal::from(Reason::TimedOut).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_goes_on_when_nobody_waits_for_it_any_more() {
        assert_eq!(to_its_end(async { 1 }).await.unwrap(), 1);
        let (done, told) = oneshot::channel();
        let long = async {
            tokio::time::sleep(DEED * 2).await;
            done.send(()).unwrap();
        };
        let goes_on = to_its_end(long).await.unwrap_err();
        told.await.unwrap();
        goes_on.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_request_has_waited_for_before_is_not_waited_for_again() {
        let begun = Instant::now();
        let request = async {
            tokio::time::sleep(DEED / 2).await;
            to_its_end(tokio::time::sleep(DEED)).await.is_err()
        };
        let goes_on = WAITED_UNTIL.scope(begun + DEED, request).await;
        assert!(goes_on);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}
