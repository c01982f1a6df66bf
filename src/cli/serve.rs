//! `boardroom serve`: the only place that wires everything together.
//!
//! Configuration → store and migrations → listener bound → everything else side by side, none of it waiting for Trello.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::cli::{Context, wiring};
use crate::config::{Config, Follow, Needs};
use crate::guardian::{Guardian, Memory};
use crate::http::{self, Clients, Parts, RolesBell, Shared, server};
use crate::inbox::Inbox;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::failure::Code;
use crate::model::lane::Lane;
use crate::model::status::{Apart, Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::scope::{Scope, Surroundings};
use crate::store::{Fact, Sqlite, State as _, Store, Whose};
use crate::supervisor::{Exit, Signals, Supervisor};
use crate::sweep::Sweep;
use crate::trello::signature::Verifier;
use crate::trello::{Block, Budget};
use crate::watched::Watched;
use crate::worker::{Worker, side_by_side};

/// How services are named in leases.
const HOLDER: &str = "serve";
/// How often closed lanes are looked after.
const KEEPER: Duration = Duration::from_millis(500);
/// How often old deliveries and history are removed.
const TIDY: Duration = Duration::from_hours(1);

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Serve)?;
    wiring::start_logging(&config);
    let signals = Signals::listen().context("cannot listen to signals")?;
    let store = wiring::open_store(&config).await?;
    let listener = server::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let sole = prepare(&store, &config).await?;
    let mut supervisor = Supervisor::default();
    let parts = Service::assemble(&config, store.clone(), &supervisor).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), listen = %listener.local_addr()?, callback = config.callback.as_ref().map(ToString::to_string),
        "boardroom serves"
    );
    if config.callback.is_none() {
        tracing::warn!(
            "BOARDROOM_PUBLIC_URL is not set: new boards are found by sweeps alone, every {:?}",
            config.sweep_every
        );
    }
    let shared = parts.start(&config, listener, &mut supervisor);
    let drain = async move {
        shared.drain();
        tokio::time::sleep(config.drain).await;
    };
    let exit = supervisor.run(signals, config.grace, drain).await;
    if exit != Exit::Hard {
        store.close().await;
    }
    drop(sole);
    tracing::info!(?exit, "stopped");
    Ok(exit.into())
}

/// What must be right before anything runs: leases of a service that is dead, and what a changed configuration changes.
async fn prepare(store: &Sqlite, config: &Config) -> anyhow::Result<Option<std::fs::File>> {
    let sole = store.sole_service();
    let dyn_store: &dyn Store = store;
    if sole.is_some() {
        dyn_store.hand_back(Whose::Holders(HOLDER)).await?;
    } else {
        tracing::warn!("another boardroom serves on this database; they share the work");
    }
    if dyn_store.fact(Fact::FirstStart).await?.is_none() {
        dyn_store
            .set_fact(Fact::FirstStart, &Timestamp::now().0.to_string())
            .await?;
    }
    let ignored = [
        Status::Ignored(Ignored::ExistedBefore),
        Status::Ignored(Ignored::OutsideWorkspaces),
    ];
    let boards = format!(
        "{:?} {} {:?} {:?}",
        config.workspaces, config.personal_boards, config.existing_boards, config.since
    );
    reconsider_if_changed(dyn_store, Fact::BoardPolicy, boards, &ignored).await?;
    let refused = [
        Status::Failed(Code::DocSpaceRejected),
        Status::Failed(Code::PrivateRoomRefused),
    ];
    let rooms = format!(
        "{} {:?} {:?} {}",
        config.room.kind, config.room.title, config.room.tags, config.room.private
    );
    reconsider_if_changed(dyn_store, Fact::RoomPolicy, rooms, &refused).await?;
    let kept = [
        Status::Mirrored(None),
        Status::Mirrored(Some(Apart::Drift)),
        Status::Mirrored(Some(Apart::BoardDeleted)),
        Status::Waiting(Waiting::Grace),
        Status::Waiting(Waiting::Deletion),
    ];
    let follows = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        config.room.title,
        config.on_drift,
        config.on_board_deleted,
        config.archive_after,
        config.deleted_after
    );
    reconsider_if_changed(dyn_store, Fact::FollowPolicy, follows, &kept).await?;
    reconsider_the_brake(dyn_store, config).await?;
    Ok(sole)
}

/// Under another brake it is decided anew who waits.
async fn reconsider_the_brake(store: &dyn Store, config: &Config) -> anyhow::Result<()> {
    let brake = format!("{:?}", config.brake);
    if store
        .fact(Fact::BrakePolicy)
        .await?
        .is_some_and(|before| before != brake)
    {
        for lane in [Lane::CreateBrake, Lane::ArchiveBrake] {
            store.set_lane(lane, None).await?;
        }
    }
    let held = [Status::Waiting(Waiting::Brake)];
    reconsider_if_changed(store, Fact::BrakePolicy, brake, &held).await?;
    Ok(())
}

/// Boards whose status rests on a policy are looked at again when it is another one.
async fn reconsider_if_changed(
    store: &dyn Store,
    fact: Fact,
    policy: String,
    statuses: &[Status],
) -> anyhow::Result<()> {
    let before = store.fact(fact).await?;
    if before.as_ref().is_some_and(|before| *before != policy) {
        let boards = store.reconsider(statuses).await?;
        tracing::info!(
            boards,
            "the configuration has changed: boards are looked at again"
        );
    }
    if before.as_ref() != Some(&policy) {
        store.set_fact(fact, &policy).await?;
    }
    Ok(())
}

/// The parts of the service, before any of them runs.
struct Service {
    mirror: Mirror,
    verifier: Verifier,
    watched: Watched,
    sweep_asked: Arc<Notify>,
    roles: Arc<Notify>,
    scope: watch::Sender<Option<Arc<Scope>>>,
}

impl Service {
    async fn assemble(
        config: &Config,
        store: Arc<dyn Store>,
        supervisor: &Supervisor,
    ) -> anyhow::Result<Self> {
        let (trello, docspace) = (wiring::trello(config)?, wiring::docspace(config)?);
        let lanes = Lanes::restore(store.clone(), trello.clone(), docspace.clone()).await?;
        let surroundings = Surroundings::default();
        let baselines = store.baselines().await?;
        surroundings.learn(|known| known.baselines = baselines.into_iter().collect());
        let watched = Watched::default();
        watched.add(store.models().await?);
        let callbacks = config
            .accepted_callbacks
            .iter()
            .map(|callback| callback.as_str().to_owned())
            .collect();
        let blocks = store.reservations().await?.into_iter();
        let blocks: Vec<_> = blocks
            .map(|(permits, age)| Block { permits, age })
            .collect();
        trello.budget().begin_reserving(&blocks);
        let rules = Arc::new(wiring::rules(config));
        let mirror = Mirror {
            trello,
            docspace,
            store,
            lanes,
            surroundings,
            rules,
            metrics: Arc::new(Metrics::default()),
            owner: Arc::default(),
            bound: Arc::default(),
            stop: supervisor.stop(),
        };
        Ok(Self {
            mirror,
            verifier: Verifier::new(&config.trello.secrets, callbacks),
            watched,
            sweep_asked: Arc::default(),
            roles: Arc::default(),
            scope: watch::Sender::new(None),
        })
    }

    /// Starts everything side by side.
    fn start(self, config: &Config, listener: TcpListener, supervisor: &mut Supervisor) -> Shared {
        let stop = supervisor.stop();
        let mirror = &self.mirror;
        let (inbox, writer) = Inbox::new(mirror.store.clone(), mirror.lanes.work_bell());
        let shared = Shared::new(Parts {
            verifier: self.verifier.clone(),
            watched: self.watched.clone(),
            inbox,
            store: mirror.store.clone(),
            lanes: mirror.lanes.clone(),
            clients: Clients {
                trello: mirror.trello.clone(),
                docspace: mirror.docspace.clone(),
            },
            metrics: mirror.metrics.clone(),
            roles: RolesBell(self.roles.clone()),
            keeper: wiring::keeper(config),
        });
        let router = http::router(shared.clone());
        let listening = stop.clone();
        supervisor.spawn("public listener", async move {
            if let Err(error) = server::serve(listener, router, listening).await {
                tracing::error!(%error, "the public listener failed");
            }
        });
        supervisor.spawn("inbox", writer.run());
        let worker = Worker::new(
            mirror.clone(),
            wiring::holder(HOLDER),
            side_by_side(config.docspace.writes),
            supervisor.hard_stop(),
        );
        supervisor.spawn("worker", worker.run(stop.clone()));
        supervisor.spawn("audit", self.audit(config).run(stop.clone()));
        if let Some(guardian) = self.guardian(config) {
            supervisor.spawn("guardian", guardian.run(stop.clone()));
        }
        supervisor.spawn(
            "keeper",
            every(
                KEEPER,
                stop.clone(),
                mirror.lanes.clone(),
                async |lanes: &Lanes| lanes.tick().await,
            ),
        );
        supervisor.spawn(
            "tidy",
            every(
                TIDY,
                stop.clone(),
                mirror.store.clone(),
                async |store: &Arc<dyn Store>| tidy(&**store).await,
            ),
        );
        let (budget, store) = (mirror.trello.budget().clone(), mirror.store.clone());
        supervisor.spawn("budget", write_down(budget, store, stop.clone()));
        supervisor.spawn("sweep", self.sweep(config).run(stop));
        shared
    }

    fn audit(&self, config: &Config) -> Audit {
        Audit {
            docspace: self.mirror.docspace.clone(),
            store: self.mirror.store.clone(),
            lanes: self.mirror.lanes.clone(),
            surroundings: self.mirror.surroundings.clone(),
            metrics: self.mirror.metrics.clone(),
            every: config.audit_every,
            since_is_configured: config.since.is_some(),
        }
    }

    fn guardian(&self, config: &Config) -> Option<Guardian> {
        if config.accepted_callbacks.is_empty() {
            return None;
        }
        Some(Guardian {
            trello: self.mirror.trello.clone(),
            store: self.mirror.store.clone(),
            lanes: self.mirror.lanes.clone(),
            surroundings: self.mirror.surroundings.clone(),
            watched: self.watched.clone(),
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
            state: Memory::default(),
        })
    }

    fn sweep(self, config: &Config) -> Sweep {
        Sweep {
            trello: self.mirror.trello,
            store: self.mirror.store,
            lanes: self.mirror.lanes,
            surroundings: self.mirror.surroundings,
            metrics: self.mirror.metrics,
            wanted: wiring::wanted(config),
            personal_boards: config.personal_boards,
            existing_boards: wiring::mirrors_existing_boards(config),
            since: config.since,
            titles_name_workspaces: config.room.title.names_workspace(),
            every: config.sweep_every,
            asked: self.sweep_asked,
            scope: self.scope,
            seen: Mutex::default(),
        }
    }
}

/// Repeats a step, which may be dropped at any point, until it is told to stop.
async fn every<T>(span: Duration, stop: CancellationToken, subject: T, repeat: impl AsyncFn(&T)) {
    let forever = async {
        loop {
            repeat(&subject).await;
            tokio::time::sleep(span).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(forever).await;
}

/// Writes Trello requests down before they are made, a block at a time.
async fn write_down(budget: Budget, store: Arc<dyn Store>, stop: CancellationToken) {
    let forever = async {
        loop {
            budget.runs_low().await;
            match store.reserve(budget.block()).await {
                Ok(()) => budget.reserved(),
                Err(error) => {
                    tracing::error!(%error, "requests to Trello wait: the database cannot be written");
                    tokio::time::sleep(KEEPER).await;
                }
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(forever).await;
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
