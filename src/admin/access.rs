//! Who may come in: whoever has the token, by `Authorization: Bearer` or by a session that began with it. Without a token, on loopback alone,
//! everybody on this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::admin::is_for_programs;
use crate::admin::refusal::{Reason, Refusal};
use crate::admin::session::{LIFE, Sessions, mac};
use crate::model::time::Timestamp;

/// The cookie of a session.
const NAME: &str = "boardroom_session";
/// How long the answer to a wrong token takes.
const DELAY: Duration = Duration::from_secs(1);
/// The most wrong tokens that are waited for at the same time; more are answered at once, with 429. The right one never waits.
const MOST_DELAYED: usize = 64;

/// Decides who may come in. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lock: Option<Lock>,
    is_loopback: bool,
    delayed: Semaphore,
}

/// Opens with the token.
struct Lock {
    /// Of this process alone: tokens are compared by what it makes of them, in constant time whatever their length.
    key: Hmac<Sha256>,
    token: [u8; 32],
    sessions: Sessions,
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl Lock {
    fn new(token: &SecretString) -> Self {
        let token = token.expose_secret().as_bytes();
        let mut key = [0; 32];
        // Without random numbers the comparison is constant in time all the same.
        let _ = getrandom::fill(&mut key);
        let key = mac(&key);
        let mut seal = key.clone();
        seal.update(token);
        Self {
            key,
            token: seal.finalize().into_bytes().into(),
            sessions: Sessions::of(token),
        }
    }

    fn opens(&self, given: &[u8]) -> bool {
        let mut seal = self.key.clone();
        seal.update(given);
        seal.verify_slice(&self.token).is_ok()
    }
}

/// What a request shows of who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Enough.
    Good,
    /// A token, but another one.
    Wrong,
    /// None, or a session that is over.
    None,
}

impl Access {
    pub(super) fn new(token: Option<&SecretString>, address: SocketAddr) -> Self {
        Self(Arc::new(Inner {
            lock: token.map(Lock::new),
            is_loopback: address.ip().is_loopback(),
            delayed: Semaphore::new(MOST_DELAYED),
        }))
    }

    /// Whether there is a token, so that somebody can log in and out.
    pub(super) fn is_locked(&self) -> bool {
        self.0.lock.is_some()
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.0.is_loopback
    }

    fn proof(&self, headers: &HeaderMap) -> Proof {
        let Some(lock) = &self.0.lock else {
            return Proof::Good;
        };
        if let Some(token) = bearer(headers) {
            return if lock.opens(token) {
                Proof::Good
            } else {
                Proof::Wrong
            };
        }
        let now = Timestamp::now();
        if cookies(headers).any(|value| lock.sessions.goes_on(value, now)) {
            Proof::Good
        } else {
            Proof::None
        }
    }

    /// Whether this request comes from somebody who is in already.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        self.proof(headers) == Proof::Good
    }

    /// Begins a session with the token: the `Set-Cookie` of it. A wrong token is told so only after a while.
    pub(super) async fn log_in(&self, token: &str, headers: &HeaderMap) -> Result<String, Refusal> {
        let Some(lock) = &self.0.lock else {
            return Err(Refusal::from(Reason::NotFound));
        };
        if !lock.opens(token.as_bytes()) {
            return Err(self.wrong().await);
        }
        let value = lock.sessions.begin(Timestamp::now());
        let value = value.ok_or(Refusal::from(Reason::Internal))?;
        Ok(cookie(&value, LIFE, headers))
    }

    /// Ends the session of a request: the `Set-Cookie` that makes the browser forget it.
    pub(super) fn log_out(&self, headers: &HeaderMap) -> String {
        if let Some(lock) = &self.0.lock {
            cookies(headers).for_each(|value| lock.sessions.end(value, Timestamp::now()));
        }
        cookie("", Duration::ZERO, headers)
    }

    /// Guessing is slow, and costs no more than it may: too many at once are not waited for.
    async fn wrong(&self) -> Refusal {
        let Ok(_place) = self.0.delayed.try_acquire() else {
            return Refusal::from(Reason::TooManyAttempts);
        };
        tracing::warn!("somebody gave a wrong admin token");
        tokio::time::sleep(DELAY).await;
        Refusal::from(Reason::TokenWrong)
    }
}

/// Lets those in who prove that they may come in. A person is led to where he can log in.
pub(super) async fn authenticate(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    match access.proof(request.headers()) {
        Proof::Good => next.run(request).await,
        Proof::Wrong => access.wrong().await.into_response(),
        Proof::None if is_for_programs(request.uri().path()) => {
            Refusal::from(Reason::Unauthorized).into_response()
        }
        Proof::None if request.method() == Method::GET || request.method() == Method::HEAD => {
            Redirect::to("/login").into_response()
        }
        Proof::None => (StatusCode::SEE_OTHER, [("location", "/login")]).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

/// The values of all cookies with our name: of several services on one machine each may have set one.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(COOKIE).into_iter();
    let all = all.filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|one| one.trim().split_once('='))
        .filter_map(|(name, value)| (name == NAME).then_some(value))
}

/// `Secure` where a proxy says that the browser came by https: by plain http, which a forwarded port is, no browser would send it back.
/// Whoever lies about that spoils only his own cookie.
fn cookie(value: &str, life: Duration, headers: &HeaderMap) -> String {
    let proto = headers.get("x-forwarded-proto");
    let is_https = proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    let secure = if is_https { "; Secure" } else { "" };
    let seconds = life.as_secs();
    format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn access() -> Access {
        let token = SecretString::from(TOKEN);
        Access::new(Some(&token), ([127, 0, 0, 1], 8081).into())
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        [(name.parse().unwrap(), value.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn the_token_opens_and_nothing_like_it_does() {
        let access = access();
        let table = [
            (format!("Bearer {TOKEN}"), Proof::Good),
            (format!("bearer  {TOKEN}"), Proof::Good),
            (format!("Bearer {TOKEN}0"), Proof::Wrong),
            (format!("Bearer {}", &TOKEN[1..]), Proof::Wrong),
            ("Bearer ".into(), Proof::Wrong),
            (format!("Basic {TOKEN}"), Proof::None),
            (TOKEN.into(), Proof::None),
        ];
        for (value, proof) in table {
            let headers = with("authorization", &value);
            assert_eq!(access.proof(&headers), proof, "{value}");
        }
        assert_eq!(access.proof(&HeaderMap::new()), Proof::None);
        assert!(!format!("{access:?}").contains(TOKEN));
    }

    #[tokio::test]
    async fn a_session_opens_until_it_is_ended() {
        let access = access();
        let set = access.log_in(TOKEN, &HeaderMap::new()).await.unwrap();
        let value = set.split(';').next().unwrap();
        let headers = with("cookie", &format!("other=1; {value}"));
        assert!(access.lets_in(&headers));
        assert!(access.log_out(&headers).contains("Max-Age=0"));
        assert!(!access.lets_in(&headers));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_token_waits_and_a_flood_of_them_does_not_keep_the_right_one_out() {
        let access = access();
        let begun = tokio::time::Instant::now();
        assert!(access.log_in("wrong", &HeaderMap::new()).await.is_err());
        assert!(begun.elapsed() >= DELAY);
        let flood: Vec<_> = (0..MOST_DELAYED)
            .map(|_| {
                let access = access.clone();
                tokio::spawn(async move { access.wrong().await })
            })
            .collect();
        while access.0.delayed.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let begun = tokio::time::Instant::now();
        let refused = access.log_in("wrong", &HeaderMap::new()).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 429);
        assert!(access.log_in(TOKEN, &HeaderMap::new()).await.is_ok());
        assert!(begun.elapsed() < DELAY);
        for one in flood {
            assert_eq!(one.await.unwrap().into_response().status(), 401);
        }
    }

    #[test]
    fn a_cookie_is_secure_where_the_browser_came_by_https() {
        let plain = cookie("v", LIFE, &HeaderMap::new());
        let expected = "boardroom_session=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict";
        assert_eq!(plain, expected);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        assert_eq!(cookie("v", LIFE, &headers), format!("{expected}; Secure"));
    }
}
