//! Notices: people are told once of what is out of order and once when it is over. What is told and what waits to be posted is stored, so
//! neither a restart nor a receiver that is away loses or doubles it. The mirror never waits for any of this.

mod cause;
mod message;
mod receiver;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::failure::Code;
use crate::model::time::Timestamp;
use crate::retry::NOTICE;
use crate::store::{Cursor, Group, Notice, Store, StoreError, Turn, Turned, Words};

pub use cause::{Cause, Facts, Firing, PAUSED_LONG, firing};
pub use message::{EXAMPLES, Example, body, test_body};
pub use receiver::{PATIENCE, Receiver, Untaken};
pub use steps::{GATHERED, GROWN_APART, QUIET, Step, steps};

/// How often it is looked what holds and what is due to be posted.
const EVERY: Duration = Duration::from_secs(3);
/// A notice that could not be posted for so long is of no use any more.
const LONGEST_KEPT: Duration = Duration::from_hours(3 * 24);
/// How long a receiver that asks for it is left alone, at most.
const LONGEST_ASKED: Duration = Duration::from_hours(1);
/// How many are posted in one go.
const AT_ONCE: u32 = 20;

/// The notices of whoever leads.
#[derive(Debug)]
pub struct Notices {
    pub store: Arc<dyn Store>,
    pub receiver: Receiver,
    pub instance: String,
    pub state: Memory,
}

/// What was said of troubles, so that each is said once.
#[derive(Debug, Default)]
pub struct Memory {
    unread: bool,
    untaken: bool,
    /// When causes that gather were first seen.
    seen: HashMap<Cause, Timestamp>,
}

impl Memory {
    /// Tells since when causes hold of which that is not stored. Who leads anew sees them for the first time.
    fn date(&mut self, firing: &mut [Firing], now: Timestamp) {
        self.seen
            .retain(|cause, _| firing.iter().any(|one| one.cause == *cause));
        for one in firing.iter_mut().filter(|one| one.cause.is_gathered()) {
            one.since = *self.seen.entry(one.cause).or_insert(now);
        }
    }
}

impl Notices {
    /// Looks now, and every so often. May be dropped at any point: then a notice is posted twice at worst, with the same number.
    pub async fn run(mut self, stop: CancellationToken) {
        let forever = async {
            loop {
                self.tick().await;
                tokio::time::sleep(EVERY).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(forever).await;
    }

    async fn tick(&mut self) {
        match self.step().await {
            Ok(()) => self.state.unread = false,
            Err(error) => {
                if !std::mem::replace(&mut self.state.unread, true) {
                    tracing::error!(%error, "it could not be found out what people are to be told of");
                }
            }
        }
    }

    async fn step(&mut self) -> Result<(), StoreError> {
        let facts = facts(&*self.store).await?;
        let alerts = self.store.alerts().await?;
        let mut turns = Vec::new();
        let mut firing = firing(&facts);
        self.state.date(&mut firing, facts.now);
        for step in steps(facts.now, firing, &alerts) {
            turns.push(self.turn(&step, &facts).await?);
        }
        // Nothing is written while nothing changes.
        if !turns.is_empty() {
            self.store.turn(&turns).await?;
        }
        self.post_due().await
    }

    async fn turn(&self, step: &Step, facts: &Facts) -> Result<Turn, StoreError> {
        let is_told = match step.turned {
            Turned::Begins { .. } | Turned::Grows { .. } | Turned::Ends => true,
            Turned::Rests | Turned::Returns => false,
        };
        let body = if is_told {
            let examples = match &step.firing {
                Some(firing) => examples(&*self.store, firing.cause).await?,
                None => Vec::new(),
            };
            tracing::info!(cause = %step.cause, over = step.firing.is_none(), "people are told");
            Some(body(step, &self.instance, facts.now, &examples))
        } else {
            None
        };
        Ok(Turn {
            cause: step.cause.to_string(),
            turned: step.turned,
            body,
        })
    }

    /// Posts what is due, until the receiver takes no more.
    async fn post_due(&mut self) -> Result<(), StoreError> {
        for notice in self.store.due_notices(AT_ONCE).await? {
            if notice.age >= LONGEST_KEPT {
                tracing::error!(
                    cause = notice.cause,
                    "a notice that nobody took for 3 days is given up"
                );
                self.store.forget_notice(notice.id).await?;
                continue;
            }
            match self.receiver.post(notice.id, &notice.body).await {
                Ok(_) => {
                    self.store.forget_notice(notice.id).await?;
                    self.taken().await?;
                }
                Err(error) => {
                    self.untaken(&notice, &error).await?;
                    if error.is_of_receiver() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn taken(&mut self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.state.untaken, false) {
            tracing::info!(receiver = self.receiver.host(), "notices are taken again");
        }
        self.store.set_concerns(Code::NoticeUndelivered, &[]).await
    }

    /// It is tried again later; said once in the log, and shown as long as it lasts.
    async fn untaken(&mut self, notice: &Notice, error: &Untaken) -> Result<(), StoreError> {
        let wait = NOTICE.steady_wait(notice.attempts.saturating_add(1), fastrand::f64());
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_ASKED);
        self.store.defer_notice(notice.id, wait.max(asked)).await?;
        if !std::mem::replace(&mut self.state.untaken, true) {
            tracing::warn!(
                receiver = self.receiver.host(), cause = notice.cause, %error, fix = error.fix(),
                "a notice was not taken; it is kept for 3 days and tried again"
            );
        }
        let concern = (
            self.receiver.host().to_owned(),
            format!("{error}; {}", error.fix()),
        );
        self.store
            .set_concerns(Code::NoticeUndelivered, &[concern])
            .await
    }
}

/// Reads what is known in this moment.
pub async fn facts(store: &dyn Store) -> Result<Facts, StoreError> {
    let paused = store.lanes().await?;
    Ok(Facts {
        now: paused.now,
        paused: paused.lanes,
        groups: store.groups().await?,
        concerns: store.concerns().await?,
    })
}

/// Some of the boards that a cause is about.
async fn examples(store: &dyn Store, cause: Cause) -> Result<Vec<Example>, StoreError> {
    let group = match cause {
        Cause::BoardsFailed(code) => Group::At(Words {
            status: "failed".to_owned(),
            reason: Some(code.as_str().to_owned()),
        }),
        Cause::TwinRooms => Group::Twins,
        Cause::LanePaused(_)
        | Cause::PlanFull
        | Cause::BrakeOn(_)
        | Cause::TokenExpires
        | Cause::WebhookDead
        | Cause::WebhookRefused => return Ok(Vec::new()),
    };
    let most = u32::try_from(EXAMPLES).expect("a few");
    let page = store.standings(&group, Cursor::default(), most).await?;
    let boards = page.rows.into_iter();
    Ok(boards
        .map(|board| Example {
            id: board.id,
            name: board.name,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Caller, Options};
    use crate::store::Sqlite;

    /// Changes when anybody but this connection has written.
    fn written(watcher: &rusqlite::Connection) -> i64 {
        let version = watcher.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.unwrap()
    }

    #[tokio::test]
    async fn while_nothing_changes_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path).await.unwrap());
        // Nobody listens there.
        let url = "http://127.0.0.1:9/".parse().unwrap();
        let options = Options {
            timeout: PATIENCE,
            ..Options::default()
        };
        let mut notices = Notices {
            store: store.clone(),
            receiver: Receiver::new(&options, url, None, Caller::default()).unwrap(),
            instance: "boardroom".into(),
            state: Memory::default(),
        };
        let expires = [("the token".to_owned(), "soon".to_owned())];
        let code = Code::TrelloTokenExpires;
        store.set_concerns(code, &expires).await.unwrap();
        let watcher = rusqlite::Connection::open(&path).unwrap();
        let mut before = written(&watcher);
        notices.step().await.unwrap();
        assert_ne!(written(&watcher), before, "it is told of");
        assert_eq!(store.waiting_notices().await.unwrap(), 1);
        before = written(&watcher);
        for _ in 0..3 {
            notices.step().await.unwrap();
        }
        assert_eq!(written(&watcher), before);
    }
}
