//! `cold`: from the start of the process to its first 200, on a database that has seen 10,000 boards.

use std::fs;

use anyhow::Result;
use serde_json::json;

use super::{Rig, SETTLE};
use crate::limit::Work;
use crate::machine::Watch;
use crate::report::{Figure, Goal, Report, Sample};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

const BOARDS: u32 = 10_000;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let upstream = Upstream::start(Settings {
        old_boards: BOARDS,
        ..Settings::USUAL
    })?;
    let house = Boardroom::on_sqlite(&rig.fresh("cold")?, upstream.url());
    let first = house.start()?;
    upstream.wait_for("the first sweep", SETTLE, |upstream| {
        upstream.counts().lists > 0
    })?;
    upstream.wait_until_settled(SETTLE)?;
    first.stop()?;
    let folder = rig.fresh("cold-limit")?;
    // It opens the same database.
    let file = folder.join("limit.db");
    fs::copy(house.folder.join("boardroom.db"), &file)?;
    let work = Work::Rows(file);
    let all = rig.compare(
        report,
        "cold",
        &[
            ("boardroom", Box::new(|| started(|| house.start()))),
            (
                "the same rows",
                Box::new(|| started(|| Server::limit(&work, &folder))),
            ),
        ],
    )?;
    let figure = |of, index: usize| Figure {
        of,
        samples: &all[index],
        name: "ready_ms",
        unit: "ms",
    };
    report.ratio(
        "`cold`: ready on a database of 10,000 boards",
        figure("boardroom", 0),
        figure("the same rows", 1),
        Goal::AtMost(5.0),
    );
    Ok(())
}

fn started(start: impl Fn() -> Result<Server>) -> Result<Sample> {
    let watch = Watch::begin(None);
    let server = start()?;
    let sample = Sample {
        figures: json!({ "ready_ms": server.ready_after.as_secs_f64() * 1e3 }),
        foreign: watch.foreign(),
    };
    server.stop()?;
    Ok(sample)
}
