//! The story: what happens, what is checked of it, and what is said. Here the beginning, the everyday and the end.

use anyhow::ensure;
use tokio::time::{Duration, Instant};

use crate::cli::demo::following;
use crate::cli::demo::service::PATIENCE;
use crate::cli::demo::stage::{Mirrored, OLD_BOARD, Stage, WORKSPACE};
use crate::cli::demo::teller::Teller;
use crate::cli::demo::trouble;
use crate::sandbox::{Letter, Signing};

const STEPS: usize = 8;

/// Tells the whole story. The error says which thing did not happen.
pub(super) async fn tell(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let begun = Instant::now();
    teller.announce(STEPS);
    teller.say(
        "boardroom demo: the real service, beside a make-believe Trello and DocSpace on \
         this machine. No account is needed, and nothing leaves this machine.",
    )?;
    the_service_starts(stage, teller, begun).await?;
    let first = a_board_gets_its_room(stage, teller).await?;
    following::the_room_follows(stage, teller).await?;
    following::people_go_first(stage, teller).await?;
    forged_deliveries_are_refused(&first, stage, teller).await?;
    a_duplicate_changes_nothing(&first, stage, teller).await?;
    trouble::docspace_goes_down(stage, teller).await?;
    trouble::the_service_is_killed(stage, teller).await?;
    stage.check_rooms()?;
    teller.say(&format!(
        "\nEverything happened as it should, in {:.1} s: {} new boards have exactly one room \
         each, through changes, forgeries, a duplicate, an outage and a crash.",
        begun.elapsed().as_secs_f64(),
        stage.boards.len(),
    ))?;
    Ok(())
}

async fn the_service_starts(
    stage: &mut Stage,
    teller: &mut Teller,
    begun: Instant,
) -> anyhow::Result<()> {
    teller.step("The service starts")?;
    let (trello, workspace) = (stage.trello(), stage.workspace.clone());
    let member = trello.member();
    // Trello's webhooks are made only after it has got 200 for a HEAD on the callback URL: so they prove that, too.
    let registered = trello.wait_until(
        |now| now.webhooks_on(&workspace).len() == 1 && now.webhooks_on(&member).len() == 1,
        PATIENCE,
    );
    stage
        .watch("two webhooks are registered", registered)
        .await?;
    let registered = milliseconds(begun.elapsed());
    teller.happened(&format!(
        "`boardroom serve` runs as process {}, with an empty database.",
        stage.service.pid()
    ))?;
    teller.happened(&format!(
        "Trello checked the callback URL (HEAD, answered 200) and registered two webhooks, \
         on the workspace {WORKSPACE} and on its member. Took {registered}."
    ))?;
    // Only then the latencies of a service that is at rest can be shown.
    stage
        .service
        .until("it has looked at what is there already", |figures| {
            figures.counter("sweeps") > 0 && figures.counter("audits") > 0
        })
        .await?;
    stage.check_rooms()?;
    teller.happened(&format!(
        "The board \"{OLD_BOARD}\" was there before, so it gets no room."
    ))?;
    Ok(())
}

async fn a_board_gets_its_room(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Mirrored> {
    let name = "Website relaunch";
    teller.step(&format!("Somebody makes the board \"{name}\""))?;
    let mirrored = stage.mirror_board(name).await?;
    let figures = stage.service.figures().await?;
    ensure!(
        figures.counter("deliveries_stored") > 0 && figures.counter("deliveries_refused") == 0,
        "the delivery is verified and stored"
    );
    ensure!(
        mirrored.room.title == name,
        "the room is called like the board; it is called \"{}\"",
        mirrored.room.title
    );
    teller.happened(&format!(
        "Trello's signed delivery was verified, stored and acknowledged in {}.",
        milliseconds(mirrored.acknowledged)
    ))?;
    teller.happened(&format!(
        "{} after the board its room is there: \"{}\", room {}.",
        milliseconds(mirrored.took),
        mirrored.room.title,
        mirrored.room.id
    ))?;
    Ok(mirrored)
}

async fn forged_deliveries_are_refused(
    first: &Mirrored,
    stage: &mut Stage,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    teller.step("Somebody forges deliveries")?;
    let before = stage.service.figures().await?;
    let (trello, callback) = (stage.trello(), stage.service.callback());
    let body = &*first.delivery.body;
    let changed = body.replace(&first.room.title, "Website takeover");
    let signature = first.delivery.signature.clone();
    let forgeries = [
        Letter::new(&callback, body).signing(Signing::Headers(Vec::new())),
        Letter::new(&callback, body).signing(Signing::WithSecret("a guess".to_owned())),
        Letter::new(&callback, changed).signing(Signing::Headers(vec![signature])),
    ];
    for forgery in forgeries {
        let answer = trello.post(forgery).await?;
        ensure!(
            answer.status == 401,
            "a forged delivery is refused with 401; it was answered {}",
            answer.status
        );
    }
    teller.happened(
        "Not signed: 401. Signed with another secret: 401. A real signature on a changed \
         delivery: 401.",
    )?;
    let after = stage.service.figures().await?;
    let grown = |name| after.counter(name) - before.counter(name);
    ensure!(
        grown("deliveries_refused") == 3 && grown("deliveries_stored") == 0,
        "three deliveries are refused and none is stored"
    );
    stage.check_rooms()?;
    teller.happened("Nothing was stored, and no room was made.")?;
    Ok(())
}

async fn a_duplicate_changes_nothing(
    first: &Mirrored,
    stage: &mut Stage,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    teller.step("Trello delivers the same thing twice")?;
    let before = stage.service.figures().await?;
    let again = Letter::new(&stage.service.callback(), &*first.delivery.body);
    let answer = stage.trello().post(again).await?;
    let after = stage.service.figures().await?;
    let grown = |name| after.counter(name) - before.counter(name);
    ensure!(
        answer.status == 200,
        "a repeated delivery is answered with 200; it was answered {}",
        answer.status
    );
    ensure!(
        grown("deliveries_duplicate") == 1 && grown("deliveries_stored") == 0,
        "a repeated delivery is recognised"
    );
    stage.check_rooms()?;
    teller.happened("Acknowledged, recognised, not stored again: still one room.")?;
    Ok(())
}

/// Where everything is, for whoever stays.
pub(super) fn addresses(stage: &Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let docspace = stage.sandbox.docspace.url();
    teller.pause()?;
    teller.entry("Status page", stage.service.page())?;
    teller.entry(
        "Service",
        &format!("{}/readyz?verbose", stage.service.url()),
    )?;
    teller.entry("Its log", &stage.service.log().display().to_string())?;
    teller.entry("Sandbox Trello", &stage.sandbox.trello.url())?;
    teller.entry("Sandbox DocSpace", &docspace)?;
    if let Some(first) = stage.boards.first() {
        let room = stage.only_room_of(first)?.id;
        let page = format!("{docspace}/rooms/shared/{room}/filter?folder={room}");
        teller.entry("The first room", &page)?;
    }
    teller.say(
        "\n(The sandbox speaks the APIs of the two, but it has no web pages: in a real DocSpace \
         the last address opens the room.)\n\n\
         Type a name and press Enter to make a board of your own. Ctrl-C ends.",
    )?;
    Ok(())
}

/// A board that whoever stays has asked for.
pub(super) async fn board_by_hand(
    name: &str,
    stage: &mut Stage,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    let mirrored = stage.mirror_board(name).await?;
    teller.happened(&format!(
        "\"{}\": acknowledged in {}, room {} there after {}.",
        mirrored.room.title,
        milliseconds(mirrored.acknowledged),
        mirrored.room.id,
        milliseconds(mirrored.took)
    ))?;
    Ok(())
}

pub(super) fn milliseconds(span: Duration) -> String {
    format!("{} ms", span.as_millis().max(1))
}
