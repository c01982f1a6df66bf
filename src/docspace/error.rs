//! What DocSpace's refusals mean: whether a write can have happened, which code, whose fault.

use std::time::Duration;

use crate::api::{Reply, SendError};
use crate::docspace::answer;
use crate::model::board::Answer;
use crate::model::failure::{Code, Failure, Suspect};

/// Why a call to DocSpace failed.
#[derive(Debug, thiserror::Error)]
pub enum DocSpaceError {
    /// 301, 302, 307, 308: following it would turn a create into a read.
    #[error("{status} redirect")]
    Redirected { status: u16 },
    /// 401: the key is unknown, expired or inactive.
    #[error("401 {0}")]
    Unauthorized(String),
    /// 402: the plan is full, or not paid.
    #[error("402 {0}")]
    PaymentRequired(String),
    /// 403: role, scope, address, or a missing room on `PUT`.
    #[error("403 {0}")]
    Forbidden(String),
    #[error("404 {0}")]
    NotFound(String),
    #[error("429 too many requests")]
    RateLimited { retry_after: Option<Duration> },
    /// 500 in DocSpace's own JSON: it failed, and is done with the request.
    #[error("500 {0}")]
    Failed(String),
    /// Any other 5xx, and 408: something before DocSpace gave up on it, or passed nothing on.
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

impl DocSpaceError {
    /// The error in an answer, or the answer if it is none.
    pub(super) fn check(reply: Reply) -> Result<Reply, Self> {
        let Reply {
            status,
            retry_after,
            ..
        } = reply;
        let detail = || answer::message(&reply);
        Err(match status {
            200..=299 => return Ok(reply),
            300..=399 => Self::Redirected { status },
            401 => Self::Unauthorized(detail()),
            402 => Self::PaymentRequired(detail()),
            403 => Self::Forbidden(detail()),
            404 => Self::NotFound(detail()),
            429 => Self::RateLimited { retry_after },
            500 if answer::is_own(&reply) => Self::Failed(detail()),
            408 | 500..=599 => Self::Unavailable {
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

    /// What this tells of a create that was answered so. A proxy may answer 502 after it has passed the request on.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Redirected { .. }
            | Self::Unauthorized(_)
            | Self::PaymentRequired(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::RateLimited { .. }
            | Self::Failed(_)
            | Self::Rejected { .. }
            | Self::Unreachable(SendError::NotSent(_)) => Answer::Refused,
            Self::Unavailable { .. }
            | Self::Unintelligible(_)
            | Self::Unreachable(SendError::Lost(_) | SendError::TooLong) => Answer::Unknown,
        }
    }

    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Redirected { .. } => Code::DocSpaceRedirected,
            Self::Unauthorized(_) => Code::DocSpaceUnauthorized,
            Self::PaymentRequired(_) => Code::DocSpacePaymentRequired,
            Self::Forbidden(_) => Code::DocSpaceForbidden,
            Self::NotFound(_) => Code::DocSpaceNotFound,
            Self::RateLimited { .. } => Code::DocSpaceRateLimited,
            Self::Failed(_) | Self::Unavailable { .. } => Code::DocSpaceUnavailable,
            Self::Rejected { .. } => Code::DocSpaceRejected,
            Self::Unintelligible(_) => Code::DocSpaceUnintelligible,
            Self::Unreachable(_) => Code::DocSpaceUnreachable,
        }
    }

    /// Only a request that DocSpace finds malformed is certainly this call's fault; all else may be the service's or the key's.
    #[must_use]
    pub fn suspect(&self) -> Suspect {
        match self {
            Self::Rejected { .. } => Suspect::Call,
            Self::Redirected { .. }
            | Self::Unauthorized(_)
            | Self::PaymentRequired(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::RateLimited { .. }
            | Self::Failed(_)
            | Self::Unavailable { .. }
            | Self::Unintelligible(_)
            | Self::Unreachable(_) => Suspect::Service,
        }
    }

    /// How long DocSpace asks us to wait; the daily limit may say 86,400 s.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Redirected { .. }
            | Self::Unauthorized(_)
            | Self::PaymentRequired(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Failed(_)
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

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = r#"{"error":{"message":"away","type":"System.Exception","stack":"   at Secret.Place()","hresult":0},"status":1,"statusCode":500}"#;

    fn answer(status: u16, body: &str) -> DocSpaceError {
        DocSpaceError::check(Reply {
            status,
            body: body.into(),
            ..Reply::default()
        })
        .unwrap_err()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one row a line")]
    fn every_answer_has_its_code_its_suspect_and_what_it_tells_of_a_create() {
        use Answer::{Refused, Unknown};
        let table = [
            (
                301,
                "<html>",
                Code::DocSpaceRedirected,
                Suspect::Service,
                Refused,
            ),
            (400, "", Code::DocSpaceRejected, Suspect::Call, Refused),
            (
                401,
                "",
                Code::DocSpaceUnauthorized,
                Suspect::Service,
                Refused,
            ),
            (
                402,
                "",
                Code::DocSpacePaymentRequired,
                Suspect::Service,
                Refused,
            ),
            (403, "", Code::DocSpaceForbidden, Suspect::Service, Refused),
            (404, "", Code::DocSpaceNotFound, Suspect::Service, Refused),
            (
                408,
                "",
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
            (415, "", Code::DocSpaceRejected, Suspect::Call, Refused),
            (
                429,
                "",
                Code::DocSpaceRateLimited,
                Suspect::Service,
                Refused,
            ),
            (
                500,
                OWN,
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Refused,
            ),
            (
                500,
                "<html>",
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
            (
                500,
                "",
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
            (
                502,
                "<html>",
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
            (
                503,
                OWN,
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
            (
                504,
                "",
                Code::DocSpaceUnavailable,
                Suspect::Service,
                Unknown,
            ),
        ];
        for (status, body, code, suspect, told) in table {
            let error = answer(status, body);
            assert_eq!(
                (error.code(), error.suspect(), error.answer()),
                (code, suspect, told),
                "{status} {body}"
            );
            assert!(
                !error.to_string().contains("Secret.Place"),
                "no stack trace is repeated"
            );
        }
    }
}
