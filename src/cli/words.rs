//! `boardroom retry`, `release` and `ignore`: a person's word, written into the database. A running service obeys it; none is needed.

use std::process::ExitCode;

use crate::api;
use crate::cli::terminal::counted;
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::model::board::Told;
use crate::model::id::BoardId;
use crate::model::lane::{Lane, LaneKind};
use crate::model::status::{Status, Waiting};
use crate::store::Store;
use crate::store::history::{Event, Note};

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
        // Lanes first: a board that is due before its service is tried would only wait again.
        let lanes = store.retry_lanes().await?;
        let tried = if arguments.all {
            store.retry_all().await?
        } else {
            store.retry(&boards).await?
        };
        super::print(tried_again(tried, &lanes))?;
        if let Some(held) = held_by_a_brake(arguments.all, &boards, &*store).await? {
            super::print(held)?;
        }
    }
    store.close().await;
    Ok(code)
}

/// `3 boards and 1 paused lane are tried again …`
fn tried_again(boards: u64, lanes: &[Lane]) -> String {
    let names: Vec<_> = lanes.iter().map(|lane| lane.as_str()).collect();
    let boards = (boards > 0).then(|| counted(boards, "board", "boards"));
    let lanes = (!names.is_empty()).then(|| {
        let lanes = counted(names.len() as u64, "paused lane", "paused lanes");
        format!("{lanes} ({})", names.join(", "))
    });
    let what: Vec<_> = boards.into_iter().chain(lanes).collect();
    match &what[..] {
        [] => "nothing failed or waits: there is nothing to try again".to_owned(),
        [one] if one.starts_with("1 ") => {
            format!("{one} is tried again: a running service does so now")
        }
        some => format!(
            "{} are tried again: a running service does so now",
            some.join(" and ")
        ),
    }
}

/// That trying again does not let a brake go.
async fn held_by_a_brake(
    all: bool,
    boards: &[BoardId],
    store: &dyn Store,
) -> anyhow::Result<Option<String>> {
    let brake = Status::Waiting(Waiting::Brake);
    let held = if all {
        let totals = store.totals().await?;
        let held = totals.iter().find(|(status, _)| *status == brake);
        held.map_or(0, |(_, count)| *count)
    } else {
        let mut held = 0;
        for board in boards {
            let record = store.record(*board).await?;
            held += u64::from(record.is_some_and(|record| record.status == brake));
        }
        held
    };
    let waits = if held == 1 { "waits" } else { "wait" };
    let boards = counted(held, "board", "boards");
    Ok((held > 0)
        .then(|| format!("{boards} {waits} for a person who lets the brake go: boardroom release")))
}

pub(super) async fn release(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    let lanes = store.lanes().await?.lanes;
    let is_on = lanes.iter().any(|(lane, _)| match lane.kind() {
        LaneKind::Brake => true,
        LaneKind::Service | LaneKind::Gate => false,
    });
    // Counting begins anew even when no brake is on.
    let released = store.release().await?;
    super::print(match released {
        0 if !is_on => "no brake is on, and no board waits for one".to_owned(),
        0 => "the brake is off; no board waited for it".to_owned(),
        1 => "the brake is off; 1 board goes on: a running service sees to it now".to_owned(),
        some => {
            format!("the brake is off; {some} boards go on: a running service sees to them now")
        }
    })?;
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
    let board = match (
        reference::find_known(named, store).await?,
        named.trim().parse(),
    ) {
        (Some(board), _) | (None, Ok(board)) => board,
        (None, Err(_)) => reference::known(named, store).await?,
    };
    let record = store.record(board).await?;
    store.tell(board, Told::Ignore).await?;
    store
        .note(board, &Note::new(Event::Told, "to ignore it"))
        .await?;
    Ok(match record {
        None => "it is not known yet; it will be ignored".to_owned(),
        Some(record) => match record.room {
            Some(room) => format!(
                "it is ignored from now on; its room {} is kept as it is",
                room.id
            ),
            None => "it is ignored from now on, and gets no room".to_owned(),
        },
    })
}

/// One that cannot be done stops no other.
fn complain(named: &str, error: &anyhow::Error) {
    eprintln!("boardroom: {}: {error:#}", api::printable(named));
}
