//! `boardroom mirror BOARD…`: what the vendor's sample script does, done right. Needs no running service, and works beside one.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::{Context, wiring};
use crate::config::Needs;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::board::{Board, Record, RoomRecord, Told};
use crate::model::failure::{Code, Failure};
use crate::model::id::BoardId;
use crate::model::status::{Ignored, Status, Waiting};
use crate::scope::Surroundings;
use crate::store::Store;
use crate::trello::{Trello, TrelloError};
use crate::worker::Worker;

/// For `mirror --help`.
pub(super) const ABOUT: &str = "\
Make the room of each board now, and print its address.

What a person asks for by name gets a room whatever the rules for new boards say; a room that is \
there already is found, and twice makes one. It needs TRELLO_API_KEY, TRELLO_TOKEN, \
ONLYOFFICE_API_HOST and ONLYOFFICE_API_KEY, and neither the app secret, a public URL nor a running \
service. Beside a running service it must be given the same BOARDROOM_DATABASE_URL.

Addresses go to stdout, one a line, in the order of the boards; what went wrong goes to stderr, and \
the exit code is 1 then.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A board's id, short link or address
    #[arg(required = true, value_name = "BOARD")]
    boards: Vec<String>,
}

const NO_BOARD: &str = "this is no board: give its id (24 hex digits), its short link (8 letters and digits) or its address (https://trello.com/b/…)";
/// How often it is asked how far another process has come with a board.
const POLL: Duration = Duration::from_millis(250);
/// When nothing but a running service can bring a board further, and it does not.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging(&config);
    let store: Arc<dyn Store> = wiring::open_store(&config).await?;
    let (trello, docspace) = (
        wiring::trello_for_command(&config)?,
        wiring::docspace(&config)?,
    );
    let lanes = Lanes::fresh(store.clone(), trello.clone(), docspace.clone());
    let mirror = Mirror {
        trello,
        docspace,
        store: store.clone(),
        lanes,
        surroundings: Surroundings::default(),
        rules: Arc::new(wiring::rules(&config)),
        metrics: Arc::new(Metrics::default()),
        owner: Arc::default(),
        bound: Arc::default(),
        stop: CancellationToken::new(),
    };
    let worker = Worker::new(
        mirror.clone(),
        wiring::holder("mirror"),
        1,
        CancellationToken::new(),
    );
    let mut code = ExitCode::SUCCESS;
    for named in &arguments.boards {
        match mirror_one(named, &mirror, &worker).await {
            Ok(url) => super::print(url)?,
            Err(error) => {
                eprintln!("boardroom: {named}: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    store.close().await;
    Ok(code)
}

async fn mirror_one(named: &str, mirror: &Mirror, worker: &Worker) -> anyhow::Result<String> {
    let board = find(named, &mirror.trello).await?;
    mirror.store.tell(board.id, Told::Mirror).await?;
    let room = Box::pin(until_mirrored(board.id, mirror, worker)).await?;
    let archived = room.archived.unwrap_or(false);
    if archived {
        eprintln!("boardroom: {named}: the room is archived");
    }
    Ok(mirror.docspace.room_url(room.id, archived))
}

/// Asks Trello for the board that was named.
async fn find(named: &str, trello: &Trello) -> anyhow::Result<Board> {
    let reference = reference(named).context(NO_BOARD)?;
    let answer = match reference.parse::<BoardId>() {
        Ok(id) => trello.board(id).await,
        Err(_) => trello.board_by_short_link(reference).await,
    };
    let error = match answer {
        Ok(board) => return Ok(board),
        Err(error) => error,
    };
    match error {
        TrelloError::NotFound(_) => bail!("Trello knows no such board"),
        // 401 is said of a board that may not be seen and of a dead token alike.
        TrelloError::Unauthorized(_) => match trello.token().await {
            Ok(_) => bail!(
                "this token may not see the board; make its member a member of the board or an admin of its workspace"
            ),
            Err(error) => Err(explained(&error.failure())),
        },
        error => Err(explained(&error.failure())),
    }
}

/// The id or short link in what a person gave: `64f0…`, `aBcD1234`, `https://trello.com/b/aBcD1234/name`.
fn reference(named: &str) -> Option<&str> {
    let named = named.trim();
    let tail = match named
        .strip_prefix("https://")
        .unwrap_or(named)
        .split_once("/b/")
    {
        Some(("trello.com" | "www.trello.com", tail)) => tail.split(['/', '?', '#']).next()?,
        Some(_) => return None,
        None => named,
    };
    let plain = tail.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && (tail.len() == 8 || tail.parse::<BoardId>().is_ok())).then_some(tail)
}

/// Looks at the board until its room is there, or says why there is none.
async fn until_mirrored(
    board: BoardId,
    mirror: &Mirror,
    worker: &Worker,
) -> anyhow::Result<RoomRecord> {
    let (mut failure, mut told, begun) = (None, false, Instant::now());
    loop {
        let pause = match worker.take(board).await? {
            Some(claim) => {
                failure = worker.attend(&claim).await.or(failure);
                Duration::ZERO
            }
            // A running service has it.
            None => POLL,
        };
        let record = mirror
            .store
            .record(board)
            .await?
            .context("the board is not in the database any more")?;
        match stands(&record, mirror) {
            Stands::Mirrored(room) => return Ok(room),
            Stands::Failed(code) => {
                return Err(explained(
                    &failure.unwrap_or(Failure::new(code, "see the log of the service")),
                ));
            }
            Stands::Paused(failure) => return Err(explained(&failure)),
            Stands::Unconfirmed if !told => {
                told = true;
                eprintln!(
                    "boardroom: DocSpace did not say whether the room was made; it is looked for, for up to {} s, before another is made",
                    mirror.confirmation_window().as_secs()
                );
            }
            Stands::Unconfirmed if begun.elapsed() > mirror.confirmation_window() * 2 => {
                bail!(
                    "DocSpace answers no create; a running `boardroom serve` goes on trying, else try again later"
                )
            }
            Stands::Unconfirmed => tokio::time::sleep(Duration::from_secs(1)).await,
            Stands::Unsettled if begun.elapsed() > PATIENCE => {
                bail!("it still stands at: {}", record.status)
            }
            Stands::Unsettled => tokio::time::sleep(pause.max(POLL)).await,
            Stands::Never(reason) => bail!("it gets no room: {}", reason.sentence()),
        }
    }
}

/// How far a board has come, as a person who waits for it sees it.
enum Stands {
    Mirrored(RoomRecord),
    Failed(Code),
    /// A service, or one kind of call to it, does not work now.
    Paused(Failure),
    /// A create was not answered.
    Unconfirmed,
    Unsettled,
    Never(Ignored),
}

fn stands(record: &Record, mirror: &Mirror) -> Stands {
    match (record.status, &record.room) {
        (Status::Mirrored(_), Some(room)) => Stands::Mirrored(room.clone()),
        (Status::Failed(code) | Status::Pending(Some(code)), _) => Stands::Failed(code),
        (Status::Ignored(reason @ Ignored::Inbox), _) => Stands::Never(reason),
        (Status::Waiting(Waiting::Confirmation), _) => Stands::Unconfirmed,
        (Status::Waiting(Waiting::Lane(lane)), _) => {
            let paused = mirror
                .lanes
                .closed()
                .into_iter()
                .find(|(closed, _)| *closed == lane);
            paused.map_or(Stands::Unsettled, |(_, pause)| {
                Stands::Paused(pause.failure)
            })
        }
        (
            Status::Pending(None) | Status::Mirrored(_) | Status::Ignored(_) | Status::Waiting(_),
            _,
        ) => Stands::Unsettled,
    }
}

/// What failed, and what to do. The service would go on by itself; a command does not.
fn explained(failure: &Failure) -> anyhow::Error {
    let fix = match failure.code.fix() {
        fix if fix.contains("goes on by itself") => {
            "A running `boardroom serve` on this database goes on by itself; else try again later."
        }
        fix => fix,
    };
    anyhow::anyhow!("{failure}. {fix}")
}
