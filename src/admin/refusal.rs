//! Everything that the admin listener refuses, in one form with stable codes: `{"error":{"code","message","fix"}}`.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::inbox::is_unreachable;
use crate::store::StoreError;

/// A service may say of any moment that it is to be asked again then.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// One row per reason: its status, its stable code, what it means, what to do.
macro_rules! reasons {
    ($($reason:ident $status:ident $code:literal $message:literal $fix:literal)+) => {
        /// Why something was refused. The codes are stable: scripts may rest on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Reason { $($reason),+ }

        impl Reason {
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$reason),+];

            pub(super) fn status(self) -> StatusCode {
                match self { $(Self::$reason => StatusCode::$status),+ }
            }

            pub(super) fn code(self) -> &'static str {
                match self { $(Self::$reason => $code),+ }
            }

            fn message(self) -> &'static str {
                match self { $(Self::$reason => $message),+ }
            }

            fn fix(self) -> &'static str {
                match self { $(Self::$reason => $fix),+ }
            }
        }
    };
}

reasons! {
    Malformed BAD_REQUEST "malformed"
        "the request cannot be read"
        "Send what /api/v1/openapi.json describes."
    NoSuchStatus BAD_REQUEST "status_unknown"
        "`status` is one that no board has"
        "Give pending, mirrored, ignored, waiting or failed, or one of them with a reason, such as waiting/brake."
    BadCursor BAD_REQUEST "cursor_unknown"
        "`cursor` is none of this list"
        "Give the `next` of the page before with the same filter, or none to begin anew."
    BadLimit BAD_REQUEST "limit_out_of_range"
        "`limit` is not from 1 to 500"
        "Give a limit from 1 to 500 and read on by `next`."
    NoSuchSpan BAD_REQUEST "span_unknown"
        "`span` is none of hour, day and week"
        "Give hour, day or week."
    BoardUnclear BAD_REQUEST "board_unclear"
        "this means no board"
        "Give a board's id (24 hex digits), short link, address or exact name, percent-encoded."
    RoomUnclear BAD_REQUEST "room_unclear"
        "`room` means no room"
        "Give the number of a room or its address in DocSpace."
    Unauthorized UNAUTHORIZED "unauthorized"
        "this needs the admin token"
        "Send `Authorization: Bearer` with the value of BOARDROOM_ADMIN_TOKEN, or log in at /login."
    TokenWrong UNAUTHORIZED "token_wrong"
        "this is not the admin token"
        "Send the value of BOARDROOM_ADMIN_TOKEN as the service was started with."
    CrossSite FORBIDDEN "cross_site"
        "another site sent this request"
        "Open the page at its own address; programs send no Origin."
    HostRefused FORBIDDEN "host_refused"
        "this listener is on loopback and answers to no such host name"
        "Open it as localhost or 127.0.0.1; a proxy before it must set the header Host to one of these."
    NotFound NOT_FOUND "not_found"
        "there is nothing at this address"
        "Look into /api/v1/openapi.json."
    BoardUnknown NOT_FOUND "board_unknown"
        "the database knows no such board"
        "Give its id (24 hex digits), its short link, its address or its exact name; GET /api/v1/boards lists those that it knows."
    BoardNotVisible NOT_FOUND "board_not_visible"
        "this token may not see the board"
        "Make the token's member a member of the board or an admin of its workspace."
    RoomUnknown NOT_FOUND "room_unknown"
        "DocSpace has no such room, or does not show it to this key"
        "Give the number of a room or its address in DocSpace, and let the owner of the API key see it."
    MethodNotAllowed METHOD_NOT_ALLOWED "method_not_allowed"
        "this cannot be done to this address"
        "Use a method that the header Allow of this answer names; /api/v1/openapi.json describes them."
    BoardAmbiguous CONFLICT "board_ambiguous"
        "several boards are called so"
        "Give the id or the address of one."
    BodyLate REQUEST_TIMEOUT "body_late"
        "the body did not come to its end within 10 seconds"
        "Send the whole body at once, as long as its Content-Length says."
    BoardIsInbox CONFLICT "board_is_inbox"
        "this is the inbox of a member, which gets no room"
        "Name another board."
    RoomTaken CONFLICT "room_taken"
        "the room is another board's"
        "Name another room, or see to the other board first."
    NoPublicUrl CONFLICT "public_url_missing"
        "BOARDROOM_PUBLIC_URL is not set: without it there is nothing to register"
        "Set it and restart; until then sweeps find what changes."
    TooLarge PAYLOAD_TOO_LARGE "too_large"
        "the body is too large"
        "Send 256 KiB at most, and name no more than 1000 boards at once."
    NotJson UNSUPPORTED_MEDIA_TYPE "not_json"
        "the body is not declared as JSON"
        "Send `Content-Type: application/json`."
    TooManyAttempts TOO_MANY_REQUESTS "too_many_attempts"
        "too many wrong tokens were given"
        "Wait ten seconds, and give the right one. Who is logged in stays so."
    Internal INTERNAL_SERVER_ERROR "internal"
        "this failed for a reason of our own"
        "Look into the log of the service, and report it."
    DatabaseFailed INTERNAL_SERVER_ERROR "database_failed"
        "the database refused"
        "Look into the log of the service."
    DatabaseAway SERVICE_UNAVAILABLE "database_away"
        "the database does not answer"
        "Look after the database; the service goes on by itself when it is back."
    NotYetSwept SERVICE_UNAVAILABLE "not_yet_swept"
        "no sweep has come to its end yet: which boards are new is not known before"
        "Wait for the first sweep; GET /api/v1/status says when it has ended."
    ServicePaused SERVICE_UNAVAILABLE "service_paused"
        "a service does not answer, or is not asked at the moment"
        "GET /api/v1/status says why and what to do."
    TimedOut SERVICE_UNAVAILABLE "timed_out"
        "the answer took too long"
        "Nothing was begun: try again. If it happens again, GET /api/v1/status says how the database and both services are."
}

/// A refusal as it is answered.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    reason: Reason,
    /// In place of the general one.
    message: Option<String>,
    candidates: Vec<serde_json::Value>,
    /// Before this there is no use in asking again.
    again_in: Option<Duration>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            message: None,
            candidates: Vec::new(),
            again_in: None,
        }
    }
}

impl Refusal {
    /// With words of its own.
    pub(super) fn saying(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::from(reason)
        }
    }

    /// With how long it is of no use to ask again.
    pub(super) fn again_in(self, wait: Duration) -> Self {
        Self {
            again_in: Some(wait),
            ..self
        }
    }

    /// With the name of what it is about, where several things were given.
    pub(super) fn about(self, name: &str) -> Self {
        let message = self.message.as_deref().unwrap_or(self.reason.message());
        Self {
            message: Some(format!("`{name}`: {message}")),
            ..self
        }
    }

    /// For a person, in two sentences.
    pub(super) fn in_words(&self) -> String {
        let message = self.message.as_deref().unwrap_or(self.reason.message());
        let mut rest = message.chars();
        let first = rest.next().into_iter().flat_map(char::to_uppercase);
        let sentence: String = first.chain(rest).collect();
        format!("{sentence}. {}", self.reason.fix())
    }

    /// With what may have been meant.
    pub(super) fn among(mut self, candidates: Vec<serde_json::Value>) -> Self {
        self.candidates = candidates;
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if is_unreachable(&error) {
            return Self::from(Reason::DatabaseAway);
        }
        // What it says may name hosts and statements: it is for the log.
        tracing::error!(%error, "the database could not answer the admin listener");
        Self::from(Reason::DatabaseFailed)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let reason = self.reason;
        let message = self.message.as_deref().unwrap_or(reason.message());
        let mut error = json!({ "code": reason.code(), "message": message, "fix": reason.fix() });
        if !self.candidates.is_empty() {
            error["candidates"] = self.candidates.clone().into();
        }
        let mut response = (reason.status(), Json(json!({ "error": error }))).into_response();
        let headers = response.headers_mut();
        match reason.status() {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                // In whole seconds, and never now.
                let wait = self
                    .again_in
                    .map_or(0, |wait| wait.min(LONGEST_WAIT).as_secs());
                headers.insert(RETRY_AFTER, HeaderValue::from(wait + 1));
            }
            _ => {}
        }
        // Whoever knows that a person asked writes a page of it.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_one_reason_s_and_every_fix_is_a_sentence() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.fix().ends_with('.'), "{reason:?}");
            assert!(!reason.message().ends_with('.'), "{reason:?}");
            assert!(reason.status().as_u16() >= 400, "{reason:?}");
        }
    }
}
