//! The phases: each asks one question and can be run alone.

mod ack;
mod card;
mod cold;
mod full;
mod mirrored;
mod postgres;
mod rate;
mod size;
mod store;
mod sweep;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::delivery::Bodies;
use crate::load::{self, Load, Outcome};
use crate::machine::{self, Watch, wait_for_quiet};
use crate::report::{Report, Sample, Samples};
use crate::server::Server;

/// One question.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    pub(crate) run: fn(&Rig, &mut Report) -> Result<()>,
}

/// In the order in which they are run.
pub(crate) const PHASES: &[Phase] = &[
    Phase {
        name: "size",
        question: "how large is it, on disk and in memory?",
        run: size::run,
    },
    Phase {
        name: "cold",
        question: "how long from its start to its first 200?",
        run: cold::run,
    },
    Phase {
        name: "card",
        question: "how many deliveries of no interest does it answer?",
        run: card::run,
    },
    Phase {
        name: "store",
        question: "how many deliveries does it store and acknowledge?",
        run: store::run,
    },
    Phase {
        name: "rate",
        question: "how fast are 2,000 a second acknowledged while rooms are made?",
        run: rate::run,
    },
    Phase {
        name: "full",
        question: "how many does it acknowledge while rooms are made?",
        run: full::run,
    },
    Phase {
        name: "e2e",
        question: "how long until 1,000 new boards have their rooms?",
        run: mirrored::run,
    },
    Phase {
        name: "sweep",
        question: "what does a sweep over 100,000 unchanged boards cost?",
        run: sweep::run,
    },
];

/// Those that are asked for by name, or all.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Phase>> {
    if names.is_empty() {
        return Ok(PHASES.iter().collect());
    }
    let find = |name: &String| {
        let found = PHASES.iter().find(|phase| phase.name == name);
        found.with_context(|| {
            let known: Vec<_> = PHASES.iter().map(|phase| phase.name).collect();
            format!("there is no phase `{name}`; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

/// Connections of the load.
const CONNECTIONS: usize = 64;
/// Before it is measured, a server is warmed up.
const WARM: Duration = Duration::from_millis(800);
/// How long boardroom may take to settle.
const SETTLE: Duration = Duration::from_secs(30);

/// Where the phases work, and what there is beside the two programs.
pub(crate) struct Rig {
    folder: PathBuf,
    rounds: usize,
    /// Seconds that one measurement of a throughput takes.
    span: Duration,
    /// Runs what a user might write instead.
    uvicorn: Option<PathBuf>,
    /// A server whose databases may be made and dropped: `postgres://user@host:port`.
    postgres: Option<String>,
    /// The process of that server.
    postmaster: Option<u32>,
}

impl Rig {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Ok(Self {
            folder: folder.into(),
            rounds: text("BENCH_ROUNDS").map_or(Ok(3), |text| text.parse())?,
            span: Duration::from_secs(text("BENCH_SECONDS").map_or(Ok(3), |text| text.parse())?),
            uvicorn: text("BENCH_UVICORN").map(PathBuf::from),
            postgres: text("BENCH_POSTGRES"),
            postmaster: text("BENCH_POSTMASTER")
                .map(|text| text.parse())
                .transpose()?,
        })
    }

    /// An empty folder.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Measures contenders in turn, A B A B. A run that others have disturbed is repeated once.
    fn compare(
        &self,
        report: &mut Report,
        phase: &str,
        contenders: &[Contender<'_>],
    ) -> Result<Vec<Samples>> {
        let mut all = vec![Samples::default(); contenders.len()];
        for _ in 0..self.rounds {
            for ((name, measure), samples) in contenders.iter().zip(&mut all) {
                wait_for_quiet(Duration::from_secs(5));
                let mut sample = measure()?;
                if sample.is_disturbed() {
                    wait_for_quiet(Duration::from_secs(5));
                    let again = measure()?;
                    if again.foreign < sample.foreign {
                        sample = again;
                    }
                }
                report.write_down(phase, name, &sample)?;
                samples.0.push(sample);
            }
        }
        Ok(all)
    }
}

/// A name and one measurement.
type Contender<'a> = (&'static str, Box<dyn Fn() -> Result<Sample> + 'a>);

/// Warms a server up, then measures it under a load.
fn under_load(
    rig: &Rig,
    server: &Server,
    load: Load,
    bodies: impl Fn() -> Bodies,
) -> Result<Sample> {
    let warm = Load { span: WARM, ..load };
    load::run(warm, &server.callback, bodies())?;
    measured(rig, server, load, bodies())
}

fn measured(rig: &Rig, server: &Server, load: Load, bodies: Bodies) -> Result<Sample> {
    let watch = Watch::begin(rig.postmaster);
    let used = machine::cpu_seconds(server.process());
    let outcome = load::run(load, &server.callback, bodies)?;
    let used = machine::cpu_seconds(server.process()) - used;
    let foreign = watch.foreign();
    all_taken(&outcome)?;
    let mut figures = outcome.figures();
    figures["cpu_us"] = (used * 1e6 / outcome.acknowledged as f64).into();
    Ok(Sample { figures, foreign })
}

/// A server that refuses or drops deliveries is not fast, it is broken.
fn all_taken(outcome: &Outcome) -> Result<()> {
    if outcome.refused + outcome.lost > 0 {
        bail!("deliveries were refused or lost: {}", outcome.figures());
    }
    Ok(())
}
