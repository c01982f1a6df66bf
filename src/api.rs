//! What both clients need of HTTP: a client that neither retries nor follows redirects, bounded answers, and whether a request can have arrived.

mod knock;
mod list;
mod outgoing;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize as _, Deserializer};
use serde_json::value::RawValue;

use crate::redact::Redactor;

pub use knock::knock;
pub use list::{Ending, Incoming, send_for_list};
pub use outgoing::{Outgoing, route};

/// The longest answer that is read as a whole.
const LONGEST_ANSWER: usize = 64 << 20;
/// The longest piece of an answer that a message repeats.
const LONGEST_QUOTE: usize = 300;
/// Shorter than the 75 s after which nginx closes an idle connection: a create on a connection that is being closed is an ambiguous one.
const IDLE: Duration = Duration::from_secs(20);

/// How a service is reached.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub timeout: Duration,
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Proxies for `https://` and `http://` URLs.
    pub https_proxy: Option<reqwest::Url>,
    pub http_proxy: Option<reqwest::Url>,
    /// Hosts that are reached directly, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("cannot read the certificates in {path}")]
    CaFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} holds no certificate in PEM form")]
    NoCertificate { path: PathBuf },
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("the credential has characters that no header can carry")]
    Credential(#[from] reqwest::header::InvalidHeaderValue),
}

/// A client for one service.
pub fn client(options: &Options) -> Result<reqwest::Client, BuildError> {
    let further = options.ca_file.as_deref().map(authorities).transpose()?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(further.unwrap_or_default()))
        .timeout(options.timeout)
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("boardroom/", env!("CARGO_PKG_VERSION")))
        .no_proxy();
    let direct = format!(
        "localhost,127.0.0.0/8,::1,{}",
        options.no_proxy.as_deref().unwrap_or("")
    );
    let direct = reqwest::NoProxy::from_string(&direct);
    if let Some(url) = &options.https_proxy {
        builder = builder.proxy(reqwest::Proxy::https(url.clone())?.no_proxy(direct.clone()));
    }
    if let Some(url) = &options.http_proxy {
        builder = builder.proxy(reqwest::Proxy::http(url.clone())?.no_proxy(direct));
    }
    Ok(builder.build()?)
}

/// The certificates in a PEM file.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let pem = std::fs::read(path).map_err(|source| BuildError::CaFile {
        path: path.into(),
        source,
    })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    // What is no certificate must not make every connection fail later.
    let are_certificates = |found: &Vec<CertificateDer<'static>>| {
        let mut store = RootCertStore::empty();
        !found.is_empty() && found.iter().all(|one| store.add(one.clone()).is_ok())
    };
    certificates
        .ok()
        .filter(are_certificates)
        .ok_or_else(|| BuildError::NoCertificate { path: path.into() })
}

/// A list of which single entries may be unreadable: those are left out, and what they were is logged.
pub fn readable<'de, D, T>(list: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let entries = Vec::<&RawValue>::deserialize(list)?;
    let read = |entry: &RawValue| {
        let parsed = serde_json::from_str(entry.get());
        parsed
            .inspect_err(
                |error| tracing::warn!(%error, "an entry of a list cannot be read and is left out"),
            )
            .ok()
    };
    Ok(entries.into_iter().filter_map(read).collect())
}

/// An answer, read whole.
#[derive(Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
    /// Services may repeat what they were asked.
    pub redactor: Redactor,
}

impl Reply {
    fn add(&mut self, piece: &[u8]) -> Result<(), SendError> {
        if self.body.len() + piece.len() > LONGEST_ANSWER {
            return Err(SendError::TooLong);
        }
        self.body.extend_from_slice(piece);
        Ok(())
    }

    /// The body as JSON, if it is.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The head of a text body, fit for a log: one line, no control characters, no secret of ours.
    #[must_use]
    pub fn quote(&self) -> String {
        self.clean(&String::from_utf8_lossy(&self.body))
    }

    /// Why this answer is not understood. JSON is not repeated, for it holds people's data; a web page tells who answered instead.
    #[must_use]
    pub fn complaint(&self, error: &serde_json::Error) -> String {
        match self.json::<IgnoredAny>() {
            Ok(_) => self.clean(&error.to_string()),
            Err(_) => self.clean(&format!(
                "{error} in: {}",
                String::from_utf8_lossy(&self.body)
            )),
        }
    }

    /// The head of a text that came with this answer, fit for a log likewise.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let text = quote(&self.redactor.clean(text));
        if text.is_empty() {
            "(no text)".to_owned()
        } else {
            text
        }
    }
}

/// The head of a text that somebody else wrote, fit for a log: one line, no control characters, no mail addresses.
#[must_use]
pub fn quote(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The whole of such a text, likewise.
#[must_use]
pub fn one_line(text: &str) -> String {
    let plain = printable(text);
    let words = plain
        .split(' ')
        .map(|word| if is_address(word) { "(address)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A text in one line without anything that a terminal obeys; whose addresses are in it is left to the reader.
#[must_use]
pub fn printable(text: &str) -> String {
    let words = text
        .split(|c: char| !is_printable(c) || c == ' ')
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a character is neither a control character nor one of those that turn the direction of what follows, by which a text can
/// be made to look like another.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

/// Whether a word has somebody's mail address in it.
fn is_address(word: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    word.match_indices('@').any(|(at, _)| {
        word[..at].ends_with(is_of_name) && word[at + 1..].starts_with(char::is_alphanumeric)
    })
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection came to be, so nothing was sent.
    #[error("no connection: {}", causes(.0))]
    NotSent(#[source] reqwest::Error),
    /// It may have arrived: the time was up or the connection was lost.
    #[error("no answer: {}", causes(.0))]
    Lost(#[source] reqwest::Error),
    #[error("the answer is too long")]
    TooLong,
}

impl SendError {
    fn of(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::NotSent(error.without_url())
        } else {
            Self::lost(error)
        }
    }

    fn lost(error: reqwest::Error) -> Self {
        Self::Lost(error.without_url())
    }
}

/// The innermost cause says most ("connection refused"); a time-out says so itself.
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the time is up".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    quote(&innermost.to_string())
}

/// What a client keeps about the service that it calls. Clones share the clock.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub clock: Arc<RemoteClock>,
    pub redactor: Redactor,
}

/// Sends one request and reads its answer. No error carries the URL, which may carry a token.
pub async fn send(request: reqwest::RequestBuilder, caller: &Caller) -> Result<Reply, SendError> {
    let (mut response, mut reply) = begin(request, caller).await?;
    while let Some(piece) = response.chunk().await.map_err(SendError::lost)? {
        reply.add(&piece)?;
    }
    Ok(reply)
}

/// Sends one request and reads the head of its answer.
async fn begin(
    request: reqwest::RequestBuilder,
    caller: &Caller,
) -> Result<(reqwest::Response, Reply), SendError> {
    let response = request.send().await.map_err(SendError::of)?;
    caller.clock.read(response.headers());
    let reply = Reply {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        body: Vec::new(),
        redactor: caller.redactor.clone(),
    };
    Ok((response, reply))
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(SystemTime::now())
            .ok(),
    }
}

/// A service's clock, known by the `Date` of its answers. It is up to a second slow, never fast, and a step of this machine's clock
/// does not move it.
#[derive(Debug, Default)]
pub struct RemoteClock {
    /// The last `Date`, in milliseconds since 1970, and when it came.
    heard: Mutex<Option<(i64, Instant)>>,
}

impl RemoteClock {
    fn read(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            let heard = (epoch_ms(date), Instant::now());
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        }
    }

    /// Milliseconds since 1970 by the service's clock; none before its first answer.
    #[must_use]
    pub fn now_ms(&self) -> Option<i64> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (date, at) = heard?;
        Some(date.saturating_add(i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)))
    }

    /// How far the service's clock is from this machine's, in milliseconds.
    #[must_use]
    pub fn offset_ms(&self) -> Option<i64> {
        Some(self.now_ms()? - epoch_ms(SystemTime::now()))
    }
}

fn epoch_ms(time: SystemTime) -> i64 {
    let span = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_short_line() {
        assert_eq!(quote(" a\r\n\tb \u{1b}[31m c "), "a b [31m c");
        assert_eq!(quote(&"é".repeat(400)).chars().count(), 301);
        assert_eq!(
            quote("no <Ann.B@Example.com>, but @ann"),
            "no (address) but @ann"
        );
        assert_eq!(one_line("@,ann_@example.com x\u{202e}y"), "(address) x y");
        assert_eq!(one_line(&"é ".repeat(400)).chars().count(), 799);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "86400".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_hours(24)));
        headers.insert(
            RETRY_AFTER,
            "Tue, 31 Dec 2999 23:59:59 GMT".parse().unwrap(),
        );
        assert!(retry_after(&headers).unwrap() > Duration::from_hours(24));
        headers.insert(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
