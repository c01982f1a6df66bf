//! `card`: a card has moved on a board that is followed. Verified, read, answered 200; nothing is stored.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{CONNECTIONS, Rig, SETTLE, ack, under_load};
use crate::delivery::Bodies;
use crate::limit::Work;
use crate::load::{self, Load};
use crate::report::{Goal, Report, Sample};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

/// Boards whose cards move.
const BOARDS: usize = 8;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let [ours, limit] = &rig.compare(
        report,
        "card",
        &[
            ("boardroom", Box::new(|| boardroom(rig))),
            ("verify and parse", Box::new(|| verify(rig))),
        ],
    )?[..] else {
        unreachable!("as many as were asked for")
    };
    report.ratio(
        "`card`: deliveries of no interest answered",
        ack::per_second("boardroom", ours),
        ack::per_second("verify and parse", limit),
        Goal::AtLeast(0.85),
    );
    Ok(())
}

fn load(rig: &Rig) -> Load {
    Load::closed(CONNECTIONS, rig.span)
}

fn boardroom(rig: &Rig) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Boardroom::on_sqlite(&rig.fresh("card")?, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    let run = upstream.new_run();
    let first = Load {
        most: BOARDS as u64,
        ..Load::closed(4, SETTLE)
    };
    load::run(
        first,
        &server.callback,
        Bodies::new_boards(&server.callback, &run),
    )?;
    upstream.wait_for("the webhooks of the boards", SETTLE, |upstream| {
        upstream.followed_boards().len() == BOARDS
    })?;
    // A webhook that is new asks for a sweep, which waits for others of the kind.
    upstream.wait_until_quiet_for(Duration::from_secs(3), SETTLE)?;
    let boards = upstream.followed_boards();
    let calls = upstream.counts().calls;
    let sample = under_load(rig, &server, load(rig), || {
        Bodies::cards(&server.callback, &boards)
    })?;
    let calls = upstream.counts().calls - calls;
    ensure!(
        calls == 0,
        "cards that move made it call a service {calls} times"
    );
    upstream.check()?;
    Ok(sample)
}

fn verify(rig: &Rig) -> Result<Sample> {
    let server = Server::limit(&Work::Verify, &rig.fresh("card")?)?;
    let boards: Vec<_> = (0..BOARDS)
        .map(|number| format!("6500000000000000{number:08x}"))
        .collect();
    under_load(rig, &server, load(rig), || {
        Bodies::cards(&server.callback, &boards)
    })
}
