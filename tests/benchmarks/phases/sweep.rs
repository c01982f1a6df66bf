//! `sweep`: a workspace of 100,000 boards of which none has changed.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{Rig, SETTLE};
use crate::machine::{self, Watch};
use crate::report::{Figure, Goal, Report, Sample, Samples};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

const BOARDS: u32 = 100_000;
const SWEEPS: u64 = 3;
const EVERY: &str = "8s";
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let before = idle(rig)?;
    let upstream = Upstream::start(Settings {
        old_boards: BOARDS,
        ..Settings::USUAL
    })?;
    let house = Boardroom {
        sweep_every: EVERY,
        ..Boardroom::on_sqlite(&rig.fresh("sweep")?, upstream.url())
    };
    let server = house.start()?;
    let mut lists = swept(&upstream, 0)?;
    until_still(&server)?;
    let mut samples = Samples::default();
    for _ in 0..SWEEPS {
        let watch = Watch::begin(None);
        let process = server.process();
        let (cpu, written) = (machine::cpu_seconds(process), machine::written(process)?);
        lists = swept(&upstream, lists)?;
        until_still(&server)?;
        let sample = Sample {
            figures: json!({
                "cpu_seconds": machine::cpu_seconds(process) - cpu, "written_kb": (machine::written(process)? - written) / 1024,
                "bytes_a_board": (machine::peak(process)? - before) * f64::from(1 << 20) / f64::from(BOARDS),
            }),
            foreign: watch.foreign(),
        };
        report.write_down("sweep", "boardroom", &sample)?;
        samples.0.push(sample);
    }
    upstream.check()?;
    let figure = |name, unit| Figure {
        of: "boardroom",
        samples: &samples,
        name,
        unit,
    };
    report.value(
        "`sweep`: processor time for 100,000 boards",
        figure("cpu_seconds", "s"),
        Goal::AtMost(2.0),
    );
    report.value(
        "`sweep`: written",
        figure("written_kb", "kB"),
        Goal::AtMost(0.0),
    );
    report.value(
        "`sweep`: memory a board, at the peak",
        figure("bytes_a_board", "bytes"),
        Goal::AtMost(1_024.0),
    );
    Ok(())
}

/// What it keeps in memory with no board at all, in MB.
fn idle(rig: &Rig) -> Result<f64> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Boardroom::on_sqlite(&rig.fresh("sweep")?, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    machine::resident(server.process())
}

/// Waits for a list of the workspace beyond so many; says how many there were.
fn swept(upstream: &Upstream, before: u64) -> Result<u64> {
    upstream.wait_for("a sweep", PATIENCE, |upstream| {
        upstream.counts().lists > before
    })?;
    Ok(upstream.counts().lists)
}

/// Waits until it has used next to no processor time for a second.
fn until_still(server: &Server) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let (mut used, mut since) = (machine::cpu_seconds(server.process()), Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        anyhow::ensure!(Instant::now() < end, "boardroom is never done");
        std::thread::sleep(Duration::from_millis(50));
        let now = machine::cpu_seconds(server.process());
        if now - used > 0.02 {
            (used, since) = (now, Instant::now());
        }
    }
    Ok(())
}
