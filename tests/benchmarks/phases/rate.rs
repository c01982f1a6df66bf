//! `rate`: 2,000 new boards a second, more than anybody makes, while their rooms are made.

use std::time::Duration;

use anyhow::Result;

use super::{CONNECTIONS, Rig, SETTLE, measured};
use crate::delivery::{Bodies, Run};
use crate::limit::Work;
use crate::load::{self, Load, Pace};
use crate::machine;
use crate::report::{Figure, Goal, Report, Sample};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

const PER_SECOND: u32 = 2_000;
const SPAN: Duration = Duration::from_secs(5);

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let all = rig.compare(
        report,
        "rate",
        &[
            ("boardroom", Box::new(|| boardroom(rig))),
            ("raw axum", Box::new(|| raw(rig))),
        ],
    )?;
    let figure = |of, index: usize, name, unit| Figure {
        of,
        samples: &all[index],
        name,
        unit,
    };
    let ours = |name, unit| figure("boardroom", 0, name, unit);
    report.value(
        "`rate`: of 2,000 a second unsent",
        ours("unsent", ""),
        Goal::AtMost(0.0),
    );
    report.ratio(
        "`rate`: p99",
        ours("p99_ms", "ms"),
        figure("raw axum", 1, "p99_ms", "ms"),
        Goal::AtMost(6.0),
    );
    report.ratio(
        "`rate`: p99.9",
        ours("p999_ms", "ms"),
        figure("its own p99", 0, "p99_ms", "ms"),
        Goal::AtMost(3.0),
    );
    report.value(
        "`rate`: memory at its peak",
        ours("peak_mb", "MB"),
        Goal::AtMost(32.0),
    );
    Ok(())
}

fn boardroom(rig: &Rig) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Boardroom::on_sqlite(&rig.fresh("rate")?, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    let sample = at_rate(rig, &server, || upstream.new_run())?;
    upstream.check()?;
    Ok(sample)
}

fn raw(rig: &Rig) -> Result<Sample> {
    let server = Server::limit(&Work::Raw, &rig.fresh("rate")?)?;
    at_rate(rig, &server, Run::new)
}

fn at_rate(rig: &Rig, server: &Server, run: impl Fn() -> Run) -> Result<Sample> {
    let bodies = || Bodies::new_boards(&server.callback, &run());
    let load = |per_second, span| Load {
        pace: Pace::Open { per_second },
        ..Load::closed(CONNECTIONS, span)
    };
    load::run(
        load(200, Duration::from_secs(1)),
        &server.callback,
        bodies(),
    )?;
    let mut sample = measured(rig, server, load(PER_SECOND, SPAN), bodies())?;
    sample.figures["peak_mb"] = machine::peak(server.process())?.into();
    Ok(sample)
}
