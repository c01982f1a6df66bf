//! The stage of a browser: the sandbox, the service with its pages, and a script for Node that drives the browser. The script gives cues by
//! lines on its output, such as `board NAME`; each is done here, and answered by a line.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use boardroom::sandbox::{
    Answer, DocSpace, Effect, Fault, FaultId, NewBoard, Sandbox, Trello, WorkspaceId,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Far longer than anything here takes, so that a failure fails and nothing flickers.
const SOON: Duration = Duration::from_secs(40);
pub(crate) const TOKEN: &str = "the-token-of-the-browser-tests";
const ROOMS: &str = "/api/2.0/files/rooms";

#[derive(Debug)]
pub(crate) struct Stage {
    trello: Trello,
    docspace: DocSpace,
    workspace: WorkspaceId,
    faults: Vec<FaultId>,
    settings: Vec<(&'static str, String)>,
    admin: u16,
    folder: TempDir,
    service: Option<Child>,
    _sandbox: Sandbox,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let (trello, docspace) = (sandbox.trello.clone(), sandbox.docspace.clone());
        docspace.without_limits();
        let workspace = trello.add_workspace("Acme Works");
        let (public, admin) = (free_port(), free_port());
        let settings = vec![
            ("TRELLO_API_KEY", trello.key()),
            ("TRELLO_TOKEN", trello.token()),
            ("TRELLO_API_SECRET", trello.secret()),
            ("ONLYOFFICE_API_HOST", docspace.url()),
            ("ONLYOFFICE_API_KEY", docspace.api_key()),
            ("BOARDROOM_TRELLO_API_URL", trello.url()),
            ("BOARDROOM_LISTEN", format!("127.0.0.1:{public}")),
            ("BOARDROOM_PUBLIC_URL", format!("http://127.0.0.1:{public}")),
            ("BOARDROOM_ADMIN_LISTEN", format!("127.0.0.1:{admin}")),
            ("BOARDROOM_ADMIN_TOKEN", TOKEN.to_owned()),
        ];
        Self {
            trello,
            docspace,
            workspace,
            faults: Vec::new(),
            settings,
            admin,
            folder: tempfile::tempdir().unwrap(),
            service: None,
            _sandbox: sandbox,
        }
    }

    /// Where the service will have its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data/boardroom.db")
    }

    pub(crate) fn setting(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    /// Starts the service and waits until its pages answer.
    pub(crate) async fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_boardroom"))
            .arg("serve")
            .env_clear()
            .envs(
                self.settings
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.service = Some(child.unwrap());
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.admin))
            .await
            .is_err()
        {
            assert!(
                begun.elapsed() < SOON,
                "the pages never answered: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGTERM, and a clean end, whoever looks at a page.
    pub(crate) async fn stop(&mut self) {
        let mut service = self.service.take().unwrap();
        let id = service.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let begun = Instant::now();
        loop {
            if let Some(status) = service.try_wait().unwrap() {
                assert!(status.success(), "{status}: {}", self.log());
                return;
            }
            assert!(
                begun.elapsed() < SOON,
                "the service does not end: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets a script drive the browser to its end.
    pub(crate) async fn play(&mut self, script: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        let missing =
            "what the browser tests need is missing: run tests/run, or npm ci in tests/browser";
        assert!(
            folder.join("node_modules/playwright-core").exists(),
            "{missing}"
        );
        let mut player = tokio::process::Command::new("node")
            .arg(folder.join(script))
            .env("BOARDROOM_PAGE", format!("http://127.0.0.1:{}", self.admin))
            .env("BOARDROOM_TOKEN", TOKEN)
            .env("BOARDROOM_PROFILE", self.folder.path().join("browser"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("node cannot be started ({error}): install nodejs"));
        let mut answers = player.stdin.take().unwrap();
        let mut cues = BufReader::new(player.stdout.take().unwrap()).lines();
        while let Some(line) = cues.next_line().await.unwrap() {
            match line.strip_prefix("cue ") {
                Some(cue) => {
                    self.follow(cue).await;
                    answers.write_all(b"done\n").await.unwrap();
                }
                None => said(&line),
            }
        }
        let status = player.wait().await.unwrap();
        assert!(
            status.success(),
            "{script} failed; the service said:\n{}",
            self.log()
        );
    }

    async fn follow(&mut self, cue: &str) {
        let (word, name) = cue.split_once(' ').unwrap_or((cue, ""));
        match word {
            "board" => {
                let new = NewBoard::named(name).in_workspace(&self.workspace);
                self.trello.create_board(new);
            }
            "refuse" => {
                let refused = Answer::exception(400, "System.ArgumentException", "no");
                let fault = Fault::on("POST", ROOMS, Effect::Answer(refused)).about(name);
                self.faults.push(self.docspace.fail(fault));
            }
            "revoke" => self.docspace.revoke_key(),
            "restore" => self.docspace.restore_key(),
            "allow" => {
                for fault in self.faults.drain(..) {
                    self.docspace.clear(fault);
                }
            }
            "restart" => {
                self.stop().await;
                self.start().await;
            }
            "stop" => self.stop().await,
            "start" => self.start().await,
            "rooms" => {
                let count = name.parse().unwrap();
                let there = self
                    .docspace
                    .wait_until(|now| now.room_count() >= count, SOON);
                there.await.unwrap();
            }
            other => panic!("the script gives an unknown cue: {other}"),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

/// What the script says beside its cues: the figures that it measured.
fn said(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
