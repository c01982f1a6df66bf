//! `size`: the program on disk, and in memory while nothing happens.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::Result;
use serde_json::json;

use super::{Rig, SETTLE};
use crate::machine;
use crate::report::{Figure, Goal, Report, Sample, Samples};
use crate::server::{Boardroom, program};
use crate::upstream::{Settings, Upstream};

const CONNECTIONS: usize = 1_000;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = Boardroom::on_sqlite(&rig.fresh("size")?, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    let idle = machine::resident(server.process())?;
    let address = server.callback.address;
    let connections: Result<Vec<_>> = (0..CONNECTIONS).map(|_| connected(address)).collect();
    let connections = connections?;
    let connected = machine::resident(server.process())?;
    drop(connections);
    upstream.check()?;
    let sample = Sample {
        figures: json!({
            "program_mb": fs::metadata(program())?.len() as f64 / f64::from(1 << 20), "idle_mb": idle, "connected_mb": connected,
        }),
        foreign: 0.0,
    };
    report.write_down("size", "boardroom", &sample)?;
    let samples = Samples(vec![sample]);
    let figure = |name| Figure {
        of: "boardroom",
        samples: &samples,
        name,
        unit: "MB",
    };
    report.value("`size`: program", figure("program_mb"), Goal::AtMost(15.0));
    report.value(
        "`size`: memory, idle",
        figure("idle_mb"),
        Goal::AtMost(15.0),
    );
    report.value(
        "`size`: memory, 1,000 idle connections",
        figure("connected_mb"),
        Goal::AtMost(32.0),
    );
    Ok(())
}

/// A connection that has been used once and is kept open.
fn connected(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /livez HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    stream.read_exact(&mut [0; 12])?;
    Ok(stream)
}
