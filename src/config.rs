//! The configuration: compiled-in defaults (`config/boardroom.toml`), below a file, below the environment.
//! Everything that is wrong is told at once. The environment is an argument; nothing here reads that of the process
//! unless asked to by [`Environment::of_process`].

mod admin;
mod assemble;
mod effective;
mod environment;
mod keys;
mod layers;
mod location;
mod network;
mod postgres;
mod problem;
mod reader;
mod room;
mod stray;
mod text_file;
mod value;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use crate::config::effective::{Setting, effective};
pub use crate::config::environment::Environment;
pub use crate::config::keys::{Key, Kind, Secrecy, keys};
pub use crate::config::location::{CALLBACK_PATH, CallbackUrl, Database, ProxyUrl, SecretUrl};
pub use crate::config::postgres::PostgresUrl;
pub use crate::config::problem::{ConfigError, Origin, Problem};
pub use crate::config::room::RoomConfig;
pub use crate::config::stray::{Stray, strays};
pub use crate::config::value::Rate;
use crate::model::time::Timestamp;

/// Everything that can be configured, checked. `{:?}` shows no secret and no person's address.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub admin: AdminConfig,
    /// As written, without one slash at its end.
    pub public_url: Option<String>,
    /// Where Trello delivers: below the public URL.
    pub callback: Option<CallbackUrl>,
    /// The callback URLs whose signatures are accepted: our own first, then `callback_urls`; each once.
    pub accepted_callbacks: Vec<CallbackUrl>,
    pub database: Database,
    /// 1 to 64 letters, digits, `.`, `_` and `-`.
    pub instance: String,
    pub workspaces: Workspaces,
    pub personal_boards: bool,
    pub existing_boards: ExistingBoards,
    /// None: the moment of the first start.
    pub since: Option<Timestamp>,
    /// At least a second, like `audit_every`.
    pub sweep_every: Duration,
    pub audit_every: Duration,
    pub follow: Follow,
    /// How long a board must have been closed before its room is archived.
    pub archive_after: Duration,
    pub on_board_deleted: OnBoardDeleted,
    /// How long Trello must have known a board no more before it counts as deleted.
    pub deleted_after: Duration,
    pub on_drift: OnDrift,
    /// The most new rooms, and the most archived ones, before the rest waits for a person; none is no brake.
    pub brake: Option<Rate>,
    pub trello: TrelloConfig,
    pub docspace: DocSpaceConfig,
    pub proxy: Proxy,
    pub room: RoomConfig,
    /// Read as far as [`Needs`] asked for them.
    pub watchers: WatchersConfig,
    /// In the syntax of `tracing_subscriber::EnvFilter`, which accepts it.
    pub log: String,
    pub log_format: LogFormat,
    /// Whether refused deliveries are kept for a person to look at.
    pub capture: bool,
    pub sources: SourcesConfig,
    /// Shorter than `grace`.
    pub drain: Duration,
    /// From the signal to the end.
    pub grace: Duration,
}

/// Where the people who run it look at it.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// None when it is off.
    pub listen: Option<SocketAddr>,
    /// Whether somebody has written the address, so that it must be free.
    pub is_written: bool,
    /// Demanded of everybody when it is there, and it is there wherever others than this machine can come. Only the service reads it.
    pub token: Option<SecretString>,
}

/// Which workspaces are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workspaces {
    All,
    /// Names or ids, as written; at least one, each once.
    Named(Vec<String>),
}

/// What becomes of boards that were there before the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingBoards {
    Ignore,
    Mirror,
}

/// How renames, archives and reopenings of mirrored boards are learnt of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// By a webhook on each board.
    Live,
    Sweep,
}

/// What becomes of the room of a board that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBoardDeleted {
    Archive,
    Keep,
}

/// What becomes of what people do to rooms by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDrift {
    Respect,
    Restore,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

/// How Trello is reached. The credentials are there as far as [`Needs`] asked for them.
#[derive(Debug, Clone)]
pub struct TrelloConfig {
    pub api_url: Url,
    pub timeout: Duration,
    pub rate: Rate,
    pub key: Option<SecretString>,
    pub token: Option<SecretString>,
    /// The application's secrets: more than one while they are rotated.
    pub secrets: Vec<SecretString>,
}

/// How `DocSpace` is reached. Host and key are there as far as [`Needs`] asked for them.
#[derive(Debug, Clone)]
pub struct DocSpaceConfig {
    pub host: Option<Url>,
    pub key: Option<SecretString>,
    /// At most a minute: the rule against second rooms rests on it.
    pub timeout: Duration,
    /// At most so many writes at the same time.
    pub writes: usize,
    /// Certificates (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Who is told of what is out of order, and who that nothing is.
#[derive(Debug, Clone, Default)]
pub struct WatchersConfig {
    pub notify: Option<NotifyConfig>,
    /// What is asked every minute while all is well.
    pub heartbeat: Option<SecretUrl>,
}

/// Where notices go.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    pub url: SecretUrl,
    /// Signs what is posted.
    pub secret: Option<SecretString>,
}

/// The proxies of the environment, for calls to URLs of the one and the other scheme.
#[derive(Debug, Clone, Default)]
pub struct Proxy {
    pub https: Option<ProxyUrl>,
    pub http: Option<ProxyUrl>,
    /// Hosts that are reached without a proxy, as written.
    pub no_proxy: Option<String>,
}

/// From where deliveries are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcesConfig {
    /// From anywhere if there is none.
    pub allowed: Vec<IpNet>,
    /// Proxies that are believed when they say for whom they ask.
    pub trusted: Vec<IpNet>,
}

/// Which credentials a command cannot do without. Those that it does not need are not even read, nor are the files
/// that hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It works on the database alone; proxies and certificates are left unread too.
    Nothing,
    /// It makes or checks signatures: the application's secret and a callback URL, and key and token if they are there, for
    /// they are often taken for the secret. It may call the callback URL, by the proxies.
    Signatures,
    /// It posts notices, by the proxies.
    Notices,
    /// It calls Trello and `DocSpace`: key, token, host and key.
    Services,
    /// It serves: the services, and the application's secret when deliveries are expected.
    Serve,
}

impl Needs {
    fn services(self) -> bool {
        match self {
            Self::Services | Self::Serve => true,
            Self::Nothing | Self::Signatures | Self::Notices => false,
        }
    }

    fn proxies(self) -> bool {
        match self {
            Self::Signatures | Self::Notices | Self::Services | Self::Serve => true,
            Self::Nothing => false,
        }
    }

    fn notices(self) -> bool {
        match self {
            Self::Notices | Self::Serve => true,
            Self::Nothing | Self::Signatures | Self::Services => false,
        }
    }

    fn secrets(self) -> bool {
        match self {
            Self::Signatures | Self::Serve => true,
            Self::Nothing | Self::Notices | Self::Services => false,
        }
    }
}

impl Config {
    /// Reads the layers. `file` is that of `--config`, which goes before `BOARDROOM_CONFIG`.
    pub fn load(
        needs: Needs,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        assemble::load(needs, file, environment)
    }
}

#[cfg(test)]
mod tests;
