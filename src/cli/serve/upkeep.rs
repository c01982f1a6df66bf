//! The upkeep: what one service at a time does for all on its database, made anew each time that this one leads.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::cli::serve::every;
use crate::cli::serve::watchers::Watchers;
use crate::cli::wiring;
use crate::config::{Config, Follow};
use crate::guardian::{Guardian, Memory};
use crate::lane::Lanes;
use crate::leader::{Part, Term};
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::scope::Scope;
use crate::store::Store;
use crate::sweep::Sweep;
use crate::watched::Watched;

/// How often closed lanes are looked after.
const KEEPER: Duration = Duration::from_millis(500);
/// How often old deliveries and history are removed.
const TIDY: Duration = Duration::from_hours(1);

/// What the parts of the upkeep are made from.
#[derive(Debug)]
pub(super) struct Upkeep {
    mirror: Mirror,
    config: Config,
    watched: Watched,
    /// Told when somebody wants a sweep at once.
    sweep_asked: Arc<Notify>,
    /// Told when somebody wants the webhooks in line at once.
    webhooks_asked: Arc<Notify>,
    /// Told when somebody's part in a workspace has changed.
    roles: Arc<Notify>,
    /// What this process has seen of the workspaces when it last swept.
    scope: watch::Sender<Option<Arc<Scope>>>,
    stop: CancellationToken,
    watchers: Option<Watchers>,
}

impl Upkeep {
    pub(super) fn new(
        mirror: Mirror,
        config: Config,
        watched: Watched,
        roles: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        mirror.metrics.sweep.repeats(config.sweep_every);
        mirror.metrics.audit.repeats(config.audit_every);
        Self {
            mirror,
            config,
            watched,
            sweep_asked: Arc::default(),
            webhooks_asked: Arc::default(),
            roles,
            scope: watch::Sender::new(None),
            stop,
            watchers: None,
        }
    }

    /// Told when somebody wants a sweep at once.
    pub(super) fn sweep_asked(&self) -> Arc<Notify> {
        self.sweep_asked.clone()
    }

    /// Told when somebody wants the webhooks in line at once.
    pub(super) fn webhooks_asked(&self) -> Arc<Notify> {
        self.webhooks_asked.clone()
    }

    pub(super) fn watched_by(mut self, watchers: Watchers) -> Self {
        self.watchers = Some(watchers);
        self
    }

    /// Everything that a leader does, for one term. Each part may be dropped at any point.
    pub(super) fn parts(&self, term: &Term) -> Vec<Part> {
        let (stop, mirror) = (&self.stop, &self.mirror);
        let tidying = async |store: &Arc<dyn Store>| tidy(&**store).await;
        let mut parts: Vec<Part> = vec![
            ("mark", Box::pin(mark(mirror.metrics.clone(), stop.clone()))),
            ("sweep", Box::pin(self.sweep(term).run(stop.clone()))),
            ("audit", Box::pin(self.audit(term).run(stop.clone()))),
            ("guardian", Box::pin(self.guardian(term).run(stop.clone()))),
            (
                "keeper",
                Box::pin(every(
                    KEEPER,
                    stop.clone(),
                    mirror.lanes.clone(),
                    Lanes::tend,
                )),
            ),
            (
                "tidy",
                Box::pin(every(TIDY, stop.clone(), mirror.store.clone(), tidying)),
            ),
        ];
        if let Some(watchers) = &self.watchers {
            parts.extend(watchers.parts(&self.config, stop));
        }
        parts
    }

    fn audit(&self, term: &Term) -> Audit {
        Audit {
            docspace: self.mirror.docspace.clone(),
            store: self.mirror.store.clone(),
            lanes: self.mirror.lanes.clone(),
            surroundings: self.mirror.surroundings.clone(),
            holder: term.holder().clone(),
            metrics: self.mirror.metrics.clone(),
            every: self.config.audit_every,
            since_is_configured: self.config.since.is_some(),
        }
    }

    fn guardian(&self, term: &Term) -> Guardian {
        let config = &self.config;
        Guardian {
            trello: self.mirror.trello.clone(),
            store: self.mirror.store.clone(),
            lanes: self.mirror.lanes.clone(),
            surroundings: self.mirror.surroundings.clone(),
            holder: Some(term.holder().clone()),
            watched: self.watched.clone(),
            metrics: self.mirror.metrics.clone(),
            callback: config
                .callback
                .as_ref()
                .map(|callback| callback.as_str().to_owned()),
            callbacks: config
                .accepted_callbacks
                .iter()
                .map(|callback| callback.as_str().to_owned())
                .collect(),
            instance: config.instance.clone(),
            follow: config.follow == Follow::Live,
            every: config.sweep_every,
            scope: self.scope.subscribe(),
            sweep: self.sweep_asked.clone(),
            bound: self.mirror.bound.clone(),
            roles: self.roles.clone(),
            asked: self.webhooks_asked.clone(),
            state: Memory::default(),
        }
    }

    fn sweep(&self, term: &Term) -> Sweep {
        let config = &self.config;
        Sweep {
            trello: self.mirror.trello.clone(),
            store: self.mirror.store.clone(),
            lanes: self.mirror.lanes.clone(),
            surroundings: self.mirror.surroundings.clone(),
            holder: term.holder().clone(),
            metrics: self.mirror.metrics.clone(),
            wanted: wiring::wanted(config),
            personal_boards: config.personal_boards,
            existing_boards: wiring::mirrors_existing_boards(config),
            titles_name_workspaces: config.room.title.names_workspace(),
            every: config.sweep_every,
            asked: self.sweep_asked.clone(),
            scope: self.scope.clone(),
            seen: Mutex::default(),
            pulse: self
                .watchers
                .as_ref()
                .map(|one| one.sweeps.clone())
                .unwrap_or_default(),
        }
    }
}

/// Says that this process leads, as long as it does.
async fn mark(metrics: Arc<Metrics>, stop: CancellationToken) {
    let _leading = metrics.lead.begin();
    stop.cancelled().await;
}

async fn tidy(store: &dyn Store) {
    loop {
        match store.tidy().await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => {
                return tracing::warn!(%error, "old deliveries and history could not be removed");
            }
        }
    }
}
