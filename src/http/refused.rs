//! Refused deliveries, kept for `boardroom signature` if that was asked for. Nothing of them is believed, and a flood of them costs little.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::HOST;
use axum::http::request::Parts;

use crate::api::printable;
use crate::http::seldom::Seldom;
use crate::inbox::Inbox;
use crate::model::delivery::{Capture, Captured};
use crate::redact::{self, Redactor};
use crate::store::Store;

/// How many are kept one after the other. No more than this stay, anyway.
const BURST: u32 = 20;
/// How often one more is kept in a flood: the database has better things to write.
const PACE: Duration = Duration::from_secs(1);
/// The longest text of a header or an address that is kept, in characters. A signature has 28.
const LONGEST_SIGNATURE: usize = 200;
const LONGEST_ADDRESS: usize = 500;

/// Keeps refused deliveries; by default it does not.
#[derive(Debug, Clone, Default)]
pub struct Keeper(Option<Arc<Keeping>>);

#[derive(Debug)]
struct Keeping {
    allowance: Mutex<Allowance>,
    redactor: Redactor,
}

impl Keeper {
    /// One that keeps them, without what the redactor knows to be secret.
    #[must_use]
    pub fn keeping(redactor: Redactor) -> Self {
        Self(Some(Arc::new(Keeping {
            allowance: Mutex::new(Allowance::new(Instant::now())),
            redactor,
        })))
    }

    /// The leave to keep one, unless too many came of late.
    pub(super) fn leave(&self) -> Option<Leave> {
        let keeping = self.0.as_ref()?;
        let mut allowance = keeping
            .allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        allowance
            .take(Instant::now())
            .then(|| Leave(keeping.clone()))
    }
}

/// The leave to keep one refused delivery.
#[derive(Debug)]
pub(super) struct Leave(Arc<Keeping>);

impl Leave {
    /// Keeps what came. That it cannot be kept is no reason to answer otherwise.
    pub(super) async fn keep(self, desk: Desk<'_>, parts: &Parts, head: Head, cause: &str) {
        static UNKEPT: Seldom = Seldom::new();
        let clean = |text: &str, longest| {
            let text = printable(&self.0.redactor.clean(text));
            text.chars().take(longest).collect::<String>()
        };
        let capture = Capture {
            kind: Captured::Refused,
            reason: cause.to_owned(),
            body: head.bytes,
            length: head.length,
            signature: signatures(parts).map(|text| clean(&text, LONGEST_SIGNATURE)),
            url: Some(clean(&address(parts), LONGEST_ADDRESS)),
        };
        if let Err(error) = desk.inbox.ask(desk.store.capture(&capture)).await
            && let Some(times) = UNKEPT.due()
        {
            tracing::error!(%error, times, "a refused delivery could not be kept");
        }
    }
}

/// Where a capture is kept: the store, and the inbox, which knows when it is away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) inbox: &'a Inbox,
}

/// The beginning of a body, and how long the whole was.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    length: u64,
}

impl Head {
    /// Takes in one more piece, and keeps of it what fits into `longest` bytes.
    pub(super) fn take_in(&mut self, piece: &[u8], longest: usize) {
        self.length += piece.len() as u64;
        let free = longest.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&piece[..free.min(piece.len())]);
    }
}

/// Lets a few pass at once, and after them one at a time.
#[derive(Debug)]
struct Allowance {
    left: u32,
    counted: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            counted: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted).as_nanos() / PACE.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            self.left = self.left.saturating_add(passed).min(BURST);
            self.counted = if self.left == BURST {
                now
            } else {
                self.counted + PACE * passed
            };
        }
        let is_allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_allowed
    }
}

/// What the request gave as its signature.
fn signatures(parts: &Parts) -> Option<String> {
    let values = parts.headers.get_all(super::delivery::SIGNATURE).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// Where the request says that it was sent to, before a proxy if one says so.
fn address(parts: &Parts) -> String {
    let header = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        let first = value.split(',').next()?.trim();
        (!first.is_empty()).then(|| first.to_owned())
    };
    let is_https = header("x-forwarded-proto").is_some_and(|it| it.eq_ignore_ascii_case("https"));
    let scheme = if is_https { "https" } else { "http" };
    let host = header("x-forwarded-host").or_else(|| header(HOST.as_str()));
    let host = host.or_else(|| parts.uri.authority().map(ToString::to_string));
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    redact::url(&format!("{scheme}://{}{path}", host.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_flood_is_kept_at_a_trickle() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        let mut taken = |ms: u64, times: usize| {
            let now = begun + Duration::from_millis(ms);
            (0..times).filter(|_| allowance.take(now)).count()
        };
        assert_eq!(taken(0, 500), 20, "a few at once");
        assert_eq!(taken(900, 500), 0);
        assert_eq!(taken(1_000, 500), 1, "then one a second");
        assert_eq!(taken(1_900, 500), 0);
        assert_eq!(taken(3_500, 500), 2);
        assert_eq!(taken(4_000, 500), 1, "what was left of a second counts");
        assert_eq!(taken(3_600_000, 500), 20, "and no more after an hour");
    }

    #[test]
    fn an_address_is_what_the_request_says_of_itself_without_credentials() {
        let of = |uri: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            address(&request.body(()).unwrap().into_parts().0)
        };
        let table = [
            (
                of("/webhooks/trello", &[("host", "10.0.0.7:8080")]),
                "http://10.0.0.7:8080/webhooks/trello",
            ),
            (
                of(
                    "/webhooks/trello?x=1&token=hidden-value",
                    &[
                        ("host", "boardroom:8080"),
                        ("x-forwarded-proto", "https, http"),
                        ("x-forwarded-host", "ann:hidden-value@rooms.example, proxy"),
                    ],
                ),
                "https://rooms.example/webhooks/trello?x=1&token=(hidden)",
            ),
            (of("http://rooms.example/x", &[]), "http://rooms.example/x"),
        ];
        for (address, expected) in table {
            assert_eq!(address, expected);
        }
    }

    #[test]
    fn of_a_body_only_its_beginning_is_kept() {
        let mut head = Head::default();
        for piece in ["abc", "defg", "h"] {
            head.take_in(piece.as_bytes(), 5);
        }
        assert_eq!((&head.bytes[..], head.length), (&b"abcde"[..], 8));
    }
}
