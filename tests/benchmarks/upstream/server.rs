//! The thread and the listener of both services, and where a request belongs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use tokio::sync::oneshot;

use super::World;

/// Nothing that a mirror sends is longer.
const LONGEST_BODY: usize = 1 << 20;

/// A request, read whole.
pub(super) struct Call {
    pub(super) method: Method,
    /// Behind the base of the API, without a slash at its end.
    pub(super) path: String,
    /// Decoded; of two with the same name, the first counts.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn is_authorized(&self, scheme: &str) -> bool {
        let header = self.headers.get(AUTHORIZATION);
        header.is_some_and(|value| value.as_bytes().starts_with(scheme.as_bytes()))
    }
}

/// What is answered. None: a route that is not known here.
pub(super) type Answer = Option<(StatusCode, String)>;

/// The runtime of the services.
pub(super) struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        // It has nothing to say that matters now.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

pub(super) fn start(world: Arc<World>) -> Result<(SocketAddr, Thread)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new().fallback(exchange).with_state(world);
    let listener = listener.tap_io(|stream| {
        // A failure only costs milliseconds.
        let _ = stream.set_nodelay(true);
    });
    let thread = std::thread::Builder::new().name("upstream".into());
    let thread = thread.spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = stopped => {}
                _ = axum::serve(listener, router) => {}
            }
        });
        runtime.shutdown_background();
    });
    let thread = thread.context("cannot start a thread")?;
    let thread = Thread {
        stop: Some(stop),
        thread: Some(thread),
    };
    Ok((address, thread))
}

async fn exchange(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let name = format!("{} {}", parts.method, parts.uri.path());
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let query = parts.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes());
    let call = Call {
        method: parts.method,
        path: String::new(),
        query: query.into_owned().collect(),
        headers: parts.headers,
        body,
    };
    world.state().counts.calls += 1;
    // In a task of its own: a client that goes away undoes nothing, and hyper would drop what it no longer waits for.
    let shared = world.clone();
    let work = tokio::spawn(async move { route(&shared, call, &path).await });
    match work.await {
        Ok(Some((status, json))) => answer(status, json),
        Ok(None) => {
            *world.state().counts.strange.entry(name).or_default() += 1;
            StatusCode::NOT_FOUND.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn route(world: &Arc<World>, mut call: Call, path: &str) -> Answer {
    if let Some(path) = path.strip_prefix("/1/") {
        path.clone_into(&mut call.path);
        world.take_time(world.settings.trello).await;
        return super::trello::answer(world, &call).await;
    }
    path.strip_prefix("/api/2.0/")?.clone_into(&mut call.path);
    world.take_time(world.settings.docspace).await;
    super::docspace::answer(world, &call)
}

fn answer(status: StatusCode, json: String) -> Response {
    let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, kind, Body::from(json)).into_response()
}
