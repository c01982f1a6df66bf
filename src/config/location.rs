//! Addresses of other things: URLs and the database. Pure functions of the text; an error never repeats the text,
//! which may carry a password.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::config::postgres::{self, PostgresUrl};

/// What is appended to the public URL to make the address at which Trello delivers.
pub const CALLBACK_PATH: &str = "/webhooks/trello";

/// What RFC 3986 allows nowhere, though the parser takes some of it.
const NEVER_IN_URLS: [char; 9] = ['"', '<', '>', '\\', '^', '`', '{', '|', '}'];

const NO_USER: &str = "there is a user or password in it; leave out everything up to the @";

/// Whatever is shorter than this in a URL is guessed sooner than found out.
const LONG: usize = 16;

/// A callback URL exactly as Trello knows it. The signature covers its bytes, so it is never parsed and written anew.
/// Shown without its query, which may carry somebody's secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackUrl(String);

impl CallbackUrl {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&without_secrets(&self.0))
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A proxy. Shown without the user and password that it may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// With user and password, for the client alone.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&without_secrets(self.0.as_str()))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL that is a secret as a whole, such as an incoming webhook of Slack's. Only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// The whole of it, for the client alone.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// What of it must not be shown, for whoever blots it out of texts: the whole, and what makes it hard to guess. A short path is
    /// none of that, and words of ours may be like it.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let path = self.0.path();
        let long = path.split('/').filter(|part| part.len() >= LONG);
        let query = self.0.query().filter(|query| query.len() >= LONG);
        let whole = [self.0.as_str(), self.0.as_str().trim_end_matches('/')];
        let path = Some(path).filter(|path| path.len() >= LONG);
        let parts = whole.into_iter().chain(path).chain(long).chain(query);
        parts.map(SecretString::from).collect()
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}/(hidden)", self.0.scheme())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// One file; a relative path is relative to the working directory.
    Sqlite { path: PathBuf },
    /// A server, which several services may share.
    Postgres { url: PostgresUrl },
}

/// A URL as it may be shown: without user, password and query. It hides too much rather than too little:
/// a password that was not escaped may contain any character.
pub(super) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (user, rest) = rest
        .rsplit_once('@')
        .map_or(("", rest), |(_, rest)| ("(hidden)@", rest));
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, ""), |(rest, _)| (rest, "?(hidden)"));
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{user}{rest}{query}")
}

/// The public URL of this service, without one slash at its end and otherwise as it was written.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    if !text.is_ascii() {
        return Err("only ASCII is allowed; write the host name in its xn-- form".into());
    }
    web_url(text)?;
    if text.contains(['?', '#']) {
        return Err(
            "there is a query or fragment in it; leave out everything from the ? or #".into(),
        );
    }
    if text.contains(NEVER_IN_URLS) {
        return Err("there is a character in it that no URL may have; write it percent-encoded, or without quotes".into());
    }
    let base = text.strip_suffix('/').unwrap_or(text);
    if base.ends_with(CALLBACK_PATH) {
        return Err(format!("leave out {CALLBACK_PATH}, which is appended"));
    }
    Ok(base.to_owned())
}

/// The callback URL below a public URL.
pub(super) fn callback(public_url: &str) -> CallbackUrl {
    CallbackUrl(format!("{public_url}{CALLBACK_PATH}"))
}

/// Full callback URLs, verbatim.
pub(super) fn callbacks(texts: Vec<String>) -> Result<Vec<CallbackUrl>, String> {
    let mut callbacks = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        web_url(&text).map_err(|message| format!("entry {}: {message}", index + 1))?;
        callbacks.push(CallbackUrl(text));
    }
    Ok(callbacks)
}

/// The base of an HTTP API.
pub(super) fn api_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "there is a query or fragment in it; leave out everything from the ? or #".into(),
        );
    }
    Ok(url)
}

/// An address that is a secret. One line, as it comes from a file or a page.
pub(super) fn secret_url(text: &str) -> Result<SecretUrl, String> {
    web_url(text).map(SecretUrl)
}

/// A host, with a scheme and port if they are not `https` and the usual one.
pub(super) fn host(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = web_url(&url)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "there is more than a host in it; write the host alone, such as docspace.example.com, \
                    without a path"
                .into(),
        );
    }
    Ok(url)
}

pub(super) fn proxy(text: &str) -> Result<ProxyUrl, String> {
    let text = text.trim();
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let wrong = "not the URL of an HTTP proxy; write http://proxy.example.com:3128 (SOCKS is not supported)";
    let url = Url::parse(&url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(ProxyUrl).ok_or_else(|| wrong.into())
}

pub(super) fn database(text: &str) -> Result<Database, String> {
    let text = text.trim();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return postgres::parse(text).map(|url| Database::Postgres { url });
    }
    let path = text
        .strip_prefix("sqlite://")
        .ok_or("write sqlite://relative/path, sqlite:///absolute/path or postgres://user:password@host/database")?;
    let first = path.split('/').next().unwrap_or_default();
    if path.contains(['?', '#', ';']) {
        Err("there are options in it; leave out everything from the ?, # or ;".into())
    } else if path != ":memory:" && first.contains(['@', ':']) {
        Err("SQLite has no user or password; write sqlite:// and the path alone".into())
    } else if path.is_empty() || path.ends_with('/') {
        Err("the name of the file is missing; write sqlite:///absolute/path/boardroom.db".into())
    } else if path == ":memory:" {
        Err(
            "a database in memory would forget everything at every stop; write the path of a file"
                .into(),
        )
    } else {
        Ok(Database::Sqlite { path: path.into() })
    }
}

/// Checks the text before the parser, which is lenient: it drops line breaks, takes `\` for `/` and mends missing slashes.
fn web_url(text: &str) -> Result<Url, String> {
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("there is a blank or line break in it; remove it".into());
    }
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("not a URL; start it with https://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err("only http and https are possible; start it with https://".into());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(NO_USER.into());
    }
    if authority.is_empty() || authority.contains(NEVER_IN_URLS) {
        return Err(
            "there is no host in it that can be reached; write https:// and a host, without quotes"
                .into(),
        );
    }
    Url::parse(text).map_err(|error| format!("not a URL ({error}); write https:// and a host"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://b.example.com", "https://b.example.com/webhooks/trello")]
    #[case("https://b.example.com/", "https://b.example.com/webhooks/trello")]
    #[case("https://b.example.com//", "https://b.example.com//webhooks/trello")]
    #[case(
        "HTTPS://B.example.com:443/x/%7Euser/",
        "HTTPS://B.example.com:443/x/%7Euser/webhooks/trello"
    )]
    #[case("http://[::1]:80/a/../b@c", "http://[::1]:80/a/../b@c/webhooks/trello")]
    fn the_callback_is_the_public_url_verbatim(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(callback(&public_url(text).unwrap()).as_str(), expected);
    }

    #[rstest]
    #[case("b.example.com")]
    #[case("ftp://b.example.com")]
    #[case("https:b.example.com")]
    #[case("https:/b.example.com")]
    #[case("https:///b.example.com")]
    #[case("https://b.example.com?x=1")]
    #[case("https://b.example.com/#x")]
    #[case("https://ann:pw@b.example.com")]
    #[case("https://@b.example.com")]
    #[case("https://bücher.example")]
    #[case("https://b.example.com/a b")]
    #[case(" https://b.example.com")]
    #[case("https://b.example.com\n")]
    #[case("https://b.example.com\\x")]
    #[case("https://b.example.com/\\x")]
    #[case("\"https://b.example.com\"")]
    #[case("https://b.example.com/webhooks/trello/")]
    #[case("https://b.example.com:99999")]
    fn a_public_url_that_trello_could_not_use_is_refused(#[case] text: &str) {
        let message = public_url(text).unwrap_err();
        assert!(!message.contains("example"), "{message}");
    }

    #[test]
    fn other_callbacks_stay_as_they_are() {
        let texts = [
            "https://old.example.com",
            "http://x.example/cb?token=hidden-value",
            "https://bücher.example/",
        ];
        let callbacks = callbacks(texts.map(str::to_owned).to_vec()).unwrap();
        assert_eq!(
            callbacks
                .iter()
                .map(CallbackUrl::as_str)
                .collect::<Vec<_>>(),
            texts
        );
        assert_eq!(
            format!("{:?}", callbacks[1]),
            "http://x.example/cb?(hidden)"
        );
        let wrong = super::callbacks(vec!["https://a.example".into(), "/webhooks".into()]);
        assert!(wrong.unwrap_err().starts_with("entry 2: "));
    }

    #[rstest]
    #[case("docspace.example.com", Some("https://docspace.example.com/"))]
    #[case("https://docspace.example.com/", Some("https://docspace.example.com/"))]
    #[case("http://10.0.0.7:8092", Some("http://10.0.0.7:8092/"))]
    #[case("localhost:8092", Some("https://localhost:8092/"))]
    #[case("docspace.example.com/", Some("https://docspace.example.com/"))]
    #[case("https://docspace.example.com/api/2.0", None)]
    #[case("docspace.example.com/api", None)]
    #[case("docspace.example.com?x", None)]
    #[case("docspace.example.com#x", None)]
    #[case("ann:pw@docspace.example.com", None)]
    #[case("ftp://docspace.example.com", None)]
    #[case("https://", None)]
    #[case("docspace example com", None)]
    #[case("\"docspace.example.com\"", None)]
    fn hosts(#[case] text: &str, #[case] url: Option<&str>) {
        assert_eq!(host(text).ok().as_ref().map(Url::as_str), url);
    }

    #[rstest]
    #[case("sqlite://data/boardroom.db", "data/boardroom.db")]
    #[case("sqlite:///data/boardroom.db", "/data/boardroom.db")]
    #[case("sqlite:///data/a@b.db", "/data/a@b.db")]
    fn a_database_is_a_file(#[case] text: &str, #[case] path: &str) {
        assert_eq!(database(text), Ok(Database::Sqlite { path: path.into() }));
    }

    #[rstest]
    #[case("postgres://ann:hidden-value@db", "name of the database")]
    #[case("Postgres://ann:hidden-value@db/boardroom", "or postgres://user")]
    #[case("sqlite:data/boardroom.db", "write sqlite://")]
    #[case("data/boardroom.db", "write sqlite://")]
    #[case("mysql://db/boardroom", "write sqlite://")]
    #[case("sqlite://", "name of the file")]
    #[case("sqlite:///data/", "name of the file")]
    #[case("sqlite://:memory:", "in memory")]
    #[case("sqlite://ann:hidden-value@host/x.db", "no user or password")]
    #[case("sqlite://ann:hidden-value/x.db", "no user or password")]
    #[case("sqlite:///data/x.db?mode=rwc", "options")]
    #[case("sqlite://x.db;Password=hidden-value", "options")]
    #[case("host=127.0.0.1 password=hidden-value", "write sqlite://")]
    #[case("Server=h;Password=hidden-value", "write sqlite://")]
    #[case("hidden-value", "write sqlite://")]
    fn any_other_database_is_refused(#[case] text: &str, #[case] expected: &str) {
        let message = database(text).unwrap_err();
        assert!(
            message.contains(expected) && !message.contains("hidden-value"),
            "{message}"
        );
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let proxied = proxy("http://ann:hidden-value@proxy.example:3128").unwrap();
        assert_eq!(
            format!("{proxied:?} {proxied}"),
            "http://(hidden)@proxy.example:3128/ http://(hidden)@proxy.example:3128/"
        );
        assert_eq!(proxied.expose().password(), Some("hidden-value"));
        assert_eq!(
            proxy("proxy.example:3128").unwrap().expose().as_str(),
            "http://proxy.example:3128/"
        );
        for wrong in ["socks5://proxy.example:1080", "http://", "://"] {
            assert!(proxy(wrong).is_err(), "{wrong}");
        }
    }

    #[rstest]
    #[case("https://b.example.com/x", "https://b.example.com/x")]
    #[case(
        "postgres://ann:p/w@d?x#@db/boardroom?password=x",
        "postgres://(hidden)@db/boardroom?(hidden)"
    )]
    #[case("ann:pw@proxy:3128", "(hidden)@proxy:3128")]
    #[case("docspace.example.com", "docspace.example.com")]
    fn what_may_be_shown_of_a_url(#[case] url: &str, #[case] shown: &str) {
        assert_eq!(without_secrets(url), shown);
    }
}
