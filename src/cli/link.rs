//! `boardroom link BOARD ROOM`: a person says which room is a board's. Settles twins and drift. Nothing is deleted in DocSpace.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::at_once::{AtOnce, explained};
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::desk::link::{self, Fate, LinkError, Other};

/// For `link --help`.
pub(super) const ABOUT: &str = "\
Say which room is the board's: from now on this one, whatever was known before. It settles which of \
several rooms with the board's tag is right, and ends the respect for what was changed by hand: the \
room is made to agree with the board at once, and follows it.

Other rooms with the board's tag lose that tag; nothing else is changed about them, and nothing is \
deleted. One in the archive keeps its tag, for DocSpace changes nothing there, and is not reported \
again. A room that belongs to another board is refused.

It needs TRELLO_API_KEY, TRELLO_TOKEN, ONLYOFFICE_API_HOST and ONLYOFFICE_API_KEY, and no running \
service. Beside a running service it must be given the same BOARDROOM_DATABASE_URL. It prints the \
address of the room.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(value_name = "BOARD", help = reference::BOARD)]
    board: String,
    /// The number of a room, or its address in DocSpace
    #[arg(value_name = "ROOM")]
    room: String,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging_of_command(&config);
    let id = link::room(&arguments.room, config.docspace.host.as_ref())
        .with_context(|| crate::api::printable(&arguments.room))?;
    let store = wiring::open_store(&config).await?;
    let at_once = AtOnce::new("link", &config, store)?;
    let (store, docspace) = (at_once.store(), &at_once.mirror.docspace);
    let board = reference::find(&arguments.board, store, &at_once.mirror.trello)
        .await
        .with_context(|| crate::api::printable(&arguments.board))?;
    let tied = link::link(board, id, store, docspace).await.map_err(said)?;
    if let Some(before) = tied.before {
        eprintln!("boardroom: the board had room {before} before; that room is kept");
    }
    for other in &tied.others {
        eprintln!("boardroom: {}", told(other));
    }
    let address = at_once.address_of_room(&arguments.board, board).await?;
    super::print(address)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What became of another room that carried the board's tag. Of a failure all is said that is known.
fn told(other: &Other) -> String {
    match &other.fate {
        Fate::Untagged | Fate::Gone | Fate::Unchangeable | Fate::Overtaken | Fate::Unchecked => {
            other.sentence()
        }
        Fate::Kept(failure) | Fate::Bereft(failure) => {
            format!("{}: {}", other.what(), explained(failure))
        }
    }
}

fn said(error: LinkError) -> anyhow::Error {
    match error {
        LinkError::DocSpace(error) => explained(&error.failure()),
        error @ (LinkError::Never(_)
        | LinkError::Unknown(_)
        | LinkError::Taken { .. }
        | LinkError::Claimed { .. }
        | LinkError::Store(_)) => error.into(),
    }
}
