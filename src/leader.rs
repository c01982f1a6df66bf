//! The leader: of all services on one database one at a time sweeps, audits and keeps the webhooks. It holds a lease on that, stands back
//! before the lease can run out for others, and hands it on when it ends.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::store::{Duty, Held, Store, StoreError};

/// How long nobody else takes over from a leader that is silent.
const LEASE: Duration = Duration::from_secs(15);
/// How long a leader is sure to lead after it asked for the lease: clocks may run a little apart, and what is under way must be dropped.
const SURE: Duration = Duration::from_secs(13);
/// How often the lease is prolonged.
const RENEW: Duration = Duration::from_secs(5);
/// How long the store may take for that before it is asked anew.
const PATIENCE: Duration = Duration::from_secs(4);
/// How soon it is asked anew when it did not answer.
const AGAIN: Duration = Duration::from_secs(1);
/// How often, more or less, who does not lead asks whether it may.
const TRY: Duration = Duration::from_secs(2);

/// A part of what the leader does, with its name. It may be dropped at any point.
pub type Part = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

/// One of those who would lead.
pub struct Leader {
    pub store: Arc<dyn Store>,
    /// Makes a name that nobody had before: each time of leading has one of its own.
    pub name: fn() -> String,
    /// Told to end.
    pub stop: CancellationToken,
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").finish_non_exhaustive()
    }
}

/// A time during which this process leads. Clones share it.
#[derive(Debug, Clone)]
pub struct Term {
    holder: Arc<str>,
    sure_until: Arc<Mutex<Instant>>,
}

/// How a term ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Stopped,
    /// Another may lead now, or soon.
    Lost,
    /// A part ended unasked or panicked.
    Died,
}

/// What was last said of who leads: it is said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Another,
    Away,
}

impl Leader {
    /// Leads whenever it may, until it is told to stop. `begin` makes the parts of what a leader does, each time anew. Ends unasked only
    /// when one of them does.
    pub async fn run(self, begin: impl Fn(&Term) -> Vec<Part>) {
        let mut said = Said::Nothing;
        while !self.stop.is_cancelled() {
            let name = (self.name)();
            let Some(term) = self.take_over(name, &mut said).await else {
                return;
            };
            tracing::info!("this boardroom sweeps, audits and looks after the webhooks");
            said = Said::Nothing;
            let ended = self.lead(&term, begin(&term)).await;
            if ended == Ended::Lost {
                tracing::warn!(
                    "this boardroom is no longer sure that no other sweeps, audits and looks after the webhooks, and stands back"
                );
            }
            self.resign(&term.holder).await;
            if ended == Ended::Died {
                return;
            }
        }
    }

    /// Asks until it may lead. None when it is told to stop first.
    async fn take_over(&self, name: String, said: &mut Said) -> Option<Term> {
        loop {
            let asked = Instant::now();
            let answer = self.stop.run_until_cancelled(self.ask(&name)).await;
            let Some(answer) = answer else {
                // It may have been granted all the same.
                self.resign(&name).await;
                return None;
            };
            match answer {
                Ok(Held::Held) => return Some(Term::new(name, asked)),
                Ok(Held::Lost) if *said != Said::Another => {
                    *said = Said::Another;
                    tracing::info!(
                        "another boardroom does the sweeps, audits and webhooks; this one takes deliveries, looks at boards, and stands by"
                    );
                }
                Err(error) if *said != Said::Away => {
                    *said = Said::Away;
                    tracing::warn!(%error, "it could not be asked who sweeps, audits and looks after the webhooks");
                }
                Ok(Held::Lost) | Err(_) => {}
            }
            let pause = TRY.mul_f64(0.75 + fastrand::f64() / 2.0);
            self.stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await?;
        }
    }

    async fn ask(&self, name: &str) -> Result<Held, StoreError> {
        self.store.lead(Duty::Upkeep, name, LEASE).await
    }

    /// Does everything side by side while the term lasts. When it returns all of it was dropped.
    async fn lead(&self, term: &Term, parts: Vec<Part>) -> Ended {
        let mut doing = JoinSet::new();
        for (name, part) in parts {
            let term = term.clone();
            doing.spawn(async move {
                term.while_it_lasts(part).await;
                name
            });
        }
        let ended = tokio::select! {
            biased;
            () = self.stop.cancelled() => Ended::Stopped,
            () = term.keep(|| self.ask(&term.holder)) => Ended::Lost,
            part = doing.join_next() => match part {
                Some(Ok(_)) if !term.is_sure() => Ended::Lost,
                Some(Ok(part)) => {
                    tracing::error!(part, "a part of what the leader does ended unasked");
                    Ended::Died
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "a part of what the leader does died");
                    Ended::Died
                }
                None => Ended::Died,
            }
        };
        doing.shutdown().await;
        ended
    }

    /// Hands the lease on. It runs out by itself when the store does not answer.
    async fn resign(&self, name: &str) {
        let resigned = timeout(PATIENCE, self.store.resign(Duty::Upkeep, name)).await;
        if let Ok(Err(error)) = resigned {
            tracing::warn!(%error, "another boardroom takes over only when the lease has run out");
        }
    }
}

impl Term {
    /// One that was asked for at `asked`.
    fn new(holder: String, asked: Instant) -> Self {
        Self {
            holder: holder.into(),
            sure_until: Arc::new(Mutex::new(asked + SURE)),
        }
    }

    /// The name under which it is led.
    #[must_use]
    pub fn holder(&self) -> &Arc<str> {
        &self.holder
    }

    fn sure_until(&self) -> Instant {
        *self
            .sure_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_sure(&self) -> bool {
        Instant::now() < self.sure_until()
    }

    fn extend(&self, asked: Instant) {
        let mut until = self
            .sure_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = asked + SURE;
    }

    /// Goes on with a part while the term lasts. Each step of it asks first: a process that was frozen must not go on where it stopped.
    async fn while_it_lasts(&self, part: impl Future<Output = ()>) {
        let mut part = pin!(part);
        std::future::poll_fn(|context| {
            if self.is_sure() {
                part.as_mut().poll(context)
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Prolongs the term as long as it can. Returns as soon as it is not sure any more that nobody else leads.
    async fn keep<F>(&self, ask: impl Fn() -> F)
    where
        F: Future<Output = Result<Held, StoreError>>,
    {
        let mut next = self.sure_until() - SURE + RENEW;
        // A database that is away is told of once.
        let mut told = false;
        loop {
            let end = self.sure_until();
            sleep_until(next.min(end)).await;
            if !self.is_sure() {
                return;
            }
            let asked = Instant::now();
            let patience = end.min(asked + PATIENCE);
            match timeout_at(patience, ask()).await {
                Ok(Ok(Held::Held)) => {
                    self.extend(asked);
                    next = asked + RENEW;
                    told = false;
                    continue;
                }
                Ok(Ok(Held::Lost)) => return,
                _ if told => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lease on the sweeps, audits and webhooks could not be prolonged; tried again");
                }
                Err(_) => {
                    tracing::warn!(
                        "the database does not prolong the lease on the sweeps, audits and webhooks in time; tried again"
                    );
                }
            }
            told = true;
            next = Instant::now() + AGAIN;
        }
    }
}

#[cfg(test)]
mod tests;
