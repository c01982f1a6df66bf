//! The machine: which processor does what, and what `/proc` tells of processes. Nothing here knows what is measured.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};

/// What is measured runs here, and nothing else of ours.
const SERVER: usize = 0;
/// The load and the services that boardroom calls run here.
const LOAD: usize = 1;
/// Above so many cores, what other programs used has disturbed a run.
pub(crate) const DISTURBED: f64 = 0.2;

/// Keeps this thread, and every one that it starts, to the processor of the load.
pub(crate) fn settle_down() -> Result<()> {
    let there = std::thread::available_parallelism().context("cannot count the processors")?;
    ensure!(
        there.get() > LOAD,
        "two processors are needed: one for what is measured, one for the load"
    );
    pin(LOAD).context("cannot choose a processor")
}

/// Starts a program on the processor of what is measured: it inherits where this thread is kept.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    pin(SERVER)?;
    let child = command.spawn();
    pin(LOAD)?;
    child
}

fn pin(processor: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(processor);
    Ok(sched_setaffinity(None, &only)?)
}

/// Processor time of a process, of its children, and of those that have ended, in ticks. Of one that is gone: none.
fn ticks(process: u32) -> u64 {
    let ended = [13, 14].map(|at| number(&stat(process), at));
    let children = children(process).into_iter().map(own_ticks);
    own_ticks(process) + children.sum::<u64>() + ended.iter().sum::<u64>()
}

fn own_ticks(process: u32) -> u64 {
    let fields = stat(process);
    number(&fields, 11) + number(&fields, 12)
}

fn number(fields: &[String], at: usize) -> u64 {
    fields
        .get(at)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The fields of `/proc/PID/stat` behind the name, which may hold blanks.
fn stat(process: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let rest = text.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
    let rest = rest.unwrap_or_default();
    rest.split_whitespace().map(str::to_owned).collect()
}

fn children(process: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = process.to_string();
    all.filter(|one| stat(*one).get(1) == Some(&parent))
        .collect()
}

/// Ticks that any program has used on any processor since the machine was started.
fn busy() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let all: Vec<u64> = line
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // user, nice, system; then, behind idle and iowait, interrupts and what the host took away.
    all.iter().take(3).chain(all.iter().skip(5).take(3)).sum()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Processor time of a process and its children, in seconds, to the hundredth.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    seconds(ticks(process))
}

/// A line of `/proc/PID/status`, in MB.
fn memory(process: u32, name: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = number.context("no such line")?.parse()?;
    Ok(kilobytes / 1024.0)
}

/// What a process keeps in memory now, in MB.
pub(crate) fn resident(process: u32) -> Result<f64> {
    memory(process, "VmRSS:").context("cannot read the memory of a process")
}

/// The most that a process has kept in memory, in MB.
pub(crate) fn peak(process: u32) -> Result<f64> {
    memory(process, "VmHWM:").context("cannot read the memory of a process")
}

/// Bytes that a process caused to be written to a disk.
pub(crate) fn written(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/io"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.context("no count of written bytes")?.trim().parse()?)
}

/// Tells how much of the machine was used by programs that have nothing to do with a measurement.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Each with its children.
    ours: Vec<u32>,
    began: Instant,
    busy: u64,
    used: u64,
}

impl Watch {
    /// Begins to watch. This process and those that it has started are not foreign, and what is given here is not, either.
    pub(crate) fn begin(beside: Option<u32>) -> Self {
        let ours: Vec<_> = beside.into_iter().chain([std::process::id()]).collect();
        Self {
            began: Instant::now(),
            busy: busy(),
            used: ours.iter().copied().map(ticks).sum(),
            ours,
        }
    }

    /// How many cores others have used since.
    pub(crate) fn foreign(&self) -> f64 {
        let used: u64 = self.ours.iter().copied().map(ticks).sum();
        let all = busy().saturating_sub(self.busy);
        let foreign = all.saturating_sub(used.saturating_sub(self.used));
        seconds(foreign) / self.began.elapsed().as_secs_f64()
    }
}

/// Waits until others leave the machine alone for a moment, but not for ever.
pub(crate) fn wait_for_quiet(patience: Duration) {
    let end = Instant::now() + patience;
    while Instant::now() < end {
        let watch = Watch::begin(None);
        std::thread::sleep(Duration::from_millis(400));
        if watch.foreign() < DISTURBED {
            return;
        }
    }
}
