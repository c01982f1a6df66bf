//! The commands as a person runs them: the built program with an environment of its own, beside the sandbox.
//! Every run is looked through for secrets, whatever it is about.
//!
//! On SQLite, unless `BOARDROOM_TEST_POSTGRES` names a PostgreSQL server. `tests/run` runs them on both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod boards;
mod check;
mod check_docspace;
mod check_public_url;
mod check_trello;
mod database;
mod explain;
mod link;
mod manager;
mod mirror;
mod plan;
mod service;
mod shell;
mod signature;
mod simulate;
mod sqlite;
mod trust;
mod webhooks;
mod words;

#[path = "../shared/holding.rs"]
mod holding;
#[path = "../shared/storage.rs"]
#[expect(
    dead_code,
    reason = "some of it serves tests that restart their server"
)]
mod storage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use boardroom::sandbox::{DocSpace, Sandbox, Trello};
use boardroom::store::{Postgres, Sqlite, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use crate::storage::Storage;

/// Far longer than anything here takes, so that a failure fails and nothing flickers.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A sandbox, a folder to work in, and the variables of the environment.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) storage: Storage,
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// Right in everything; without a public URL, so the application's secret is not needed.
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let folder = TempDir::new().unwrap();
        let storage = Storage::new(folder.path().join("data/boardroom.db")).await;
        let mut variables = BTreeMap::from([
            ("TRELLO_API_KEY", sandbox.trello.key()),
            ("TRELLO_TOKEN", sandbox.trello.token()),
            ("ONLYOFFICE_API_HOST", sandbox.docspace.url()),
            ("ONLYOFFICE_API_KEY", sandbox.docspace.api_key()),
            ("BOARDROOM_TRELLO_API_URL", sandbox.trello.url()),
            ("BOARDROOM_ADMIN_LISTEN", "off".to_owned()),
        ]);
        if let Some(url) = storage.url() {
            variables.insert("BOARDROOM_DATABASE_URL", url);
        }
        Self {
            sandbox,
            storage,
            folder,
            variables,
        }
    }

    /// The database of the program, which a service has made.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = match &self.storage {
            Storage::File(path) => Arc::new(Sqlite::open(path).await.unwrap()),
            Storage::Database(database) => Arc::new(Postgres::new(&database.url()).unwrap()),
        };
        store.open().await.unwrap();
        store
    }

    pub(crate) fn trello(&self) -> &Trello {
        &self.sandbox.trello
    }

    pub(crate) fn docspace(&self) -> &DocSpace {
        &self.sandbox.docspace
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables.insert(variable, value.into());
    }

    pub(crate) fn unset(&mut self, variable: &'static str) {
        self.variables.remove(variable);
    }

    /// A public URL, and the secret that it needs.
    pub(crate) fn publish(&mut self, url: impl Into<String>) {
        self.set("BOARDROOM_PUBLIC_URL", url);
        self.set("TRELLO_API_SECRET", self.trello().secret());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardroom"));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end, and looks for secrets in all that it said.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        self.finish(self.command(arguments)).await
    }

    /// Runs a script to its end, whose `$0` is the program.
    pub(crate) async fn shell(&self, script: &str) -> Finished {
        let mut command = Command::new("bash");
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_boardroom")])
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        self.finish(command).await
    }

    async fn finish(&self, mut command: Command) -> Finished {
        let output = command.output();
        let output = tokio::time::timeout(SOON, output).await.unwrap().unwrap();
        let finished = Finished {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for secret in self.secrets() {
            assert!(!finished.stdout.contains(&secret), "{}", finished.stdout);
            assert!(!finished.stderr.contains(&secret), "{}", finished.stderr);
        }
        finished
    }

    fn secrets(&self) -> [String; 4] {
        let trello = self.trello();
        [
            trello.key(),
            trello.token(),
            trello.secret(),
            self.docspace().api_key(),
        ]
    }

    /// Starts the service on a free port and waits until it says where it listens.
    pub(crate) async fn serve(&self) -> Running {
        self.serve_at("127.0.0.1:0").await
    }

    pub(crate) async fn serve_at(&self, address: &str) -> Running {
        let mut command = self.command(&["serve"]);
        command
            .env("BOARDROOM_LISTEN", address)
            .env("BOARDROOM_LOG_FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let address = tokio::time::timeout(SOON, listening(&mut stderr)).await;
        Running {
            address: address.unwrap(),
            child,
            _stderr: stderr,
        }
    }
}

/// A service; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Held open: a service whose log goes nowhere is another case.
    _stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Asks it to end, and waits until it has.
    pub(crate) async fn terminate(mut self) {
        let pid = self.child.id().unwrap().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.await.unwrap().success());
        let ended = tokio::time::timeout(SOON, self.child.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

async fn listening(stderr: &mut BufReader<ChildStderr>) -> SocketAddr {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).await.unwrap(), 0, "it ended");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["message"] == "boardroom serves" {
            return event["listen"].as_str().unwrap().parse().unwrap();
        }
    }
}

/// Something at the public URL that answers `HEAD` on the callback so, and says 418 to anything else.
pub(crate) async fn front(status: u16, headers: &[(&'static str, String)]) -> String {
    let given: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let router = Router::new().fallback(move |method: Method, uri: axum::http::Uri| async move {
        let asked = method == Method::HEAD && uri.path().ends_with("/webhooks/trello");
        let status = if asked { status } else { 418 };
        (StatusCode::from_u16(status).unwrap(), given)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// An address at which nobody listens. It is bound, so that no test beside this one gets it.
pub(crate) fn deserted() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

/// An address that was free a moment ago, for a service that must know its own beforehand.
pub(crate) fn vacant() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A line of `check`: its verdict, and its detail and fix in one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) verdict: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Finished {
    /// The findings of `check`, with lines that were broken put together.
    pub(crate) fn findings(&self) -> Vec<Line> {
        let mut findings: Vec<Line> = Vec::new();
        for line in self.stdout.lines().take_while(|line| !line.is_empty()) {
            match findings.last_mut() {
                Some(last) if line.starts_with(' ') => {
                    last.text.push(' ');
                    last.text.push_str(line.trim());
                }
                Some(_) | None => findings.push(Line {
                    verdict: line[..9].trim().to_owned(),
                    subject: line[9..27].trim().to_owned(),
                    text: line[27..].to_owned(),
                }),
            }
        }
        findings
    }

    /// The verdicts on one subject, in order.
    pub(crate) fn verdicts(&self, subject: &str) -> Vec<String> {
        let of = |line: Line| (line.subject == subject).then_some(line.verdict);
        self.findings().into_iter().filter_map(of).collect()
    }

    /// Asserts what `check` said about a subject that it named once, and that the text holds all of these.
    #[track_caller]
    pub(crate) fn found(&self, verdict: &str, subject: &str, words: &[&str]) {
        assert_eq!(self.verdicts(subject), [verdict], "{subject}\n{self:?}");
        let findings = self.findings();
        let line = findings.iter().find(|line| line.subject == subject);
        let text = &line.unwrap().text;
        for words in words {
            assert!(text.contains(words), "`{words}` in: {text}");
        }
    }

    /// Asserts that nothing but this failed, and that the exit code says so.
    #[track_caller]
    pub(crate) fn failed_only(&self, subjects: &[&str]) {
        let failed = |line: Line| (line.verdict == "FAILED").then_some(line.subject);
        let failed: Vec<String> = self.findings().into_iter().filter_map(failed).collect();
        assert_eq!(failed, subjects, "{}", self.stdout);
        assert_eq!(self.code, i32::from(!subjects.is_empty()), "{self:?}");
    }
}
