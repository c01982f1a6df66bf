//! A call to a service as a trace tells of it: by its route, without ids, and never by what is secret. No header tells the service of it:
//! neither Trello nor DocSpace belongs to whoever collects the traces.

use reqwest::Method;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::api::{self, Caller, Incoming, Reply, SendError};

/// One call, which is a span while it lasts.
#[derive(Debug)]
pub struct Outgoing(Span);

impl Outgoing {
    /// `service`: its name in traces. The path is shown as its route.
    #[must_use]
    pub fn new(service: &'static str, method: &Method, path: &str) -> Self {
        // Nothing of it is put together unless somebody collects it.
        Self(tracing::debug_span!(
            "call", otel.name = %format_args!("{method} {}", route(path)), otel.kind = "client", otel.status_code = Empty,
            peer.service = service, http.request.method = %method, url.template = %route(path), http.response.status_code = Empty,
            error.type = Empty
        ))
    }

    pub async fn send(
        self,
        request: reqwest::RequestBuilder,
        caller: &Caller,
    ) -> Result<Reply, SendError> {
        let sent = api::send(request, caller).instrument(self.0.clone()).await;
        self.ended(sent.as_ref().map(|reply| reply.status));
        sent
    }

    /// Sends a request of which the answer is a list; it ends with the head of the answer.
    pub async fn send_for_list(
        self,
        request: reqwest::RequestBuilder,
        caller: &Caller,
    ) -> Result<Incoming, SendError> {
        let sent = api::send_for_list(request, caller)
            .instrument(self.0.clone())
            .await;
        self.ended(sent.as_ref().map(Incoming::status));
        sent
    }

    fn ended(&self, status: Result<u16, &SendError>) {
        match status {
            Ok(status) => {
                self.0.record("http.response.status_code", status);
                if status >= 400 {
                    self.0.record("otel.status_code", "ERROR");
                }
            }
            Err(error) => {
                let kind = match error {
                    SendError::NotSent(_) => "not_sent",
                    SendError::Lost(_) => "no_answer",
                    SendError::TooLong => "too_long",
                };
                self.0.record("otel.status_code", "ERROR");
                self.0.record("error.type", kind);
            }
        }
    }
}

/// The route of a path: a segment with a digit in it is an id or a version, and a version is short. What follows `tokens` is a token.
#[must_use]
pub fn route(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut route = String::with_capacity(path.len());
    let mut is_secret = false;
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            route.push('/');
        }
        let is_version = segment.len() <= 3;
        let is_id = segment.contains(|c: char| c.is_ascii_digit()) && (!is_version || at > 2);
        route.push_str(if is_secret || is_id { "{id}" } else { segment });
        is_secret = segment == "tokens";
    }
    route
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_neither_ids_nor_tokens() {
        let table = [
            ("/1/boards/64f0c0ffee0123456789abcd", "/1/boards/{id}"),
            ("/1/tokens/ATTA", "/1/tokens/{id}"),
            ("/1/tokens/abcdef/webhooks", "/1/tokens/{id}/webhooks"),
            ("/1/members/me/boards?filter=all", "/1/members/me/boards"),
            ("/1/batch", "/1/batch"),
            ("/1/webhooks/", "/1/webhooks/"),
            ("/api/2.0/files/rooms", "/api/2.0/files/rooms"),
            ("/api/2.0/files/rooms/7", "/api/2.0/files/rooms/{id}"),
            (
                "/api/2.0/files/rooms/123456/archive",
                "/api/2.0/files/rooms/{id}/archive",
            ),
        ];
        for (path, expected) in table {
            assert_eq!(route(path), expected);
        }
    }
}
