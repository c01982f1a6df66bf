//! `full`: as many new boards as are acknowledged, while their rooms are made; beside what a user might write instead.

use std::path::Path;

use anyhow::Result;

use super::{Rig, SETTLE, ack};
use crate::report::{Goal, Report, Sample};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let Some(uvicorn) = &rig.uvicorn else {
        report.remark("`full` was not measured: there is no FastAPI beside it (BENCH_UVICORN).");
        return Ok(());
    };
    let all = rig.compare(
        report,
        "full",
        &[
            ("boardroom", Box::new(|| boardroom(rig))),
            ("FastAPI", Box::new(|| peer(rig, uvicorn))),
        ],
    )?;
    report.ratio(
        "`full`: new boards acknowledged while rooms are made",
        ack::per_second("boardroom", &all[0]),
        ack::per_second("FastAPI", &all[1]),
        Goal::AtLeast(15.0),
    );
    report.remark("n8n 2.8 with a workflow for this acknowledged 32 a second on two such cores (49 when no rooms were made); it is not run here.");
    Ok(())
}

fn boardroom(rig: &Rig) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Boardroom::on_sqlite(&rig.fresh("full")?, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    let sample = ack::new_boards(rig, &server, || upstream.new_run())?;
    upstream.check()?;
    Ok(sample)
}

fn peer(rig: &Rig, uvicorn: &Path) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Server::peer(uvicorn, &rig.fresh("full")?, &upstream.url())?;
    let sample = ack::new_boards(rig, &server, || upstream.new_run())?;
    upstream.check()?;
    Ok(sample)
}
