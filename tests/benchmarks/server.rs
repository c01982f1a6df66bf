//! What is measured, as a process on a processor of its own: boardroom, the limit program, or what a user might write instead.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::delivery::{Callback, SECRET};
use crate::limit::Work;
use crate::machine;

/// Nothing here needs as long to answer for the first time.
const START: Duration = Duration::from_mins(1);
/// How long a server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(10);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) callback: Callback,
    /// From the start of the process to its first 200.
    pub(crate) ready_after: Duration,
}

/// How boardroom is run.
#[derive(Debug, Clone)]
pub(crate) struct Boardroom {
    /// Everything that it may write lies here.
    pub(crate) folder: PathBuf,
    pub(crate) database: String,
    pub(crate) upstream: String,
    /// Writes to DocSpace in flight.
    pub(crate) writes: usize,
    pub(crate) sweep_every: &'static str,
}

impl Boardroom {
    /// On SQLite, in a folder that need not exist yet.
    pub(crate) fn on_sqlite(folder: &Path, upstream: String) -> Self {
        Self {
            folder: folder.into(),
            database: format!("sqlite://{}", folder.join("boardroom.db").display()),
            upstream,
            writes: 64,
            sweep_every: "5m",
        }
    }

    pub(crate) fn start(&self) -> Result<Server> {
        std::fs::create_dir_all(&self.folder)?;
        let address = free_address()?;
        let mut command = Command::new(program());
        command
            .arg("serve")
            .current_dir(&self.folder)
            .env_clear()
            .env("TRELLO_API_KEY", "0123456789abcdef0123456789abcdef")
            .env("TRELLO_TOKEN", format!("ATTA{}", "0".repeat(72)))
            .env("TRELLO_API_SECRET", SECRET)
            .env("ONLYOFFICE_API_HOST", &self.upstream)
            .env("ONLYOFFICE_API_KEY", format!("sk-{}", "ab".repeat(32)))
            .env("BOARDROOM_TRELLO_API_URL", &self.upstream)
            .env("BOARDROOM_LISTEN", address.to_string())
            .env("BOARDROOM_ADMIN_LISTEN", "off")
            .env("BOARDROOM_PUBLIC_URL", format!("http://{address}"))
            .env("BOARDROOM_DATABASE_URL", &self.database)
            .env("BOARDROOM_BRAKE", "off")
            .env("BOARDROOM_TRELLO_RATE", "1000000/10s")
            .env("BOARDROOM_DOCSPACE_WRITES", self.writes.to_string())
            .env("BOARDROOM_SWEEP_EVERY", self.sweep_every)
            .env("BOARDROOM_LOG", "warn");
        let callback = Callback {
            address,
            path: "/webhooks/trello",
        };
        Server::start(
            command,
            callback,
            "/readyz",
            &self.folder.join("boardroom.log"),
        )
    }
}

/// The built program; another one can be named.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("BOARDROOM_BIN").filter(|path| !path.is_empty());
    named.map_or_else(|| env!("CARGO_BIN_EXE_boardroom").into(), PathBuf::from)
}

impl Server {
    /// The limit program, which logs into this folder.
    pub(crate) fn limit(work: &Work, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let callback = Callback {
            address: free_address()?,
            path: "/",
        };
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("limit")
            .arg(callback.address.to_string())
            .arg(callback.url())
            .args(work.arguments());
        Self::start(command, callback, "/", &folder.join("limit.log"))
    }

    /// What a user might write instead, run by this uvicorn.
    pub(crate) fn peer(uvicorn: &Path, folder: &Path, upstream: &str) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let callback = Callback {
            address: free_address()?,
            path: "/trello",
        };
        let mut command = Command::new(uvicorn);
        command
            .args([
                "peer:app",
                "--no-access-log",
                "--log-level",
                "warning",
                "--host",
                "127.0.0.1",
                "--port",
            ])
            .arg(callback.address.port().to_string())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/benchmarks"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SECRET", SECRET)
            .env("CALLBACK", callback.url())
            .env("UPSTREAM", upstream);
        Self::start(command, callback, "/trello", &folder.join("peer.log"))
    }

    fn start(mut command: Command, callback: Callback, health: &str, log: &Path) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let file = File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let began = Instant::now();
        let child = machine::spawn(&mut command).with_context(|| format!("cannot start {name}"))?;
        let mut server = Self {
            child,
            callback,
            ready_after: Duration::ZERO,
        };
        while began.elapsed() < START {
            if let Some(status) = server.child.try_wait()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{name} ended with {status}: {}", said.trim());
            }
            if asked(server.callback.address, health).is_ok_and(|status| status == 200) {
                server.ready_after = began.elapsed();
                return Ok(server);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        bail!("{name} does not answer; its log is {}", log.display())
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as an orchestrator would.
    pub(crate) fn stop(mut self) -> Result<()> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(process.context("no such process")?, Signal::TERM)?;
        let end = Instant::now() + STOP;
        while Instant::now() < end {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("a server does not stop")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is no worse for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a `GET`.
fn asked(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(std::str::from_utf8(&head[9..])?.parse()?)
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?)
}
