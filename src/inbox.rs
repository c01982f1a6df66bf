//! The inbox: one writer that stores what waits in one transaction and only then answers. Concurrent deliveries share its commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use crate::model::delivery::{Hint, Recorded};
use crate::store::Store;

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
    ailing: Arc<AtomicBool>,
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
    ailing: Arc<AtomicBool>,
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
        let ailing = Arc::new(AtomicBool::new(false));
        (
            Self {
                queue: sender,
                ailing: ailing.clone(),
                door: Door::default(),
            },
            Writer {
                queue: receiver,
                ailing,
                store,
                work,
            },
        )
    }

    #[must_use]
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Stores a hint; returns when it is committed.
    pub async fn hand_in(&self, hint: Hint) -> Result<Recorded, NotStored> {
        if let Some(why) = self.door.why_shut() {
            return Err(NotStored::Shut(why));
        }
        let (sender, receiver) = oneshot::channel();
        self.queue
            .try_send(Letter {
                hint,
                answer: sender,
            })
            .map_err(|_| NotStored::Full)?;
        match timeout(PATIENCE, receiver).await {
            Ok(answer) => answer.map_err(|_| NotStored::Failed),
            Err(_) => Err(NotStored::Late),
        }
    }

    /// Whether the last batch could not be stored.
    #[must_use]
    pub fn is_ailing(&self) -> bool {
        self.ailing.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.capacity() == 0
    }
}

impl Writer {
    /// Stores batches until every inbox is gone: the listener ends its last requests first, and what they hand in is stored.
    pub async fn run(mut self) {
        let mut letters = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut letters, BATCH).await > 0 {
            self.store_batch(&mut letters).await;
        }
    }

    async fn store_batch(&self, letters: &mut Vec<Letter>) {
        let (hints, answers): (Vec<_>, Vec<_>) = letters
            .drain(..)
            .map(|letter| (letter.hint, letter.answer))
            .unzip();
        match self.store.accept(&hints).await {
            Ok(recorded) => {
                self.ailing.store(false, Ordering::Relaxed);
                self.work.notify_one();
                for (answer, recorded) in answers.into_iter().zip(recorded) {
                    // Whoever hung up will ask again, and find it stored.
                    let _ = answer.send(recorded);
                }
            }
            Err(error) => {
                // Dropped answers say that nothing was stored.
                self.ailing.store(true, Ordering::Relaxed);
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, deliveries = hints.len(), "deliveries could not be stored; Trello will bring them again");
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
        tokio::time::resume();

        // What was handed in then is stored when the writer comes to it.
        let writing = tokio::spawn(writer.run());
        assert_eq!(inbox.hand_in(hint()).await, Ok(Recorded::Duplicate));
        let door = inbox.door().clone();
        drop(inbox);
        writing.await.unwrap();
        assert_eq!(door.why_shut(), None, "a door keeps no writer waiting");
    }
}
