//! The supervisor owns the tasks: a soft stop, a hard stop, and an exit that says how it went.
//!
//! A task that ends unasked stops the rest. A second signal, or the end of the grace period, stops hard.

mod manager;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use crate::supervisor::manager::ServiceManager;

/// The tasks of one process.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<&'static str>,
    /// Asks the tasks to end what they have begun.
    soft: CancellationToken,
    /// Asks them to drop it.
    hard: CancellationToken,
}

/// Why the tasks of a process are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Signal,
    /// A task ended unasked or panicked.
    TaskDied,
}

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything ended as asked.
    Clean,
    /// A task ended unasked or panicked.
    TaskDied,
    /// The grace period ran out, or a second signal came.
    Hard,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Clean => Self::SUCCESS,
            Exit::TaskDied | Exit::Hard => Self::FAILURE,
        }
    }
}

/// SIGTERM and SIGINT, listened to from the moment this exists.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            tasks: JoinSet::new(),
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
        }
    }
}

impl Supervisor {
    /// Cancelled when the tasks are asked to end.
    #[must_use]
    pub fn soft_stop(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled shortly before the grace period is over.
    #[must_use]
    pub fn hard_stop(&self) -> CancellationToken {
        self.hard.clone()
    }

    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Waits for something beside the tasks, and drops it when a signal comes or a task dies first.
    pub async fn wait_for<T>(
        &mut self,
        signals: &mut Signals,
        something: impl Future<Output = T>,
    ) -> Result<T, Cause> {
        tokio::select! {
            done = something => Ok(done),
            cause = self.run(signals) => Err(cause),
        }
    }

    /// Runs until a signal comes or a task dies.
    pub async fn run(&mut self, signals: &mut Signals) -> Cause {
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping");
                Cause::Signal
            }
            ended = self.tasks.join_next() => {
                report(ended);
                Cause::TaskDied
            }
        }
    }

    /// Ends everything: `drain` first, then the tasks, all within `grace`.
    pub async fn stop(
        mut self,
        cause: Cause,
        mut signals: Signals,
        grace: Duration,
        drain: impl Future<Output = ()>,
    ) -> Exit {
        // The last part of the grace period is for handing back what must be dropped.
        let (hard, patience) = (
            self.hard.clone(),
            grace.saturating_sub((grace / 4).min(Duration::from_secs(2))),
        );
        let drop_the_rest = async {
            tokio::time::sleep(patience).await;
            hard.cancel();
            std::future::pending::<Exit>().await
        };
        let ended = async {
            drain.await;
            self.soft.cancel();
            let mut died = match cause {
                Cause::Signal => false,
                Cause::TaskDied => true,
            };
            while let Some(ended) = self.tasks.join_next().await {
                if ended.is_err() {
                    report(Some(ended));
                    died = true;
                }
            }
            died
        };
        tokio::select! {
            died = ended => if died { Exit::TaskDied } else { Exit::Clean },
            exit = drop_the_rest => exit,
            () = tokio::time::sleep(grace) => {
                tracing::error!(grace_s = grace.as_secs(), "the grace period is over; what was under way is repeated at the next start");
                Exit::Hard
            }
            signal = signals.next() => {
                tracing::error!(signal, "a second signal: stopping at once; what was under way is repeated at the next start");
                Exit::Hard
            }
        }
    }
}

fn report(ended: Option<Result<&'static str, tokio::task::JoinError>>) {
    match ended {
        Some(Ok(task)) => tracing::error!(task, "a task ended unasked; stopping"),
        Some(Err(error)) => tracing::error!(%error, "a task died; stopping"),
        None => {}
    }
}
