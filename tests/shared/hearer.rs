//! Something on a real socket that hears what is posted to it, and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body::Frame;
use sha2::Sha256;

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// To somewhere else, which answers 200.
    Redirect,
    /// With this status and a body that does not end.
    Endless(u16),
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Hearer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    heard: Mutex<Vec<Heard>>,
    replies: Mutex<VecDeque<Reply>>,
    port: u16,
    path: String,
}

impl Hearer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hearer = Self(Arc::new(Inner {
            heard: Mutex::default(),
            replies: Mutex::default(),
            port: listener.local_addr().unwrap().port(),
            path: format!("/services/T0{:016x}", fastrand::u64(..)),
        }));
        let router = Router::new().fallback(hear).with_state(hearer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hearer
    }

    /// An address that nobody could guess.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.0.port, self.0.path)
    }

    /// The same without the path.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }

    /// Answers the next requests so, and 200 after that.
    pub(crate) fn answer_with(&self, replies: &[Reply]) {
        self.0.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.0.heard.lock().unwrap().clone()
    }
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    /// By code of its own: one that it shares with the sender would agree with its mistakes.
    pub(crate) fn must_be_signed_with(&self, secret: &str) {
        let signature = self.header("x-boardroom-signature");
        let (seconds, hex) = signature
            .strip_prefix("t=")
            .unwrap()
            .split_once(",v1=")
            .unwrap();
        let now = jiff::Timestamp::now().as_second();
        assert!(now - seconds.parse::<i64>().unwrap() < 300, "{signature}");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        for part in [seconds.as_bytes(), b".", &self.body] {
            mac.update(part);
        }
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        mac.verify_slice(&bytes).unwrap();
    }
}

async fn hear(
    State(hearer): State<Hearer>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let heard = Heard {
        method,
        headers,
        body,
    };
    hearer.0.heard.lock().unwrap().push(heard);
    let reply = hearer.0.replies.lock().unwrap().pop_front();
    match reply.unwrap_or(Reply::Status(200)) {
        Reply::Status(status) => answer(status, Body::empty()),
        Reply::Redirect => {
            let mut response = answer(302, Body::empty());
            let elsewhere = format!("http://127.0.0.1:{}/elsewhere", hearer.0.port);
            response
                .headers_mut()
                .insert("location", elsewhere.parse().unwrap());
            response
        }
        Reply::Endless(status) => answer(status, Body::new(Endless)),
    }
}

fn answer(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A body that goes on as long as somebody reads it.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}
