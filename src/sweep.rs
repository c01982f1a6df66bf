//! The sweep: lists every source and makes due what is new or has changed. It only marks; the worker looks.

mod lists;
mod settled;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::heartbeat::Pulse;
use crate::lane::{Charge, Lanes};
use crate::metrics::Metrics;
use crate::model::id::BoardId;
use crate::model::lane::Lane;
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::model::workspace::Member;
use crate::retry::{Backoff, SERVICE};
use crate::scope::{Scope, Surroundings, Wanted};
use crate::store::{Fact, Held, News, Store, StoreError};
use crate::trello::{Trello, TrelloError};

pub use settled::SeenScopes;

/// Boards made so shortly before the first start count as new: somebody was setting up.
const SETTING_UP: Duration = Duration::from_mins(5);
/// Sweeps that were asked for are at least so far apart.
const PAUSE: Duration = Duration::from_secs(2);

/// The sweep of whoever leads.
#[derive(Debug)]
pub struct Sweep {
    pub trello: Trello,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub surroundings: Surroundings,
    /// The name under which this process leads.
    pub holder: Arc<str>,
    pub metrics: Arc<Metrics>,
    pub wanted: Wanted,
    pub personal_boards: bool,
    pub existing_boards: bool,
    /// Whether rooms are called after their workspace as well.
    pub titles_name_workspaces: bool,
    pub every: Duration,
    /// Told when somebody wants a sweep at once.
    pub asked: Arc<Notify>,
    /// Where the guardian learns what is to be watched.
    pub scope: watch::Sender<Option<Arc<Scope>>>,
    pub seen: Mutex<SeenScopes>,
    /// Beats whenever a sweep was complete.
    pub pulse: Pulse,
}

/// Why a sweep did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
    #[error("another boardroom sweeps by now")]
    Deposed,
}

/// What one sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    pub boards: usize,
    /// Made due.
    pub marked: usize,
    /// Made due because a complete list lacks them.
    pub missing: u64,
    /// Sources that could not be listed.
    pub unlisted: usize,
    /// Every board that some list has.
    listed: Vec<BoardId>,
}

impl Sweep {
    /// Sweeps now, then every so often, and whenever it is asked for or Trello is back. A sweep may be dropped at any point.
    pub async fn run(self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_sweeping()).await;
    }

    async fn keep_sweeping(&self) {
        let mut failures = 0;
        let (lanes, asked) = (self.lanes.clone(), self.asked.clone());
        loop {
            lanes.until_open(Lane::Trello).await;
            let back = lanes.trello_is_back().notified();
            let begun = Instant::now();
            let swept = self.tick().await;
            self.count(&swept, begun.elapsed());
            if let Err(error) = &swept {
                self.explain(error).await;
            }
            let complete = swept.is_ok_and(|swept| swept.unlisted == 0);
            if complete {
                self.pulse.beat();
                // It is only shown.
                let _ = self.store.date(Fact::SweptAt).await;
            }
            failures = if complete { 0 } else { failures + 1 };
            let wait = if complete {
                self.every
            } else {
                self.soon(failures)
            };
            tokio::select! {
                () = back => {}
                () = asked.notified() => tokio::time::sleep(PAUSE.min(self.every)).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn count(&self, swept: &Result<Swept, SweepError>, took: Duration) {
        let metrics = &self.metrics;
        match swept {
            Ok(swept) if swept.unlisted == 0 => {
                metrics.sweeps.add_one();
                metrics.sweep.succeeded(took);
            }
            Ok(_) => metrics.sweeps_partial.add_one(),
            Err(_) => metrics.sweeps_failed.add_one(),
        }
        if let Ok(swept) = swept {
            metrics.sweep_finds.add(swept.marked as u64 + swept.missing);
        }
    }

    /// When to try again what could not be listed.
    fn soon(&self, failures: u32) -> Duration {
        let backoff = Backoff {
            longest: self.every,
            ..SERVICE
        };
        backoff.steady_wait(failures, fastrand::f64())
    }

    async fn explain(&self, error: &SweepError) {
        match error {
            SweepError::Trello(error) => {
                let charge = Charge::from(error);
                self.lanes.judge(Lane::Trello, &charge).await;
                tracing::warn!(code = %charge.failure.code, fix = charge.failure.code.fix(), "the sweep was cut short: {}", charge.failure);
            }
            SweepError::Store(error) => tracing::error!(%error, "the sweep was cut short"),
            SweepError::Deposed => tracing::info!("the sweep was cut short: {error}"),
        }
    }

    /// One sweep over all sources.
    pub async fn tick(&self) -> Result<Swept, SweepError> {
        // What whoever swept before has taken in is not taken in again.
        self.surroundings.refresh().await?;
        let scope = self.look_around().await?;
        self.learn_since().await?;
        let mut swept = Swept::default();
        for workspace in &scope.workspaces {
            match self.sweep_workspace(workspace.id, &mut swept).await {
                Ok(()) => {}
                Err(SweepError::Trello(error)) => {
                    swept.unlisted += 1;
                    tracing::warn!(workspace = workspace.name, %error, "the boards of this workspace could not be listed");
                    self.explain(&SweepError::Trello(error)).await;
                }
                Err(error @ (SweepError::Store(_) | SweepError::Deposed)) => return Err(error),
            }
        }
        if self.personal_boards || !scope.guests.is_empty() {
            self.sweep_member(&scope, &mut swept).await?;
        }
        self.look_for_the_doubtful(&mut swept).await?;
        self.settle_scope(&scope).await?;
        self.wake_the_forgotten().await?;
        self.lanes.work().notify_one();
        tracing::debug!(
            boards = swept.boards,
            marked = swept.marked,
            missing = swept.missing,
            unlisted = swept.unlisted,
            "swept"
        );
        Ok(swept)
    }

    /// A board that Trello says it does not know is not believed to be gone before a sweep over all sources has missed it, too.
    async fn look_for_the_doubtful(&self, swept: &mut Swept) -> Result<(), SweepError> {
        let mut listed = std::mem::take(&mut swept.listed);
        if swept.unlisted > 0 {
            return Ok(());
        }
        let mut doubtful = self.store.doubtful().await?;
        listed.sort_unstable();
        doubtful.retain(|board| listed.binary_search(board).is_err());
        if !doubtful.is_empty() {
            self.store.unlisted(&doubtful).await?;
        }
        Ok(())
    }

    /// The wake-up of a board that waits may have failed, or have gone by before it was told to wait.
    async fn wake_the_forgotten(&self) -> Result<(), SweepError> {
        let audited = self.surroundings.now().audited.is_some();
        for waiting in self.store.awaited().await? {
            match waiting {
                Waiting::Baseline => self.lanes.wake(waiting).await,
                Waiting::Audit if audited => self.lanes.wake(waiting).await,
                Waiting::Audit
                | Waiting::Lane(_)
                | Waiting::Confirmation
                | Waiting::Operation
                | Waiting::Grace
                | Waiting::Deletion
                | Waiting::Brake => {}
            }
        }
        Ok(())
    }

    /// Which workspaces there are now; tells everybody who looks at boards, and then the guardian: no delivery may come of a workspace that
    /// they do not know of.
    async fn look_around(&self) -> Result<Arc<Scope>, SweepError> {
        // Another token may have been used by whoever swept before: only this process knows its own member.
        let own = self.scope.borrow().clone();
        let known: Option<Member> = own.as_ref().map(|scope| scope.member.clone());
        let scope = Arc::new(Scope::resolve(&self.trello, &self.wanted, known).await?);
        if self.was_seen_last(&scope) {
            return Ok(scope);
        }
        let names: Vec<_> = scope
            .workspaces
            .iter()
            .map(|one| one.display_name.as_str())
            .collect();
        tracing::info!(
            member = scope.member.username,
            workspaces = names.join(", "),
            "watching"
        );
        for name in &scope.unknown {
            tracing::warn!(
                name,
                "BOARDROOM_WORKSPACES names a workspace that Trello does not know or does not show to this token"
            );
        }
        if names.is_empty() && !scope.unknown.is_empty() {
            tracing::error!(
                "none of BOARDROOM_WORKSPACES is there, so none is watched: `boardroom check` shows which there are"
            );
        }
        self.tell_of_scope(&scope).await?;
        if own.as_ref() != Some(&scope) {
            self.scope.send_replace(Some(scope.clone()));
        }
        Ok(scope)
    }

    async fn tell_of_scope(&self, scope: &Scope) -> Result<(), SweepError> {
        let text = serde_json::to_string(scope);
        let text = text.expect("plain data has no keys that JSON could not have");
        let news = News::Scope(&text);
        match self.surroundings.announce(&self.holder, news).await? {
            Held::Held => Ok(()),
            Held::Lost => Err(SweepError::Deposed),
        }
    }

    /// `since` by Trello's clock, at the first start. A person's word goes before it, and the audit may have learnt of an earlier one.
    async fn learn_since(&self) -> Result<(), SweepError> {
        if self.surroundings.now().since.is_none() {
            let since = self.first_start().await?.minus(SETTING_UP);
            self.store.earliest(Fact::Since, since).await?;
            self.surroundings.refresh().await?;
        }
        Ok(())
    }

    /// The first start by Trello's clock: Trello may have been away then, so it is told from how long ago that was.
    async fn first_start(&self) -> Result<Timestamp, SweepError> {
        let here = Timestamp::now();
        let started = self
            .store
            .fact(Fact::FirstStart)
            .await?
            .and_then(|text| text.parse().ok())
            .map_or(here, Timestamp);
        Ok(self.trello.now().unwrap_or(here).minus(here.since(started)))
    }
}
