//! The guardian: keeps one webhook per watched workspace and one on the member. It adopts, re-arms and registers; it never touches others'.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lane::{Charge, Lanes};
use crate::model::id::ModelId;
use crate::model::lane::Lane;
use crate::retry::WEBHOOK;
use crate::scope::Scope;
use crate::store::{Store, StoreError};
use crate::trello::{RegisterError, Trello, TrelloError, Webhook};
use crate::watched::Watched;

/// The guardian of one process.
#[derive(Debug)]
pub struct Guardian {
    pub trello: Trello,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub watched: Watched,
    /// Our own callback URL, for which webhooks are registered. None while only deliveries for other URLs are taken.
    pub callback: Option<String>,
    /// Every URL whose deliveries are accepted.
    pub callbacks: Vec<String>,
    pub instance: String,
    pub every: Duration,
    pub scope: watch::Receiver<Option<Arc<Scope>>>,
    /// Asks for a sweep: while a webhook was missing, deliveries were.
    pub sweep: Arc<Notify>,
    pub refusals: Refusals,
}

/// What Trello would not register, and when it is asked again.
#[derive(Debug, Default)]
pub struct Refusals(HashMap<ModelId, (u32, Instant)>);

/// Why the webhooks could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum GuardianError {
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
}

impl Guardian {
    /// Looks after the webhooks whenever what is to be watched changes, Trello is back, a refused one is due, and every so often.
    /// A round may be dropped at any point.
    pub async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_guard()).await;
    }

    async fn keep_guard(&mut self) {
        let mut failures = 0;
        let lanes = self.lanes.clone();
        loop {
            lanes.until_open(Lane::Trello).await;
            let back = lanes.trello_is_back().notified();
            let wait = match self.tick().await {
                Ok(()) => {
                    failures = 0;
                    self.until_next_round()
                }
                Err(error) => {
                    failures += 1;
                    self.explain(&error).await;
                    WEBHOOK.steady_wait(failures, fastrand::f64())
                }
            };
            tokio::select! {
                () = back => {}
                changed = self.scope.changed() => if changed.is_err() { return std::future::pending().await },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn until_next_round(&self) -> Duration {
        let refused = self.refusals.next().map(|at| {
            at.saturating_duration_since(Instant::now())
                .max(WEBHOOK.first)
        });
        refused.unwrap_or(self.every).min(self.every)
    }

    async fn explain(&self, error: &GuardianError) {
        match error {
            GuardianError::Trello(error) => {
                let charge = Charge::from(error);
                self.lanes.judge(Lane::Trello, &charge).await;
                tracing::warn!(code = %charge.failure.code, fix = charge.failure.code.fix(), "webhooks could not be looked after: {}", charge.failure);
            }
            GuardianError::Store(error) => {
                tracing::error!(%error, "webhooks could not be looked after");
            }
        }
    }

    /// One round over all webhooks.
    pub async fn tick(&mut self) -> Result<(), GuardianError> {
        let Some(scope) = self.scope.borrow_and_update().clone() else {
            return Ok(());
        };
        let models: Vec<ModelId> = scope
            .workspaces
            .iter()
            .map(|workspace| workspace.id.into())
            .chain([scope.member.id.into()])
            .collect();
        self.refusals.0.retain(|model, _| models.contains(model));
        // Before they are registered: a delivery may outrun Trello's answer.
        self.store.watch(&models).await?;
        self.watched.add(models.iter().copied());
        let there = self.trello.webhooks().await?;
        let ours = |webhook: &&Webhook| self.callbacks.contains(&webhook.callback);
        self.watched
            .complete(there.iter().filter(ours).map(|webhook| webhook.model));
        let Some(callback) = self.callback.clone() else {
            return Ok(());
        };
        let mut blind = false;
        for model in models {
            let found = there
                .iter()
                .find(|webhook| webhook.model == model && webhook.callback == callback);
            blind |= match found {
                Some(webhook) if webhook.active => {
                    self.refusals.0.remove(&model);
                    false
                }
                Some(webhook) => self.rearm(webhook).await?,
                None if self.refusals.must_wait(model) => false,
                None => self.register(model, &callback).await?,
            };
        }
        if blind {
            self.sweep.notify_one();
        }
        Ok(())
    }

    async fn rearm(&mut self, webhook: &Webhook) -> Result<bool, GuardianError> {
        match self.trello.activate(webhook.id).await {
            Ok(_) => {
                self.refusals.0.remove(&webhook.model);
                tracing::warn!(webhook = %webhook.id, model = %webhook.model, "Trello had switched this webhook off; it is on again");
                Ok(true)
            }
            Err(error) => self.refused(webhook.model, error).await,
        }
    }

    async fn register(&mut self, model: ModelId, callback: &str) -> Result<bool, GuardianError> {
        let description = format!("boardroom: {}", self.instance);
        match self.trello.register(model, callback, &description).await {
            Ok(webhook) => {
                self.refusals.0.remove(&model);
                tracing::info!(webhook = %webhook.id, model = %model, callback, "webhook registered");
                Ok(true)
            }
            // Somebody was faster, or the list was older than the webhook.
            Err(RegisterError::Exists) => {
                self.refusals.0.remove(&model);
                Ok(true)
            }
            Err(error) => self.refused(model, error).await,
        }
    }

    /// A refusal concerns one webhook: the others, and everything else, go on.
    async fn refused(
        &mut self,
        model: ModelId,
        error: RegisterError,
    ) -> Result<bool, GuardianError> {
        let wait = self.refusals.add(model);
        let again = wait.as_secs();
        match error {
            RegisterError::Exists => {}
            RegisterError::CallbackUnreachable(said) => tracing::error!(
                model = %model, callback = self.callback.as_deref(), trello = said, again_s = again,
                "Trello could not reach the public URL, so no webhook was registered; sweeps go on. It asks with HEAD and needs exactly 200. \
                 Usual causes: the reverse proxy or tunnel does not pass this path on, a firewall or bot protection (Cloudflare) refuses Trello, \
                 the TLS certificate is self-signed or expired, or the URL answers with a redirect"
            ),
            RegisterError::Trello(error) => {
                let charge = Charge::from(&error);
                self.lanes.judge(Lane::Trello, &charge).await;
                tracing::warn!(model = %model, again_s = again, code = %charge.failure.code, "this webhook was not registered: {}", charge.failure);
            }
        }
        Ok(false)
    }
}

impl Refusals {
    fn add(&mut self, model: ModelId) -> Duration {
        let failures = self
            .0
            .get(&model)
            .map_or(1, |(failures, _)| failures.saturating_add(1));
        let wait = WEBHOOK.steady_wait(failures, fastrand::f64());
        self.0.insert(model, (failures, Instant::now() + wait));
        wait
    }

    fn must_wait(&self, model: ModelId) -> bool {
        self.0
            .get(&model)
            .is_some_and(|(_, at)| *at > Instant::now())
    }

    fn next(&self) -> Option<Instant> {
        self.0.values().map(|(_, at)| *at).min()
    }
}
