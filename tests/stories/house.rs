//! A sandbox, a folder, and the service as a process that can be killed. Waits are for conditions, never for time.

#[path = "../shared/balancer.rs"]
mod balancer;
#[path = "../shared/fate.rs"]
mod fate;
#[path = "../shared/holding.rs"]
mod holding;
#[path = "../shared/server.rs"]
#[expect(dead_code, reason = "some of it serves longer stories")]
pub(crate) mod server;
#[path = "../shared/storage.rs"]
mod storage;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use boardroom::sandbox::{DocSpace, NewBoard, Sandbox, Trello, WorkspaceId};
use tempfile::TempDir;

use self::balancer::Balancer;
use self::server::Server;
use self::storage::Storage;

/// Far longer than anything here takes, so that a failure fails and nothing flickers.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The world of one story.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) trello: Trello,
    pub(crate) docspace: DocSpace,
    pub(crate) workspace: WorkspaceId,
    pub(crate) port: u16,
    pub(crate) storage: Storage,
    folder: TempDir,
    settings: Vec<(String, String)>,
    starts: usize,
    /// The ports of services that share the work, and what stands before them.
    replicas: Vec<u16>,
    balancer: Option<Balancer>,
    _sandbox: Sandbox,
}

/// A running service; killed when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
    pub(crate) port: u16,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(folder.path().join("data/boardroom.db")).await;
        Self::keeping(storage, folder).await
    }

    /// With a server of its own, which need not be there yet.
    pub(crate) async fn on(server: &Server) -> Self {
        let storage = Storage::of(&server.url());
        Self::keeping(storage, tempfile::tempdir().unwrap()).await
    }

    async fn keeping(storage: Storage, folder: TempDir) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let (trello, docspace) = (sandbox.trello.clone(), sandbox.docspace.clone());
        // The limits have stories of their own.
        docspace.without_limits();
        let workspace = trello.add_workspace("Sales Team");
        let port = free_port();
        let mut house = Self {
            trello,
            docspace,
            workspace,
            port,
            storage,
            folder,
            settings: Vec::new(),
            starts: 0,
            replicas: Vec::new(),
            balancer: None,
            _sandbox: sandbox,
        };
        if let Some(url) = house.storage.url() {
            house.set("BOARDROOM_DATABASE_URL", &url);
        }
        house.set("TRELLO_API_KEY", &house.trello.key());
        house.set("TRELLO_TOKEN", &house.trello.token());
        house.set("TRELLO_API_SECRET", &house.trello.secret());
        house.set("ONLYOFFICE_API_HOST", &house.docspace.url());
        house.set("ONLYOFFICE_API_KEY", &house.docspace.api_key());
        house.set("BOARDROOM_TRELLO_API_URL", &house.trello.url());
        house.set("BOARDROOM_LOG", "debug");
        house.set("BOARDROOM_ADMIN_LISTEN", "off");
        house.receive_at(port);
        house
    }

    /// For so many services that share the work, behind one address.
    pub(crate) async fn shared_by(mut self, count: usize) -> Self {
        self.replicas = (0..count).map(|_| free_port()).collect();
        let balancer = Balancer::before(&self.replicas).await;
        self.receive_at(balancer.port());
        self.balancer = Some(balancer);
        self
    }

    fn receive_at(&mut self, port: u16) {
        self.port = port;
        self.set("BOARDROOM_LISTEN", &format!("127.0.0.1:{port}"));
        self.set("BOARDROOM_PUBLIC_URL", &format!("http://127.0.0.1:{port}"));
    }

    /// Sets a variable for the next start; an empty value counts as unset.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary with this house's settings, in its folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardroom"));
        command
            .args(arguments)
            .env_clear()
            .envs(self.settings.iter().cloned())
            .current_dir(self.folder.path());
        command
    }

    /// Starts the service and returns at once.
    pub(crate) fn spawn(&mut self) -> Service {
        self.spawn_at(&self.setting("BOARDROOM_LISTEN"))
    }

    pub(crate) fn places(&self) -> usize {
        self.replicas.len()
    }

    /// Starts one of the services that share the work, and returns at once.
    pub(crate) fn replica(&mut self, index: usize) -> Service {
        self.spawn_at(&format!("127.0.0.1:{}", self.replicas[index]))
    }

    fn spawn_at(&mut self, address: &str) -> Service {
        self.starts += 1;
        let log = self
            .folder
            .path()
            .join(format!("serve-{}.log", self.starts));
        let file = File::create(&log).unwrap();
        let child = self
            .command(&["serve"])
            .env("BOARDROOM_LISTEN", address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        let port = port.parse().unwrap();
        Service { child, log, port }
    }

    /// Starts the service and waits until it has registered its webhooks and has swept and audited once.
    pub(crate) async fn start(&mut self) -> Service {
        self.let_leases_run_out().await;
        let mut service = self.spawn();
        self.settled(&mut service).await;
        service
    }

    /// On a server no service knows that it is alone there: it would wait for the leases of one that is dead.
    pub(crate) async fn let_leases_run_out(&self) {
        if let Storage::Database(database) = &self.storage {
            for leases in [
                "UPDATE board SET lease_until = 0 WHERE lease_until IS NOT NULL",
                "UPDATE lease SET until = 0",
            ] {
                // There is nothing to run out before the first start.
                let _ = database.execute(leases).await;
            }
        }
    }

    /// As another service leaves a server's database that begins at the same moment: it has a table to note migrations in, and no more.
    pub(crate) async fn half_made(&self) {
        if let Storage::Database(database) = &self.storage {
            let table = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
                installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
                execution_time BIGINT NOT NULL)";
            database.execute(table).await.unwrap();
        }
    }

    pub(crate) async fn settled(&self, service: &mut Service) {
        service.logged("watching").await;
        service.logged("looked over all our rooms").await;
        if !self.setting("BOARDROOM_PUBLIC_URL").is_empty() {
            let callback = self.callback();
            let all = |trello: &Trello| {
                let ours = |model: &str| {
                    trello
                        .webhooks_on(model)
                        .iter()
                        .any(|hook| hook.callback_url == callback && hook.active)
                };
                ours(&self.workspace) && ours(&trello.member())
            };
            self.trello.wait_until(all, SOON).await.unwrap();
        }
        service.logged("swept").await;
    }

    pub(crate) fn setting(&self, name: &str) -> String {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub(crate) fn callback(&self) -> String {
        format!("{}/webhooks/trello", self.setting("BOARDROOM_PUBLIC_URL"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A new board in the watched workspace, with its deliveries.
    pub(crate) fn board(&self, name: &str) -> boardroom::sandbox::BoardId {
        self.trello
            .create_board(NewBoard::named(name).in_workspace(&self.workspace))
    }

    /// Lets every delivery be lost, as after an outage of more than three and a half minutes.
    pub(crate) fn silent(&self, name: &str) -> boardroom::sandbox::BoardId {
        self.trello.create_board(
            NewBoard::named(name)
                .in_workspace(&self.workspace)
                .silently(),
        )
    }

    /// Waits until there are just so many rooms.
    pub(crate) async fn rooms(&self, count: usize) {
        let waited = self
            .docspace
            .wait_until(|docspace| docspace.room_count() >= count, SOON)
            .await;
        let titles: Vec<_> = self
            .docspace
            .rooms()
            .into_iter()
            .map(|room| room.title)
            .collect();
        waited.unwrap_or_else(|_| panic!("{count} rooms were to be there, not {titles:?}"));
        assert_eq!(self.docspace.room_count(), count, "{titles:?}");
    }

    /// Waits until a board has this status and reason in the database.
    pub(crate) async fn status(&self, board: &str, wanted: &str) {
        let query =
            format!("SELECT status || coalesce(' ' || reason, '') FROM board WHERE id = '{board}'");
        eventually(&format!("{board} is {wanted}"), || async {
            self.text(&query).await.as_deref() == Some(wanted)
        })
        .await;
    }

    /// The number that a query answers with; 0 while it cannot be asked.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let counts = self.storage.all(sql).await.unwrap_or_default();
        counts.first().copied().unwrap_or(0)
    }

    async fn text(&self, sql: &str) -> Option<String> {
        self.storage.all(sql).await.unwrap().pop()
    }

    /// Lets time pass for everything that the database remembers.
    pub(crate) async fn age(&self, span: Duration) {
        self.storage.age(span, "1 = 1").await;
    }
}

impl Service {
    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log says so.
    pub(crate) async fn logged(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.log().contains(words) {
            self.must_live();
            assert!(
                begun.elapsed() < SOON,
                "the log never said `{words}`: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// It ends only when it is told to.
    pub(crate) fn must_live(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the service ended: {}", self.log());
    }

    /// SIGKILL: nothing is ended, nothing is handed back.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                begun.elapsed() < SOON,
                "the service does not end: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().filter(|line| !line.contains("DEBUG")).collect();
            eprintln!(
                "---- log of the service ----\n{}",
                lines[lines.len().saturating_sub(40)..].join("\n")
            );
        }
    }
}

/// Waits for a condition that nobody announces.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl FnMut() -> F) {
    within(SOON, what, condition).await;
}

/// The same, for what may take longer than most.
pub(crate) async fn within<F: Future<Output = bool>>(
    span: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < span, "it never came to be that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A port that was free a moment ago, and none that this test was given before. Another test may take it in between, which is rare.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}
