//! `e2e`: from the first of 1,000 new boards to the last of 1,000 rooms.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{Rig, SETTLE, all_taken};
use crate::delivery::Bodies;
use crate::load::{self, Load};
use crate::machine::Watch;
use crate::report::{Figure, Goal, Report, Sample, Samples};
use crate::server::Boardroom;
use crate::upstream::{Settings, Upstream};

const BOARDS: u64 = 1_000;
const PATIENCE: Duration = Duration::from_mins(3);

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    for writes in [4, 15] {
        let measure = || mirrored(rig, writes);
        let all = rig.compare(report, "e2e", &[("boardroom", Box::new(measure))])?;
        // Every room takes a write of this length, and so many are in flight at best.
        let ideal = Settings::USUAL.docspace.as_secs_f64() * BOARDS as f64 / writes as f64;
        let ideal = Samples(vec![Sample {
            figures: json!({ "seconds": ideal }),
            foreign: 0.0,
        }]);
        let seconds = |of, samples| Figure {
            of,
            samples,
            name: "seconds",
            unit: "s",
        };
        report.ratio(
            &format!("`e2e`: 1,000 boards to rooms, {writes} writes in flight"),
            seconds("boardroom", &all[0]),
            seconds("ideal", &ideal),
            Goal::AtMost(1.15),
        );
    }
    report.remark("In all phases the brake is off and Trello's limit on requests is raised (BOARDROOM_BRAKE, BOARDROOM_TRELLO_RATE): with the usual 90 in 10 seconds, Trello alone would make 1,000 boards take minutes.");
    Ok(())
}

fn mirrored(rig: &Rig, writes: usize) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let house = Boardroom {
        writes,
        ..Boardroom::on_sqlite(&rig.fresh("e2e")?, upstream.url())
    };
    let server = house.start()?;
    upstream.wait_until_settled(SETTLE)?;
    let run = upstream.new_run();
    let load = Load {
        most: BOARDS,
        ..Load::closed(16, SETTLE)
    };
    let watch = Watch::begin(None);
    let began = Instant::now();
    let outcome = load::run(
        load,
        &server.callback,
        Bodies::new_boards(&server.callback, &run),
    )?;
    all_taken(&outcome)?;
    let all = usize::try_from(BOARDS)?;
    upstream.wait_for("the rooms", PATIENCE, |upstream| upstream.rooms() >= all)?;
    let foreign = watch.foreign();
    let last = upstream.counts().last_room.context("no room was made")?;
    ensure!(upstream.twins() == 0, "a board has two rooms");
    upstream.check()?;
    Ok(Sample {
        figures: json!({
            "writes": writes, "seconds": last.duration_since(began).as_secs_f64(), "rooms": upstream.rooms(),
            "acknowledged_p99_ms": outcome.latency(990), "calls": upstream.counts().calls,
        }),
        foreign,
    })
}
