//! `boardroom serve`: the only place that wires everything together.
//!
//! Configuration → listener bound, deliveries refused until the database is open → database opened, brought up to date and read, however
//! long it is away → everything else side by side, none of it waiting for Trello.

mod beginning;
mod budget;
mod policy;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::cli::serve::beginning::Beginning;
use crate::cli::serve::budget::Sharing;
use crate::cli::wiring::Company;
use crate::cli::{Context, wiring};
use crate::config::{Config, Database, Follow, Needs};
use crate::guardian::{Guardian, Memory};
use crate::http::{self, Clients, Parts, RolesBell, Shared, server};
use crate::inbox::{Door, Inbox};
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::time::Timestamp;
use crate::scope::{Scope, Surroundings};
use crate::store::Store;
use crate::supervisor::{Exit, Signals, Supervisor};
use crate::sweep::Sweep;
use crate::trello::signature::Verifier;
use crate::watched::Watched;
use crate::worker::Worker;

/// How services are named in leases.
const HOLDER: &str = "serve";
/// How long the database may take to close. It is consistent without that.
const CLOSING: Duration = Duration::from_secs(5);
/// How often closed lanes are looked after.
const KEEPER: Duration = Duration::from_millis(500);
/// How often old deliveries and history are removed.
const TIDY: Duration = Duration::from_hours(1);

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Serve)?;
    wiring::start_logging(&config);
    let mut signals = Signals::listen().context("cannot listen to signals")?;
    let base = wiring::base(&config).await?;
    let listener = server::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %address, "listening");
    let company = base.company();
    tell_of_surroundings(&config, &company);
    let mut supervisor = Supervisor::default();
    let service = Service::assemble(&config, base.store.clone(), &supervisor)?;
    let shared = service.receive(&config, listener, &mut supervisor);
    let sharing = service.share_budget(&config, &mut supervisor);
    let beginning = service.beginning(&config, &company, shared.inbox.door());
    let begun = supervisor.wait_for(&mut signals, Box::pin(beginning.until_done()));
    let cause = match begun.await {
        Ok(Ok(())) => {
            tracing::info!(
                version = env!("CARGO_PKG_VERSION"), listen = %address, callback = config.callback.as_ref().map(ToString::to_string),
                "boardroom serves"
            );
            shared.inbox.door().open();
            service.start(&config, &mut supervisor);
            supervisor.run(&mut signals).await
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(cause) => cause,
    };
    let drain = async move {
        shared.drain();
        tokio::time::sleep(config.drain).await;
    };
    let exit = supervisor.stop(cause, signals, config.grace, drain).await;
    sharing.end().await;
    if exit != Exit::Hard {
        // What was to be kept is committed.
        let _ = tokio::time::timeout(CLOSING, base.store.close()).await;
    }
    drop(company);
    tracing::info!(?exit, "stopped");
    Ok(exit.into())
}

/// What a person should know of the settings before anything else happens.
fn tell_of_surroundings(config: &Config, company: &Company) {
    match company {
        Company::Beside => {
            tracing::warn!("another boardroom serves on this database; they share the work");
        }
        Company::Alone { .. } | Company::Uncounted => {}
    }
    match &config.database {
        Database::Postgres { url } if url.is_exposed() => tracing::warn!(
            database = %url,
            "nothing makes sure that the connection to the database is encrypted: add sslmode=verify-full to BOARDROOM_DATABASE_URL, \
             or sslmode=disable where nobody can read along"
        ),
        Database::Postgres { .. } | Database::Sqlite { .. } => {}
    }
    if config.callback.is_none() {
        tracing::warn!(
            "BOARDROOM_PUBLIC_URL is not set: new boards are found by sweeps alone, every {:?}",
            config.sweep_every
        );
    }
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
    /// Asks nothing of the store.
    fn assemble(
        config: &Config,
        store: Arc<dyn Store>,
        supervisor: &Supervisor,
    ) -> anyhow::Result<Self> {
        let (trello, docspace) = (wiring::trello(config)?, wiring::docspace(config)?);
        let lanes = Lanes::of_service(store.clone(), trello.clone(), docspace.clone());
        let callbacks = config
            .accepted_callbacks
            .iter()
            .map(|callback| callback.as_str().to_owned())
            .collect();
        let mirror = Mirror {
            trello,
            docspace,
            store,
            lanes,
            surroundings: Surroundings::default(),
            rules: Arc::new(wiring::rules(config)),
            metrics: Arc::new(Metrics::default()),
            owner: Arc::default(),
            bound: Arc::default(),
            stop: supervisor.soft_stop(),
        };
        Ok(Self {
            mirror,
            verifier: Verifier::new(&config.trello.secrets, callbacks),
            watched: Watched::default(),
            sweep_asked: Arc::default(),
            roles: Arc::default(),
            scope: watch::Sender::new(None),
        })
    }

    /// Answers from here on; deliveries are refused until the door of the inbox is opened.
    fn receive(
        &self,
        config: &Config,
        listener: TcpListener,
        supervisor: &mut Supervisor,
    ) -> Shared {
        let mirror = &self.mirror;
        let (inbox, writer) = Inbox::new(mirror.store.clone(), mirror.lanes.work_bell());
        inbox.door().shut("the database is not open yet");
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
        let listening = supervisor.soft_stop();
        supervisor.spawn("public listener", async move {
            if let Err(error) = server::serve(listener, router, listening).await {
                tracing::error!(%error, "the public listener failed");
            }
        });
        supervisor.spawn("inbox", writer.run());
        shared
    }

    /// No request is made before the database grants it.
    fn share_budget(&self, config: &Config, supervisor: &mut Supervisor) -> Sharing {
        Sharing::begin(
            self.mirror.trello.budget(),
            self.mirror.store.clone(),
            wiring::holder(HOLDER),
            config.trello.timeout,
            supervisor,
        )
    }

    fn beginning<'a>(
        &'a self,
        config: &'a Config,
        company: &'a Company,
        door: &'a Door,
    ) -> Beginning<'a> {
        Beginning {
            config,
            company,
            started: Timestamp::now(),
            door,
            mirror: &self.mirror,
            watched: &self.watched,
        }
    }

    /// Starts everything side by side.
    fn start(self, config: &Config, supervisor: &mut Supervisor) {
        let (mirror, stop) = (&self.mirror, supervisor.soft_stop());
        let side_by_side = config.docspace.writes * 4 + 8;
        let worker = Worker::new(
            mirror.clone(),
            wiring::holder(HOLDER),
            side_by_side,
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
        supervisor.spawn("sweep", self.sweep(config).run(stop));
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
