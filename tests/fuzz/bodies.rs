//! What is fuzzed: each function takes any bytes and fails when what must always hold does not. The fuzz targets call them with bytes that
//! cargo-fuzz makes up, and the test in `corpora.rs` with those that have been found worth keeping.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStringExt as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use boardroom::config::{Config, Environment, Needs};
use boardroom::http::sources::Sources;
use boardroom::model::title::{TitleTemplate, as_stored, normalised};
use boardroom::trello::signature::{Verifier, sign};
use boardroom::trello::webhook::{Delivery, parse};
use secrecy::SecretString;

#[path = "answers.rs"]
mod answers;

pub(crate) use answers::{docspace, trello};

/// Stands in inputs where a secret would, and must not come out.
const SECRET: &str = "not-to-be-seen";

/// What a delivery says. Ids that come of it are ids: they go into URLs.
pub(crate) fn payload(data: &[u8]) {
    let model = match parse(data) {
        Ok(Delivery::Hint { model, hint }) => {
            assert_is_id(&hint.board.to_string());
            assert_is_id(&hint.action.to_string());
            model
        }
        Ok(Delivery::Roles { model }) => model,
        Ok(Delivery::Uninteresting) => return,
        Err(error) => return assert_is_line(&error.to_string()),
    };
    assert_is_id(&model.to_string());
}

/// A signature, a line break and a body: only the one right text is accepted.
pub(crate) fn signature(data: &[u8]) {
    const CALLBACK: &str = "https://rooms.example/webhooks/trello";
    let secret = SecretString::from(SECRET);
    let end = data.iter().position(|byte| *byte == b'\n');
    let (signature, body) = data.split_at(end.unwrap_or(data.len()));
    let body = body.get(1..).unwrap_or_default();
    let verifier = Verifier::new(std::slice::from_ref(&secret), vec![CALLBACK.to_owned()]);
    let right = sign(&secret, body, CALLBACK);
    assert_eq!(
        verifier.accepts(body, signature),
        signature == right.as_bytes()
    );
    assert!(verifier.accepts(body, right.as_bytes()));
}

/// A configuration file, a zero byte, and lines of `NAME=value`.
pub(crate) fn configuration(data: &[u8]) {
    let (file, lines) = match data.iter().position(|byte| *byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    // Other files are not what is looked for here.
    let variables = lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8(line[..at].to_vec()).ok()?;
        (!name.contains("FILE")).then(|| (name, OsString::from_vec(line[at + 1..].to_vec())))
    });
    let environment: Environment = variables.collect();
    let file_text = String::from_utf8_lossy(file);
    if file_text.contains("_file") || file_text.contains("\\u") {
        return;
    }
    let place = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(place.path(), file).expect("it can be written");
    for needs in [Needs::Nothing, Needs::Signatures, Needs::Serve] {
        load(needs, Some(place.path()), &environment);
    }
}

/// A database URL. `not-to-be-seen` in the place of its password is never shown.
pub(crate) fn database(data: &[u8]) {
    variable("BOARDROOM_DATABASE_URL", data);
}

fn variable(name: &str, data: &[u8]) {
    let value = OsString::from_vec(data.to_vec());
    let environment: Environment = [(name, value)].into_iter().collect();
    let said = load(Needs::Nothing, None, &environment);
    let text = String::from_utf8_lossy(data);
    let is_password = |scheme: &str| text.starts_with(&format!("{scheme}://x:{SECRET}@"));
    if ["postgres", "postgresql"].into_iter().any(is_password) && text.matches(SECRET).count() == 1
    {
        assert!(!said.contains(SECRET), "{said}");
    }
}

/// Everything that is ever said of a configuration.
fn load(needs: Needs, file: Option<&std::path::Path>, environment: &Environment) -> String {
    match Config::load(needs, file, environment) {
        Ok(config) => format!("{config:?}"),
        Err(error) => {
            assert!(!error.problems().is_empty());
            format!("{error} {error:?}")
        }
    }
}

/// A template, a line break, a workspace, a line break and a board.
pub(crate) fn title(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (template, workspace, board) = (next(), next(), next());
    let mut titles = vec![normalised(&text), normalised(board)];
    if let Ok(template) = template.parse::<TitleTemplate>() {
        titles.push(template.title(board, workspace));
    }
    for title in titles {
        assert!(!title.is_empty() && title.trim() == title, "{title:?}");
        assert!(title.encode_utf16().count() <= 170, "{title:?}");
        assert!(!title.contains(char::is_control), "{title:?}");
        assert_eq!(normalised(&title), title, "it is as it stays");
        let stored = as_stored(&title);
        assert_eq!(as_stored(&stored), stored, "{title:?}");
    }
}

/// Ranges with commas, a line break, and header lines: `f` and the value of `Forwarded`, or any other letter and that of `X-Forwarded-For`.
pub(crate) fn sources(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let ranges = OsString::from_vec(lines.next().unwrap_or_default().to_vec());
    let variables = ["BOARDROOM_TRELLO_SOURCES", "BOARDROOM_TRUSTED_PROXIES"]
        .map(|name| (name, ranges.clone()));
    let environment: Environment = variables.into_iter().collect();
    let Ok(config) = Config::load(Needs::Nothing, None, &environment) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((kind, value)) = line.split_first() else {
            continue;
        };
        let name = if *kind == b'f' {
            "forwarded"
        } else {
            "x-forwarded-for"
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let sources = Sources {
        allowed: config.sources.allowed,
        trusted: config.sources.trusted,
    };
    let peer = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let trusts = |address: IpAddr| sources.trusted.iter().any(|range| range.contains(&address));
    match sources.client(peer, &headers) {
        Some(client) if client == peer => {}
        Some(client) => {
            assert!(trusts(peer), "a stranger was believed: {client}");
            assert_eq!(client.to_canonical(), client);
        }
        None => assert!(trusts(peer) && !headers.is_empty()),
    }
    let _ = sources.admit((peer, 1).into(), &headers);
}

fn assert_is_id(text: &str) {
    let is_hex = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    assert!(text.len() == 24 && is_hex, "{text:?} is no id");
}

/// Whether a text may stand in a log.
fn assert_is_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(!text.contains(SECRET), "{text:?}");
}
