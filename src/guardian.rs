//! The guardian: keeps one webhook per watched workspace, one on the member, and one on each board that is followed. It adopts, re-arms and
//! registers; it removes its own when nothing needs them, and never touches others'.

mod boards;
mod health;
mod refusals;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::guardian::boards::Untold;
use crate::lane::{Charge, Lanes};
use crate::metrics::Metrics;
use crate::model::id::{ModelId, WebhookId};
use crate::model::lane::Lane;
use crate::retry::WEBHOOK;
use crate::scope::{Scope, Surroundings};
use crate::store::{Fact, Held, News, Store, StoreError};
use crate::trello::{RegisterError, Trello, TrelloError, Webhook};
use crate::watched::Watched;

pub use refusals::Refusals;

/// Rounds that were asked for are at least so far apart.
const PAUSE: Duration = Duration::from_secs(2);

/// The guardian of whoever leads.
#[derive(Debug)]
pub struct Guardian {
    pub trello: Trello,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub surroundings: Surroundings,
    /// The name under which this process leads. None for a command.
    pub holder: Option<Arc<str>>,
    pub watched: Watched,
    pub metrics: Arc<Metrics>,
    /// Our own callback URL, for which webhooks are registered. None while only deliveries for other URLs are taken.
    pub callback: Option<String>,
    /// Every URL whose deliveries are accepted; none where there is no public URL, and then the token and the roles alone are minded.
    pub callbacks: Vec<String>,
    pub instance: String,
    /// Whether boards have webhooks of their own.
    pub follow: bool,
    pub every: Duration,
    pub scope: watch::Receiver<Option<Arc<Scope>>>,
    /// Asks for a sweep: while a webhook was missing, deliveries were.
    pub sweep: Arc<Notify>,
    /// Told when a board has got a room.
    pub bound: Arc<Notify>,
    /// Told when a delivery says that somebody's part in a workspace has changed.
    pub roles: Arc<Notify>,
    /// Told when a person wants the webhooks in line at once.
    pub asked: Arc<Notify>,
    pub state: Memory,
}

/// What a guardian remembers from round to round.
#[derive(Debug, Default)]
pub struct Memory {
    refusals: Refusals,
    /// Whether Trello could not reach our URL the last time that a webhook was registered.
    is_url_refused: bool,
    /// The workspaces and the member.
    base: Vec<ModelId>,
    /// Attempts in a row that have failed, of the webhooks that had any.
    failing: HashMap<WebhookId, u32>,
    /// Models whose webhook was off or gone, and when people were told; none as long as that could not be stored.
    dead: HashMap<ModelId, Option<Instant>>,
    /// Whether what another has told of webhooks was withdrawn, where none are looked after any more.
    withdrawn: bool,
    /// The workspaces and the member that had theirs in some round; none before the first one.
    alive: Option<HashSet<ModelId>>,
    /// Webhooks of ours that nothing needed in the last round.
    unneeded: HashSet<WebhookId>,
    untold: Untold,
    /// Whether the others were told that the list of webhooks was read.
    told: bool,
    /// Rounds until roles and the token are asked after again.
    rounds: u32,
    /// Workspaces of which it was told that the member is no admin.
    narrowed: HashSet<String>,
}

/// Why the webhooks could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum GuardianError {
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
    #[error("another boardroom looks after them by now")]
    Deposed,
}

impl Guardian {
    /// Looks after the webhooks whenever what is to be watched changes, Trello is back, a refused one is due, and every so often.
    /// A round may be dropped at any point.
    pub async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_guard()).await;
    }

    async fn keep_guard(&mut self) {
        // `owed`: whether a person still waits for what nothing needs to be removed, which takes two rounds.
        let (mut failures, mut owed) = (0, false);
        let lanes = self.lanes.clone();
        loop {
            lanes.until_open(Lane::Trello).await;
            let back = lanes.trello_is_back().notified();
            let may_remove = self.may_remove();
            let wait = match self.tick().await {
                Ok(()) => {
                    failures = 0;
                    if owed && may_remove {
                        owed = false;
                        continue;
                    }
                    self.until_next_round()
                }
                Err(error) => {
                    failures += 1;
                    self.explain(&error).await;
                    WEBHOOK.steady_wait(failures, fastrand::f64())
                }
            };
            let (mut scope, roles, asked) =
                (self.scope.clone(), self.roles.clone(), self.asked.clone());
            tokio::select! {
                () = roles.notified() => self.state.rounds = 0,
                () = asked.notified() => {
                    self.hurry().await;
                    owed = true;
                }
                () = back => {}
                changed = scope.changed() => if changed.is_err() { return std::future::pending().await },
                () = self.mind_boards_for(wait, owed && !may_remove) => {}
            }
        }
    }

    /// A person wants the webhooks in line, as `boardroom webhooks sync` brings them: what was refused is tried again now.
    async fn hurry(&mut self) {
        tokio::time::sleep(PAUSE.min(self.every)).await;
        self.state.refusals.hurry();
        self.state.rounds = 0;
    }

    fn until_next_round(&self) -> Duration {
        let refused = self.state.refusals.next().map(|at| {
            at.saturating_duration_since(Instant::now())
                .max(WEBHOOK.first)
        });
        refused.unwrap_or(self.every).min(self.every)
    }

    async fn explain(&self, error: &GuardianError) {
        let what = if self.callbacks.is_empty() {
            "the token and the roles"
        } else {
            "webhooks"
        };
        match error {
            GuardianError::Trello(error) => {
                let charge = Charge::from(error);
                self.lanes.judge(Lane::Trello, &charge).await;
                tracing::warn!(code = %charge.failure.code, fix = charge.failure.code.fix(), "{what} could not be looked after: {}", charge.failure);
            }
            GuardianError::Store(error) => {
                tracing::error!(%error, "{what} could not be looked after");
            }
            GuardianError::Deposed => {
                tracing::info!("{what} could not be looked after: {error}");
            }
        }
    }

    /// One round over all webhooks.
    pub async fn tick(&mut self) -> Result<(), GuardianError> {
        let Some(scope) = self.scope.borrow_and_update().clone() else {
            return Ok(());
        };
        if self.callbacks.is_empty() {
            self.withdraw().await?;
            return self.mind_people(&scope).await;
        }
        let workspaces = scope.workspaces.iter().map(|workspace| workspace.id.into());
        self.state.base = workspaces.chain([scope.member.id.into()]).collect();
        // Before they are registered: a delivery may outrun Trello's answer.
        self.store.watch(&self.state.base).await?;
        self.watched.add(self.state.base.iter().copied());
        let there = self.trello.webhooks().await?;
        self.take_in(&there).await?;
        let Some(callback) = self.callback.clone() else {
            self.withdraw().await?;
            return self.mind_people(&scope).await;
        };
        let here: HashMap<ModelId, Webhook> = there
            .iter()
            .filter(|webhook| webhook.callback == callback)
            .map(|webhook| (webhook.model, webhook.clone()))
            .collect();
        self.count(&here);
        let mut blind = self.mind_base(&here, &callback).await?;
        let unwatched = self.compare_boards(&here).await?;
        self.forget_refusals().await?;
        self.mind_boards().await?;
        self.remove_stale(&there, &callback).await?;
        self.count_refused();
        blind |= self.mind_failures(&here, &scope).await?;
        if blind {
            self.sweep.notify_one();
        }
        self.look_again(&unwatched).await?;
        // It is only shown.
        let _ = self.store.date(Fact::WebhooksAt).await;
        self.mind_people(&scope).await
    }

    /// Learns from the list of webhooks which are ours, and tells the others: theirs are the deliveries as well.
    async fn take_in(&mut self, there: &[Webhook]) -> Result<(), GuardianError> {
        let ours = there
            .iter()
            .filter(|webhook| self.callbacks.contains(&webhook.callback));
        let unknown = self.watched.unknown(ours.map(|webhook| webhook.model));
        if !unknown.is_empty() {
            self.store.watch(&unknown).await?;
        }
        self.watched.complete(unknown);
        let (false, Some(holder)) = (self.state.told, &self.holder) else {
            return Ok(());
        };
        match self
            .surroundings
            .announce(holder, News::WebhooksRead)
            .await?
        {
            Held::Held => {
                self.state.told = true;
                Ok(())
            }
            Held::Lost => Err(GuardianError::Deposed),
        }
    }

    /// The workspaces and the member. Says whether deliveries may have been missed.
    async fn mind_base(
        &mut self,
        here: &HashMap<ModelId, Webhook>,
        callback: &str,
    ) -> Result<bool, GuardianError> {
        let mut blind = false;
        let waits = |model: &ModelId| self.state.refusals.must_wait(*model);
        self.state.is_url_refused &= self.state.base.iter().any(waits);
        for model in self.state.base.clone() {
            blind |= match here.get(&model) {
                Some(webhook) if webhook.active => {
                    self.state.refusals.remove(model);
                    false
                }
                Some(webhook) => self.rearm(webhook).await?,
                None if self.state.refusals.must_wait(model) => false,
                None => {
                    let was_alive = self.state.alive.as_ref();
                    if was_alive.is_some_and(|alive| alive.contains(&model)) {
                        tracing::warn!(model = %model, "this webhook is gone; it is registered again");
                        self.died(model);
                    }
                    self.register(model, callback).await?.is_some()
                }
            };
        }
        Ok(blind)
    }

    fn died(&mut self, model: ModelId) {
        self.state.dead.insert(model, None);
    }

    async fn rearm(&mut self, webhook: &Webhook) -> Result<bool, GuardianError> {
        match self.trello.activate(webhook.id).await {
            Ok(_) => {
                self.state.refusals.remove(webhook.model);
                self.metrics.webhooks_rearmed.add_one();
                self.died(webhook.model);
                tracing::warn!(webhook = %webhook.id, model = %webhook.model, "Trello had switched this webhook off; it is on again");
                Ok(true)
            }
            Err(error) => self.refused(webhook.model, error).await.map(|()| false),
        }
    }

    /// Registers a webhook. None when it was refused; of one that was there already no id is known.
    async fn register(
        &mut self,
        model: ModelId,
        callback: &str,
    ) -> Result<Option<Registered>, GuardianError> {
        let description = description(&self.instance);
        match self.trello.register(model, callback, &description).await {
            Ok(webhook) => {
                self.state.refusals.remove(model);
                self.count_registered();
                tracing::info!(webhook = %webhook.id, model = %model, callback, "webhook registered");
                Ok(Some(Registered::New(webhook.id)))
            }
            // Somebody was faster, or the list was older than the webhook.
            Err(RegisterError::Exists) => {
                self.state.refusals.remove(model);
                Ok(Some(Registered::Before))
            }
            Err(error) => self.refused(model, error).await.map(|()| None),
        }
    }

    /// A refusal concerns one webhook: the others, and everything else, go on.
    async fn refused(&mut self, model: ModelId, error: RegisterError) -> Result<(), GuardianError> {
        match error {
            RegisterError::Exists => {}
            RegisterError::CallbackUnreachable(said) => {
                self.state.is_url_refused = true;
                let again = self.state.refusals.add(model, &said).as_secs();
                tracing::error!(
                    model = %model, callback = self.callback.as_deref(), trello = said, again_s = again,
                    "Trello could not reach the public URL, so no webhook was registered; sweeps go on. It asks with HEAD and needs exactly 200. \
                     Usual causes: the reverse proxy or tunnel does not pass this path on, a firewall or bot protection (Cloudflare) refuses Trello, \
                     the TLS certificate is self-signed or expired, or the URL answers with a redirect"
                );
            }
            RegisterError::Trello(error) => {
                let charge = Charge::from(&error);
                let said = charge.failure.to_string();
                let again = self.state.refusals.add(model, &said).as_secs();
                self.lanes.judge(Lane::Trello, &charge).await;
                tracing::warn!(model = %model, again_s = again, code = %charge.failure.code, "this webhook was not registered: {said}");
            }
        }
        Ok(())
    }

    /// Whether it is known what is needed. Before the first look over all rooms it is not known which boards have one.
    fn may_remove(&self) -> bool {
        self.scope.borrow().is_some() && self.surroundings.now().audited.is_some()
    }

    /// Removes webhooks of this instance that nothing needs: for a URL that is not configured any more, or on something that is not watched
    /// any more, and was not in the last round either. Those of others, and those for further configured URLs, are spared.
    async fn remove_stale(
        &mut self,
        there: &[Webhook],
        callback: &str,
    ) -> Result<(), GuardianError> {
        if !self.may_remove() {
            return Ok(());
        }
        let kept: HashSet<WebhookId> = self
            .store
            .hooks()
            .await?
            .into_iter()
            .map(|(_, hook)| hook)
            .collect();
        let description = description(&self.instance);
        let is_ours = |webhook: &&Webhook| webhook.description.as_deref() == Some(&*description);
        let is_unneeded = |webhook: &&Webhook| {
            let is_needed = self.state.base.contains(&webhook.model) || kept.contains(&webhook.id);
            !self.callbacks.contains(&webhook.callback)
                || (webhook.callback == callback && !is_needed)
        };
        let unneeded: Vec<Webhook> = there
            .iter()
            .filter(is_ours)
            .filter(is_unneeded)
            .cloned()
            .collect();
        for webhook in unneeded
            .iter()
            .filter(|webhook| self.state.unneeded.contains(&webhook.id))
        {
            self.remove(webhook.id).await?;
            tracing::info!(webhook = %webhook.id, model = %webhook.model, "a webhook of ours that nothing needs was removed");
        }
        self.state.unneeded = unneeded.iter().map(|webhook| webhook.id).collect();
        Ok(())
    }
}

/// A webhook that was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registered {
    New(WebhookId),
    /// It was there; the next round reads which.
    Before,
}

/// By this an instance knows its webhooks again.
#[must_use]
pub fn description(instance: &str) -> String {
    format!("boardroom: {instance}")
}
