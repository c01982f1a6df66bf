//! The limit program: what axum, an HMAC, a JSON parser and a database can do at best on one core, with nothing of boardroom in it.
//! It is this same executable in another role, so it is built as boardroom is.

mod postgres;
mod sqlite;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha1::Sha1;
use tokio::sync::{mpsc, oneshot};

use crate::delivery::SECRET;

/// The most events of one transaction.
const GROUP: usize = 512;
/// Events that wait for the writer.
const WAITING: usize = 8_192;

/// What it does with a delivery before it says 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing.
    Raw,
    /// Verifies the signature and reads what is needed.
    Verify,
    /// The same, and stores it: boardroom's own rows in boardroom's own schema, many deliveries in one transaction.
    Rows(PathBuf),
    /// The same in one table of its own, which is only added to.
    Table(PathBuf),
    /// The same with a transaction for each delivery.
    OneByOne(PathBuf),
    /// Boardroom's own rows in boardroom's own schema on PostgreSQL, at this URL.
    PostgresRows(String),
}

impl Work {
    /// As arguments of the limit program.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let path = |name: &str, path: &PathBuf| vec![name.to_owned(), path.display().to_string()];
        match self {
            Self::Raw => vec!["raw".to_owned()],
            Self::Verify => vec!["verify".to_owned()],
            Self::Rows(file) => path("rows", file),
            Self::Table(file) => path("table", file),
            Self::OneByOne(file) => path("one-by-one", file),
            Self::PostgresRows(url) => vec!["postgres-rows".to_owned(), url.clone()],
        }
    }

    fn parse(arguments: &[String]) -> Result<Self> {
        let name = arguments.first().map(String::as_str);
        let place = arguments.get(1).map(String::as_str);
        match (name, place) {
            (Some("raw"), None) => Ok(Self::Raw),
            (Some("verify"), None) => Ok(Self::Verify),
            (Some("rows"), Some(file)) => Ok(Self::Rows(file.into())),
            (Some("table"), Some(file)) => Ok(Self::Table(file.into())),
            (Some("one-by-one"), Some(file)) => Ok(Self::OneByOne(file.into())),
            (Some("postgres-rows"), Some(url)) => Ok(Self::PostgresRows(url.to_owned())),
            _ => bail!("the limit program knows no such work: {arguments:?}"),
        }
    }
}

/// A delivery to be stored.
struct Event {
    action: String,
    board: String,
    workspace: Option<String>,
    kind: String,
    body: Bytes,
    answer: oneshot::Sender<()>,
}

impl Event {
    /// What boardroom's history says of it.
    fn detail(&self) -> String {
        format!("{} (action {})", self.kind, self.action)
    }
}

struct Limit {
    /// None: bodies are not looked at.
    key: Option<Hmac<Sha1>>,
    callback: String,
    store: Option<mpsc::Sender<Event>>,
}

/// Serves until it is killed: `limit ADDRESS CALLBACK WORK…`.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let [address, callback, work @ ..] = arguments else {
        bail!("the limit program needs an address and a callback URL");
    };
    let (address, work): (SocketAddr, _) = (address.parse()?, Work::parse(work)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let key = Hmac::new_from_slice(SECRET.as_bytes()).context("no such key")?;
        let limit = Limit {
            key: (work != Work::Raw).then_some(key),
            callback: callback.clone(),
            store: store(work).await?,
        };
        let router = Router::new().route("/", post(take).get(|| async { "ok" }));
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(listener, router.with_state(Arc::new(limit))).await?;
        Ok(())
    })
}

async fn store(work: Work) -> Result<Option<mpsc::Sender<Event>>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    match work {
        Work::Raw | Work::Verify => return Ok(None),
        Work::Rows(file) => sqlite::start(sqlite::Writer::rows(&file)?, receiver, GROUP)?,
        Work::Table(file) => sqlite::start(sqlite::Writer::table(&file)?, receiver, GROUP)?,
        Work::OneByOne(file) => sqlite::start(sqlite::Writer::table(&file)?, receiver, 1)?,
        Work::PostgresRows(url) => postgres::start(&url, receiver, GROUP).await?,
    }
    Ok(Some(sender))
}

async fn take(State(limit): State<Arc<Limit>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(key) = &limit.key else {
        return StatusCode::OK;
    };
    let signature = headers.get("x-trello-webhook").map(HeaderValue::as_bytes);
    let mut decoded = [0; 24];
    let decoded = match signature.map(|text| BASE64_STANDARD.decode_slice(text, &mut decoded)) {
        Some(Ok(20)) => &decoded[..20],
        _ => return StatusCode::UNAUTHORIZED,
    };
    let signed = key
        .clone()
        .chain_update(&body)
        .chain_update(&limit.callback);
    if signed.verify_slice(decoded).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(delivery) = serde_json::from_slice::<Delivery<'_>>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let Some(store) = limit
        .store
        .as_ref()
        .filter(|_| delivery.action.kind == "addToOrganizationBoard")
    else {
        return StatusCode::OK;
    };
    let (answer, stored) = oneshot::channel();
    let event = Event {
        action: delivery.action.id.to_owned(),
        board: delivery.action.data.board.id.to_owned(),
        workspace: delivery
            .action
            .data
            .organization
            .map(|one| one.id.to_owned()),
        kind: delivery.action.kind.to_owned(),
        body: body.clone(),
        answer,
    };
    if store.send(event).await.is_ok() && stored.await.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

/// As little of a delivery as tells what it is about, borrowed from its body.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    action: Action<'a>,
}

#[derive(Deserialize)]
struct Action<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    board: Identified<'a>,
    #[serde(borrow)]
    organization: Option<Identified<'a>>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    id: &'a str,
}
