//! The load: one thread, one epoll, no framework, so that it is not what is measured. Closed: every connection sends its next request when
//! the last was answered. Open: requests are due at a fixed rate, and latency counts from when one was due, not from when it could be sent.

mod connection;

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{Timespec, epoll};
use serde_json::json;

use crate::delivery::{Bodies, Callback};
use crate::load::connection::{Connection, Heard};

/// The longest that is waited without a look at the clock.
const GLANCE: Duration = Duration::from_millis(20);

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    Closed,
    Open { per_second: u32 },
}

/// One run of the load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) pace: Pace,
    pub(crate) connections: usize,
    pub(crate) span: Duration,
    /// No more requests than this.
    pub(crate) most: u64,
}

impl Load {
    /// As fast as it is answered, for so long.
    pub(crate) fn closed(connections: usize, span: Duration) -> Self {
        Self {
            pace: Pace::Closed,
            connections,
            span,
            most: u64::MAX,
        }
    }
}

/// How long answers are waited for once nothing more is sent.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Answered with anything but 200.
    pub(crate) refused: u64,
    /// Connections that were lost, and requests that were never answered.
    pub(crate) lost: u64,
    /// Requests that were due while every connection was waiting.
    pub(crate) unsent: u64,
    /// Acknowledgements a second, while requests were being sent.
    pub(crate) per_second: f64,
    /// In nanoseconds, sorted.
    latencies: Vec<u64>,
}

impl Outcome {
    /// The latency that so many of a thousand do not exceed, in milliseconds.
    pub(crate) fn latency(&self, of_a_thousand: usize) -> f64 {
        let at = self.latencies.len() * of_a_thousand / 1000;
        let at = at.min(self.latencies.len().saturating_sub(1));
        self.latencies
            .get(at)
            .map_or(f64::NAN, |nanoseconds| *nanoseconds as f64 / 1e6)
    }

    pub(crate) fn figures(&self) -> serde_json::Value {
        json!({
            "sent": self.sent, "acknowledged": self.acknowledged, "refused": self.refused, "lost": self.lost, "unsent": self.unsent,
            "per_second": self.per_second, "p50_ms": self.latency(500), "p99_ms": self.latency(990), "p999_ms": self.latency(999),
        })
    }
}

/// Sends, waits for the last answers, and tells what came of it.
pub(crate) fn run(load: Load, callback: &Callback, bodies: Bodies) -> Result<Outcome> {
    // Linux may wake a thread 50 µs late by default, which would be a part of every latency.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
    let mut sender = Sender::open(load, callback, bodies)?;
    sender.run()?;
    Ok(sender.outcome())
}

struct Sender {
    load: Load,
    bodies: Bodies,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// Connections that wait for nothing.
    free: VecDeque<usize>,
    /// Connections whose request is not written to its end.
    unwritten: Vec<usize>,
    began: Instant,
    end: Instant,
    acknowledged_in_time: u64,
    outcome: Outcome,
}

impl Sender {
    fn open(load: Load, callback: &Callback, bodies: Bodies) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let open = |index| Connection::open(&epoll, index, callback.address);
        let connections: Result<Vec<_>> = (0..load.connections).map(open).collect();
        let connections = connections.context("the load cannot connect")?;
        let began = Instant::now();
        Ok(Self {
            free: (0..connections.len()).collect(),
            connections,
            unwritten: Vec::new(),
            end: began + load.span,
            began,
            acknowledged_in_time: 0,
            outcome: Outcome::default(),
            load,
            bodies,
            epoll,
        })
    }

    fn run(&mut self) -> Result<()> {
        let mut events = Vec::with_capacity(1024);
        loop {
            let now = Instant::now();
            if self.is_sending(now) {
                self.send_what_is_due()?;
            } else if self.free.len() == self.connections.len() || now > self.end + LAST_ANSWERS {
                return Ok(());
            }
            self.write_on()?;
            let wait = self.until_next(Instant::now());
            let wait = Timespec::try_from(wait).context("a wait of a length that cannot be")?;
            let found = epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&wait),
            );
            found.context("epoll failed")?;
            for event in events.drain(..) {
                self.hear(usize::try_from(event.data.u64())?)?;
            }
        }
    }

    fn is_sending(&self, now: Instant) -> bool {
        now < self.end && self.outcome.sent < self.load.most
    }

    fn send_what_is_due(&mut self) -> Result<()> {
        while let Some(index) = self.free.front().copied() {
            let now = Instant::now();
            let due = match self.load.pace {
                Pace::Closed => now,
                Pace::Open { per_second } => self.due(self.outcome.sent, per_second),
            };
            if due > now || !self.is_sending(due) {
                break;
            }
            self.free.pop_front();
            self.send(index, due)?;
        }
        Ok(())
    }

    /// When a request of an open load is due.
    fn due(&self, number: u64, per_second: u32) -> Instant {
        let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(per_second);
        self.began + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn send(&mut self, index: usize, due: Instant) -> Result<()> {
        self.outcome.sent += 1;
        let connection = &mut self.connections[index];
        self.bodies.write(connection.begin(due));
        if !connection.write()? {
            self.unwritten.push(index);
        }
        Ok(())
    }

    fn write_on(&mut self) -> Result<()> {
        for index in std::mem::take(&mut self.unwritten) {
            if !self.connections[index].write()? {
                self.unwritten.push(index);
            }
        }
        Ok(())
    }

    fn until_next(&self, now: Instant) -> Duration {
        if !self.unwritten.is_empty() {
            return Duration::from_micros(50);
        }
        match self.load.pace {
            Pace::Open { per_second } if !self.free.is_empty() && self.is_sending(now) => {
                let due = self.due(self.outcome.sent, per_second);
                due.saturating_duration_since(now).min(GLANCE)
            }
            Pace::Open { .. } | Pace::Closed => GLANCE,
        }
    }

    /// Something happened on a connection.
    fn hear(&mut self, index: usize) -> Result<()> {
        match self.connections[index].read()? {
            Heard::Nothing => {}
            Heard::Answer { status, due } => {
                let now = Instant::now();
                self.note(status, due, now);
                if matches!(self.load.pace, Pace::Closed) && self.is_sending(now) {
                    self.send(index, now)?;
                } else {
                    self.free.push_back(index);
                }
            }
            Heard::End { unanswered } => {
                self.outcome.lost += u64::from(unanswered);
                self.connections[index].reopen(&self.epoll, index)?;
                self.unwritten.retain(|one| *one != index);
                if unanswered {
                    self.free.push_back(index);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, status: u16, due: Instant, now: Instant) {
        let latency = now.saturating_duration_since(due).as_nanos();
        self.outcome
            .latencies
            .push(u64::try_from(latency).unwrap_or(u64::MAX));
        if status != 200 {
            self.outcome.refused += 1;
            return;
        }
        self.outcome.acknowledged += 1;
        if now <= self.end {
            self.acknowledged_in_time += 1;
        }
    }

    fn outcome(mut self) -> Outcome {
        self.outcome.latencies.sort_unstable();
        self.outcome.lost += (self.connections.len() - self.free.len()) as u64;
        let due = match self.load.pace {
            Pace::Closed => self.outcome.sent,
            Pace::Open { per_second } => {
                let due = self.load.span.as_millis() * u128::from(per_second) / 1000;
                u64::try_from(due).unwrap_or(u64::MAX).min(self.load.most)
            }
        };
        self.outcome.unsent = due.saturating_sub(self.outcome.sent);
        self.outcome.per_second = self.acknowledged_in_time as f64 / self.load.span.as_secs_f64();
        self.outcome
    }
}
