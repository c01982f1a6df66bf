//! The part of the story in which the room follows its board, and people go before both.

use anyhow::{Context as _, ensure};
use tokio::time::Instant;

use crate::cli::demo::service::PATIENCE;
use crate::cli::demo::stage::Stage;
use crate::cli::demo::story::milliseconds;
use crate::cli::demo::teller::Teller;
use crate::sandbox::{BoardId, DocSpace};

pub(super) async fn the_room_follows(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.step("The board is renamed, closed and reopened")?;
    let board = first(stage)?;
    let trello = stage.trello();
    let watched = trello.wait_until(|now| !now.webhooks_on(&board).is_empty(), PATIENCE);
    stage
        .watch("the board has a webhook of its own", watched)
        .await?;
    let begun = Instant::now();
    trello.rename(&board, "Website: relaunch 2027");
    until(
        stage,
        &board,
        "the room is renamed",
        "Website_ relaunch 2027",
        false,
    )
    .await?;
    teller.happened(&format!(
        "Renamed \"Website: relaunch 2027\": {} later the room is called \"Website_ relaunch \
         2027\", which is what DocSpace makes of it.",
        milliseconds(begun.elapsed())
    ))?;
    trello.close(&board);
    until(
        stage,
        &board,
        "the room is archived",
        "Website_ relaunch 2027",
        true,
    )
    .await?;
    trello.reopen(&board);
    until(
        stage,
        &board,
        "the room is back",
        "Website_ relaunch 2027",
        false,
    )
    .await?;
    teller.happened("Closed: its room went into the archive. Reopened: it came back.")?;
    Ok(())
}

pub(super) async fn people_go_first(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.step("Somebody renames the room by hand")?;
    let board = first(stage)?;
    let room = stage.only_room_of(&board)?.id;
    stage.docspace().rename_room(room, "Our relaunch");
    let before = stage.service.figures().await?.counter("boards_looked_at");
    stage.trello().rename(&board, "Relaunch");
    stage
        .service
        .until("the service has looked at it", |figures| {
            figures.counter("boards_looked_at") > before
        })
        .await?;
    // A look that would rename it has begun by now; none may.
    stage
        .service
        .until("the look has ended", |figures| {
            figures.counter("rooms_left") > 0
        })
        .await?;
    let title = stage.only_room_of(&board)?.title;
    ensure!(
        title == "Our relaunch",
        "what a person called the room stays; it is called \"{title}\""
    );
    teller.happened(
        "Then the board was renamed, too. The room is still called \"Our relaunch\": what people \
         do by hand stays, and `boardroom boards` shows it.",
    )?;
    Ok(())
}

fn first(stage: &Stage) -> anyhow::Result<BoardId> {
    let first = stage.boards.first().cloned();
    first.context("the first board is there")
}

async fn until(
    stage: &mut Stage,
    board: &BoardId,
    what: &str,
    title: &str,
    archived: bool,
) -> anyhow::Result<()> {
    let room = stage.only_room_of(board)?.id;
    let docspace = stage.docspace();
    let is_so = |now: &DocSpace| {
        now.room(room)
            .is_some_and(|room| room.title == title && room.archived == archived)
    };
    let waited = docspace.wait_until(is_so, PATIENCE);
    stage.watch(what, waited).await
}
