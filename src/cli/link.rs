//! `boardroom link BOARD ROOM`: a person says which room is a board's. Settles twins and drift. Nothing is deleted in DocSpace.

use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::at_once::{AtOnce, explained};
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::docspace::{DocSpace, DocSpaceError};
use crate::model::id::{BoardId, RoomId};
use crate::model::room::{Room, board_of_tag, board_tag};
use crate::store::{Linked, Store};

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
    let id = reference::room(&arguments.room, config.docspace.host.as_ref())
        .with_context(|| crate::api::printable(&arguments.room))?;
    let store = wiring::open_store(&config).await?;
    let at_once = AtOnce::new("link", &config, store)?;
    let (store, docspace) = (at_once.store(), &at_once.mirror.docspace);
    let board = reference::find(&arguments.board, store, &at_once.mirror.trello)
        .await
        .with_context(|| crate::api::printable(&arguments.board))?;
    let room = free_room(id, board, docspace, store).await?;
    let others = others(id, board, docspace).await?;
    let before = match store.link(board, &room, &others).await? {
        Linked::Linked { before } => before.filter(|before| *before != id),
        Linked::Taken(other) => bail!(taken(id, other)),
    };
    if let Some(before) = before {
        eprintln!("boardroom: the board had room {before} before; that room is kept");
    }
    let tag = board_tag(board);
    for other in others {
        eprintln!("boardroom: {}", untag(other, &tag, docspace).await);
    }
    let address = at_once.address_of_room(&arguments.board, board).await?;
    super::print(address)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The room as it is now, if it may become this board's.
async fn free_room(
    id: RoomId,
    board: BoardId,
    docspace: &DocSpace,
    store: &dyn Store,
) -> anyhow::Result<Room> {
    let Some(room) = docspace.room(id).await.map_err(refused)? else {
        // A wrong or suspended portal knows no room at all.
        docspace.may_create().await.map_err(refused)?;
        bail!("DocSpace has no room {id}, or does not show it to this key");
    };
    if let Some(other) = store.board_of(id).await?.filter(|other| *other != board) {
        bail!(taken(id, other));
    }
    let tags = room.tags.iter();
    let mut claims = tags.filter(|tag| board_of_tag(tag).is_some_and(|other| other != board));
    if let Some(tag) = claims.next() {
        bail!(
            "room {id} carries the tag `{}` of another board; if it is not that board's room, remove the tag in DocSpace first",
            crate::api::printable(tag)
        );
    }
    Ok(room)
}

fn taken(room: RoomId, other: BoardId) -> String {
    format!("room {room} is recorded for board {other}; link that board to another room first")
}

/// The other rooms that carry the board's tag, the one that it had among them.
async fn others(room: RoomId, board: BoardId, docspace: &DocSpace) -> anyhow::Result<Vec<RoomId>> {
    let tagged = docspace.rooms_tagged(&board_tag(board)).await;
    let tagged = tagged.map_err(refused)?.into_iter();
    let others = tagged.filter(|other| other.id != room && other.belongs_to(board));
    Ok(others.map(|other| other.id).collect())
}

/// Takes the board's tag off a room, and says what came of it. The database has settled already which room is right.
async fn untag(room: RoomId, tag: &str, docspace: &DocSpace) -> String {
    let writer = docspace.writer().await;
    match writer.remove_tags(room, &[tag.to_owned()]).await {
        Ok(()) => format!("room {room} has lost the tag of this board"),
        Err(DocSpaceError::NotFound(_)) => format!("room {room} is gone"),
        Err(DocSpaceError::Forbidden(_)) => format!(
            "room {room} keeps the tag of this board, for DocSpace does not let it be changed, as it does in the archive; it is not reported again"
        ),
        Err(error) => format!(
            "room {room} keeps the tag of this board, and is not reported again: {}",
            explained(&error.failure())
        ),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: DocSpaceError) -> anyhow::Error {
    explained(&error.failure())
}
