//! The benchmark: the built program side by side with a program that shows what the machine can do, in one run, as ratios against goals.
//! `tests/bench [PHASE…]` builds and runs it. One process plays the load and the services, and starts what is measured beside it.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::print_stderr,
    reason = "a run takes minutes, and says what it is at"
)]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

mod delivery;
mod limit;
mod load;
mod machine;
mod phases;
mod report;
mod server;
mod upstream;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::phases::Rig;
use crate::report::Report;

/// Exit code when a goal was missed.
const MISSED: u8 = 2;

fn main() -> Result<ExitCode> {
    // Cargo adds a word of its own.
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let Some((role, arguments)) = words.split_first()
        && role == "limit"
    {
        return limit::serve(arguments).map(|()| ExitCode::SUCCESS);
    }
    machine::settle_down()?;
    allow_connections()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&folder)?;
    let raw = folder.join("runs.jsonl");
    let mut report = Report::into_file(&raw)?;
    let rig = Rig::new(&folder)?;
    for phase in phases::chosen(&words)? {
        eprintln!("== {}: {}", phase.name, phase.question);
        (phase.run)(&rig, &mut report)
            .with_context(|| format!("{} was not measured", phase.name))?;
    }
    println!("\n{}", report.table());
    println!("The runs are in {}.", raw.display());
    Ok(match report.missed() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(MISSED),
    })
}

/// A thousand connections are held open at once, on both sides.
fn allow_connections() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, all).context("cannot open many connections")
}
