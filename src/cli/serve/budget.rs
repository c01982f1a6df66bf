//! The budget of Trello requests that services share: carries what this process holds and wants between its [`Budget`] and the store.
//!
//! It runs in every service, and to the very end: whatever ends what it had begun may need Trello for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::store::{Account, Store, StoreError, Terms};
use crate::supervisor::Supervisor;
use crate::trello::{self, Budget, Exchange};

/// How long to wait after the store could not be asked.
const PAUSE: Duration = Duration::from_millis(500);
/// How long giving back may take. What is not given back is free again a little later.
const PATIENCE: Duration = Duration::from_secs(1);

/// The sharing of the budget, while it goes on.
#[derive(Debug)]
pub(super) struct Sharing {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// One service of those that share.
struct Sharer {
    budget: Budget,
    store: Arc<dyn Store>,
    holder: String,
    terms: Terms,
}

impl Sharing {
    /// From now on `budget` gives only what the store leased to `holder`. To be begun before the first request, and
    /// [ended](Self::end) after the last. `longest` is the longest that a request takes.
    pub(super) fn begin(
        budget: &Budget,
        store: Arc<dyn Store>,
        holder: String,
        longest: Duration,
        supervisor: &mut Supervisor,
    ) -> Self {
        budget.share();
        let sharer = Sharer {
            budget: budget.clone(),
            store,
            holder,
            terms: Terms {
                limit: budget.left().1,
                per: budget.per(),
                life: trello::LEASE_LIFE,
                longest,
            },
        };
        let (stop, died) = (CancellationToken::new(), CancellationToken::new());
        let (stopping, dying) = (stop.clone(), died.clone().drop_guard());
        let task = tokio::spawn(async move {
            let _dying = dying;
            sharer.run(stopping).await;
        });
        // The supervisor waits for all its tasks, and this one ends after them: so a watch stands in for it.
        let soft = supervisor.soft_stop();
        supervisor.spawn("budget", async move {
            tokio::select! {
                () = died.cancelled() => {}
                () = soft.cancelled() => {}
            }
        });
        Self { stop, task }
    }

    /// Gives back what is held. To be said when nothing asks Trello any more.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the budget of requests to Trello is not given back");
        }
    }
}

impl Sharer {
    async fn run(self, stop: CancellationToken) {
        let _: Option<()> = stop.run_until_cancelled(self.carry()).await;
        let Some(last) = self.budget.end_sharing() else {
            return;
        };
        if !matches!(timeout(PATIENCE, self.tell(&last)).await, Ok(Ok(()))) {
            tracing::warn!(
                "what is left of the budget of requests to Trello could not be given back"
            );
        }
    }

    /// Carries to and fro for ever; may be dropped at any point.
    async fn carry(&self) {
        let mut failing = false;
        loop {
            let exchange = self.budget.exchange().await;
            match self.tell(&exchange).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("requests to Trello go on");
                }
                Ok(()) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "requests to Trello wait: the database cannot be written");
                    }
                    failing = true;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn tell(&self, exchange: &Exchange) -> Result<(), StoreError> {
        let account = Account {
            holder: &self.holder,
            held: exchange.held,
            ended: &exchange.ended,
            need: exchange.need,
            want: exchange.want,
        };
        let leased = self.store.exchange_permits(&account, &self.terms).await?;
        let leased = trello::Leased {
            granted: leased.granted,
            kept: leased.kept,
            again: leased.again,
            left: leased.left,
        };
        self.budget.leased(exchange, leased);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
