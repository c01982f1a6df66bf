//! The process itself, by the names that Prometheus' own libraries give to it. Where there is no `/proc`, only its beginning is told.

use std::time::{SystemTime, UNIX_EPOCH};

use procfs::process::{LimitValue, Process};

use crate::exposition::page::Page;

pub(super) fn show(page: &mut Page, began: SystemTime) {
    // Not from `/proc`: a unit that sees its own processes alone does not see when the machine began, from which that is counted.
    if let Ok(began) = began.duration_since(UNIX_EPOCH) {
        page.one(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970",
            &[],
            began.as_secs_f64(),
        );
    }
    // Its status, limits and files are of this moment; what cannot be read is left out.
    let Ok(process) = Process::myself() else {
        return;
    };
    if let Ok(stat) = process.stat() {
        let ticks = float(procfs::ticks_per_second());
        page.counter(
            "process_cpu_seconds",
            "Processor time, of the program and of the system for it",
            (float(stat.utime) + float(stat.stime)) / ticks,
        );
        page.one(
            "process_resident_memory_bytes",
            "Memory in use",
            &[],
            float(stat.rss.saturating_mul(procfs::page_size())),
        );
        page.one(
            "process_virtual_memory_bytes",
            "Address space in use",
            &[],
            float(stat.vsize),
        );
        page.one(
            "process_threads",
            "Threads of the operating system",
            &[],
            float(u64::try_from(stat.num_threads).unwrap_or(0)),
        );
    }
    if let Ok(files) = process.fd_count() {
        page.one(
            "process_open_fds",
            "Open files and connections",
            &[],
            float(files as u64),
        );
    }
    if let Ok(limits) = process.limits() {
        let most = match limits.max_open_files.soft_limit {
            LimitValue::Value(most) => float(most),
            LimitValue::Unlimited => f64::INFINITY,
        };
        page.one(
            "process_max_fds",
            "How many files and connections may be open",
            &[],
            most,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are enough here")]
fn float(number: u64) -> f64 {
    number as f64
}
