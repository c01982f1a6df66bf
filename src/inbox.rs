//! The inbox: one writer that stores what waits in one transaction and only then answers. Concurrent deliveries share its commit.

mod health;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::inbox::health::Health;
use crate::model::delivery::{Hint, Recorded};
use crate::store::{Store, StoreError};

/// How many deliveries may wait for the writer; more are refused at once, and Trello tries again.
const WAITING: usize = 4096;
/// The most that one transaction takes.
const BATCH: usize = 512;
/// How long a delivery waits for the database: whoever brings it gives up after half a minute, and a probe must see that nothing moves.
/// What was handed in is stored all the same when the database comes back.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Where deliveries are handed in. Clones share the writer.
#[derive(Debug, Clone)]
pub struct Inbox {
    queue: mpsc::Sender<Letter>,
    health: Health,
    door: Door,
}

/// Whether deliveries can be handed in at all. Clones share it, and keep no writer waiting.
#[derive(Debug, Clone, Default)]
pub struct Door(Arc<Mutex<Option<&'static str>>>);

impl Door {
    /// From now on everything is refused; says why.
    pub fn shut(&self, why: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Why it is shut; None while it is open.
    #[must_use]
    pub fn why_shut(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end, for the writer's task.
#[derive(Debug)]
pub struct Writer {
    queue: mpsc::Receiver<Letter>,
    health: Health,
    store: Arc<dyn Store>,
    /// Told when boards have become due.
    work: Arc<Notify>,
}

#[derive(Debug)]
struct Letter {
    hint: Hint,
    answer: oneshot::Sender<Recorded>,
}

/// A delivery that was not stored. Trello will bring it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    #[error("{0}")]
    Shut(&'static str),
    #[error("too many deliveries wait already")]
    Full,
    #[error("the database could not be written")]
    Failed,
    #[error("the database does not answer in time")]
    Late,
}

impl Inbox {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, work: Arc<Notify>) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let health = Health::default();
        (
            Self {
                queue: sender,
                health: health.clone(),
                door: Door::default(),
            },
            Writer {
                queue: receiver,
                health,
                store,
                work,
            },
        )
    }

    #[must_use]
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Stores a hint; returns when it is committed. While the database is known to be away, all are refused at once but one a second.
    pub async fn hand_in(&self, hint: Hint) -> Result<Recorded, NotStored> {
        if let Some(why) = self.door.why_shut() {
            return Err(NotStored::Shut(why));
        }
        if !self.health.may_try() {
            return Err(NotStored::Failed);
        }
        let begun = Instant::now();
        let (sender, receiver) = oneshot::channel();
        self.queue
            .try_send(Letter {
                hint,
                answer: sender,
            })
            .map_err(|_| NotStored::Full)?;
        if let Ok(answer) = timeout(PATIENCE, receiver).await {
            answer.map_err(|_| NotStored::Failed)
        } else {
            self.health.late(begun);
            Err(NotStored::Late)
        }
    }

    /// What the store says to something else, or that it is away: whoever brought a delivery is answered, however long the database takes.
    pub async fn ask<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let away = |reason: &str| StoreError::Away {
            reason: reason.to_owned(),
        };
        if !self.health.may_try() {
            return Err(away("it could not be a moment ago"));
        }
        let begun = Instant::now();
        let answer = timeout(PATIENCE, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(away("it does not answer in time")));
        match &answer {
            Err(error) if is_unreachable(error) => self.health.late(begun),
            // That it can be read does not say that it can be written.
            Ok(_) | Err(_) => self.health.learnt_nothing(),
        }
        answer
    }

    /// Counts a delivery that was refused, for when deliveries are stored again.
    pub fn count_refused(&self) {
        self.health.count_refused();
    }

    /// Whether the last deliveries could not be stored, a moment ago, whatever else the database says.
    #[must_use]
    pub fn has_just_failed(&self) -> bool {
        self.health.has_just_failed()
    }

    /// How many deliveries wait for the writer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// How many may.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.max_capacity()
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.capacity() == 0
    }
}

/// Whether the database is away, and not only refuses what was asked: that may be the fault of whoever sent it, who must not keep others out.
#[must_use]
pub fn is_unreachable(error: &StoreError) -> bool {
    match error {
        StoreError::Away { .. } => true,
        StoreError::Database(error) => matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
        ),
        StoreError::Open { .. }
        | StoreError::Missing { .. }
        | StoreError::TooNew
        | StoreError::Refused(_)
        | StoreError::Migrate(_)
        | StoreError::Unreadable(_) => false,
    }
}

impl Writer {
    /// Stores batches until every inbox is gone: the listener ends its last requests first, and what they hand in is stored.
    pub async fn run(mut self) {
        let mut letters = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut letters, BATCH).await > 0 {
            if !self.store_batch(&mut letters).await {
                // What waited meanwhile would only wait for the same.
                while self.queue.try_recv().is_ok() {}
            }
        }
    }

    /// Whether it was stored.
    async fn store_batch(&self, letters: &mut Vec<Letter>) -> bool {
        let (hints, answers): (Vec<_>, Vec<_>) = letters
            .drain(..)
            .map(|letter| (letter.hint, letter.answer))
            .unzip();
        match self.store.accept(&hints).await {
            Ok(recorded) => {
                if let Some(back) = self.health.stored() {
                    tracing::info!(away = ?back.after, refused = back.refused, "deliveries are stored again");
                }
                self.work.notify_one();
                for (answer, recorded) in answers.into_iter().zip(recorded) {
                    // Whoever hung up will ask again, and find it stored.
                    let _ = answer.send(recorded);
                }
                true
            }
            Err(error) => {
                // Dropped answers say that nothing was stored.
                self.health.failed();
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, deliveries = hints.len(), "deliveries could not be stored; Trello will bring them again");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ActionId, BoardId};
    use crate::store::Sqlite;

    fn hint() -> Hint {
        Hint {
            board: BoardId("5f0c00000000000000000001".parse().unwrap()),
            kind: "updateBoard".into(),
            action: ActionId("5f0c00000000000000000002".parse().unwrap()),
            appeared: None,
            trace: None,
        }
    }

    #[tokio::test]
    async fn nothing_is_handed_in_while_the_door_is_shut_and_nobody_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("b.db")).await.unwrap();
        let (inbox, writer) = Inbox::new(Arc::new(store), Arc::default());
        inbox.door().shut("the database is not open yet");
        let refused = inbox.hand_in(hint()).await;
        assert_eq!(
            refused,
            Err(NotStored::Shut("the database is not open yet"))
        );

        inbox.door().open();
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        assert_eq!(inbox.hand_in(hint()).await, Err(NotStored::Late));
        assert!(begun.elapsed() < Duration::from_secs(6));
        let begun = tokio::time::Instant::now();
        assert_eq!(inbox.hand_in(hint()).await, Err(NotStored::Failed));
        assert!(begun.elapsed().is_zero(), "nobody waits any more");
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();

        // What was handed in then is stored when the writer comes to it.
        let writing = tokio::spawn(writer.run());
        assert_eq!(inbox.hand_in(hint()).await, Ok(Recorded::Duplicate));
        let door = inbox.door().clone();
        drop(inbox);
        writing.await.unwrap();
        assert_eq!(door.why_shut(), None, "a door keeps no writer waiting");
    }

    #[tokio::test]
    async fn a_database_that_refuses_keeps_nobody_out_and_one_that_is_away_lets_nobody_wait() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("b.db")).await.unwrap();
        let (inbox, _writer) = Inbox::new(Arc::new(store), Arc::default());
        tokio::time::pause();
        let refuses = async { Err::<(), _>(StoreError::Database(sqlx::Error::RowNotFound)) };
        assert!(inbox.ask(refuses).await.is_err());
        assert!(inbox.ask(async { Ok(()) }).await.is_ok());

        let away = async { Err::<(), _>(StoreError::Database(sqlx::Error::PoolTimedOut)) };
        assert!(inbox.ask(away).await.is_err());
        let begun = Instant::now();
        assert!(
            inbox
                .ask(std::future::pending::<Result<(), _>>())
                .await
                .is_err()
        );
        assert_eq!(inbox.hand_in(hint()).await, Err(NotStored::Failed));
        assert!(begun.elapsed().is_zero());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(inbox.ask(async { Ok(()) }).await.is_ok());
    }
}
