//! `boardroom serve`: the only place that wires everything together.
//!
//! Configuration → listener bound, deliveries refused until the database is open → database opened, brought up to date and read, however
//! long it is away → everything else side by side, none of it waiting for Trello.

mod admin;
mod beginning;
mod budget;
mod policy;
mod upkeep;
mod watchers;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::cli::serve::beginning::Beginning;
use crate::cli::serve::budget::Sharing;
use crate::cli::serve::upkeep::Upkeep;
use crate::cli::serve::watchers::Watchers;
use crate::cli::wiring::Company;
use crate::cli::{Context, wiring};
use crate::config::{Config, Database, Needs, strays};
use crate::figures::Clerk;
use crate::http::{self, Clients, Parts, RolesBell, Shared, server};
use crate::inbox::{Door, Inbox};
use crate::knowledge::Knowledge;
use crate::lane::Lanes;
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::time::Timestamp;
use crate::scope::Surroundings;
use crate::store::Store;
use crate::supervisor::{Exit, ServiceManager, Signals, Supervisor};
use crate::telemetry::Traces;
use crate::trello::signature::Verifier;
use crate::watched::Watched;
use crate::worker::{Worker, side_by_side};

/// How services are named in leases.
const HOLDER: &str = "serve";
/// How long the database may take to close. It is consistent without that.
const CLOSING: Duration = Duration::from_secs(5);
/// How often the rows of lanes are read, which others may have written.
const FOLLOW: Duration = Duration::from_millis(500);
/// How long the service manager waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Serve)?;
    let traces = start_logging(context, &config)?;
    let is_json = wiring::is_logged_as_json(&config);
    match serve(config, traces).await {
        // A line of the log like every other, for those who look for the reason there, unless the log shows none such.
        Err(error) if is_json && tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!(error = format!("{error:#}"), "boardroom cannot serve");
            Ok(ExitCode::FAILURE)
        }
        served => served,
    }
}

async fn serve(config: Config, traces: Option<Traces>) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("cannot listen to signals")?;
    let base = wiring::base(&config).await?;
    let (listener, address) = listen(&config)?;
    let admin_listener = admin::bind(&config.admin)?;
    let company = base.company();
    tell_of_surroundings(&config, &company);
    let (manager, mut supervisor) = (ServiceManager::of_process(), Supervisor::default());
    manager.watch(&mut supervisor);
    let service = Service::assemble(&config, base.store.clone(), &supervisor)?;
    let shared = service.receive(&config, listener, &mut supervisor);
    let clerk = Clerk::new(base.store.clone(), service.mirror.metrics.clone());
    if let Some(listener) = admin_listener {
        admin::serve(&config, listener, (&shared, &clerk), &mut supervisor)?;
    }
    let watchers = Watchers::new(&config, shared.clone())?;
    let sharing = service.share_budget(&config, &mut supervisor);
    let beginning = service.beginning(&config, &company, shared.inbox.door());
    let beginning = Box::pin(manager.ready_at_the_latest(
        PATIENCE,
        "waits for the database",
        beginning.until_done(),
    ));
    let begun = supervisor.wait_for(&mut signals, beginning);
    let mut mark = None;
    let cause = match begun.await {
        Ok(Ok(())) => {
            mark = base.join(company).await?;
            shared.inbox.door().open();
            tell_of_service(&config, address);
            supervisor.spawn("figures", clerk.clone().run(supervisor.soft_stop()));
            manager.ready(&format!("serves on {address}")).await;
            service.start(&config, watchers, &mut supervisor);
            supervisor.run(&mut signals).await
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(cause) => {
            // The inbox ends when nobody can hand anything in any more.
            drop(watchers);
            cause
        }
    };
    manager.stopping();
    let drain = async move {
        shared.drain();
        tokio::time::sleep(config.drain).await;
    };
    let exit = supervisor.stop(cause, signals, config.grace, drain).await;
    sharing.end().await;
    if exit != Exit::Hard {
        close(&clerk, &*base.store).await;
    }
    drop(mark);
    tracing::info!(?exit, "stopped");
    end(traces).await;
    Ok(exit.into())
}

fn start_logging(context: &Context, config: &Config) -> anyhow::Result<Option<Traces>> {
    let traces = wiring::start_logging(config, &context.environment)?;
    for stray in strays(&context.environment) {
        tracing::warn!("{stray}");
    }
    Ok(traces)
}

fn listen(config: &Config) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = server::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %address, "listening");
    Ok((listener, address))
}

/// Hands on the last of what was traced.
async fn end(traces: Option<Traces>) {
    if let Some(traces) = traces {
        traces.end().await;
    }
}

/// What was to be kept is committed; what was counted is worth one more try.
async fn close(clerk: &Clerk, store: &dyn Store) {
    let closing = async {
        let _ = clerk.write_down().await;
        store.close().await;
    };
    let _ = tokio::time::timeout(CLOSING, closing).await;
}

fn tell_of_service(config: &Config, address: SocketAddr) {
    let callback = config.callback.as_ref().map(ToString::to_string);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %address, callback, "boardroom serves");
}

/// What a person should know of the settings before anything else happens.
fn tell_of_surroundings(config: &Config, company: &Company) {
    match company {
        Company::Beside => {
            tracing::info!("another boardroom serves on this database; they share the work");
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
    if let Some(words) = wiring::too_many_sweeps(config) {
        tracing::warn!("{words}");
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
    /// Told by the public listener that somebody's part in a workspace has changed.
    heard: Arc<Notify>,
    /// Tells the guardian of this process so.
    roles: Arc<Notify>,
}

impl Service {
    /// Asks nothing of the store.
    fn assemble(
        config: &Config,
        store: Arc<dyn Store>,
        supervisor: &Supervisor,
    ) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let trello = wiring::trello(config)?.counting(metrics.calls.clone());
        let docspace = wiring::docspace(config)?.counting(metrics.calls.clone());
        let lanes = Lanes::of_service(store.clone(), trello.clone(), docspace.clone());
        let surroundings = Surroundings::shared(store.clone(), config.since);
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
            surroundings,
            rules: Arc::new(wiring::rules(config)),
            metrics,
            owner: Arc::default(),
            bound: Arc::default(),
            stop: supervisor.soft_stop(),
        };
        Ok(Self {
            mirror,
            verifier: Verifier::new(&config.trello.secrets, callbacks),
            watched: Watched::default(),
            heard: Arc::default(),
            roles: Arc::default(),
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
            roles: RolesBell(self.heard.clone()),
            keeper: wiring::keeper(config),
            sources: wiring::sources(config),
        });
        let router = http::router(shared.clone());
        let (stop, hard_stop) = (supervisor.soft_stop(), supervisor.hard_stop());
        supervisor.spawn("public listener", async move {
            if let Err(error) =
                server::serve(listener, router, server::Silence::Waits, stop, &hard_stop).await
            {
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
    fn start(self, config: &Config, mut watchers: Watchers, supervisor: &mut Supervisor) {
        let (mirror, stop) = (&self.mirror, supervisor.soft_stop());
        let worker = Worker::new(
            mirror.clone(),
            wiring::holder(HOLDER),
            side_by_side(config.docspace.writes),
            supervisor.hard_stop(),
        );
        watchers.worker = worker.pulse();
        supervisor.spawn("worker", worker.run(stop.clone()));
        self.share(config, watchers, supervisor);
    }

    /// Begins what services on one database share: what is known, the lanes, and the upkeep, which one at a time has.
    fn share(&self, config: &Config, watchers: Watchers, supervisor: &mut Supervisor) {
        let (mirror, stop) = (&self.mirror, supervisor.soft_stop());
        let upkeep = Upkeep::new(
            mirror.clone(),
            config.clone(),
            self.watched.clone(),
            self.roles.clone(),
            stop.clone(),
        )
        .watched_by(watchers);
        let knowledge = Knowledge {
            store: mirror.store.clone(),
            surroundings: mirror.surroundings.clone(),
            lanes: mirror.lanes.clone(),
            watched: self.watched.clone(),
            heard: self.heard.clone(),
            roles: self.roles.clone(),
            sweep: upkeep.sweep_asked(),
            webhooks: upkeep.webhooks_asked(),
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
