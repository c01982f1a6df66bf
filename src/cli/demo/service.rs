//! The service under demonstration: this very program as a process of its own, so that killing it is a real kill.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::api;
use crate::sandbox::Sandbox;

/// Far longer than any step takes, so that only what does not happen at all counts as missed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How often the service is asked for figures that nobody else can tell.
const POLL: Duration = Duration::from_millis(20);
const LOG: &str = "service.log";
/// How much of the log is shown when something went wrong.
const LAST_LINES: usize = 15;

/// `boardroom serve` with an environment of its own. Killed when dropped.
#[derive(Debug)]
pub(super) struct Service {
    folder: PathBuf,
    url: String,
    page: String,
    environment: Vec<(&'static str, String)>,
    http: reqwest::Client,
    child: Child,
}

/// What `/readyz?verbose` tells.
#[derive(Debug, Deserialize)]
pub(super) struct Figures {
    pub(super) ready: bool,
    paused: Vec<Paused>,
    counters: BTreeMap<String, u64>,
}

/// A service that boards wait for.
#[derive(Debug, Deserialize)]
struct Paused {
    lane: String,
    reason: String,
}

impl Figures {
    /// A counter since the process began; 0 when there is none of that name.
    pub(super) fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// Why boards wait for a service, if they do.
    pub(super) fn paused(&self, lane: &str) -> Option<&str> {
        let paused = self.paused.iter().find(|paused| paused.lane == lane)?;
        Some(&paused.reason)
    }
}

impl Service {
    /// Starts the service against the sandbox, on a free port, with its files in `folder`.
    pub(super) fn start(folder: &Path, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let [address, admin] = free_addresses().context("there is no free port on 127.0.0.1")?;
        let url = format!("http://{address}");
        let (trello, docspace) = (&sandbox.trello, &sandbox.docspace);
        let environment = vec![
            ("TRELLO_API_KEY", trello.key()),
            ("TRELLO_TOKEN", trello.token()),
            ("TRELLO_API_SECRET", trello.secret()),
            ("ONLYOFFICE_API_HOST", docspace.url()),
            ("ONLYOFFICE_API_KEY", docspace.api_key()),
            ("BOARDROOM_TRELLO_API_URL", trello.url()),
            ("BOARDROOM_LISTEN", address.to_string()),
            ("BOARDROOM_ADMIN_LISTEN", admin.to_string()),
            ("BOARDROOM_PUBLIC_URL", url.clone()),
            // In the folder that it runs in: a relative path holds nothing that would have to be escaped.
            ("BOARDROOM_DATABASE_URL", "sqlite://boardroom.db".to_owned()),
            // So rarely that what is shown is the deliveries' doing.
            ("BOARDROOM_SWEEP_EVERY", "1h".to_owned()),
            ("BOARDROOM_LOG_FORMAT", "text".to_owned()),
        ];
        let options = api::Options {
            timeout: Duration::from_secs(5),
            ..api::Options::default()
        };
        Ok(Self {
            child: spawn(folder, &environment)?,
            folder: folder.to_owned(),
            url,
            page: format!("http://{admin}"),
            environment,
            http: api::client(&options)?,
        })
    }

    /// Kills it as a power cut would: no signal that it could handle, nothing that it could still write.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .context("the service could not be killed")
    }

    /// Starts it again as it was, on the same port and database.
    pub(super) fn start_again(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&self.folder, &self.environment)?;
        Ok(())
    }

    /// Returns when it ends by itself.
    pub(super) async fn ended(&mut self) -> String {
        said(self.child.wait().await)
    }

    /// The process, while it lives.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The status page.
    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// The URL under which Trello delivers.
    pub(super) fn callback(&self) -> String {
        format!("{}/webhooks/trello", self.url)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// The end of its log.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let mut lines: Vec<_> = log.lines().rev().take(LAST_LINES).collect();
        lines.reverse();
        lines.into_iter().map(str::to_owned).collect()
    }

    /// The status of `/readyz`.
    pub(super) async fn readiness(&self) -> anyhow::Result<u16> {
        Ok(self.get("/readyz").await?.status)
    }

    pub(super) async fn figures(&self) -> anyhow::Result<Figures> {
        let reply = self.get("/readyz?verbose").await?;
        reply
            .json()
            .context("what /readyz?verbose says cannot be read")
    }

    /// Asks until the figures are as expected. `what` is said when they never are.
    pub(super) async fn until(
        &mut self,
        what: &str,
        is_so: impl Fn(&Figures) -> bool,
    ) -> anyhow::Result<Figures> {
        let begun = Instant::now();
        loop {
            if let Some(ended) = self.child.try_wait().transpose() {
                bail!("{what}: the service ended by itself ({})", said(ended));
            }
            // It may be starting; whether it answers at all is decided by the time that is left.
            let answer = self.figures().await;
            if let Ok(figures) = &answer
                && is_so(figures)
            {
                return answer;
            }
            if begun.elapsed() > PATIENCE {
                bail!("{what} (waited {} s)", PATIENCE.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn get(&self, path: &str) -> anyhow::Result<api::Reply> {
        let request = self.http.get(format!("{}{path}", self.url));
        api::send(request, &api::Caller::default())
            .await
            .with_context(|| format!("the service does not answer at {path}"))
    }
}

/// Ports that were free a moment ago. The service must know them before it binds them, for one belongs to the callback URL.
fn free_addresses() -> std::io::Result<[SocketAddr; 2]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // Both at once, or they might be the same.
    let (one, other) = (bind()?, bind()?);
    Ok([one.local_addr()?, other.local_addr()?])
}

fn spawn(folder: &Path, environment: &[(&str, String)]) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join(LOG))
        .context("cannot write in the temporary folder")?;
    let environment = environment.iter().map(|(name, value)| (*name, value));
    Command::new(&program)
        .arg("serve")
        .current_dir(folder)
        // Neither the settings of whoever looks on, nor a proxy.
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

fn said(ended: std::io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}
