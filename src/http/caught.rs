//! A request whose handler panics is answered 500 without a word, counted, and logged once with its id. Nobody else notices.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::metrics::Metrics;
use crate::panics::{self, Panicked};

/// Stands around handlers and catches their panics.
#[derive(Debug, Clone)]
pub(super) struct CatchPanics(pub(super) Arc<Metrics>);

impl<S> Layer<S> for CatchPanics {
    type Service = Catching<S>;

    fn layer(&self, inner: S) -> Catching<S> {
        Catching {
            inner,
            metrics: self.0.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Catching<S> {
    inner: S,
    metrics: Arc<Metrics>,
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
            metrics: self.metrics.clone(),
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
        metrics: Arc<Metrics>,
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
        this.metrics.panics.add_one();
        let id = this.id.as_ref().and_then(|id| id.to_str().ok());
        tracing::error!(
            request.id = id,
            "a request could not be answered, for the program panicked: {said}; please report this"
        );
        Poll::Ready(Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
    }
}
