//! `boardroom simulate`: sends a correctly signed delivery through the public URL, and tells what each stage answered and how long it took.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cli::check::public_url::{Missed, client, knock};
use crate::cli::signature::FORGED;
use crate::cli::terminal::{json_line, wrapped};
use crate::cli::{Context, reference, wiring};
use crate::config::{CallbackUrl, Config, Needs};
use crate::desk::standings::code;
use crate::model::id::{ActionId, BoardId, ModelId};
use crate::model::status::{Status, Waiting};
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};
use crate::trello::signature::sign;

/// For `simulate --help`.
pub(super) const ABOUT: &str = "\
Send one correctly signed delivery through the public URL to the running service, and tell what each \
stage answered and how long it took.

Without --board it creates nothing: Trello's HEAD is asked, a forged delivery must be refused, and a \
signed one of a kind that does not matter must be taken. With --board the delivery says that this \
board was renamed: it must be stored, and the board be looked at, which changes nothing if board and \
room agree. Trello is not asked by this command, only by the service.

It needs BOARDROOM_PUBLIC_URL and TRELLO_API_SECRET, and with --board the service's database. It \
exits 0 when every stage came to its end, 1 otherwise. With --json, one line of JSON for each stage: \
stage, ok, ms, detail, fix.";

const SIGNATURE: &str = "X-Trello-Webhook";
/// How often the database is asked how far the service has come.
const POLL: Duration = Duration::from_millis(50);
/// Longer than a service needs that is well.
const PATIENCE: Duration = Duration::from_secs(30);
const DIFFERENT: &str = "The service checks with another secret or for another URL than this command: compare `boardroom config` here and there, or turn on BOARDROOM_CAPTURE and run `boardroom signature`.";
const OPEN: &str = "Something else answers there, and it would lose every delivery: lead the public URL to the service.";
const KEPT_OUT: &str = "Something before the service keeps robots out or limits how often they may come: let everybody reach /webhooks/trello; every delivery is verified by its signature. Where BOARDROOM_TRELLO_SOURCES is set, the service itself does so: run this where it lets deliveries in.";
const HEAD_ALONE: &str =
    "What stands before the service passes HEAD on and POST not: let it pass on both.";
const TOO_LONG: &str =
    "What stands before the service limits how long a body may be: let it pass on 1 MiB.";
const NOT_READY: &str = "The service cannot store deliveries now, or is about to stop: /readyz says why. Or a proxy answers in its place and does not reach it.";
const NOT_STORED: &str = "Whoever answers there is not this service, or it uses another database: give this command the same BOARDROOM_DATABASE_URL.";
const NOT_LOOKED_AT: &str = "See where it stands: boardroom boards; and what is paused.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(long, value_name = "BOARD", help = reference::BOARD)]
    board: Option<String>,
    /// One JSON object a stage
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Signatures)?;
    wiring::start_logging_of_command(&config);
    let Some(callback) = &config.callback else {
        bail!(
            "BOARDROOM_PUBLIC_URL is not set, so Trello brings no deliveries: there is nothing to simulate"
        );
    };
    let run = Run {
        config: &config,
        callback,
        client: client(&config).context("cannot set up the HTTP client")?,
        json: arguments.json,
    };
    let is_well = match &arguments.board {
        None => run.only_knock().await?,
        Some(named) => {
            let store = wiring::open_existing_store(&config).await?;
            let board = reference::known(named, &*store)
                .await
                .with_context(|| crate::api::printable(named))?;
            let is_well = run.only_knock().await? && run.deliver(board, &*store).await?;
            store.close().await;
            is_well
        }
    };
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Run<'a> {
    config: &'a Config,
    callback: &'a CallbackUrl,
    client: Client,
    json: bool,
}

/// What one stage came to: what it says, or what is wrong and what to do.
type Outcome = Result<String, (String, String)>;

impl Run<'_> {
    /// The stages that create nothing.
    async fn only_knock(&self) -> anyhow::Result<bool> {
        let head = self.client.head(self.callback.as_str());
        if !self.stage("HEAD", answered(head, 200)).await? {
            return Ok(false);
        }
        let body = delivery(
            random_id(),
            "updateCard",
            random_id(),
            random_id(),
            &json!({}),
        );
        let forged = self.post(&body).header(SIGNATURE, FORGED);
        let forged = async {
            match knock(forged, 401).await {
                Ok(_) => Ok("refused with 401, as it must be".to_owned()),
                Err(missed) => Err(undelivered(missed)),
            }
        };
        if !self.stage("forged delivery", forged).await? {
            return Ok(false);
        }
        self.stage("signed delivery", self.signed(body)).await
    }

    /// A delivery that matters: stored, then the board is looked at.
    async fn deliver(&self, board: BoardId, store: &dyn Store) -> anyhow::Result<bool> {
        let record = store.record(board).await?;
        let workspace = record.and_then(|record| record.seen?.workspace);
        let models = store.models().await?;
        let likely = [Some(board.into()), workspace.map(ModelId::from)];
        let model = likely
            .into_iter()
            .flatten()
            .find(|model| models.contains(model));
        let Some(model) = model.or_else(|| models.first().copied()) else {
            bail!(
                "no webhook is known to the database, so the service would drop it: start `boardroom serve` first"
            );
        };
        let action = ActionId(random_id());
        let old = json!({ "name": "simulated" });
        let body = delivery(action.0, "updateBoard", board.0, model.0, &old);
        if !self.stage("delivery", self.signed(body)).await? {
            return Ok(false);
        }
        let stored = async {
            // It is answered only after it was stored.
            Ok(if store.remembers(action).await? {
                Ok(format!("action {action}"))
            } else {
                Err(("it was not stored".to_owned(), NOT_STORED.to_owned()))
            })
        };
        if !self.told("stored", stored).await? {
            return Ok(false);
        }
        self.told("looked at", looked_at(board, store)).await
    }

    fn post(&self, body: &str) -> RequestBuilder {
        self.client
            .post(self.callback.as_str())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned())
    }

    async fn signed(&self, body: String) -> Outcome {
        let secret = &self.config.trello.secrets[0];
        let signature = sign(secret, body.as_bytes(), self.callback.as_str());
        let request = self.post(&body).header(SIGNATURE, signature);
        match knock(request, 200).await {
            Ok(status) => Ok(format!("answered {status}")),
            Err(missed) => Err(undelivered(missed)),
        }
    }

    async fn stage(
        &self,
        name: &'static str,
        work: impl Future<Output = Outcome>,
    ) -> anyhow::Result<bool> {
        self.told(name, async { Ok(work.await) }).await
    }

    /// Runs a stage, and tells what came of it.
    async fn told(
        &self,
        name: &'static str,
        work: impl Future<Output = anyhow::Result<Outcome>>,
    ) -> anyhow::Result<bool> {
        let begun = Instant::now();
        let outcome = work.await?;
        let ms = begun.elapsed().as_millis();
        let (ok, detail, fix) = match outcome {
            Ok(detail) => (true, detail, None),
            Err((detail, fix)) => (false, detail, Some(fix)),
        };
        let stage = Stage {
            name,
            ok,
            ms,
            detail,
            fix,
        };
        if self.json {
            super::write(&json_line(&stage)?)?;
        } else {
            super::write(&stage.text())?;
        }
        Ok(ok)
    }
}

async fn answered(request: RequestBuilder, wanted: u16) -> Outcome {
    match knock(request, wanted).await {
        Ok(status) => Ok(format!("answered {status}")),
        Err(missed) => Err((missed.what, missed.fix)),
    }
}

/// What an answer to a delivery means where HEAD was answered as it should be.
fn undelivered(missed: Missed) -> (String, String) {
    let fix = match missed.status {
        Some(200..=299) => OPEN,
        Some(401) => DIFFERENT,
        Some(403 | 429) => KEPT_OUT,
        Some(405 | 501) => HEAD_ALONE,
        Some(413) => TOO_LONG,
        Some(503) => NOT_READY,
        Some(_) | None => return (missed.what, missed.fix),
    };
    (missed.what, fix.to_owned())
}

async fn looked_at(board: BoardId, store: &dyn Store) -> anyhow::Result<Outcome> {
    let rests = async || {
        let standing = store.standing(board).await?;
        Ok::<_, StoreError>(
            standing.is_some_and(|now| now.next.is_none_or(|next| next > Timestamp::now())),
        )
    };
    let looked = until(rests).await?;
    let Some(standing) = store.standing(board).await? else {
        bail!("the board is not in the database any more");
    };
    let words = standing.words;
    let status = Status::from_words(&words.status, words.reason.as_deref());
    let reason = words.reason.as_ref().map(|reason| format!(" ({reason})"));
    let stands = format!("{}{}", words.status, reason.unwrap_or_default());
    let room = standing.room.map(|room| format!(", room {room}"));
    let said = format!("{stands}{}", room.unwrap_or_default());
    let failure = code(&words);
    let is_paused = matches!(status, Ok(Status::Waiting(Waiting::Lane(_))));
    Ok(if let Some(failure) = failure {
        Err((said, failure.fix().to_owned()))
    } else if looked && is_paused {
        Err((said, NOT_LOOKED_AT.to_owned()))
    } else if looked {
        Ok(said)
    } else {
        Err((
            format!("not yet; it stands at {said}"),
            NOT_LOOKED_AT.to_owned(),
        ))
    })
}

/// Whether it comes true in time.
async fn until<E: Into<anyhow::Error>>(
    mut is_so: impl AsyncFnMut() -> Result<bool, E>,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    loop {
        if is_so().await.map_err(Into::into)? {
            return Ok(true);
        }
        if begun.elapsed() > PATIENCE {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A stage as it is shown.
#[derive(Debug, Serialize)]
struct Stage {
    #[serde(rename = "stage")]
    name: &'static str,
    ok: bool,
    ms: u128,
    detail: String,
    fix: Option<String>,
}

impl Stage {
    fn text(&self) -> String {
        let verdict = if self.ok { "ok" } else { "FAILED" };
        let mut text = format!(
            "{verdict:8}{:16}{:>6} ms  {}",
            self.name,
            self.ms,
            wrapped(&self.detail, 35)
        );
        if let Some(fix) = &self.fix {
            let _ = write!(text, "{:35}{}", "", wrapped(fix, 35));
        }
        text
    }
}

/// An id that no other action has: the second of now, and chance.
fn random_id() -> crate::model::id::ObjectId {
    let seconds = u32::try_from(Timestamp::now().0 / 1000).unwrap_or(u32::MAX);
    let id = format!("{seconds:08x}{:016x}", fastrand::u64(..));
    id.parse().expect("it is made of 24 hex digits")
}

/// A delivery as Trello words it, as far as it is read.
fn delivery(
    action: crate::model::id::ObjectId,
    kind: &str,
    board: crate::model::id::ObjectId,
    model: crate::model::id::ObjectId,
    old: &Value,
) -> String {
    let body = json!({
        "action": {
            "id": action,
            "type": kind,
            "date": Timestamp::now().to_string(),
            "data": { "board": { "id": board }, "old": old },
        },
        "model": { "id": model },
        "webhook": { "idModel": model },
    });
    body.to_string()
}
