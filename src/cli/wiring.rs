//! From the configuration to the parts: clients, rules, store, logs. Decides nothing.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use crate::config::{
    Config, Database, ExistingBoards, LogFormat, OnBoardDeleted, OnDrift, Workspaces,
};
use crate::docspace::{self, DocSpace};
use crate::http::Keeper;
use crate::mirror::plan::{RoomRules, Rules};
use crate::redact::Redactor;
use crate::scope::Wanted;
use crate::store::Sqlite;
use crate::telemetry;
use crate::trello::{self, Trello};
use crate::{api, config};

/// Runs a command to its end. What its threads still wait for, such as a name server that does not answer, holds up nothing.
pub(super) fn block_on(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start the runtime")?;
    let code = runtime.block_on(command);
    runtime.shutdown_background();
    code
}

/// Begins to log for a command: what it does it says itself, so warnings suffice unless a person wants more.
pub(super) fn start_logging_of_command(config: &Config) {
    let wanted = match config.log.as_str() {
        "info" => "warn",
        other => other,
    };
    log(config, wanted);
}

/// Begins to log. Secrets that the configuration holds are blotted out from here on.
pub(super) fn start_logging(config: &Config) {
    log(config, &config.log);
}

fn log(config: &Config, wanted: &str) {
    let terminal = std::io::stderr().is_terminal();
    let format = match config.log_format {
        LogFormat::Json => telemetry::Format::Json,
        LogFormat::Auto if !terminal => telemetry::Format::Json,
        LogFormat::Auto | LogFormat::Text => telemetry::Format::Text { colour: terminal },
    };
    telemetry::init(wanted, format, redactor(config));
}

/// Knows every secret that the configuration holds.
pub(super) fn redactor(config: &Config) -> Redactor {
    let single = [
        &config.trello.key,
        &config.trello.token,
        &config.docspace.key,
    ];
    let single = single.into_iter().flatten();
    Redactor::new(single.chain(&config.trello.secrets))
}

/// Keeps refused deliveries if the configuration says so.
pub(super) fn keeper(config: &Config) -> Keeper {
    if config.capture {
        Keeper::keeping(redactor(config))
    } else {
        Keeper::default()
    }
}

pub(super) async fn open_store(config: &Config) -> anyhow::Result<Arc<Sqlite>> {
    let Database::Sqlite { path } = &config.database;
    Ok(Arc::new(Sqlite::open(path).await?))
}

/// For commands that have nothing to say about an empty database.
pub(super) async fn open_existing_store(config: &Config) -> anyhow::Result<Sqlite> {
    let Database::Sqlite { path } = &config.database;
    Ok(Sqlite::open_existing(path).await?)
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
