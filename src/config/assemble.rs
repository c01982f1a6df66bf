//! Puts the configuration together, key by key: which function reads which key, which limits hold, and what must go
//! together. Every key is read before anything is built, so that every problem is found.

use std::path::Path;
use std::time::Duration;

use crate::config::admin;
use crate::config::environment::Environment;
use crate::config::keys::Key;
use crate::config::problem::ConfigError;
use crate::config::reader::Reader;
use crate::config::room::{self, RoomConfig};
use crate::config::{
    AdminConfig, CallbackUrl, Config, Database, DocSpaceConfig, Needs, NotifyConfig, Proxy,
    SourcesConfig, TrelloConfig, WatchersConfig, location, network, value,
};

const SECOND: Duration = Duration::from_secs(1);
/// Two minutes pass before a room is created a second time, and the first call must have ended well before.
const LONGEST_DOCSPACE_TIMEOUT: Duration = Duration::from_mins(1);
/// A call that takes longer has failed, whatever it answers.
const LONGEST_TRELLO_TIMEOUT: Duration = Duration::from_mins(5);
/// More writes at the same time than any server answers.
const MOST_WRITES: usize = 1000;

pub(super) fn load(
    needs: Needs,
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let mut read = Reader::new(file, environment);
    let config = config(&mut read, needs);
    read.finish(config)
}

#[expect(
    clippy::too_many_lines,
    reason = "one line a key, and nothing is decided here"
)]
fn config(read: &mut Reader<'_>, needs: Needs) -> Option<Config> {
    let (trello, docspace, proxy) = (
        trello(read, needs),
        docspace(read, needs),
        proxy(read, needs),
    );
    let listen = read.one("listen", value::address);
    let admin = admin_listener(read, needs);
    let public_url = read.one("public_url", location::public_url);
    let sources = sources(read);
    let other_callbacks = read.list("callback_urls", location::callbacks);
    let database = read.one("database_url", database);
    let instance = read.one("instance", value::instance);
    let workspaces = read.list("workspaces", |names| Ok(value::workspaces(&names)));
    let personal_boards = read.one("personal_boards", value::flag);
    let existing_boards = read.one("existing_boards", value::existing_boards);
    let since = read.one("since", value::moment);
    let sweep_every = read.one("sweep_every", value::duration_from(SECOND));
    let audit_every = read.one("audit_every", value::duration_from(SECOND));
    let follow = read.one("follow", value::follow);
    let archive_after = read.one("archive_after", value::duration);
    let on_board_deleted = read.one("on_board_deleted", value::on_board_deleted);
    let deleted_after = read.one("deleted_after", value::duration);
    let on_drift = read.one("on_drift", value::on_drift);
    let brake = read.one("brake", value::brake);
    let room = room(read);
    let watchers = watchers(read, needs);
    let log = read.one("log", value::log);
    let log_format = read.one("log_format", value::log_format);
    let capture = read.one("capture", value::flag);
    let stop = stop(read);

    let callback = public_url.as_deref().map(location::callback);
    let (drain, grace) = stop?;
    Some(Config {
        listen: listen?,
        admin: admin?,
        public_url,
        accepted_callbacks: accepted(callback.as_ref(), other_callbacks?),
        callback,
        database: database?,
        instance: instance?,
        workspaces: workspaces?,
        personal_boards: personal_boards?,
        existing_boards: existing_boards?,
        since,
        sweep_every: sweep_every?,
        audit_every: audit_every?,
        follow: follow?,
        archive_after: archive_after?,
        on_board_deleted: on_board_deleted?,
        deleted_after: deleted_after?,
        on_drift: on_drift?,
        brake: brake?,
        trello: trello?,
        docspace: docspace?,
        proxy,
        room: room?,
        watchers,
        log: log?,
        log_format: log_format?,
        capture: capture?,
        sources: sources?,
        drain,
        grace,
    })
}

fn admin_listener(read: &mut Reader<'_>, needs: Needs) -> Option<AdminConfig> {
    let listen = read.one("admin_listen", admin::listen)?;
    let mut token = None;
    if needs == Needs::Serve {
        let is_open = listen.is_some_and(|address| !address.ip().is_loopback());
        if is_open {
            read.demand("admin_token", |key| {
                obtain(
                    key,
                    "admin_listen is not on loopback, so that others can come; make a token with `openssl rand -hex 32`, \
                     or set admin_listen to 127.0.0.1:8081",
                )
            });
        }
        token = read.one("admin_token", admin::token);
    }
    Some(AdminConfig {
        listen,
        is_written: read.is_written("admin_listen"),
        token,
    })
}

fn database(text: &str) -> Result<Database, String> {
    let database = location::database(text)?;
    match &database {
        Database::Sqlite { .. } => {}
        Database::Postgres { url } => url.check_files()?,
    }
    Ok(database)
}

fn trello(read: &mut Reader<'_>, needs: Needs) -> Option<TrelloConfig> {
    let (mut key, mut token, mut secrets) = (None, None, Vec::new());
    if needs.services() {
        read.demand("trello_api_key", |key| {
            obtain(key, "it is on the page of your Power-Up at https://trello.com/power-ups/admin, under API key")
        });
        read.demand("trello_token", |key| {
            obtain(
                key,
                "open https://trello.com/1/authorize?expiration=never&name=boardroom&scope=read&response_type=token&key=KEY \
                 with your API key for KEY and copy what it shows",
            )
        });
        key = read.secret("trello_api_key");
        token = read.secret("trello_token");
    }
    if needs == Needs::Signatures {
        key = read.secret_if_any("trello_api_key");
        token = read.secret_if_any("trello_token");
        if !read.is_set("callback_urls") {
            read.demand("public_url", |key| {
                obtain(key, "a signature covers the address at which Trello reaches the service, such as https://boardroom.example.com")
            });
        }
    }
    if needs.secrets() {
        if needs == Needs::Signatures || read.is_set("public_url") || read.is_set("callback_urls") {
            read.demand("trello_api_secret", |key| {
                obtain(key, "without it no delivery can be verified; it is beside the API key at https://trello.com/power-ups/admin")
            });
        }
        secrets = read.secrets("trello_api_secret");
    }
    let api_url = read.one("trello_api_url", location::api_url);
    let timeout = read.one(
        "trello_timeout",
        value::duration_within(SECOND..=LONGEST_TRELLO_TIMEOUT),
    );
    let rate = read.one("trello_rate", value::rate);
    Some(TrelloConfig {
        api_url: api_url?,
        timeout: timeout?,
        rate: rate?,
        key,
        token,
        secrets,
    })
}

fn docspace(read: &mut Reader<'_>, needs: Needs) -> Option<DocSpaceConfig> {
    let (mut key, mut ca_file) = (None, None);
    if needs.services() {
        read.demand("onlyoffice_api_host", |key| {
            obtain(
                key,
                "it is the address of your DocSpace, such as yourcompany.onlyoffice.com",
            )
        });
        read.demand("onlyoffice_api_key", |key| {
            obtain(
                key,
                "make one in DocSpace under Settings → Developer tools → API keys",
            )
        });
        key = read.secret("onlyoffice_api_key");
        ca_file = read.certificates("docspace_ca_file");
    }
    let host = read.one("onlyoffice_api_host", location::host);
    let timeout = read.one(
        "docspace_timeout",
        value::duration_within(SECOND..=LONGEST_DOCSPACE_TIMEOUT),
    );
    let writes = read.one("docspace_writes", value::number(1..=MOST_WRITES));
    Some(DocSpaceConfig {
        host,
        key,
        timeout: timeout?,
        writes: writes?,
        ca_file,
    })
}

fn sources(read: &mut Reader<'_>) -> Option<SourcesConfig> {
    let allowed = read.list("trello_sources", |texts| network::ranges(&texts));
    let trusted = read.list("trusted_proxies", |texts| network::proxies(&texts));
    Some(SourcesConfig {
        allowed: allowed?,
        trusted: trusted?,
    })
}

/// How to set a credential, and where to get it.
fn obtain(key: &Key, source: &str) -> String {
    format!("set {}: {source}", key.variables().join(" or "))
}

fn proxy(read: &mut Reader<'_>, needs: Needs) -> Proxy {
    if !needs.proxies() {
        return Proxy::default();
    }
    Proxy {
        https: read.one("https_proxy", location::proxy),
        http: read.one("http_proxy", location::proxy),
        no_proxy: read.one("no_proxy", |hosts| Ok(hosts.to_owned())),
    }
}

fn room(read: &mut Reader<'_>) -> Option<RoomConfig> {
    let kind = read.one("room_type", str::parse);
    let title = read.one("room_title", str::parse);
    let tags = read.list("room_tags", room::tags);
    let private = read.one("room_private", value::flag);
    let members = read.list("room_members", |texts| room::members(&texts));
    let room = RoomConfig {
        kind: kind?,
        title: title?,
        tags: tags?,
        private: private?,
        members: members?,
    };
    if let Some(message) = room::wrong_with_members(room.kind, &room.members) {
        read.complain("room_members", message);
    }
    Some(room)
}

/// Who is told when something is out of order, and who is told that nothing is.
fn watchers(read: &mut Reader<'_>, needs: Needs) -> WatchersConfig {
    if !needs.notices() {
        return WatchersConfig::default();
    }
    if needs == Needs::Notices {
        read.demand("notify_url", |key| {
            obtain(key, "make an incoming webhook in Slack or Mattermost, or give the address of a receiver of your own")
        });
    }
    let url = read.one("notify_url", location::secret_url);
    let secret = read.secret("notify_secret");
    WatchersConfig {
        notify: url.map(|url| NotifyConfig { url, secret }),
        heartbeat: read.one("heartbeat_url", location::secret_url),
    }
}

/// The drain delay and the grace period that contains it.
fn stop(read: &mut Reader<'_>) -> Option<(Duration, Duration)> {
    let drain = read.one("drain", value::duration);
    let grace = read.one("grace", value::duration_from(SECOND));
    let (drain, grace) = (drain?, grace?);
    if drain >= grace {
        read.complain("drain", "it must be shorter than grace, or no time is left to finish; shorten it or lengthen grace");
    }
    Some((drain, grace))
}

fn accepted(own: Option<&CallbackUrl>, others: Vec<CallbackUrl>) -> Vec<CallbackUrl> {
    let mut accepted: Vec<_> = own.cloned().into_iter().collect();
    for other in others {
        if !accepted.contains(&other) {
            accepted.push(other);
        }
    }
    accepted
}
