//! Who may come in: whoever has the token, by `Authorization: Bearer` or by a session that began with it. Without a token, on loopback alone,
//! everybody on this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::admin::attempts::Attempts;
use crate::admin::refusal::{Reason, Refusal};
use crate::admin::session::{LIFE, Sessions, mac};
use crate::admin::{Entrance, is_for_programs};
use crate::http::seldom::Seldom;
use crate::http::sources::Sources;
use crate::metrics::Metrics;
use crate::model::time::Timestamp;

/// How long the answer to a wrong token takes.
const DELAY: Duration = Duration::from_secs(1);
/// The most wrong tokens that are waited for at the same time; more are answered at once, with 429: they came from many
/// places, for of one so many are not even compared. The right one never waits.
const MOST_DELAYED: usize = 64;

/// Decides who may come in. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lock: Option<Lock>,
    is_loopback: bool,
    delayed: Semaphore,
    attempts: Attempts,
    /// Whom proxies speak for.
    sources: Sources,
    metrics: Arc<Metrics>,
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
    /// The values of all cookies with our name: browsers may send several.
    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let all = headers.get_all(COOKIE).into_iter();
        let all = all.filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(';'))
            .filter_map(|one| one.trim().split_once('='))
            .filter_map(|(name, value)| (name == self.sessions.cookie).then_some(value))
    }

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
    /// A token that was not even looked at.
    Barred,
    /// None, or a session that is over.
    None,
}

impl Access {
    pub(super) fn new(entrance: Entrance<'_>, sources: Sources, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner {
            lock: entrance.token.map(Lock::new),
            is_loopback: entrance.address.ip().is_loopback(),
            delayed: Semaphore::new(MOST_DELAYED),
            attempts: Attempts::default(),
            sources,
            metrics,
        }))
    }

    /// Whether there is a token, so that somebody can log in and out.
    pub(super) fn is_locked(&self) -> bool {
        self.0.lock.is_some()
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.0.is_loopback
    }

    /// Who sends a request: behind a proxy that is trusted, whoever that one names.
    fn origin(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        self.0.sources.client(peer, headers).unwrap_or(peer)
    }

    fn proof(&self, from: IpAddr, headers: &HeaderMap) -> Proof {
        let Some(lock) = &self.0.lock else {
            return Proof::Good;
        };
        match bearer(headers) {
            Some(token) => self.compare(lock, token, from),
            None if self.lets_in(headers) => Proof::Good,
            None => Proof::None,
        }
    }

    fn compare(&self, lock: &Lock, token: &[u8], from: IpAddr) -> Proof {
        if self.0.attempts.is_barred(from) {
            return Proof::Barred;
        }
        if lock.opens(token) {
            return Proof::Good;
        }
        self.0.attempts.count(from);
        Proof::Wrong
    }

    /// Whether this request belongs to a session, or none is needed.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        let now = Timestamp::now();
        self.0.lock.as_ref().is_none_or(|lock| {
            let mut values = lock.cookies(headers);
            values.any(|value| lock.sessions.goes_on(value, now))
        })
    }

    /// Begins a session with the token: the `Set-Cookie` of it. A wrong token is told so only after a while.
    pub(super) async fn log_in(
        &self,
        token: &str,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<String, Refusal> {
        let Some(lock) = &self.0.lock else {
            return Err(Refusal::from(Reason::NotFound));
        };
        let from = self.origin(peer, headers);
        match self.compare(lock, token.as_bytes(), from) {
            Proof::Good => {}
            Proof::Wrong | Proof::None => return Err(self.wrong(from).await),
            Proof::Barred => return Err(self.barred()),
        }
        tracing::info!(peer = %from, "somebody logged in");
        let value = lock.sessions.begin(Timestamp::now());
        let value = value.ok_or(Refusal::from(Reason::Internal))?;
        Ok(cookie(&lock.sessions.cookie, &value, LIFE, headers))
    }

    /// Ends the session of a request: the `Set-Cookie` that makes the browser forget it, where there are sessions.
    pub(super) fn log_out(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<String> {
        let lock = self.0.lock.as_ref()?;
        tracing::info!(peer = %self.origin(peer, headers), "somebody logged out");
        let values = lock.cookies(headers);
        values.for_each(|value| lock.sessions.end(value, Timestamp::now()));
        Some(cookie(&lock.sessions.cookie, "", Duration::ZERO, headers))
    }

    /// Guessing is slow, and costs no more than it may: too many at once are not waited for.
    async fn wrong(&self, from: IpAddr) -> Refusal {
        static WRONG: Seldom = Seldom::new();
        self.0.metrics.admin_tokens_wrong.add_one();
        if let Some(times) = WRONG.due() {
            tracing::warn!(peer = %from, times, "somebody gave a wrong admin token");
        }
        let Ok(_place) = self.0.delayed.try_acquire() else {
            return Refusal::from(Reason::TooManyAttempts);
        };
        tokio::time::sleep(DELAY).await;
        Refusal::from(Reason::TokenWrong)
    }

    fn barred(&self) -> Refusal {
        self.0.metrics.admin_tokens_barred.add_one();
        Refusal::from(Reason::TooManyAttempts)
    }
}

/// Lets those in who prove that they may come in. A person is led to where he can log in.
pub(super) async fn authenticate(
    State(access): State<Access>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let from = access.origin(peer, request.headers());
    match access.proof(from, request.headers()) {
        Proof::Good => next.run(request).await,
        Proof::Wrong => access.wrong(from).await.into_response(),
        Proof::Barred => access.barred().into_response(),
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

/// `Secure` where a proxy says that the browser came by https: by plain http, which a forwarded port is, no browser would send it back.
/// Whoever lies about that spoils only his own cookie.
fn cookie(name: &str, value: &str, life: Duration, headers: &HeaderMap) -> String {
    let proto = headers.get("x-forwarded-proto");
    // Of several proxies the first one met the browser.
    let proto = proto.and_then(|proto| proto.as_bytes().split(|byte| *byte == b',').next());
    let is_https = proto.is_some_and(|proto| proto.trim_ascii().eq_ignore_ascii_case(b"https"));
    let secure = if is_https { "; Secure" } else { "" };
    let seconds = life.as_secs();
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn access() -> Access {
        let token = SecretString::from(TOKEN);
        let entrance = Entrance {
            token: Some(&token),
            address: ([127, 0, 0, 1], 8081).into(),
        };
        let sources = Sources {
            trusted: vec!["10.9.0.0/16".parse().unwrap()],
            ..Sources::default()
        };
        Access::new(entrance, sources, Arc::default())
    }

    fn peer(number: u8) -> SocketAddr {
        ([10, 0, 0, number], 4711).into()
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
            assert_eq!(access.proof(peer(1).ip(), &headers), proof, "{value}");
        }
        assert_eq!(access.proof(peer(1).ip(), &HeaderMap::new()), Proof::None);
        assert!(!format!("{access:?}").contains(TOKEN));
    }

    #[tokio::test]
    async fn a_session_opens_until_it_is_ended() {
        let access = access();
        let set = access.log_in(TOKEN, peer(1), &HeaderMap::new()).await;
        let set = set.unwrap();
        let value = set.split(';').next().unwrap();
        let headers = with("cookie", &format!("other=1; {value}"));
        assert!(access.lets_in(&headers));
        let forget = access.log_out(peer(1), &headers).unwrap();
        assert!(forget.contains("Max-Age=0"), "{forget}");
        assert!(!access.lets_in(&headers));
    }

    #[tokio::test]
    async fn installations_with_tokens_of_their_own_use_cookies_of_their_own() {
        let token = SecretString::from("another token 01");
        let entrance = Entrance {
            token: Some(&token),
            address: ([127, 0, 0, 1], 8082).into(),
        };
        let other = Access::new(entrance, Sources::default(), Arc::default());
        let (one, none) = (access(), HeaderMap::new());
        let first = one.log_in(TOKEN, peer(1), &none).await.unwrap();
        let again = one.log_in(TOKEN, peer(1), &none).await.unwrap();
        let second = other.log_in("another token 01", peer(1), &none).await;
        let name = |set: &str| set.split('=').next().unwrap().to_owned();
        assert_eq!(name(&first), name(&again));
        assert_ne!(name(&first), name(&second.unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_token_waits_and_a_flood_of_them_does_not_keep_the_right_one_out() {
        let access = access();
        let none = HeaderMap::new();
        let begun = tokio::time::Instant::now();
        assert!(access.log_in("wrong", peer(0), &none).await.is_err());
        assert!(begun.elapsed() >= DELAY);
        let flood: Vec<_> = (0..MOST_DELAYED)
            .map(|_| {
                let access = access.clone();
                tokio::spawn(async move { access.wrong(peer(0).ip()).await })
            })
            .collect();
        while access.0.delayed.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let begun = tokio::time::Instant::now();
        let refused = access.log_in("wrong", peer(0), &none).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 429);
        assert!(access.log_in(TOKEN, peer(1), &none).await.is_ok());
        assert!(begun.elapsed() < DELAY);
        for one in flood {
            assert_eq!(one.await.unwrap().into_response().status(), 401);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_too_often_is_not_listened_to_and_keeps_out_nobody_else() {
        let access = access();
        let set = access.log_in(TOKEN, peer(1), &HeaderMap::new()).await;
        let session = with("cookie", set.unwrap().split(';').next().unwrap());
        let wrong = with("authorization", "Bearer wrong");
        let right = with("authorization", &format!("Bearer {TOKEN}"));
        let guesses = (0..100).map(|_| access.proof(peer(1).ip(), &wrong));
        let compared = guesses.filter(|proof| *proof == Proof::Wrong).count();
        assert_eq!(compared, 10);
        assert_eq!(access.proof(peer(1).ip(), &right), Proof::Barred);
        assert!(
            access
                .log_in(TOKEN, peer(1), &HeaderMap::new())
                .await
                .is_err()
        );
        assert_eq!(access.proof(peer(1).ip(), &session), Proof::Good);
        assert_eq!(access.proof(peer(2).ip(), &right), Proof::Good);
        tokio::time::advance(crate::admin::attempts::PACE).await;
        assert_eq!(access.proof(peer(1).ip(), &right), Proof::Good);
    }

    #[test]
    fn behind_a_proxy_that_is_trusted_it_is_whoever_that_one_names() {
        let access = access();
        let headers = with("x-forwarded-for", "10.0.0.7");
        let proxy = ([10, 9, 0, 1], 4711).into();
        assert_eq!(access.origin(proxy, &headers), peer(7).ip());
        assert_eq!(access.origin(peer(1), &headers), peer(1).ip());
        let unclear = with("x-forwarded-for", "nonsense");
        assert_eq!(access.origin(proxy, &unclear), proxy.ip());
    }

    #[test]
    fn a_cookie_is_secure_where_the_browser_came_by_https() {
        let plain = cookie("boardroom_1", "v", LIFE, &HeaderMap::new());
        let expected = "boardroom_1=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict";
        assert_eq!(plain, expected);
        let mut headers = HeaderMap::new();
        for (proto, end) in [
            ("https", "; Secure"),
            ("HTTPS, http", "; Secure"),
            ("http, https", ""),
        ] {
            headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
            assert_eq!(
                cookie("boardroom_1", "v", LIFE, &headers),
                format!("{expected}{end}")
            );
        }
    }
}
