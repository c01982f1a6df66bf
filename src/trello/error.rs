//! What Trello's refusals mean: one total match from its answers to an error, and from an error to a code and a suspect.

use std::time::Duration;

use crate::api::{Reply, SendError};
use crate::model::failure::{Code, Failure, Suspect};

/// Why a call to Trello failed.
#[derive(Debug, thiserror::Error)]
pub enum TrelloError {
    /// 401: the credentials are wrong, or may not see this one thing.
    #[error("401 {0}")]
    Unauthorized(String),
    /// 403: the plan or the workspace restricts the call.
    #[error("403 {0}")]
    Forbidden(String),
    #[error("404 {0}")]
    NotFound(String),
    #[error("429 {detail}")]
    RateLimited {
        detail: String,
        retry_after: Option<Duration>,
    },
    /// 5xx: Trello or something before it is ill.
    #[error("{status} {detail}")]
    Unavailable {
        status: u16,
        detail: String,
        retry_after: Option<Duration>,
    },
    /// Any other refusal.
    #[error("{status} {detail}")]
    Rejected { status: u16, detail: String },
    /// A success that is not of the expected form.
    #[error("{0}")]
    Unintelligible(String),
    #[error("{0}")]
    Unreachable(#[from] SendError),
}

impl TrelloError {
    /// The error in an answer, or the answer if it is none.
    pub(super) fn check(reply: Reply) -> Result<Reply, Self> {
        let Reply {
            status,
            retry_after,
            ..
        } = reply;
        let detail = || message(&reply);
        Err(match status {
            200..=299 => return Ok(reply),
            401 => Self::Unauthorized(detail()),
            403 => Self::Forbidden(detail()),
            404 => Self::NotFound(detail()),
            429 => Self::RateLimited {
                detail: detail(),
                retry_after,
            },
            500..=599 => Self::Unavailable {
                status,
                detail: detail(),
                retry_after,
            },
            _ => Self::Rejected {
                status,
                detail: detail(),
            },
        })
    }

    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unauthorized(_) => Code::TrelloUnauthorized,
            Self::Forbidden(_) => Code::TrelloForbidden,
            Self::NotFound(_) => Code::TrelloNotFound,
            Self::RateLimited { .. } => Code::TrelloRateLimited,
            Self::Unavailable { .. } => Code::TrelloUnavailable,
            Self::Rejected { .. } => Code::TrelloRejected,
            Self::Unintelligible(_) => Code::TrelloUnintelligible,
            Self::Unreachable(_) => Code::TrelloUnreachable,
        }
    }

    /// Only a malformed request is certainly this call's fault; all else may be the service's or the key's.
    #[must_use]
    pub fn suspect(&self) -> Suspect {
        match self {
            Self::Rejected { .. } => Suspect::Call,
            Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Unintelligible(_)
            | Self::Unreachable(_) => Suspect::Service,
        }
    }

    /// How long Trello asks us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            // Trello names no time for its limits; its windows are of 10 s.
            Self::RateLimited { retry_after, .. } => {
                Some(retry_after.unwrap_or(Duration::from_secs(10)))
            }
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Rejected { .. }
            | Self::Unintelligible(_)
            | Self::Unreachable(_) => None,
        }
    }

    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(self.code(), self)
    }
}

/// Trello's words: `message` of a JSON body, or the text.
fn message(reply: &Reply) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
    }
    match reply.json::<Body>() {
        Ok(body) => reply.clean(&body.message),
        Err(_) => reply.quote(),
    }
}

/// Why a webhook was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// It exists: callback, model and token are unique together.
    #[error("it is registered already")]
    Exists,
    /// Trello's `HEAD` on the callback URL was not answered 200; with Trello's words.
    #[error("{0}")]
    CallbackUnreachable(String),
    #[error(transparent)]
    Trello(#[from] TrelloError),
}

impl RegisterError {
    /// Trello tells these two apart from other refusals by their words alone; the words have changed over the years.
    pub(super) fn of(error: TrelloError) -> Self {
        match error {
            TrelloError::Rejected {
                status: 400,
                detail,
            } if detail.contains("already exists") => Self::Exists,
            TrelloError::Rejected {
                status: 400,
                detail,
            } if detail.contains("did not return 200") || detail.contains("VALIDATOR_URL") => {
                Self::CallbackUnreachable(detail)
            }
            other => Self::Trello(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> TrelloError {
        TrelloError::check(Reply {
            status,
            body: body.into(),
            ..Reply::default()
        })
        .unwrap_err()
    }

    #[test]
    fn every_answer_has_its_code_and_suspect() {
        let table = [
            (400, "invalid id", Code::TrelloRejected, Suspect::Call),
            (
                401,
                "invalid token",
                Code::TrelloUnauthorized,
                Suspect::Service,
            ),
            (403, "", Code::TrelloForbidden, Suspect::Service),
            (
                404,
                "The requested resource was not found.",
                Code::TrelloNotFound,
                Suspect::Service,
            ),
            (409, "", Code::TrelloRejected, Suspect::Call),
            (
                429,
                r#"{"error":"API_TOKEN_LIMIT_EXCEEDED","message":"Rate limit exceeded"}"#,
                Code::TrelloRateLimited,
                Suspect::Service,
            ),
            (302, "", Code::TrelloRejected, Suspect::Call),
            (500, "", Code::TrelloUnavailable, Suspect::Service),
            (504, "<html>", Code::TrelloUnavailable, Suspect::Service),
        ];
        for (status, body, code, suspect) in table {
            let error = answer(status, body);
            assert_eq!((error.code(), error.suspect()), (code, suspect), "{status}");
        }
        assert_eq!(
            answer(429, r#"{"message":"Rate limit exceeded"}"#).to_string(),
            "429 Rate limit exceeded"
        );
    }

    #[test]
    fn refused_registrations_are_understood() {
        let exists = answer(
            400,
            "A webhook with that callback, model, and token already exists\n",
        );
        assert!(matches!(RegisterError::of(exists), RegisterError::Exists));
        let texts = [
            r#"{"message":"URL (https://a.example/) did not return 200 status code, got 530","error":"VALIDATOR_URL_RETURNED_ERROR"}"#,
            "URL (https://a.example/) did not return 200 status code, got 403",
        ];
        for text in texts {
            match RegisterError::of(answer(400, text)) {
                RegisterError::CallbackUnreachable(detail) => {
                    assert!(detail.contains("got "), "{detail}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            RegisterError::of(answer(400, "invalid id")),
            RegisterError::Trello(_)
        ));
    }
}
