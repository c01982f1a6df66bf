//! Who is told when something is out of order, and who is told every minute that nothing is. Both work while this service leads.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cli::wiring;
use crate::config::Config;
use crate::heartbeat::{Heartbeat, Pulse, Vitals};
use crate::http::Shared;
use crate::leader::Part;
use crate::model::failure::Code;
use crate::notices::{Cause, Facts, Memory, Notices, PATIENCE, Receiver, firing, has_lasted};
use crate::store::Store;

/// Why nothing is known of what holds up boards.
const UNREAD: &str = "the database does not say what is paused";

/// What the two are made from.
#[derive(Debug)]
pub(super) struct Watchers {
    receiver: Option<Receiver>,
    heartbeat: Option<Heartbeat>,
    shared: Shared,
    /// Those of the worker and of the sweeps.
    pub(super) worker: Pulse,
    pub(super) sweeps: Pulse,
}

impl Watchers {
    pub(super) fn new(config: &Config, shared: Shared) -> anyhow::Result<Self> {
        Ok(Self {
            receiver: wiring::receiver(config)?,
            heartbeat: wiring::heartbeat(config)
                .context("cannot set up the client for BOARDROOM_HEARTBEAT_URL")?,
            shared,
            worker: Pulse::default(),
            sweeps: Pulse::default(),
        })
    }

    /// Their parts of what a leader does.
    pub(super) fn parts(&self, config: &Config, stop: &CancellationToken) -> Vec<Part> {
        let store = self.shared.store.clone();
        let mut parts: Vec<Part> = Vec::new();
        if let Some(receiver) = &self.receiver {
            let notices = Notices {
                store: store.clone(),
                receiver: receiver.clone(),
                instance: config.instance.clone(),
                state: Memory::default(),
            };
            parts.push(("notices", Box::pin(notices.run(stop.clone()))));
        } else {
            parts.push(("notices", Box::pin(silence(store, stop.clone()))));
        }
        if let Some(heartbeat) = &self.heartbeat {
            let (shared, worker, sweeps) = (
                self.shared.clone(),
                self.worker.clone(),
                self.sweeps.clone(),
            );
            let sweep_every = config.sweep_every;
            let vitals = async move || {
                let causes = causes(&*shared.store).await;
                let unread = causes.is_none().then_some(UNREAD);
                Vitals {
                    unready: shared.why_unready().await.or(unread),
                    worker: worker.age(),
                    swept: sweeps.age(),
                    sweep_every,
                    causes: causes.unwrap_or_default(),
                }
            };
            let heartbeat = heartbeat.clone();
            parts.push(("heartbeat", Box::pin(heartbeat.run(stop.clone(), vitals))));
        }
        parts
    }
}

/// Nobody is told any more, so nobody is to be told that it fails either.
async fn silence(store: Arc<dyn Store>, stop: CancellationToken) {
    let _ = store.set_concerns(Code::NoticeUndelivered, &[]).await;
    stop.cancelled().await;
}

/// What holds up boards, and has for long; none when that cannot be known.
async fn causes(store: &dyn Store) -> Option<Vec<Cause>> {
    let paused = timeout(PATIENCE, store.lanes()).await.ok()?.ok()?;
    let facts = Facts {
        now: paused.now,
        paused: paused.lanes,
        groups: Vec::new(),
        concerns: Vec::new(),
    };
    let firing = firing(&facts).into_iter();
    let lasting = firing.filter(|one| has_lasted(facts.now, one));
    Some(lasting.map(|one| one.cause).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;

    #[tokio::test]
    async fn lanes_that_cannot_be_read_are_not_taken_for_open_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let store = Sqlite::open(&path).await.unwrap();
        assert_eq!(causes(&store).await, Some(Vec::new()));
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute("DROP TABLE lane", []).unwrap();
        assert_eq!(causes(&store).await, None);
    }
}
