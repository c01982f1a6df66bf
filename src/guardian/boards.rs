//! Webhooks on the boards themselves: renames, archives and reopenings reach no other. They come after the room, one at a time, so that
//! most of the budget is left for looks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::guardian::{Guardian, GuardianError, Registered};
use crate::lane::{Charge, Verdict};
use crate::model::id::{BoardId, ModelId, WebhookId};
use crate::model::lane::Lane;
use crate::retry::WEBHOOK;
use crate::store::history::{Event, Note};
use crate::trello::Webhook;

/// How often it is looked whether a board needs a webhook, or needs it no more; a new room tells at once.
const POLL: Duration = Duration::from_secs(1);
/// How many boards one step looks through.
const STEP: u32 = 1_000;
/// So few boards are looked at again at once when their webhook comes; for more a sweep costs less.
const FEW: usize = 5;

/// While webhooks come one after the other, their boards are gathered for so long.
const LULL: Duration = Duration::from_secs(2);
const GATHERED: Duration = Duration::from_secs(30);

/// Boards that got their webhook and were not looked at since: what happened to them in between was told by nobody.
#[derive(Debug, Default)]
pub(super) struct Untold {
    boards: Vec<BoardId>,
    /// When the oldest of them came, and the last of all.
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Untold {
    /// Those that are to be looked at now, after a step in which some came or none: one at once, of many in a row all together.
    fn ripe(&mut self, came: bool, now: Instant) -> Vec<BoardId> {
        let is_within = |moment: Option<Instant>, span| moment.is_some_and(|at| now < at + span);
        let is_first = !is_within(self.last, LULL);
        if came {
            self.last = Some(now);
        }
        let since = *self.since.get_or_insert(now);
        if came && !is_first && is_within(Some(since), GATHERED) {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.boards)
    }
}

impl Guardian {
    /// Between two rounds: whatever boards need is done as soon as it shows. With `is_awaited` they end as soon as
    /// it is known what may be removed.
    pub(super) async fn mind_boards_for(&mut self, span: Duration, is_awaited: bool) {
        let (bound, lanes, end) = (
            self.bound.clone(),
            self.lanes.clone(),
            Instant::now() + span,
        );
        while Instant::now() < end && !(is_awaited && self.may_remove()) {
            let told = bound.notified();
            if lanes.is_open(Lane::Trello)
                && let Err(error) = self.mind_boards().await
            {
                self.explain(&error).await;
                tokio::time::sleep(WEBHOOK.first).await;
            }
            let pause = POLL.min(end.saturating_duration_since(Instant::now()));
            let _ = tokio::time::timeout(pause, told).await;
        }
    }

    /// Brings the boards' own webhooks in line with which boards are followed.
    pub(super) async fn mind_boards(&mut self) -> Result<(), GuardianError> {
        let Some(callback) = self.callback.clone() else {
            return Ok(());
        };
        // Which webhooks are there is known only after a first round.
        if self.state.base.is_empty() {
            return Ok(());
        }
        let over = if self.may_remove() {
            self.store.overhooked(self.follow).await?
        } else {
            Vec::new()
        };
        for (board, webhook) in over {
            self.remove(webhook).await?;
            self.store.set_hooks(&[(board, None)]).await?;
            self.store.unwatch(&[board.into()]).await?;
            let note = Note::new(Event::WebhookRemoved, "the board is not followed any more");
            self.store.note(board, &note).await?;
            tracing::info!(webhook = %webhook, board.id = %board, "webhook removed: its board is not followed any more");
        }
        if !self.follow || self.state.is_url_refused {
            return Ok(());
        }
        let known = self.state.untold.boards.len();
        for board in self.store.unhooked(STEP).await? {
            let model = ModelId::from(board);
            if self.state.refusals.must_wait(model) {
                continue;
            }
            // Looks come first: what is left of the budget is theirs.
            let (left, most) = self.trello.budget().left();
            if left < most / 4 {
                break;
            }
            // A webhook that could not be registered for the URL's sake tells that of the next one as well.
            match self.register_on(board, &callback).await? {
                Some(true) => self.state.untold.boards.push(board),
                Some(false) => {}
                None => break,
            }
        }
        let came = self.state.untold.boards.len() > known;
        let boards = self.state.untold.ripe(came, Instant::now());
        self.look_again(&boards).await
    }

    /// One that Trello will not remove is not this token's any more, and nobody's concern.
    pub(super) async fn remove(&self, webhook: WebhookId) -> Result<(), GuardianError> {
        let Err(error) = self.trello.remove(webhook).await else {
            return Ok(());
        };
        let charge = Charge::from(&error);
        match self.lanes.judge(Lane::Trello, &charge).await {
            Verdict::Lane(_) => Err(error.into()),
            Verdict::Call => {
                tracing::warn!(webhook = %webhook, code = %charge.failure.code, "a webhook could not be removed: {}", charge.failure);
                Ok(())
            }
        }
    }

    /// None when no other one would be registered either.
    async fn register_on(
        &mut self,
        board: BoardId,
        callback: &str,
    ) -> Result<Option<bool>, GuardianError> {
        let model = ModelId::from(board);
        self.store.watch(&[model]).await?;
        self.watched.add([model]);
        match self.register(model, callback).await? {
            Some(Registered::New(webhook)) => {
                self.store.set_hooks(&[(board, Some(webhook))]).await?;
                let note = Note::new(Event::WebhookAdded, format!("webhook {webhook}"));
                self.store.note(board, &note).await?;
                return Ok(Some(true));
            }
            Some(Registered::Before) => {
                self.state
                    .refusals
                    .add(model, "it was there already; the next round adopts it");
                return Ok(Some(true));
            }
            None => {}
        }
        // It may be hidden or gone: the look will tell.
        self.store.hint(&[board]).await?;
        self.lanes.work().notify_one();
        Ok((!self.state.is_url_refused).then_some(false))
    }

    /// What was refused for a board that needs no webhook any more, or has one by now, is over.
    pub(super) async fn forget_refusals(&mut self) -> Result<(), GuardianError> {
        let is_base = |model: ModelId| self.state.base.contains(&model);
        if self.state.refusals.all().all(|(model, _)| is_base(model)) {
            return Ok(());
        }
        let unhooked: HashSet<_> = self.store.unhooked(u32::MAX).await?.into_iter().collect();
        let base = self.state.base.clone();
        self.state
            .refusals
            .retain(|model| base.contains(&model) || unhooked.contains(&BoardId(model.0)));
        Ok(())
    }

    /// What happened to these boards until now was told by nobody.
    pub(super) async fn look_again(&self, boards: &[BoardId]) -> Result<(), GuardianError> {
        if boards.is_empty() {
            return Ok(());
        }
        if boards.len() > FEW {
            self.sweep.notify_one();
            return Ok(());
        }
        self.store.hint(boards).await?;
        self.lanes.work().notify_one();
        Ok(())
    }

    /// Switches on webhooks that are off, not recorded, and on boards that we follow.
    async fn rearm_unrecorded(
        &mut self,
        there: &HashMap<ModelId, Webhook>,
        recorded: &HashMap<BoardId, WebhookId>,
        changes: &mut Vec<(BoardId, Option<WebhookId>)>,
    ) -> Result<Vec<BoardId>, GuardianError> {
        let off: Vec<_> = there
            .iter()
            .filter(|(model, webhook)| {
                !webhook.active
                    && !self.state.base.contains(model)
                    && !recorded.contains_key(&BoardId(model.0))
            })
            .map(|(model, webhook)| (BoardId(model.0), webhook))
            .collect();
        let mut blind = Vec::new();
        if !self.follow || off.is_empty() {
            return Ok(blind);
        }
        let followed: HashSet<_> = self.store.unhooked(u32::MAX).await?.into_iter().collect();
        for (board, webhook) in off {
            if followed.contains(&board) && self.rearm(webhook).await? {
                changes.push((board, Some(webhook.id)));
                blind.push(board);
            }
        }
        Ok(blind)
    }

    /// Compares the list of Trello's with what is recorded of boards: adopts what is there, forgets what is not, re-arms what is off.
    /// Says which boards nobody watched.
    pub(super) async fn compare_boards(
        &mut self,
        there: &HashMap<ModelId, Webhook>,
    ) -> Result<Vec<BoardId>, GuardianError> {
        let (mut changes, mut blind) = (Vec::new(), Vec::new());
        let recorded: HashMap<BoardId, WebhookId> = self.store.hooks().await?.into_iter().collect();
        for (board, hook) in &recorded {
            match there.get(&ModelId::from(*board)) {
                Some(webhook) if webhook.active => {
                    if webhook.id != *hook {
                        changes.push((*board, Some(webhook.id)));
                    }
                }
                Some(webhook) => {
                    if self.rearm(webhook).await? {
                        blind.push(*board);
                    }
                }
                None => {
                    tracing::warn!(board.id = %board, "the webhook of this board is gone; it is registered again");
                    // At the start another address, or another token, may have taken the place of that which it was for.
                    if self.state.alive.is_some() {
                        self.died(ModelId::from(*board));
                    }
                    changes.push((*board, None));
                    blind.push(*board);
                }
            }
        }
        // Registered before this database was made, or by a process that was killed before it could write it down.
        let unrecorded = there.iter().filter(|(model, webhook)| {
            webhook.active
                && !self.state.base.contains(model)
                && !recorded.contains_key(&BoardId(model.0))
        });
        changes.extend(unrecorded.map(|(model, webhook)| (BoardId(model.0), Some(webhook.id))));
        blind.extend(
            self.rearm_unrecorded(there, &recorded, &mut changes)
                .await?,
        );
        self.store.set_hooks(&changes).await?;
        Ok(blind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_board_is_looked_at_at_once_and_many_in_a_row_together() {
        let start = Instant::now();
        let mut untold = Untold::default();
        // At which second, how many webhooks came in the step, how many boards are looked at then.
        let few = [
            (0, 1, 1),
            (1, 0, 0),
            (5, 2, 2),
            (6, 3, 0),
            (7, 3, 0),
            (8, 0, 6),
        ];
        let without_end = (20..60).map(|second| match second {
            20 => (second, 1, 1),
            51 => (second, 1, 31),
            _ => (second, 1, 0),
        });
        for (second, came, ripe) in few.into_iter().chain(without_end) {
            let board: BoardId = "64f0c0ffee0123456789abcd".parse().unwrap();
            untold.boards.extend(std::iter::repeat_n(board, came));
            let now = start + Duration::from_secs(second);
            assert_eq!(untold.ripe(came > 0, now).len(), ripe, "at {second} s");
        }
    }
}
