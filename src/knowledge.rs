//! Keeps what this process knows as it is written down, and tells whoever waits for it: boards, the public listener, the guardian.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::lane::Lanes;
use crate::scope::Surroundings;
use crate::store::Store;
use crate::watched::Watched;

/// How soon others know what whoever leads has learnt.
const EVERY: Duration = Duration::from_secs(1);

/// What this process knows, and who is told.
#[derive(Debug)]
pub struct Knowledge {
    pub store: Arc<dyn Store>,
    pub surroundings: Surroundings,
    pub lanes: Lanes,
    pub watched: Watched,
    /// Told by the public listener that somebody's part in a workspace has changed; whoever leads must know.
    pub heard: Arc<Notify>,
    /// Tells the guardian of this process, which works while this process leads.
    pub roles: Arc<Notify>,
    /// Tells the sweep of this process that a person wants one at once.
    pub sweep: Arc<Notify>,
    /// Tells the guardian of this process that a person wants the webhooks in line at once.
    pub webhooks: Arc<Notify>,
}

/// What is remembered from step to step.
#[derive(Debug, Default)]
struct Memory {
    /// How often somebody's part in a workspace had changed by then.
    roles: Option<u64>,
    /// How often a person had asked for a sweep by then.
    sweeps: Option<u64>,
    /// How often a person had asked for the webhooks by then.
    webhook_syncs: Option<u64>,
    /// Whether the database was away the last time.
    away: bool,
}

impl Knowledge {
    /// Reads now, every so often, and when something was heard. A step may be dropped at any point.
    pub async fn run(self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_learning()).await;
    }

    async fn keep_learning(&self) {
        let mut memory = Memory::default();
        let mut untold = false;
        loop {
            if untold {
                untold = self.store.tell_of_roles().await.is_err();
            }
            self.tick(&mut memory).await;
            tokio::select! {
                () = self.heard.notified(), if !untold => untold = true,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Reads once, and tells.
    async fn tick(&self, memory: &mut Memory) {
        if let Err(error) = self.surroundings.refresh().await {
            if !memory.away {
                tracing::error!(%error, "what is known could not be read; this boardroom goes on with what it knew");
            }
            memory.away = true;
            return;
        }
        memory.away = false;
        let unsaid = self.surroundings.take_unsaid();
        for waiting in unsaid.come {
            self.lanes.wake(waiting).await;
        }
        if unsaid.webhooks_read {
            // All that are ours are in the store, where the listener looks for those that it does not know.
            self.watched.complete([]);
        }
        let counts = [
            (&mut memory.roles, unsaid.roles, &self.roles),
            (&mut memory.sweeps, unsaid.sweeps, &self.sweep),
            (
                &mut memory.webhook_syncs,
                unsaid.webhook_syncs,
                &self.webhooks,
            ),
        ];
        for (known, now, bell) in counts {
            let before = std::mem::replace(known, now);
            if before.is_some() && before != now {
                bell.notify_one();
            }
        }
    }
}
