//! Where notices go: one POST each, signed, and what an answer means. The address is a secret: only its host is ever shown.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::api::{self, BuildError, Caller, SendError};
use crate::model::time::Timestamp;

/// How long one post may take in all: the next one waits for it, and nothing else does.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Carries `t=SECONDS,v1=HEX`: the HMAC-SHA256 over the seconds, a full stop and the body. The seconds are those of the post, so that a
/// receiver can refuse an old one that is sent again.
const SIGNATURE: &str = "X-Boardroom-Signature";
/// The number of the notice, which a repeated post of it keeps.
const NUMBER: &str = "X-Boardroom-Notice";

/// Takes notices.
#[derive(Debug, Clone)]
pub struct Receiver {
    client: reqwest::Client,
    url: Hidden,
    secret: Option<SecretString>,
    caller: Caller,
}

/// Shows its host alone.
#[derive(Clone)]
struct Hidden(Url);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.host_str().unwrap_or_default())
    }
}

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    #[error("there was {0}")]
    Unanswered(#[from] SendError),
    #[error("it answers {status} ({said})")]
    Refused {
        status: u16,
        said: String,
        retry_after: Option<Duration>,
    },
}

impl Untaken {
    /// How long the receiver itself asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unanswered(_) => None,
            Self::Refused { retry_after, .. } => *retry_after,
        }
    }

    /// Whether others would fare no better now.
    #[must_use]
    pub fn is_of_receiver(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            // This body may be what it does not like.
            Self::Refused { status, .. } => !matches!(status, 400 | 413 | 415 | 422),
        }
    }

    /// What a person can do.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unanswered(_) => {
                "check the address in BOARDROOM_NOTIFY_URL, the network and the proxy (HTTPS_PROXY)"
            }
            Self::Refused { status, .. } => match status {
                300..400 => {
                    "it redirects, and a redirect would lose the body; set BOARDROOM_NOTIFY_URL to the final address"
                }
                401 | 403 | 404 | 410 => {
                    "the receiver does not know this address any more; make a new incoming webhook and set BOARDROOM_NOTIFY_URL"
                }
                400 | 413 | 415 | 422 => {
                    "the receiver does not take this form; it must take JSON with a member `text`"
                }
                _ => "nothing, if it does not last: it is tried again",
            },
        }
    }
}

impl Receiver {
    /// `caller` knows what must not be repeated of answers.
    pub fn new(
        options: &api::Options,
        url: Url,
        secret: Option<SecretString>,
        caller: Caller,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            client: api::client(options)?,
            url: Hidden(url),
            secret,
            caller,
        })
    }

    /// The host, which may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.0.host_str().unwrap_or_default()
    }

    /// Posts a body; answers the status with which it was taken.
    pub async fn post(&self, number: i64, body: &str) -> Result<u16, Untaken> {
        let mut request = self
            .client
            .post(self.url.0.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(NUMBER, number);
        if let Some(secret) = &self.secret {
            let seconds = Timestamp::now().0 / 1000;
            request = request.header(SIGNATURE, signature(secret, seconds, body));
        }
        let reply = api::knock(request.body(body.to_owned()), &self.caller).await?;
        if (200..300).contains(&reply.status) {
            return Ok(reply.status);
        }
        Err(Untaken::Refused {
            status: reply.status,
            said: reply.quote(),
            retry_after: reply.retry_after,
        })
    }
}

fn signature(secret: &SecretString, seconds: i64, body: &str) -> String {
    let key = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let mac = key.expect("HMAC takes keys of any length");
    let mac = mac.chain_update(format!("{seconds}.{body}"));
    let bytes = mac.finalize().into_bytes();
    let mut signature = format!("t={seconds},v1=");
    for byte in bytes {
        write!(signature, "{byte:02x}").expect("a text takes what is written to it");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        // printf '1790000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature(&"secret".into(), 1_790_000_000, "{}"),
            "t=1790000000,v1=d0cadd434460d4af55e7ab90d79c1802591d7001a77c9e06471d0e3ec8cc85ae"
        );
    }
}
