//! What a sweep makes of the lists that it reads: the first of a source is its baseline, later ones are compared.

use crate::model::board::Listed;
use crate::model::id::{BoardId, ModelId, WorkspaceId};
use crate::model::status::{Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::scope::{Known, Scope};
use crate::store::Newcomer;
use crate::sweep::{Sweep, SweepError, Swept};

impl Sweep {
    /// The member's own list: personal boards, and boards of workspaces that only this list shows.
    pub(super) async fn sweep_member(
        &self,
        scope: &Scope,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let boards = match self.trello.member_boards().await {
            Ok(boards) => boards,
            Err(error) => {
                swept.unlisted += 1;
                self.explain(&SweepError::Trello(error)).await;
                return Ok(());
            }
        };
        let (personal, others): (Vec<_>, Vec<_>) = boards
            .into_iter()
            .partition(|board| board.workspace.is_none());
        if self.personal_boards {
            self.take(scope.member.id.into(), personal, swept).await?;
        }
        for guest in &scope.guests {
            let theirs = others
                .iter()
                .filter(|board| board.workspace == Some(*guest));
            let theirs = theirs.cloned().collect();
            self.take((*guest).into(), theirs, swept).await?;
        }
        Ok(())
    }

    /// A workspace's list: the first one is its baseline, later ones are compared as they come.
    pub(super) async fn sweep_workspace(
        &self,
        workspace: WorkspaceId,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let source = workspace.into();
        let known = self.surroundings.now();
        let mut listing = self.trello.list_workspace(workspace).await?;
        if !known.baselines.contains(&source) {
            let mut newcomers = Vec::new();
            while let Some(boards) = listing.next().await? {
                newcomers.extend(self.newcomers(&known, boards));
            }
            return self.take_in(source, &known, newcomers, swept).await;
        }
        let (mut ids, mut differing) = (Vec::new(), Vec::new());
        let read = async {
            while let Some(boards) = listing.next().await? {
                differing.extend(self.store.differing(&boards).await?);
                ids.extend(boards.iter().map(|board| board.id));
            }
            Ok(())
        };
        let read: Result<(), SweepError> = read.await;
        // Not between two pieces of the list, for which there is only so much time; but also if its end never came.
        self.mark(&differing, swept).await?;
        read?;
        self.complete(source, ids, swept).await
    }

    /// A source's complete list, likewise.
    async fn take(
        &self,
        source: ModelId,
        boards: Vec<Listed>,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let known = self.surroundings.now();
        if !known.baselines.contains(&source) {
            let newcomers = self.newcomers(&known, boards).collect();
            return self.take_in(source, &known, newcomers, swept).await;
        }
        let differing = self.store.differing(&boards).await?;
        self.mark(&differing, swept).await?;
        let ids = boards.iter().map(|board| board.id).collect();
        self.complete(source, ids, swept).await
    }

    /// Makes boards due that are not as they were last seen.
    async fn mark(&self, differing: &[BoardId], swept: &mut Swept) -> Result<(), SweepError> {
        swept.marked += differing.len();
        if !differing.is_empty() {
            self.store.hint(differing).await?;
        }
        Ok(())
    }

    /// Looks for boards that a complete list lacks.
    async fn complete(
        &self,
        source: ModelId,
        boards: Vec<BoardId>,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let is_member = Some(source) == member(&self.surroundings.now());
        let workspace = (!is_member).then_some(WorkspaceId(source.0));
        swept.missing += self.store.listed(workspace, &boards).await?;
        swept.boards += boards.len();
        swept.listed.extend(boards);
        Ok(())
    }

    /// What boards of a first list are, as far as it is known by now.
    fn newcomers(&self, known: &Known, boards: Vec<Listed>) -> impl Iterator<Item = Newcomer> {
        let since = known.since.unwrap_or(Timestamp(0));
        boards.into_iter().map(move |board| {
            let is_inbox = known.is_inbox(board.id);
            newcomer(board, since, self.existing_boards, is_inbox)
        })
    }

    /// Takes in the first complete list of a source; `known` is what was known of it when it came.
    async fn take_in(
        &self,
        source: ModelId,
        known: &Known,
        newcomers: Vec<Newcomer>,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        self.store.take_in(source, &newcomers).await?;
        let new = newcomers
            .iter()
            .filter(|one| one.status == Status::Pending(None))
            .count();
        swept.boards += newcomers.len();
        swept.marked += new;
        tracing::info!(source = %source, boards = newcomers.len(), new, "took in the boards that are here already");
        drop(newcomers);
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
fn newcomer(board: Listed, since: Timestamp, existing_boards: bool, is_inbox: bool) -> Newcomer {
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
        baseline: !board.closed,
        board,
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
                newcomer(board(seconds, closed), since, existing, false).status,
                status,
                "{seconds} {closed} {existing}"
            );
        }
    }
}
