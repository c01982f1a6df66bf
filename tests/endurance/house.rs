//! The world of one chapter: a sandbox, a folder, and the service, or several, as processes that are killed and stopped.

#[path = "../shared/balancer.rs"]
mod balancer;
#[path = "../shared/fate.rs"]
mod fate;
#[path = "../shared/server.rs"]
pub(crate) mod server;
#[path = "../shared/storage.rs"]
#[expect(dead_code, reason = "some of it serves tests that share a server")]
pub(crate) mod storage;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use boardroom::model::title::normalised;
use boardroom::sandbox::{
    DocSpace, HandMadeRoom, MemberId, RoomId, Sandbox, Trello, UserId, UserRole, WorkspaceId,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::balancer::Balancer;
use self::server::Server;
use self::storage::Storage;

/// Far longer than anything takes that comes to an end at all.
pub(crate) const SOON: Duration = Duration::from_secs(40);

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) trello: Trello,
    pub(crate) docspace: DocSpace,
    /// Two that are watched, and one that is not although our member belongs to it.
    pub(crate) watched: [WorkspaceId; 2],
    pub(crate) elsewhere: WorkspaceId,
    /// Somebody else in Trello, and somebody else in DocSpace.
    pub(crate) teammate: MemberId,
    pub(crate) colleague: UserId,
    pub(crate) storage: Storage,
    /// On which the database is, if it is on one.
    pub(crate) server: Option<Server>,
    folder: TempDir,
    settings: Vec<(String, String)>,
    starts: usize,
    services: Vec<Service>,
    /// What stands before several.
    balancer: Option<Balancer>,
    /// Asked what DocSpace stores for a title; nobody else knows of it.
    scribe: Sandbox,
    _sandbox: Sandbox,
}

/// One of those that share the work.
#[derive(Debug)]
struct Service {
    port: u16,
    log: PathBuf,
    child: Option<Child>,
}

/// What `/readyz?verbose` says, of all that run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) sweeps: u64,
    pub(crate) audits: u64,
    pub(crate) paused: String,
}

impl House {
    /// For one service on a file, or for so many on a server.
    pub(crate) async fn new(replicas: Option<usize>) -> Self {
        let (sandbox, scribe) = (
            Sandbox::start().await.unwrap(),
            Sandbox::start().await.unwrap(),
        );
        let (trello, docspace) = (sandbox.trello.clone(), sandbox.docspace.clone());
        // The limits have stories of their own.
        docspace.without_limits();
        trello.without_rate_limits();
        trello.set_delivery_retries(&[50, 200, 800].map(Duration::from_millis));
        trello.set_head_timeout(Duration::from_secs(1));
        let watched = ["Sales Team", "Engine Room"].map(|name| trello.add_workspace(name));
        let elsewhere = trello.add_workspace("Elsewhere");
        let folder = tempfile::tempdir().unwrap();
        let services: Vec<_> = (0..replicas.unwrap_or(1)).map(|_| Service::new()).collect();
        let ports: Vec<_> = services.iter().map(|service| service.port).collect();
        let (mut server, mut balancer) = (None, None);
        let mut storage = Storage::File(folder.path().join("data/boardroom.db"));
        if replicas.is_some() {
            let its = server.insert(Server::away());
            its.start().await;
            storage = Storage::on(&its.url()).await;
            balancer = Some(Balancer::before(&ports).await);
        }
        let mut house = Self {
            teammate: trello.add_member("bob", "Bob Builder"),
            colleague: docspace.add_user("Cole", "cole@example.com", UserRole::RoomAdmin),
            trello,
            docspace,
            watched,
            elsewhere,
            storage,
            server,
            folder,
            settings: Vec::new(),
            starts: 0,
            services,
            balancer,
            scribe,
            _sandbox: sandbox,
        };
        house.configure();
        house
    }

    fn configure(&mut self) {
        let port = match &self.balancer {
            Some(balancer) => balancer.port(),
            None => self.services[0].port,
        };
        let address = format!("http://127.0.0.1:{port}");
        let log = std::env::var("BOARDROOM_SOAK_LOG").unwrap_or_else(|_| "info".to_owned());
        let settings = [
            ("TRELLO_API_KEY", self.trello.key()),
            ("TRELLO_TOKEN", self.trello.token()),
            ("TRELLO_API_SECRET", self.trello.secret()),
            ("ONLYOFFICE_API_HOST", self.docspace.url()),
            ("ONLYOFFICE_API_KEY", self.docspace.api_key()),
            ("BOARDROOM_TRELLO_API_URL", self.trello.url()),
            ("BOARDROOM_PUBLIC_URL", address),
            (
                "BOARDROOM_DATABASE_URL",
                self.storage.url().unwrap_or_default(),
            ),
            ("BOARDROOM_LOG", log),
            ("BOARDROOM_WORKSPACES", "Sales Team,Engine Room".to_owned()),
            ("BOARDROOM_TRELLO_RATE", "1000000/10s".to_owned()),
            ("BOARDROOM_TRELLO_TIMEOUT", "2s".to_owned()),
            ("BOARDROOM_DOCSPACE_TIMEOUT", "2s".to_owned()),
            ("BOARDROOM_SWEEP_EVERY", "1s".to_owned()),
            ("BOARDROOM_AUDIT_EVERY", "2s".to_owned()),
            ("BOARDROOM_DELETED_AFTER", "2s".to_owned()),
            ("BOARDROOM_BRAKE", "off".to_owned()),
            ("BOARDROOM_GRACE", "4s".to_owned()),
        ];
        self.settings = settings
            .map(|(name, value)| (name.to_owned(), value))
            .into();
    }

    /// Sets one more variable for every start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn starts(&self) -> usize {
        self.starts
    }

    pub(crate) fn services(&self) -> usize {
        self.services.len()
    }

    pub(crate) fn is_running(&self, index: usize) -> bool {
        self.services[index].child.is_some()
    }

    pub(crate) fn is_anybody_running(&self) -> bool {
        self.services.iter().any(|service| service.child.is_some())
    }

    /// Starts one that does not run, and returns at once.
    pub(crate) fn start(&mut self, index: usize) {
        if self.is_running(index) {
            return;
        }
        self.starts += 1;
        let log = self.folder().join(format!("serve-{}.log", self.starts));
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardroom"));
        let service = &self.services[index];
        command
            .arg("serve")
            .env_clear()
            .envs(self.settings.iter().cloned())
            .env("BOARDROOM_LISTEN", format!("127.0.0.1:{}", service.port))
            .env("BOARDROOM_ADMIN_LISTEN", "off")
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        let service = &mut self.services[index];
        service.log = log;
        service.child = Some(command.spawn().unwrap());
    }

    pub(crate) fn start_all(&mut self) {
        for index in 0..self.services.len() {
            self.start(index);
        }
    }

    /// They end only when they are told to.
    pub(crate) fn must_live(&mut self) {
        for service in &mut self.services {
            if let Some(child) = &mut service.child
                && let Some(status) = child.try_wait().unwrap()
            {
                let tail = service.log_tail();
                panic!("the service ended by itself, {status}:\n{tail}");
            }
        }
    }

    /// SIGKILL: nothing is ended, nothing is handed back.
    pub(crate) fn kill(&mut self, index: usize) {
        self.services[index].kill();
    }

    /// Sends a signal to a service that runs.
    pub(crate) fn signal(&self, index: usize, name: &str) {
        if let Some(child) = &self.services[index].child {
            let arguments = [format!("-{name}"), child.id().to_string()];
            let sent = Command::new("kill").args(arguments).status();
            assert!(sent.unwrap().success());
        }
    }

    /// SIGTERM, and the end that follows within the grace period.
    pub(crate) async fn stop(&mut self, index: usize) {
        self.signal(index, "TERM");
        // One that is frozen would not even notice.
        self.signal(index, "CONT");
        let service = &mut self.services[index];
        let Some(mut child) = service.child.take() else {
            return;
        };
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > SOON {
                child.kill().unwrap();
                panic!("the service does not end:\n{}", service.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn stop_all(&mut self) {
        for index in 0..self.services.len() {
            self.stop(index).await;
        }
    }

    /// Waits until DocSpace has done all that it was asked for, even by those who have left.
    pub(crate) async fn docspace_is_done(&self) {
        let begun = Instant::now();
        while self.docspace.writes_in_flight() > 0 || self.docspace.operations_under_way() > 0 {
            assert!(begun.elapsed() < SOON, "DocSpace does not come to an end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What all that run have counted; nothing while none answers.
    pub(crate) async fn figures(&self) -> Option<Figures> {
        let mut all: Option<Figures> = None;
        for service in &self.services {
            if let Some(figures) = service.figures().await {
                let all = all.get_or_insert_default();
                all.sweeps += figures.sweeps;
                all.audits += figures.audits;
                all.paused.push_str(&figures.paused);
            }
        }
        all
    }

    /// What a room is called whose board has this name.
    pub(crate) fn stored(&self, name: &str) -> String {
        let scribe = &self.scribe.docspace;
        let id: RoomId = scribe.create_room(HandMadeRoom::titled(&normalised(name)));
        let title = scribe.room(id).unwrap().title;
        scribe.delete_room(id);
        title
    }

    /// Keeps the folders with logs and database; says where.
    pub(crate) fn keep(&mut self) -> String {
        for service in &mut self.services {
            service.kill();
        }
        self.folder.disable_cleanup(true);
        let server = self.server.as_mut().map(Server::keep);
        let places: Vec<_> = [Some(self.folder().to_owned()), server]
            .into_iter()
            .flatten()
            .map(|place| place.display().to_string())
            .collect();
        places.join(", ")
    }
}

impl Service {
    /// One that does not run yet. Another test may take its port in between; the system hands them out in turn, so that is rare.
    fn new() -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
            log: PathBuf::new(),
            child: None,
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    async fn figures(&self) -> Option<Figures> {
        self.child.as_ref()?;
        let exchange = async {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
            let request =
                "GET /readyz?verbose HTTP/1.1\r\nHost: boardroom\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(2), exchange)
            .await
            .ok()?
            .ok()?;
        let details: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let count = |name: &str| details["counters"][name].as_u64().unwrap_or_default();
        let paused = details["paused"]
            .as_array()
            .filter(|paused| !paused.is_empty());
        Some(Figures {
            sweeps: count("sweeps"),
            audits: count("audits"),
            paused: paused
                .map(|paused| Value::from(paused.clone()).to_string())
                .unwrap_or_default(),
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
