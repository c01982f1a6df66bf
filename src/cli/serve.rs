//! `boardroom serve`: the only place that wires everything together.
//!
//! Configuration → store and migrations → listener bound → everything else side by side, none of it waiting for Trello.

mod upkeep;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::cli::serve::upkeep::Upkeep;
use crate::cli::{Context, wiring};
use crate::config::{Config, Needs};
use crate::http::{self, Clients, Parts, RolesBell, Shared, server};
use crate::inbox::Inbox;
use crate::knowledge::Knowledge;
use crate::lane::Lanes;
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::failure::Code;
use crate::model::lane::Lane;
use crate::model::status::{Apart, Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::scope::Surroundings;
use crate::store::{Fact, Sqlite, State as _, Store, Whose};
use crate::supervisor::{Exit, Signals, Supervisor};
use crate::trello::signature::Verifier;
use crate::trello::{Block, Budget};
use crate::watched::Watched;
use crate::worker::Worker;

/// How services are named in leases.
const HOLDER: &str = "serve";
/// How often the rows of lanes are read, which others may have written.
const FOLLOW: Duration = Duration::from_millis(500);

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Serve)?;
    wiring::start_logging(&config);
    let signals = Signals::listen().context("cannot listen to signals")?;
    let store = wiring::open_store(&config).await?;
    let listener = server::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let mark = prepare(&store, &config).await?;
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
    drop(mark);
    tracing::info!(?exit, "stopped");
    Ok(exit.into())
}

/// What must be right before anything runs: leases of a service that is dead, and what a changed configuration changes.
async fn prepare(store: &Sqlite, config: &Config) -> anyhow::Result<std::fs::File> {
    let sole = store.sole_service();
    let dyn_store: &dyn Store = store;
    if sole.is_some() {
        dyn_store.hand_back(Whose::Holders(HOLDER)).await?;
    } else {
        tracing::info!("another boardroom serves on this database; they share the work");
    }
    let mark = store.one_of_the_services(sole).await?;
    dyn_store
        .earliest(Fact::FirstStart, Timestamp::now())
        .await?;
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
    Ok(mark)
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
            store.open_lane(lane).await?;
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
    /// Told by the public listener that somebody's part in a workspace has changed.
    heard: Arc<Notify>,
    /// Tells the guardian of this process so.
    roles: Arc<Notify>,
}

impl Service {
    async fn assemble(
        config: &Config,
        store: Arc<dyn Store>,
        supervisor: &Supervisor,
    ) -> anyhow::Result<Self> {
        let (trello, docspace) = (wiring::trello(config)?, wiring::docspace(config)?);
        let lanes = Lanes::restore(store.clone(), trello.clone(), docspace.clone()).await?;
        let surroundings = Surroundings::shared(store.clone(), config.since);
        surroundings.refresh().await?;
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
            heard: Arc::default(),
            roles: Arc::default(),
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
            roles: RolesBell(self.heard.clone()),
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
        let side_by_side = config.docspace.writes * 4 + 8;
        let worker = Worker::new(
            mirror.clone(),
            wiring::holder(HOLDER),
            side_by_side,
            supervisor.hard_stop(),
        );
        supervisor.spawn("worker", worker.run(stop.clone()));
        self.share(config, supervisor);
        let (budget, store) = (mirror.trello.budget().clone(), mirror.store.clone());
        supervisor.spawn("budget", write_down(budget, store, stop.clone()));
        shared
    }

    /// Begins what services on one database share: what is known, the lanes, and the upkeep, which one at a time has.
    fn share(&self, config: &Config, supervisor: &mut Supervisor) {
        let (mirror, stop) = (&self.mirror, supervisor.stop());
        let knowledge = Knowledge {
            store: mirror.store.clone(),
            surroundings: mirror.surroundings.clone(),
            lanes: mirror.lanes.clone(),
            watched: self.watched.clone(),
            heard: self.heard.clone(),
            roles: self.roles.clone(),
        };
        supervisor.spawn("knowledge", knowledge.run(stop.clone()));
        supervisor.spawn(
            "lanes",
            every(FOLLOW, stop.clone(), mirror.lanes.clone(), Lanes::follow),
        );
        let leader = Leader {
            store: mirror.store.clone(),
            name: || wiring::holder(HOLDER),
            stop: stop.clone(),
        };
        let upkeep = Upkeep::new(
            mirror.clone(),
            config.clone(),
            self.watched.clone(),
            self.roles.clone(),
            stop,
        );
        supervisor.spawn("leader", leader.run(move |term| upkeep.parts(term)));
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
                    tokio::time::sleep(FOLLOW).await;
                }
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(forever).await;
}
