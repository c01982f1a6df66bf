//! The heartbeat: an address that is asked every minute while all is well, so that somebody elsewhere notices when it is not, or when this
//! service is gone altogether.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::{self, BuildError, Caller};
use crate::model::time::overdue_after;
use crate::notices::Cause;

/// How often it is asked.
const EVERY: Duration = Duration::from_mins(1);
/// How soon after the start, and after something was out of order, it is looked again whether all is well.
const AGAIN: Duration = Duration::from_secs(5);
/// How long the other side may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The worker looks for boards every second; while all its looks hang, their calls end within minutes.
const WORKER_SILENT: Duration = Duration::from_mins(5);

/// When a part of this process last showed that it lives. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago; none before the first time.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|at| at.elapsed())
    }
}

/// How this service is in one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Why no delivery can be stored, if so.
    pub unready: Option<&'static str>,
    /// How long ago the worker last looked for boards, and the last complete sweep ended.
    pub worker: Option<Duration>,
    pub swept: Option<Duration>,
    /// How often it sweeps.
    pub sweep_every: Duration,
    /// What people are told of now.
    pub causes: Vec<Cause>,
}

/// Why not all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwell {
    Unready(&'static str),
    WorkerSilent,
    NotSweptYet,
    SweepStale,
    HeldUp(Cause),
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unready(why) => write!(f, "not ready: {why}"),
            Self::WorkerSilent => f.write_str("the worker does not look for boards"),
            Self::NotSweptYet => f.write_str("no complete sweep yet"),
            Self::SweepStale => f.write_str("the last complete sweep is long ago"),
            Self::HeldUp(cause) => write!(f, "boards are held up: {cause}"),
        }
    }
}

/// All is well when deliveries can be stored, the worker works, sweeps come to their end and nothing is held up. Single boards that failed,
/// twins and an ageing token stop nothing, and so not this either.
pub fn well(vitals: &Vitals) -> Result<(), Unwell> {
    if let Some(why) = vitals.unready {
        return Err(Unwell::Unready(why));
    }
    if vitals.worker.is_none_or(|age| age >= WORKER_SILENT) {
        return Err(Unwell::WorkerSilent);
    }
    let longest = overdue_after(vitals.sweep_every);
    match vitals.swept {
        None => return Err(Unwell::NotSweptYet),
        Some(age) if age >= longest => return Err(Unwell::SweepStale),
        Some(_) => {}
    }
    match vitals.causes.iter().find(|cause| holds_up(**cause)) {
        Some(cause) => Err(Unwell::HeldUp(*cause)),
        None => Ok(()),
    }
}

fn holds_up(cause: Cause) -> bool {
    match cause {
        Cause::LanePaused(_) | Cause::PlanFull | Cause::BrakeOn(_) => true,
        Cause::BoardsFailed(_)
        | Cause::TokenExpires
        | Cause::WebhookDead
        | Cause::WebhookRefused
        | Cause::TwinRooms
        | Cause::WorkspaceAdminLost
        | Cause::WorkspaceLeft => false,
    }
}

/// Asks the address of whoever waits for it. The address is a secret.
#[derive(Clone)]
pub struct Heartbeat {
    client: reqwest::Client,
    url: Url,
    caller: Caller,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Heartbeat {
    /// `caller` knows what must not be repeated of answers.
    pub fn new(options: &api::Options, url: Url, caller: Caller) -> Result<Self, BuildError> {
        Ok(Self {
            client: api::client(options)?,
            url,
            caller,
        })
    }

    /// Asks every minute while `vitals` are well. May be dropped at any point.
    pub async fn run(self, stop: CancellationToken, vitals: impl AsyncFn() -> Vitals) {
        let forever = async {
            let (mut said, mut missed) = (None, false);
            loop {
                let unwell = well(&vitals().await).err();
                if said != unwell {
                    tell(said.as_ref(), unwell.as_ref());
                }
                let wait = if unwell.is_none() {
                    self.beat(&mut missed).await;
                    EVERY
                } else {
                    AGAIN
                };
                said = unwell;
                tokio::time::sleep(wait).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(forever).await;
    }

    /// It is said once when nobody answers: nothing here depends on it.
    async fn beat(&self, missed: &mut bool) {
        let asked = self.client.get(self.url.clone());
        let error = match api::knock(asked, &self.caller).await {
            Ok(reply) if (200..300).contains(&reply.status) => None,
            Ok(reply) => Some(format!("it answers {} ({})", reply.status, reply.quote())),
            Err(error) => Some(error.to_string()),
        };
        let host = self.url.host_str();
        match (error, std::mem::take(missed)) {
            (None, false) => {}
            (None, true) => tracing::info!(host, "the heartbeat is heard again"),
            (Some(error), before) => {
                *missed = true;
                if !before {
                    tracing::warn!(
                        host,
                        error,
                        "the heartbeat is not heard; it goes on every minute"
                    );
                }
            }
        }
    }
}

fn tell(before: Option<&Unwell>, now: Option<&Unwell>) {
    match (before, now) {
        // Every service begins so.
        (_, Some(Unwell::NotSweptYet)) => {}
        (_, Some(unwell)) => tracing::warn!(%unwell, "not all is well; the heartbeat pauses"),
        (_, None) => tracing::info!("all is well; the heartbeat goes on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lane::Lane;

    #[test]
    fn all_is_well_when_nothing_is_held_up() {
        let well_vitals = Vitals {
            unready: None,
            worker: Some(Duration::from_secs(1)),
            swept: Some(Duration::from_mins(4)),
            sweep_every: Duration::from_mins(5),
            causes: vec![Cause::TokenExpires, Cause::TwinRooms],
        };
        let with = |change: fn(&mut Vitals)| {
            let mut vitals = well_vitals.clone();
            change(&mut vitals);
            vitals
        };
        let table = [
            (with(|_| {}), Ok(())),
            (
                with(|v| v.unready = Some("shutting down")),
                Err(Unwell::Unready("shutting down")),
            ),
            (with(|v| v.worker = None), Err(Unwell::WorkerSilent)),
            (with(|v| v.worker = Some(Duration::from_secs(299))), Ok(())),
            (
                with(|v| v.worker = Some(Duration::from_mins(5))),
                Err(Unwell::WorkerSilent),
            ),
            (with(|v| v.swept = None), Err(Unwell::NotSweptYet)),
            (with(|v| v.swept = Some(Duration::from_secs(1_499))), Ok(())),
            (
                with(|v| v.swept = Some(Duration::from_mins(25))),
                Err(Unwell::SweepStale),
            ),
            (
                with(|v| v.causes.push(Cause::LanePaused(Lane::DocSpace))),
                Err(Unwell::HeldUp(Cause::LanePaused(Lane::DocSpace))),
            ),
            (
                with(|v| v.causes.push(Cause::PlanFull)),
                Err(Unwell::HeldUp(Cause::PlanFull)),
            ),
            (
                with(|v| {
                    v.unready = Some("x");
                    v.causes.push(Cause::PlanFull);
                }),
                Err(Unwell::Unready("x")),
            ),
        ];
        for (vitals, expected) in table {
            assert_eq!(well(&vitals), expected, "{vitals:?}");
        }
    }
}
