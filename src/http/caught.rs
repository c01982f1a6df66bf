//! A request whose handler panics is answered for without a word of the panic, counted, and logged once with its id. Nobody else notices.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::metrics::Metrics;
use crate::panics::{self, Panicked};

/// Stands around handlers and catches their panics.
#[derive(Debug, Clone)]
pub(super) struct CatchPanics {
    pub(super) metrics: Arc<Metrics>,
    pub(super) answer: fn() -> Response,
}

impl<S> Layer<S> for CatchPanics {
    type Service = Catching<S>;

    fn layer(&self, inner: S) -> Catching<S> {
        Catching {
            inner,
            panics: self.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Catching<S> {
    inner: S,
    panics: CatchPanics,
}

impl<S: Service<Request, Response = Response>> Service<Request> for Catching<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Caught<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Caught<S::Future> {
        Caught {
            id: request.headers().get("x-request-id").cloned(),
            panics: self.panics.clone(),
            answer: self.inner.call(request),
        }
    }
}

pin_project! {
    /// An answer that is being made.
    #[derive(Debug)]
    pub(super) struct Caught<F> {
        #[pin]
        answer: F,
        id: Option<HeaderValue>,
        panics: CatchPanics,
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for Caught<F> {
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Panicked(said) = match panics::catch(|| this.answer.poll(context)) {
            Ok(answer) => return Poll::Ready(ready!(answer)),
            Err(panicked) => panicked,
        };
        this.panics.metrics.panics.add_one();
        let id = this.id.as_ref().and_then(|id| id.to_str().ok());
        tracing::error!(
            request.id = id,
            "a request could not be answered, for the program panicked: {said}; please report this"
        );
        Poll::Ready(Ok((this.panics.answer)()))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::http::watched_over;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_for_without_a_word() {
        let metrics = Arc::<Metrics>::default();
        let routes = Router::new()
            .route("/at-once", get(|| async { panic!("hidden") as StatusCode }))
            .route("/later", get(panic_later))
            .route("/fine", get(|| async { "fine" }));
        let mut listener = watched_over(routes, metrics.clone(), || {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
        .with_state(());
        for (path, expected, said) in [
            ("/at-once", 500, ""),
            ("/later", 500, ""),
            ("/fine", 200, "fine"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = listener.call(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{path}");
            assert!(answer.headers().contains_key("x-request-id"));
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, said);
        }
        assert_eq!(metrics.panics.get(), 2);
    }

    async fn panic_later() -> StatusCode {
        tokio::task::yield_now().await;
        panic!("hidden")
    }
}
