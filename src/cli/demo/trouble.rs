//! The story's second half: an outage and a crash.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::cli::demo::service::PATIENCE;
use crate::cli::demo::stage::Stage;
use crate::cli::demo::story::milliseconds;
use crate::cli::demo::teller::Teller;
use crate::sandbox::{BoardId, DocSpace, Effect, Exchange, Fault};

const ROOMS: &str = "/api/2.0/files/rooms";
/// How long DocSpace takes for the room that is cut short: longer than a killed service needs to be back and to look.
const SLOW_CREATE: Duration = Duration::from_millis(900);

pub(super) async fn docspace_goes_down(
    stage: &mut Stage,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    teller.step("DocSpace goes down")?;
    let docspace = stage.docspace();
    docspace.down().await.context("the sandbox goes down")?;
    let boards = [stage.make_board("Hiring"), stage.make_board("Office move")];
    for board in &boards {
        stage.delivered(board).await?;
    }
    teller.happened("Two boards are made: their deliveries are acknowledged all the same.")?;
    let figures = stage
        .service
        .until("the boards wait for DocSpace", |figures| {
            figures.paused("docspace").is_some()
        })
        .await?;
    let ready = stage.service.readiness().await?;
    ensure!(
        ready == 200 && figures.ready,
        "/readyz stays 200; it is {ready}"
    );
    let reason = figures.paused("docspace").unwrap_or_default();
    teller.happened(&format!(
        "The boards wait. /readyz stays 200, for deliveries can still be stored; \
         /readyz?verbose says why the boards wait: {reason}."
    ))?;
    docspace.up().await.context("the sandbox comes back")?;
    let back = Instant::now();
    for board in &boards {
        stage.room_of(board).await?;
    }
    let took = back.elapsed().as_secs_f64();
    stage.check_rooms()?;
    teller.happened(&format!(
        "DocSpace is back: {took:.1} s later both rooms are there, and nobody had to do anything."
    ))?;
    Ok(())
}

pub(super) async fn the_service_is_killed(
    stage: &mut Stage,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    let name = "Trade fair";
    teller.step("The service is killed in the middle of making a room")?;
    let board = kill_in_the_middle_of(name, stage).await?;
    teller.happened(&format!(
        "SIGKILL: it had asked DocSpace for the room \"{name}\", and there was none yet."
    ))?;
    let docspace = stage.docspace();
    let (killed, killed_at) = (Instant::now(), docspace.now());
    let looks = look_ups_of(&docspace, &board).len();
    stage.service.start_again()?;
    let looked = docspace.wait_until(|now| look_ups_of(now, &board).len() > looks, PATIENCE);
    stage
        .watch("the service asks what has become of it", looked)
        .await?;
    let looked = look_ups_of(&docspace, &board)[looks].moment - killed;
    let made_at = stage.room_of(&board).await?.created;
    teller.happened(&format!(
        "Started again on the same database, it asked DocSpace {} after the kill what had \
         become of that. DocSpace finished the room after {}, with nobody left to tell.",
        milliseconds(looked),
        milliseconds(made_at.duration_since(killed_at).unsigned_abs()),
    ))?;
    let figures = stage
        .service
        .until("the service finds the room of its predecessor", |figures| {
            figures.counter("rooms_adopted") > 0
        })
        .await?;
    let created = figures.counter("rooms_created");
    let asked = creates_of(&docspace, name).len();
    ensure!(
        created == 0 && asked == 1,
        "DocSpace is asked for the room once; it was asked {asked} times"
    );
    let room = stage.only_room_of(&board)?.id;
    stage.check_rooms()?;
    teller.happened(&format!(
        "It found room {room} and took it, instead of making another: still exactly one room."
    ))?;
    Ok(())
}

/// Makes a board, and kills the service while DocSpace is at its room.
async fn kill_in_the_middle_of(name: &str, stage: &mut Stage) -> anyhow::Result<BoardId> {
    let docspace = stage.docspace();
    docspace.fail(Fault::on("POST", ROOMS, Effect::DelayBefore(SLOW_CREATE)).once());
    let board = stage.make_board(name);
    let sent = docspace.wait_until(|now| !creates_of(now, name).is_empty(), PATIENCE);
    stage.watch("DocSpace is asked for the room", sent).await?;
    // Or Trello would bring those again that the kill cuts off, half a minute later.
    stage.delivered(&board).await?;
    stage.service.kill().await?;
    let creates = creates_of(&docspace, name);
    let unanswered = creates.iter().all(|create| create.answer.is_none());
    ensure!(
        unanswered && docspace.room_count() + 1 == stage.boards.len(),
        "DocSpace is still at it when the service is killed"
    );
    Ok(board)
}

/// The requests for a room of this title.
fn creates_of(docspace: &DocSpace, title: &str) -> Vec<Exchange> {
    let mut creates = docspace.requests();
    creates.retain(|exchange| {
        exchange.call.method == "POST"
            && exchange.call.path == ROOMS
            && exchange.json().is_some_and(|body| body["title"] == title)
    });
    creates
}

/// The requests for the rooms that carry a board's tag.
fn look_ups_of(docspace: &DocSpace, board: &BoardId) -> Vec<Exchange> {
    let mut look_ups = docspace.requests();
    look_ups.retain(|exchange| {
        let tags = exchange.call.parameter("tags").unwrap_or_default();
        exchange.call.method == "GET" && tags.contains(&**board)
    });
    look_ups
}
