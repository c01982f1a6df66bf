//! The services that boardroom calls, as a load target: the routes that a mirror of boards needs, in their real shapes, on one thread.
//! The sandbox of the crate knows far more of the real services; this one only bears the load, and counts what it is asked and does not know.

mod docspace;
mod server;
mod trello;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use tokio::sync::watch;

use crate::delivery::{Run, WORKSPACE};

/// How long each service takes for an answer, and what was there before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) trello: Duration,
    pub(crate) docspace: Duration,
    /// Boards of the workspace that are years old.
    pub(crate) old_boards: u32,
}

impl Settings {
    /// What the two services take for most calls.
    pub(crate) const USUAL: Self = Self {
        trello: Duration::from_millis(20),
        docspace: Duration::from_millis(50),
        old_boards: 0,
    };
}

/// Both services on one address. They end when it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    world: Arc<World>,
    thread: server::Thread,
}

pub(crate) struct World {
    settings: Settings,
    state: Mutex<State>,
    /// While this is set, nobody is answered.
    held: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    runs: Vec<Run>,
    rooms: Vec<Room>,
    by_tag: HashMap<String, Vec<usize>>,
    webhooks: BTreeMap<String, Value>,
    /// Callback URL and model of each webhook.
    registered: HashSet<(String, String)>,
    next_id: u64,
    counts: Counts,
}

/// What it was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    /// Lists of the workspace's boards.
    pub(crate) lists: u64,
    /// Routes that a mirror should not need: then this file is wrong, and so is every figure.
    pub(crate) strange: BTreeMap<String, u64>,
    /// When the last room was made.
    pub(crate) last_room: Option<Instant>,
}

struct Room {
    title: String,
    tags: Vec<String>,
    kind: i64,
    created: jiff::Timestamp,
}

impl Upstream {
    pub(crate) fn start(settings: Settings) -> Result<Self> {
        let world = Arc::new(World {
            settings,
            state: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let (address, thread) = server::start(world.clone())?;
        Ok(Self {
            address,
            world,
            thread,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nobody is answered: whoever works beside acknowledging stops.
    pub(crate) fn hold(&self) {
        self.world.held.send_replace(true);
    }

    /// Boards that are made from now on: the workspace lists each from the moment that it is told of.
    pub(crate) fn new_run(&self) -> Run {
        let run = Run::new();
        self.world.state().runs.push(run.clone());
        run
    }

    pub(crate) fn counts(&self) -> Counts {
        self.world.state().counts.clone()
    }

    pub(crate) fn rooms(&self) -> usize {
        self.world.state().rooms.len()
    }

    /// Rooms of which another one has the same tag of a board.
    pub(crate) fn twins(&self) -> usize {
        let state = self.world.state();
        let of_boards = state
            .by_tag
            .iter()
            .filter(|(tag, _)| tag.starts_with("trello board "));
        of_boards.map(|(_, rooms)| rooms.len() - 1).sum()
    }

    /// The boards with a webhook of their own.
    pub(crate) fn followed_boards(&self) -> Vec<String> {
        let state = self.world.state();
        let models = state.webhooks.values();
        let models = models.filter_map(|webhook| webhook["idModel"].as_str());
        models
            .filter(|model| !model.starts_with("5a") && !model.starts_with("5b"))
            .map(str::to_owned)
            .collect()
    }

    fn has_webhook_of_workspace(&self) -> bool {
        let state = self.world.state();
        let mut all = state.webhooks.values();
        all.any(|webhook| webhook["idModel"] == WORKSPACE)
    }

    /// Waits until the workspace's webhook is registered and nothing was asked for half a second.
    pub(crate) fn wait_until_settled(&self, patience: Duration) -> Result<()> {
        self.wait_until_quiet_for(Duration::from_millis(500), patience)
    }

    /// Waits until the workspace's webhook is registered and nothing was asked for so long.
    pub(crate) fn wait_until_quiet_for(&self, span: Duration, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        let (mut calls, mut since) = (0, Instant::now());
        while Instant::now() < end {
            let now = self.counts().calls;
            if now != calls {
                (calls, since) = (now, Instant::now());
            }
            if self.has_webhook_of_workspace() && since.elapsed() > span {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!(
            "boardroom registers no webhook, or is never done: {:?}",
            self.counts()
        )
    }

    /// Waits for something here to come true.
    pub(crate) fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        is_true: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if is_true(self) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("{what} did not come: {:?}", self.counts())
    }

    /// Fails when something was asked that nobody here can answer.
    pub(crate) fn check(&self) -> Result<()> {
        let strange = self.counts().strange;
        if strange.is_empty() {
            return Ok(());
        }
        bail!("the load target lacks routes that were asked for: {strange:?}")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.thread.stop();
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that an answer takes.
    async fn take_time(&self, latency: Duration) {
        let mut held = self.held.subscribe();
        tokio::time::sleep(latency).await;
        // The sender lives as long as this does.
        let _ = held.wait_for(|held| !*held).await;
    }
}

impl State {
    /// A new id in the shape of Trello's.
    fn id(&mut self) -> String {
        self.next_id += 1;
        format!("6500000000000000{:08x}", self.next_id)
    }
}
