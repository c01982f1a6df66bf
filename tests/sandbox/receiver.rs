//! Something that takes deliveries and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

#[derive(Clone, Default)]
pub(crate) struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    head: Arc<Mutex<Option<u16>>>,
    pub(crate) url: String,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/hook?x=1", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// Answers the next deliveries so, and 200 after that.
    pub(crate) fn answer_with(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }

    pub(crate) fn answer_head_with(&self, status: u16) {
        *self.head.lock().unwrap() = Some(status);
    }

    pub(crate) fn deliveries(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().unwrap().clone()
    }

    /// The types of the actions that came, sorted.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let kind = |body: &Bytes| {
            let payload: Value = serde_json::from_slice(body).unwrap();
            payload["action"]["type"].as_str().unwrap().to_owned()
        };
        let mut kinds: Vec<String> = self
            .deliveries()
            .iter()
            .map(|(_, body)| kind(body))
            .collect();
        kinds.sort();
        kinds
    }
}

async fn take(
    State(receiver): State<Receiver>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if method == Method::HEAD {
        let status = receiver.head.lock().unwrap().unwrap_or(200);
        return StatusCode::from_u16(status).unwrap();
    }
    receiver.got.lock().unwrap().push((headers, body));
    let status = receiver.statuses.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}
