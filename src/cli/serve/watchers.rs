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
use crate::notices::{Facts, Memory, Notices, PATIENCE, Receiver, firing};
use crate::store::Store;

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
            let vitals = async move || Vitals {
                unready: shared.why_unready().await,
                worker: worker.age(),
                swept: sweeps.age(),
                sweep_every,
                causes: causes(&*shared.store).await,
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

/// What holds up boards. A database that does not answer is told of by its not being ready.
async fn causes(store: &dyn Store) -> Vec<crate::notices::Cause> {
    let Ok(Ok(paused)) = timeout(PATIENCE, store.lanes()).await else {
        return Vec::new();
    };
    let facts = Facts {
        now: paused.now,
        paused: paused.lanes,
        groups: Vec::new(),
        concerns: Vec::new(),
    };
    firing(&facts).into_iter().map(|one| one.cause).collect()
}
