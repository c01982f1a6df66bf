//! Notices: people are told once of what is out of order and once when it is over. What is told and what waits to be posted is stored, so
//! neither a restart nor a receiver that is away loses or doubles it. The mirror never waits for any of this.

mod cause;
mod message;
mod receiver;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::failure::Code;
use crate::model::time::Timestamp;
use crate::retry::NOTICE;
use crate::store::{Cursor, Group, Notice, Store, StoreError, Turn, Turned, Words};

pub use cause::{Cause, Facts, Firing, firing};
pub use message::{EXAMPLES, Example, body, test_body};
pub use receiver::{PATIENCE, Receiver, Untaken};
pub use steps::{GATHERED, GROWN_APART, PAUSED_LONG, QUIET, Step, has_lasted, steps};

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
    reach: Reach,
    /// Until when the receiver has asked to be left alone.
    quiet_until: Option<Instant>,
    seen: HashMap<Cause, Seen>,
}

/// Whether the receiver took what was last posted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Reach {
    #[default]
    Unknown,
    Taken,
    Untaken,
}

/// When a cause was first seen to hold, and last.
#[derive(Debug, Clone, Copy)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
}

impl Memory {
    /// Tells since when causes hold: of some that is not stored, and some hold again after a moment, as a service does that is paused,
    /// answers once and is paused anew. Who leads anew sees them for the first time.
    fn date(&mut self, firing: &mut [Firing], now: Timestamp) {
        self.seen.retain(|_, seen| now.since(seen.last) < QUIET);
        for one in firing {
            let seen = self.seen.entry(one.cause).or_insert(Seen {
                first: one.since,
                last: now,
            });
            seen.last = now;
            one.since = one.since.min(seen.first);
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
        if self
            .state
            .quiet_until
            .is_some_and(|end| Instant::now() < end)
        {
            return Ok(());
        }
        let mut trouble = None;
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
                    trouble = Some(format!("{error}; {}", error.fix()));
                    if error.is_of_receiver() {
                        break;
                    }
                }
            }
        }
        self.show(trouble).await
    }

    /// Whoever takes one takes those, too, that were to wait because it took none.
    async fn taken(&mut self) -> Result<(), StoreError> {
        match std::mem::replace(&mut self.state.reach, Reach::Taken) {
            Reach::Taken => return Ok(()),
            Reach::Unknown => {}
            Reach::Untaken => {
                tracing::info!(receiver = self.receiver.host(), "notices are taken again");
            }
        }
        self.store.hasten_notices().await
    }

    /// It is tried again later, and said once in the log.
    async fn untaken(&mut self, notice: &Notice, error: &Untaken) -> Result<(), StoreError> {
        let wait = NOTICE.steady_wait(notice.attempts.saturating_add(1), fastrand::f64());
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_ASKED);
        self.store.defer_notice(notice.id, wait.max(asked)).await?;
        if !asked.is_zero() {
            self.state.quiet_until = Some(Instant::now() + asked);
        }
        match std::mem::replace(&mut self.state.reach, Reach::Untaken) {
            Reach::Untaken => {}
            Reach::Unknown | Reach::Taken => tracing::warn!(
                receiver = self.receiver.host(), cause = notice.cause, %error, fix = error.fix(),
                "a notice was not taken; it is kept for 3 days and tried again"
            ),
        }
        Ok(())
    }

    /// Shows the last trouble as long as anything waits that was not taken.
    async fn show(&self, trouble: Option<String>) -> Result<(), StoreError> {
        let code = Code::NoticeUndelivered;
        if self.store.untaken_notices().await? == 0 {
            return self.store.set_concerns(code, &[]).await;
        }
        match trouble {
            Some(trouble) => {
                let concern = (format!("notices to {}", self.receiver.host()), trouble);
                self.store.set_concerns(code, &[concern]).await
            }
            // What was said of it before stands.
            None => Ok(()),
        }
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
        | Cause::WebhookRefused
        | Cause::WorkspaceAdminLost
        | Cause::WorkspaceLeft => return Ok(Vec::new()),
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::StatusCode;
    use tokio::net::TcpListener;

    use super::*;
    use crate::api::{Caller, Options};
    use crate::model::failure::Failure;
    use crate::model::lane::Lane;
    use crate::store::Sqlite;

    /// Changes when anybody but this connection has written.
    fn written(watcher: &rusqlite::Connection) -> i64 {
        let version = watcher.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.unwrap()
    }

    fn notices(store: Arc<dyn Store>, url: &str) -> Notices {
        let options = Options {
            timeout: PATIENCE,
            ..Options::default()
        };
        let url = url.parse().unwrap();
        Notices {
            store,
            receiver: Receiver::new(&options, url, None, Caller::default()).unwrap(),
            instance: "boardroom".into(),
            state: Memory::default(),
        }
    }

    /// Answers 429 at first, and asks to be left alone for an hour; then takes everything. Counts what comes.
    async fn busy_at_first() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let heard = Arc::new(AtomicUsize::new(0));
        let (router, count) = (axum::Router::new(), heard.clone());
        let router = router.fallback(async move || match count.fetch_add(1, Ordering::SeqCst) {
            0 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]),
            _ => (StatusCode::OK, [("retry-after", "0")]),
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, heard)
    }

    #[tokio::test]
    async fn a_receiver_that_asks_for_it_is_left_alone_and_then_gets_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(&folder.path().join("b.db")).await.unwrap());
        let begins = |cause: &str| Turn {
            cause: cause.to_owned(),
            turned: Turned::Begins {
                since: Timestamp(0),
                told: 1,
            },
            body: Some("{}".to_owned()),
        };
        // Of a newer program, so that this one does not find them over.
        let turns = ["a_later", "b_later", "c_later"].map(begins);
        store.turn(&turns).await.unwrap();
        let (url, heard) = busy_at_first().await;
        let mut notices = notices(store.clone(), &url);
        for _ in 0..3 {
            notices.step().await.unwrap();
            assert_eq!(heard.load(Ordering::SeqCst), 1);
        }
        let shown = async || store.concerns().await.unwrap().len();
        assert_eq!(
            (store.waiting_notices().await.unwrap(), shown().await),
            (3, 1)
        );
        // The hour is over for those that were not posted yet. That which was is still deferred, until another is taken.
        notices.state.quiet_until = None;
        notices.step().await.unwrap();
        assert_eq!(
            (store.waiting_notices().await.unwrap(), shown().await),
            (1, 1)
        );
        notices.step().await.unwrap();
        assert_eq!(
            (store.waiting_notices().await.unwrap(), shown().await),
            (0, 0)
        );
        assert_eq!(heard.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn what_is_paused_again_and_again_has_lasted_since_the_first_time() {
        let (mut memory, begin) = (Memory::default(), Timestamp(1_790_000_000_000));
        let after = |seconds: i64| Timestamp(begin.0 + seconds * 1_000);
        let pause = |since| Firing {
            cause: Cause::LanePaused(Lane::DocSpace),
            since,
            count: 1,
            failure: Failure::new(Code::DocSpaceUnreachable, ""),
            subjects: Vec::new(),
        };
        // Open for less than 10 s of each minute, looked at every 5 s.
        for seconds in (0..=300).step_by(5) {
            let mut firing = Vec::new();
            if seconds % 60 <= 50 {
                firing.push(pause(after(seconds - seconds % 60)));
            }
            memory.date(&mut firing, after(seconds));
            for one in &firing {
                assert_eq!(
                    (one.since, has_lasted(after(seconds), one)),
                    (begin, seconds >= 300)
                );
            }
        }
        let mut anew = [pause(after(315))];
        memory.date(&mut anew, after(315));
        assert_eq!(anew[0].since, after(315));
    }

    #[tokio::test]
    async fn while_nothing_changes_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path).await.unwrap());
        // Nobody listens there.
        let mut notices = notices(store.clone(), "http://127.0.0.1:9/");
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
