//! What several services on one database share: who has a duty, what that one has learnt, and the lanes.
//!
//! All moments are the database's: the clocks of services may differ by minutes.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::failure::Failure;
use crate::model::id::ModelId;
use crate::model::lane::{Lane, Pause};
use crate::model::time::Timestamp;
use crate::store::{Held, Passage, StoreError};

/// What one service at a time does for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Sweeping, auditing, keeping the webhooks, opening lanes, tidying up.
    Upkeep,
}

impl Duty {
    /// The name under which it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upkeep => "upkeep",
        }
    }
}

/// What whoever has the upkeep tells the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News<'a> {
    /// Which workspaces are watched, in the form that is stored.
    Scope(&'a str),
    /// A look over all rooms has just ended.
    Audited,
    /// The list of webhooks was read, and which of them are ours is written down.
    WebhooksRead,
}

/// What is known on this database, in one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Which workspaces are watched, as whoever has the upkeep now wrote it down.
    pub scope: Option<String>,
    /// Boards made before this existed before; by Trello's clock.
    pub since: Option<Timestamp>,
    /// The sources that have their baseline.
    pub baselines: Vec<ModelId>,
    /// How long ago the last look over all rooms ended, of whoever has the upkeep now: one of before may rest on a database of before.
    pub audited: Option<Duration>,
    /// Whether that one has read the list of webhooks.
    pub webhooks_read: bool,
    /// How often a delivery told that somebody's part in a workspace has changed.
    pub roles: u64,
    /// How often a person has asked for a sweep.
    pub sweeps: u64,
    /// How often a person has asked that the webhooks be brought in line.
    pub webhook_syncs: u64,
}

/// What is closed, and the moment at which that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    pub now: Timestamp,
    pub lanes: Vec<(Lane, Pause)>,
}

/// How a lane is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Since when it is closed and after how many failures, as far as whoever closes it knows; none when it was open. Where somebody else
    /// has closed it meanwhile, that counts, and nothing is changed.
    pub known: Option<(Timestamp, u32)>,
    /// How long until it is tried, if it was open.
    pub first: Duration,
    /// How long, if it was closed as it is known.
    pub again: Duration,
    /// Whether a closed one must be on trial for that: what was under way when a gate was closed says nothing new.
    pub on_trial: bool,
}

/// Whether a lane was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Now,
    /// Somebody else was faster.
    Before,
}

/// What is shared.
#[async_trait]
pub trait Shared {
    /// Takes a duty for `lease` from now, or keeps it for so long. `Lost` while another has it. Who takes it over begins with nothing
    /// learnt.
    async fn lead(&self, duty: Duty, holder: &str, lease: Duration) -> Result<Held, StoreError>;

    /// Gives a duty back, so that another may take it at once; nothing when another has it.
    async fn resign(&self, duty: Duty, holder: &str) -> Result<(), StoreError>;

    /// Writes down what whoever has the upkeep has learnt. `Lost` when that is another by now, and then nothing is.
    async fn announce(&self, holder: &str, news: News<'_>) -> Result<Held, StoreError>;

    /// What is known by now.
    async fn learnt(&self) -> Result<Learnt, StoreError>;

    /// Tells whoever has the upkeep that somebody's part in a workspace has changed.
    async fn tell_of_roles(&self) -> Result<(), StoreError>;

    /// A person asks for a sweep at once: whoever has the upkeep learns of it.
    async fn ask_for_sweep(&self) -> Result<(), StoreError>;

    /// A person asks that the webhooks be brought in line at once: whoever has the upkeep learns of it.
    async fn ask_for_webhooks(&self) -> Result<(), StoreError>;

    async fn lanes(&self) -> Result<Paused, StoreError>;

    /// Closes a lane, or keeps it closed for longer; answers how it is closed now. None when somebody else did so meanwhile.
    async fn close_lane(
        &self,
        lane: Lane,
        failure: &Failure,
        closing: Closing,
    ) -> Result<Option<Pause>, StoreError>;

    async fn open_lane(&self, lane: Lane) -> Result<Opened, StoreError>;

    /// Puts a gate on trial whose time has come: from now on one board may try. `Held` to one who asks until `span` after a board was let
    /// through, or none came.
    async fn put_on_trial(&self, gate: Lane, span: Duration) -> Result<Passage, StoreError>;

    /// Lets a board through a gate on trial: the first to ask, and after `span` another one.
    async fn try_gate(&self, gate: Lane, span: Duration) -> Result<Passage, StoreError>;
}
