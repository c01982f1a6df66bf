//! A PostgreSQL server of one test's own, which may be stopped and started as the test likes. `tests/postgres` does it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Nobody pulls the plug on the whole machine: a server that was killed finds all that it had written.
const SETTINGS: [&str; 4] = [
    "fsync=off",
    "shared_buffers=32MB",
    "max_connections=100",
    "max_wal_size=128MB",
];

#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it is told to: what is under way is undone, and everybody is sent away.
    Fast,
    /// As by a crash.
    Immediate,
}

impl Server {
    /// One that was never started.
    pub(crate) fn away() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: listener.local_addr().unwrap().port(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://boardroom@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) async fn start(&self) {
        let mut arguments = vec!["start".to_owned(), self.place(), self.port.to_string()];
        arguments.extend(SETTINGS.map(str::to_owned));
        let mut start = tokio::process::Command::from(script(&arguments));
        let ended = start.output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{said}");
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn stop(&self, end: End) {
        let mut stop = tokio::process::Command::from(script(&self.stopping(end)));
        assert!(stop.status().await.unwrap().success());
    }

    /// Leaves its folder where it is, for somebody to look into; says where.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    fn stopping(&self, end: End) -> [String; 3] {
        let mode = match end {
            End::Fast => "fast",
            End::Immediate => "immediate",
        };
        ["stop".to_owned(), self.place(), mode.to_owned()]
    }

    fn place(&self) -> String {
        self.folder.path().display().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            let _ = script(&self.stopping(End::Immediate)).status();
        }
    }
}

fn script(arguments: &[String]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
    let mut command = Command::new(script);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
