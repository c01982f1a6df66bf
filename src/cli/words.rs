//! `boardroom retry`, `release` and `ignore`: a person's word, written into the database. A running service obeys it; none is needed.

use std::process::ExitCode;

use crate::api;
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::desk::reference::find_known;
use crate::desk::words::{self, Which};
use crate::store::Store;

/// For `retry --help`.
pub(super) const RETRY: &str = "\
Try boards again at once, when you know that the cause is gone. Their failures are forgiven.

With --all: every board that failed, is failing, or waits. Either way the services and the kinds of \
calls that are paused are tried at once, too. Boards that wait for a brake go on waiting: \
`boardroom release` lets it go.

It writes to the database alone: it needs no credentials. A running service tries them now; without \
one, the next that starts does.";

/// For `release --help`.
pub(super) const RELEASE: &str = "\
Let the brake go: boards that wait because more new rooms, or more archives, were due at once than \
BOARDROOM_BRAKE allows go on, and counting begins anew. Look at them first: \
`boardroom boards --status waiting/brake`. If it is not what you want, correct the settings, or say \
`boardroom ignore`.

It writes to the database alone: it needs no credentials.";

/// For `ignore --help`.
pub(super) const IGNORE: &str = "\
Leave boards alone from now on: they get no room. The room of a board that has one is kept as it \
is, and no longer follows its board. `boardroom mirror` takes it back.

A board that the database does not know yet can be given by its id. It writes to the database alone: \
it needs no credentials.";

#[derive(Debug, clap::Args)]
pub(super) struct RetryArguments {
    #[arg(value_name = "BOARD", required_unless_present = "all", conflicts_with = "all", help = reference::BOARD)]
    boards: Vec<String>,
    /// All boards that failed, are failing, or wait
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct IgnoreArguments {
    #[arg(value_name = "BOARD", required = true, help = reference::BOARD)]
    boards: Vec<String>,
}

pub(super) async fn retry(
    arguments: &RetryArguments,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    let (mut code, mut boards) = (ExitCode::SUCCESS, Vec::new());
    for named in &arguments.boards {
        match reference::known(named, &*store).await {
            Ok(board) => boards.push(board),
            Err(error) => {
                complain(named, &error);
                code = ExitCode::FAILURE;
            }
        }
    }
    boards.sort_unstable();
    boards.dedup();
    if arguments.all || !boards.is_empty() {
        let which = if arguments.all {
            Which::All
        } else {
            Which::Boards(&boards)
        };
        let tried = words::retry(which, &*store).await?;
        super::print(tried.sentence())?;
        if let Some(held) = tried.held_sentence() {
            super::print(format_args!("{held}: boardroom release"))?;
        }
    }
    store.close().await;
    Ok(code)
}

pub(super) async fn release(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    super::print(words::release(&*store).await?.sentence())?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn ignore(
    arguments: &IgnoreArguments,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    let mut code = ExitCode::SUCCESS;
    for named in &arguments.boards {
        match ignore_one(named, &*store).await {
            Ok(said) => super::print(format_args!("{}: {said}", api::printable(named)))?,
            Err(error) => {
                complain(named, &error);
                code = ExitCode::FAILURE;
            }
        }
    }
    store.close().await;
    Ok(code)
}

async fn ignore_one(named: &str, store: &dyn Store) -> anyhow::Result<String> {
    let board = match (find_known(named, store).await?, named.trim().parse()) {
        (Some(board), _) | (None, Ok(board)) => board,
        (None, Err(_)) => reference::known(named, store).await?,
    };
    Ok(words::ignore(board, store).await?.sentence())
}

/// One that cannot be done stops no other.
fn complain(named: &str, error: &anyhow::Error) {
    eprintln!("boardroom: {}: {error:#}", api::printable(named));
}
