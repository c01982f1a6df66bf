//! From the configuration to the parts: clients, rules, store, logs. Decides nothing.

mod logs;

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::config::{Config, Database, ExistingBoards, OnBoardDeleted, OnDrift, Workspaces};
use crate::desk::webhooks::Ours;
use crate::docspace::{self, DocSpace};
use crate::guardian::description;
use crate::heartbeat::{self, Heartbeat};
use crate::http::Keeper;
use crate::http::sources::Sources;
use crate::mirror::plan::{RoomRules, Rules};
use crate::notices::{self, Receiver};
use crate::scope::Wanted;
use crate::store::{Postgres, Sqlite, Store, StoreError};
use crate::trello::{self, Trello};
use crate::{api, config};

pub(super) use logs::{
    is_logged_as_json, redactor, secrets_of_database, start_logging, start_logging_of_command,
    wants_traces,
};

/// Runs a command to its end. What its threads still wait for, such as a name server that does not answer, holds up nothing.
pub(super) fn block_on(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    // On one processor, or the share of one that a container may have, a second thread would only be one more to wake.
    let mut runtime = match thread::available_parallelism() {
        Ok(processors) if processors.get() > 1 => Builder::new_multi_thread(),
        Ok(_) | Err(_) => Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let code = runtime.block_on(command);
    runtime.shutdown_background();
    code
}

/// Who takes notices, if anybody does.
pub(super) fn receiver(config: &Config) -> anyhow::Result<Option<Receiver>> {
    let Some(notify) = &config.watchers.notify else {
        return Ok(None);
    };
    let options = http(&config.proxy, notices::PATIENCE);
    let url = notify.url.expose().clone();
    let receiver = Receiver::new(&options, url, notify.secret.clone(), watched_caller(config));
    receiver
        .map(Some)
        .context("cannot set up the client for BOARDROOM_NOTIFY_URL")
}

/// What is to be said where Trello will refuse a part of the sweeps: it allows 100 requests to `/1/members/` in 900 s, and a sweep makes up to
/// three of them (Atlassian, "Rate limits").
pub(super) fn too_many_sweeps(config: &Config) -> Option<String> {
    const BUSY: Duration = Duration::from_secs(30);
    let every = config.sweep_every;
    (every < BUSY).then(|| {
        format!(
            "BOARDROOM_SWEEP_EVERY is {every:?}: Trello refuses a part of so many sweeps, for it allows 100 requests about the member in 15 minutes"
        )
    })
}

pub(super) fn heartbeat(config: &Config) -> Result<Option<Heartbeat>, api::BuildError> {
    let Some(url) = &config.watchers.heartbeat else {
        return Ok(None);
    };
    let options = http(&config.proxy, heartbeat::PATIENCE);
    Heartbeat::new(&options, url.expose().clone(), watched_caller(config)).map(Some)
}

fn watched_caller(config: &Config) -> api::Caller {
    api::Caller {
        redactor: redactor(config),
        ..api::Caller::default()
    }
}

/// Keeps refused deliveries if the configuration says so.
pub(super) fn keeper(config: &Config) -> Keeper {
    if config.capture {
        Keeper::keeping(redactor(config))
    } else {
        Keeper::default()
    }
}

/// From where deliveries are taken.
pub(super) fn sources(config: &Config) -> Sources {
    Sources {
        allowed: config.sources.allowed.clone(),
        trusted: config.sources.trusted.clone(),
    }
}

/// A store, and who else may serve on it.
#[derive(Debug)]
pub(super) struct Base {
    /// A server's may be away still: [`Store::open`] tells.
    pub(super) store: Arc<dyn Store>,
    /// None for a server's, which nobody can have for himself.
    file: Option<Arc<Sqlite>>,
}

/// Whether other services run on the same database.
#[derive(Debug)]
pub(super) enum Company {
    /// None does while this mark is held.
    Alone { mark: File },
    /// One does.
    Beside,
    /// It is made for several, and nobody counts them: what a dead one held is waited for.
    Uncounted,
}

impl Base {
    /// Takes the mark of the one service on a file, if it is free.
    pub(super) fn company(&self) -> Company {
        let Some(file) = &self.file else {
            return Company::Uncounted;
        };
        match file.sole_service() {
            Some(mark) => Company::Alone { mark },
            None => Company::Beside,
        }
    }

    /// Marks this process as one of the services on a file, so that none that starts later takes itself for the only one. The mark goes with
    /// the process.
    pub(super) async fn join(&self, company: Company) -> Result<Option<File>, StoreError> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let sole = match company {
            Company::Alone { mark } => Some(mark),
            Company::Beside | Company::Uncounted => None,
        };
        file.one_of_the_services(sole).await.map(Some)
    }
}

/// The store of a service: a file is opened here, and made when absent; a server is not asked yet.
pub(super) async fn base(config: &Config) -> anyhow::Result<Base> {
    match &config.database {
        Database::Sqlite { path } => Ok(of_file(Sqlite::open(path).await?)),
        Database::Postgres { url } => Ok(of_server(Postgres::new(url.expose())?)),
    }
}

/// The same, but the database must be there already: to some commands an empty database would only hide that the path is wrong.
pub(super) async fn existing_base(config: &Config) -> anyhow::Result<Base> {
    match &config.database {
        Database::Sqlite { path } => Ok(of_file(Sqlite::open_existing(path).await?)),
        Database::Postgres { url } => Ok(of_server(Postgres::existing(url.expose())?)),
    }
}

/// The store of a command, ready for use.
pub(super) async fn open_store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let base = base(config).await?;
    base.store.open().await?;
    Ok(base.store)
}

/// For commands that have nothing to say about an empty database.
pub(super) async fn open_existing_store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let base = existing_base(config).await?;
    base.store.open().await?;
    Ok(base.store)
}

fn of_file(sqlite: Sqlite) -> Base {
    let sqlite = Arc::new(sqlite);
    Base {
        store: sqlite.clone(),
        file: Some(sqlite),
    }
}

fn of_server(postgres: Postgres) -> Base {
    Base {
        store: Arc::new(postgres),
        file: None,
    }
}

/// The client of the service: all of the budget but what is kept for commands on the same token.
pub(super) fn trello(config: &Config) -> anyhow::Result<Trello> {
    let count = config.trello.rate.count;
    trello_at(config, (count - for_commands(count)).max(1))
}

/// The client of a command.
pub(super) fn trello_for_command(config: &Config) -> anyhow::Result<Trello> {
    trello_at(config, for_commands(config.trello.rate.count))
}

/// A tenth of the budget: a person's command does not wait for a busy service, and both together keep to the whole.
fn for_commands(count: u32) -> u32 {
    (count / 10).max(1)
}

fn trello_at(config: &Config, count: u32) -> anyhow::Result<Trello> {
    let settings = &config.trello;
    let options = trello::Options {
        url: settings.api_url.to_string(),
        key: settings.key.clone().context("TRELLO_API_KEY is not set")?,
        token: settings.token.clone().context("TRELLO_TOKEN is not set")?,
        http: http(&config.proxy, settings.timeout),
        rate: (count, settings.rate.per),
    };
    Trello::new(&options).context("cannot set up the client for Trello")
}

pub(super) fn docspace(config: &Config) -> anyhow::Result<DocSpace> {
    let settings = &config.docspace;
    let options = docspace::Options {
        url: settings
            .host
            .as_ref()
            .context("ONLYOFFICE_API_HOST is not set")?
            .to_string(),
        key: settings
            .key
            .clone()
            .context("ONLYOFFICE_API_KEY is not set")?,
        http: api::Options {
            ca_file: settings.ca_file.clone(),
            ..http(&config.proxy, settings.timeout)
        },
        writes: settings.writes,
    };
    DocSpace::new(&options).context("cannot set up the client for DocSpace")
}

pub(super) fn http(proxy: &config::Proxy, timeout: std::time::Duration) -> api::Options {
    api::Options {
        timeout,
        ca_file: None,
        https_proxy: proxy.https.as_ref().map(|url| url.expose().clone()),
        http_proxy: proxy.http.as_ref().map(|url| url.expose().clone()),
        no_proxy: proxy.no_proxy.clone(),
    }
}

pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        personal_boards: config.personal_boards,
        existing_boards: mirrors_existing_boards(config),
        restore_drift: config.on_drift == OnDrift::Restore,
        archive_deleted: config.on_board_deleted == OnBoardDeleted::Archive,
        archive_after: config.archive_after,
        deleted_after: config.deleted_after,
        brake: config.brake.map(|brake| (brake.count, brake.per)),
        room: RoomRules {
            kind: config.room.kind,
            title: config.room.title.clone(),
            tags: config.room.tags.clone(),
            private: config.room.private,
            members: config.room.members.clone(),
        },
    }
}

pub(super) fn mirrors_existing_boards(config: &Config) -> bool {
    match config.existing_boards {
        ExistingBoards::Ignore => false,
        ExistingBoards::Mirror => true,
    }
}

/// By what this installation knows its own.
pub(super) fn ours(config: &Config) -> Ours {
    let accepted = config.accepted_callbacks.iter();
    Ours {
        description: description(&config.instance),
        callback: config
            .callback
            .as_ref()
            .map(|callback| callback.as_str().to_owned()),
        callbacks: accepted
            .map(|callback| callback.as_str().to_owned())
            .collect(),
    }
}

pub(super) fn wanted(config: &Config) -> Wanted {
    match &config.workspaces {
        Workspaces::All => Wanted::All,
        Workspaces::Named(names) => Wanted::Named(names.clone()),
    }
}

/// Names this process in leases: the kind, so that a restarted service knows those of its predecessor, and a number of chance.
pub(super) fn holder(kind: &str) -> String {
    format!("{kind}-{:016x}", fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Needs;

    #[test]
    fn logs_show_the_password_of_the_database_in_no_spelling() {
        let url = "postgres://ann:hunter%2F2|x@db/rooms?password=other%26one";
        let environment = [("BOARDROOM_DATABASE_URL", url)].into_iter().collect();
        let config = Config::load(Needs::Nothing, None, &environment).unwrap();
        let line = "hunter%2F2|x hunter%2F2%7Cx hunter/2|x other%26one other&one";
        let clean = redactor(&config).clean(line).into_owned();
        assert_eq!(clean, ["[redacted]"; 5].join(" "));
    }
}
