//! One request as the sandbox sees it, and one answer as it gives it.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

/// Larger than any body that either service accepts from this client.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A request that has arrived in full.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// Percent-encoded as it came, without the query.
    pub path: String,
    /// Decoded pairs in the order they came.
    pub query: Vec<(String, String)>,
    /// All header fields.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
    /// How many requests of its kind (`GET` or not) were in flight when this one came.
    pub(crate) crowd: usize,
    /// Set by a fault: the room is saved, its tags are not.
    pub(crate) untagged: bool,
}

impl Call {
    pub(crate) async fn read(request: Request) -> Result<Self, axum::Error> {
        let (head, body) = request.into_parts();
        Ok(Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
            headers: head.headers,
            body: axum::body::to_bytes(body, BODY_LIMIT).await?,
            crowd: 0,
            untagged: false,
        })
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header's value, if it is there once or more and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether it only reads.
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// The decoded segments of the path.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect()
    }

    /// Whether the path, the query or the body holds a text, decoded.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        decode(&self.path).contains(text)
            || self.query.iter().any(|(_, value)| value.contains(text))
            || String::from_utf8_lossy(&self.body).contains(text)
            || self.json().is_some_and(|value| mentioned(&value, text))
    }
}

/// Whether any string inside a JSON value holds a text (the raw body may have it escaped).
fn mentioned(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(items) => items.iter().any(|item| mentioned(item, text)),
        Value::Object(members) => members.values().any(|item| mentioned(item, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Decodes `a=b&c=d` as HTML forms and queries are encoded.
pub(crate) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// Percent-decodes a path segment. A `+` stays a `+` in a path.
fn decode(segment: &str) -> String {
    pairs(
        segment
            .replace('+', "%2B")
            .replace('&', "%26")
            .replace('=', "%3D")
            .as_bytes(),
    )
    .into_iter()
    .map(|(key, _)| key)
    .collect()
}

/// An answer: what a service says, or what a fault says in its place.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields beside `Content-Length` and `Date`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Only a status: DocSpace's 401 and 429, the filters' 403.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// JSON, as compact as `JSON.stringify` makes it.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", value.to_string())
    }

    /// Plain text, as most of Trello's errors are.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", text.to_owned())
    }

    /// The page that nginx shows for 413, 502, 503 and 504.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        let page = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::typed(status, "text/html", page)
    }

    /// An exception as DocSpace reports it, a server's stack trace included
    /// (`common/ASC.Api.Core/Middleware/ResponseWrapper.cs`).
    #[must_use]
    pub fn exception(status: u16, kind: &str, message: &str) -> Self {
        let hresult = if kind == "System.ArgumentNullException" {
            -2_147_467_261_i64
        } else {
            -2_146_233_088
        };
        Self::json(
            status,
            &json!({
                "error": {
                    "message": message,
                    "type": kind,
                    "stack": "   at ASC.Web.Files.Services.WCFService.FileStorageService.CreateRoomAsync(String title)\n   at ASC.Files.Api.VirtualRoomsController`1.CreateRoom(CreateRoomRequestDto inDto)",
                    "hresult": hresult,
                },
                "status": 1,
                "statusCode": status,
            }),
        )
    }

    /// DocSpace's own 500, in its own JSON: the application has spoken, not a proxy.
    #[must_use]
    pub fn internal_error() -> Self {
        Self::exception(500, "System.Exception", "Internal server error")
    }

    /// An empty 429. The concurrency limiter gives no `Retry-After`, the daily one does.
    #[must_use]
    pub fn too_many(retry_after_seconds: Option<u64>) -> Self {
        let answer = Self::empty(429)
            .with_header("X-RateLimit-Limit", "15")
            .with_header("X-RateLimit-Remaining", "0");
        match retry_after_seconds {
            Some(seconds) => answer.with_header("Retry-After", &seconds.to_string()),
            None => answer,
        }
    }

    fn typed(status: u16, kind: &str, body: String) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: Bytes::from(body),
        }
    }

    /// The same answer with one header field more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body as text, as far as it is UTF-8.
    #[must_use]
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(&value),
            ) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
