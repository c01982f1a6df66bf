//! The world of one chapter: a sandbox, a folder, and the service as a process that is killed, stopped and robbed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use boardroom::model::title::normalised;
use boardroom::sandbox::{
    DocSpace, HandMadeRoom, MemberId, RoomId, Sandbox, Trello, UserId, UserRole, WorkspaceId,
};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::row::Row;

/// Far longer than anything takes that comes to an end at all.
pub(crate) const SOON: Duration = Duration::from_secs(40);
/// The files of a database.
const FILES: [&str; 3] = ["boardroom.db", "boardroom.db-wal", "boardroom.db-shm"];

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
    port: u16,
    folder: Option<TempDir>,
    settings: Vec<(String, String)>,
    starts: usize,
    service: Option<Child>,
    /// Asked what DocSpace stores for a title; nobody else knows of it.
    scribe: Sandbox,
    _sandbox: Sandbox,
}

/// What `/readyz?verbose` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) sweeps: u64,
    pub(crate) audits: u64,
    pub(crate) paused: String,
}

impl House {
    pub(crate) async fn new() -> Self {
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
        let mut house = Self {
            teammate: trello.add_member("bob", "Bob Builder"),
            colleague: docspace.add_user("Cole", "cole@example.com", UserRole::RoomAdmin),
            trello,
            docspace,
            watched,
            elsewhere,
            port: free_port(),
            folder: Some(tempfile::tempdir().unwrap()),
            settings: Vec::new(),
            starts: 0,
            service: None,
            scribe,
            _sandbox: sandbox,
        };
        house.configure();
        house
    }

    fn configure(&mut self) {
        let address = format!("127.0.0.1:{}", self.port);
        let log = std::env::var("BOARDROOM_SOAK_LOG").unwrap_or_else(|_| "info".to_owned());
        let settings = [
            ("TRELLO_API_KEY", self.trello.key()),
            ("TRELLO_TOKEN", self.trello.token()),
            ("TRELLO_API_SECRET", self.trello.secret()),
            ("ONLYOFFICE_API_HOST", self.docspace.url()),
            ("ONLYOFFICE_API_KEY", self.docspace.api_key()),
            ("BOARDROOM_TRELLO_API_URL", self.trello.url()),
            ("BOARDROOM_PUBLIC_URL", format!("http://{address}")),
            ("BOARDROOM_LISTEN", address),
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
        self.folder.as_ref().expect("it goes with the house").path()
    }

    pub(crate) fn starts(&self) -> usize {
        self.starts
    }

    pub(crate) fn is_running(&self) -> bool {
        self.service.is_some()
    }

    /// Starts the service and returns at once.
    pub(crate) fn start(&mut self) {
        self.starts += 1;
        let log = File::create(self.log_file()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardroom"));
        command
            .arg("serve")
            .env_clear()
            .envs(self.settings.iter().cloned())
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.service = Some(command.spawn().unwrap());
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join(format!("serve-{}.log", self.starts))
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The service ends only when it is told to.
    pub(crate) fn must_live(&mut self) {
        if let Some(service) = &mut self.service
            && let Some(status) = service.try_wait().unwrap()
        {
            panic!(
                "the service ended by itself, {status}:\n{}",
                self.log_tail()
            );
        }
    }

    /// SIGKILL: nothing is ended, nothing is handed back.
    pub(crate) fn kill(&mut self) {
        if let Some(mut service) = self.service.take() {
            service.kill().unwrap();
            service.wait().unwrap();
        }
    }

    /// Sends a signal to a service that runs.
    pub(crate) fn signal(&self, name: &str) {
        if let Some(service) = &self.service {
            let arguments = [format!("-{name}"), service.id().to_string()];
            let sent = Command::new("kill").args(arguments).status();
            assert!(sent.unwrap().success());
        }
    }

    /// SIGTERM, and the end that follows within the grace period.
    pub(crate) async fn stop(&mut self) {
        self.signal("TERM");
        // One that is frozen would not even notice.
        self.signal("CONT");
        let Some(mut service) = self.service.take() else {
            return;
        };
        let begun = Instant::now();
        while service.try_wait().unwrap().is_none() {
            if begun.elapsed() > SOON {
                service.kill().unwrap();
                panic!("the service does not end:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
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

    /// What the service counts; nothing while it does not answer.
    pub(crate) async fn figures(&self) -> Option<Figures> {
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

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    async fn open_database(&self) -> Option<SqliteConnection> {
        let file = self.data().join(FILES[0]);
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .busy_timeout(SOON);
        if !file.exists() {
            return None;
        }
        Some(SqliteConnection::connect_with(&options).await.unwrap())
    }

    /// All boards as the database has them; none while there is no database.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        let Some(mut database) = self.open_database().await else {
            return Vec::new();
        };
        let rows = sqlx::query("SELECT * FROM board")
            .fetch_all(&mut database)
            .await;
        database.close().await.unwrap();
        // A database of a moment ago has no tables yet.
        rows.unwrap_or_default().iter().map(Row::read).collect()
    }

    /// What the history says of a board, the newest last.
    pub(crate) async fn history(&self, board: &str) -> Vec<String> {
        let Some(mut database) = self.open_database().await else {
            return Vec::new();
        };
        let query = format!(
            "SELECT strftime('%H:%M:%f', at / 1000.0, 'unixepoch') || ' ' || event || ': ' || detail FROM history WHERE board = '{board}' ORDER BY id"
        );
        let lines = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&mut database)
            .await;
        database.close().await.unwrap();
        lines.unwrap_or_default()
    }

    /// Lets time pass for everything that waits in the database.
    pub(crate) async fn age(&self, span: Duration) {
        let ms = span.as_millis();
        let Some(mut database) = self.open_database().await else {
            return;
        };
        let board = format!(
            "UPDATE board SET due_at = due_at - {ms}, intent_at = intent_at - {ms}, failing_since = failing_since - {ms}, since = since - {ms},
                closed_at = closed_at - {ms}, gone_at = gone_at - {ms}, missing_at = missing_at - {ms},
                changes = CASE WHEN changes IS NOT NULL THEN
                    (SELECT json_group_array(json_set(value, '$.at', json_extract(value, '$.at') - {ms})) FROM json_each(changes)) END
             WHERE lease_until IS NULL"
        );
        let lane = format!("UPDATE lane SET until = until - {ms}, since = since - {ms}");
        for sql in [board, lane] {
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut database)
                .await
                .unwrap();
        }
        database.close().await.unwrap();
    }

    /// Loses the database of a service that does not run.
    pub(crate) fn lose_database(&self) {
        assert!(!self.is_running());
        for file in FILES {
            let _ = fs::remove_file(self.data().join(file));
        }
    }

    /// Copies the database of a service that does not run.
    pub(crate) fn back_up(&self) {
        assert!(!self.is_running());
        copy(&self.data(), &self.folder().join("backup"));
    }

    /// Puts the copy back.
    pub(crate) fn restore_backup(&self) {
        self.lose_database();
        copy(&self.folder().join("backup"), &self.data());
    }

    /// What a room is called whose board has this name.
    pub(crate) fn stored(&self, name: &str) -> String {
        let scribe = &self.scribe.docspace;
        let id: RoomId = scribe.create_room(HandMadeRoom::titled(&normalised(name)));
        let title = scribe.room(id).unwrap().title;
        scribe.delete_room(id);
        title
    }

    /// Keeps the folder with its logs and database; says where.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.kill();
        self.folder.take().expect("it is kept once").keep()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in FILES {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

/// A port that was free a moment ago. Another test may take it in between; the system hands them out in turn, so that is rare.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
