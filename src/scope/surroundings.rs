//! What this process knows by now. Services on one database share it through the store: whoever leads writes down what it learns, and all
//! read it there, that one as well.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::id::{BoardId, ModelId};
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::scope::Scope;
use crate::store::{Held, Learnt, News, Store, StoreError};

/// When the database was out of sight for so long, another one may have taken its place: what was known of the rooms counts no more.
const OUT_OF_SIGHT: Duration = Duration::from_secs(15);

/// What is known; shared by all that looks at boards.
#[derive(Debug, Clone, Default)]
pub struct Surroundings(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: RwLock<Known>,
    /// What has become known and nobody was told of yet.
    unsaid: Mutex<Unsaid>,
    /// None for a command, which knows what it has found out itself.
    source: Option<Source>,
}

/// A moment of [`Surroundings`].
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub scope: Option<Arc<Scope>>,
    /// Boards made before this existed before.
    pub since: Option<Timestamp>,
    /// The sources whose first complete list was taken in.
    pub baselines: HashSet<ModelId>,
    /// When the last look over all our rooms ended.
    pub audited: Option<Instant>,
}

#[derive(Debug)]
struct Source {
    store: Arc<dyn Store>,
    /// A person's word on which boards existed before.
    since: Option<Timestamp>,
    /// Since when the database is out of sight. Held while it is read, lest an older answer take the place of a newer one.
    seen: tokio::sync::Mutex<Instant>,
}

/// What has become known since it was last asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsaid {
    /// What boards waited for and need not wait for any more.
    pub come: Vec<Waiting>,
    /// Whether the list of webhooks was read.
    pub webhooks_read: bool,
    /// How often a delivery told of somebody's part in a workspace; none before the store was read.
    pub roles: Option<u64>,
    /// How often a person has asked for a sweep; none before the store was read.
    pub sweeps: Option<u64>,
    /// How often a person has asked that the webhooks be brought in line; none before the store was read.
    pub webhook_syncs: Option<u64>,
}

impl Surroundings {
    /// What is shared through a store. Nothing is known before the first [`refresh`](Self::refresh). `since`: a person's word on which boards
    /// existed before.
    #[must_use]
    pub fn shared(store: Arc<dyn Store>, since: Option<Timestamp>) -> Self {
        Self(Arc::new(Inner {
            source: Some(Source {
                store,
                since,
                seen: tokio::sync::Mutex::new(Instant::now()),
            }),
            ..Inner::default()
        }))
    }

    #[must_use]
    pub fn now(&self) -> Known {
        self.0
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For a command, which shares nothing.
    pub fn learn(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Reads what is known by now; nothing for a command.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let Some(source) = &self.0.source else {
            return Ok(());
        };
        let mut seen = source.seen.lock().await;
        match source.store.learnt().await {
            Ok(learnt) => {
                *seen = Instant::now();
                self.take(learnt, source.since);
                Ok(())
            }
            Err(error) => {
                if seen.elapsed() >= OUT_OF_SIGHT {
                    self.learn(|known| known.audited = None);
                }
                Err(error)
            }
        }
    }

    /// Writes down what whoever leads under the name `holder` has learnt, and learns it here. `Lost` when another leads by now.
    pub async fn announce(&self, holder: &str, news: News<'_>) -> Result<Held, StoreError> {
        let Some(source) = &self.0.source else {
            return Ok(Held::Held);
        };
        let held = source.store.announce(holder, news).await?;
        self.refresh().await?;
        Ok(held)
    }

    /// Hands out what nobody was told of.
    #[must_use]
    pub fn take_unsaid(&self) -> Unsaid {
        std::mem::take(&mut *self.unsaid())
    }

    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.0.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever leads has learnt is kept when that one leads no more: until another has learnt better it is as true as it was.
    fn take(&self, learnt: Learnt, configured: Option<Timestamp>) {
        let before = self.now();
        let mut known = before.clone();
        if let Some(text) = learnt.scope {
            match serde_json::from_str::<Scope>(&text) {
                Ok(scope) if known.scope.as_deref() == Some(&scope) => {}
                Ok(scope) => known.scope = Some(Arc::new(scope)),
                Err(error) => {
                    tracing::error!(%error, "what is watched was written down in a form that this version cannot read");
                }
            }
        }
        known.since = configured.or(learnt.since);
        known.baselines = learnt.baselines.into_iter().collect();
        if let Some(age) = learnt.audited {
            let ended = Instant::now().checked_sub(age);
            known.audited = known.audited.max(ended);
        }
        let mut unsaid = self.unsaid();
        if before.audited.is_none() && known.audited.is_some() {
            unsaid.come.push(Waiting::Audit);
        }
        if !known.says_the_same_of_boards(&before) {
            unsaid.come.push(Waiting::Baseline);
        }
        unsaid.webhooks_read |= learnt.webhooks_read;
        unsaid.roles = Some(learnt.roles);
        unsaid.sweeps = Some(learnt.sweeps);
        unsaid.webhook_syncs = Some(learnt.webhook_syncs);
        drop(unsaid);
        self.learn(|now| *now = known);
    }
}

impl Known {
    /// Whether the audit is so fresh that it stands for a look-up.
    #[must_use]
    pub fn freshly_audited(&self) -> bool {
        self.audited
            .is_some_and(|at| at.elapsed() < Duration::from_mins(5))
    }

    #[must_use]
    pub fn is_inbox(&self, board: BoardId) -> bool {
        self.scope
            .as_ref()
            .is_some_and(|scope| scope.member.inbox == Some(board))
    }

    /// Whether the same boards are ours to mirror, by all that is known, as in another moment.
    #[must_use]
    pub fn says_the_same_of_boards(&self, other: &Self) -> bool {
        self.scope == other.scope && self.since == other.since && self.baselines == other.baselines
    }
}
