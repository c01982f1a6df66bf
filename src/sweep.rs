//! The sweep: lists every source and makes due what is new or has changed. It only marks; the worker looks.

mod settled;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::lane::{Charge, Lanes};
use crate::metrics::Metrics;
use crate::model::board::Listed;
use crate::model::id::{BoardId, ModelId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::status::{Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::model::workspace::Member;
use crate::retry::{Backoff, SERVICE};
use crate::scope::{Known, Scope, Surroundings, Wanted};
use crate::store::{Fact, Held, Newcomer, News, Store, StoreError};
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
    /// Every board that some list has, while boards are looked for.
    listed: HashSet<BoardId>,
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
            let swept = self.tick().await;
            if let Err(error) = &swept {
                self.explain(error).await;
            }
            let complete = swept.is_ok_and(|swept| swept.unlisted == 0);
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
            match self.trello.workspace_boards(workspace.id).await {
                Ok(boards) => self.take(workspace.id.into(), &boards, &mut swept).await?,
                Err(error) => {
                    swept.unlisted += 1;
                    tracing::warn!(workspace = workspace.name, %error, "the boards of this workspace could not be listed");
                    self.explain(&SweepError::Trello(error)).await;
                }
            }
        }
        if self.personal_boards || !scope.guests.is_empty() {
            self.sweep_member(&scope, &mut swept).await?;
        }
        self.look_for_the_doubtful(&swept).await?;
        self.settle_scope(&scope).await?;
        self.metrics.sweeps.add_one();
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
    async fn look_for_the_doubtful(&self, swept: &Swept) -> Result<(), SweepError> {
        if swept.unlisted > 0 {
            return Ok(());
        }
        let mut doubtful = self.store.doubtful().await?;
        doubtful.retain(|board| !swept.listed.contains(board));
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
                "BOARDROOM_WORKSPACES names a workspace that Trello does not know or does not show to this token; the others are watched"
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

    /// The member's own list: personal boards, and boards of workspaces that only this list shows.
    async fn sweep_member(&self, scope: &Scope, swept: &mut Swept) -> Result<(), SweepError> {
        let boards = match self.trello.member_boards().await {
            Ok(boards) => boards,
            Err(error) => {
                swept.unlisted += 1;
                self.explain(&SweepError::Trello(error)).await;
                return Ok(());
            }
        };
        if self.personal_boards {
            let personal: Vec<_> = boards
                .iter()
                .filter(|board| board.workspace.is_none())
                .cloned()
                .collect();
            self.take(scope.member.id.into(), &personal, swept).await?;
        }
        for guest in &scope.guests {
            let theirs: Vec<_> = boards
                .iter()
                .filter(|board| board.workspace == Some(*guest))
                .cloned()
                .collect();
            self.take((*guest).into(), &theirs, swept).await?;
        }
        Ok(())
    }

    /// Takes in a source's complete list: the first one is its baseline, later ones are compared.
    async fn take(
        &self,
        source: ModelId,
        boards: &[Listed],
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        swept.boards += boards.len();
        let known = self.surroundings.now();
        if known.baselines.contains(&source) {
            let differing = self.store.differing(boards).await?;
            swept.marked += differing.len();
            if !differing.is_empty() {
                self.store.hint(&differing).await?;
            }
            let ids: Vec<_> = boards.iter().map(|board| board.id).collect();
            let workspace = (Some(source) != member(&known)).then_some(WorkspaceId(source.0));
            swept.missing += self.store.listed(workspace, &ids).await?;
            swept.listed.extend(ids);
            return Ok(());
        }
        let since = known.since.unwrap_or(Timestamp(0));
        let is_inbox = |board: &Listed| known.is_inbox(board.id);
        let newcomers: Vec<_> = boards
            .iter()
            .map(|board| newcomer(board, since, self.existing_boards, is_inbox(board)))
            .collect();
        self.store.take_in(source, &newcomers).await?;
        let new = newcomers
            .iter()
            .filter(|one| one.status == Status::Pending(None))
            .count();
        swept.marked += new;
        tracing::info!(source = %source, boards = boards.len(), new, "took in the boards that are here already");
        self.surroundings.refresh().await?;
        // The audit may have found out meanwhile that less existed before.
        if self.surroundings.now().since != known.since {
            self.store
                .reconsider(&[Status::Ignored(Ignored::ExistedBefore)])
                .await?;
        }
        self.lanes.wake(Waiting::Baseline).await;
        Ok(())
    }
}

/// The source of personal boards.
fn member(known: &Known) -> Option<ModelId> {
    known.scope.as_ref().map(|scope| scope.member.id.into())
}

/// What a first complete list tells of a board. Closed ones belong to no baseline: reopened, they are new.
fn newcomer(board: &Listed, since: Timestamp, existing_boards: bool, is_inbox: bool) -> Newcomer {
    let existed = board.id.0.created() < since;
    let status = if is_inbox {
        Status::Ignored(Ignored::Inbox)
    } else if board.closed {
        Status::Ignored(Ignored::ClosedWhenFirstSeen)
    } else if existed && !existing_boards {
        Status::Ignored(Ignored::ExistedBefore)
    } else {
        Status::Pending(None)
    };
    Newcomer {
        board: board.clone(),
        baseline: !board.closed,
        status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_list_tells_old_boards_from_new_ones() {
        let id = |seconds: u32| format!("{seconds:08x}0000000000000000").parse().unwrap();
        let board = |seconds, closed| Listed {
            id: id(seconds),
            name: "B".into(),
            short_link: None,
            workspace: None,
            closed,
        };
        let since = Timestamp::from_seconds(1000);
        let table = [
            (999, false, false, Status::Ignored(Ignored::ExistedBefore)),
            (1000, false, false, Status::Pending(None)),
            (999, false, true, Status::Pending(None)),
            (
                999,
                true,
                false,
                Status::Ignored(Ignored::ClosedWhenFirstSeen),
            ),
            (
                1001,
                true,
                true,
                Status::Ignored(Ignored::ClosedWhenFirstSeen),
            ),
        ];
        for (seconds, closed, existing, status) in table {
            assert_eq!(
                newcomer(&board(seconds, closed), since, existing, false).status,
                status,
                "{seconds} {closed} {existing}"
            );
        }
    }
}
