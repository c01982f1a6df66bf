//! One transaction for all who write at the same time. A commit waits for the disk, and many can wait for it together: whoever is done leaves
//! the transaction open to the next one, and the last commits for all. Nobody who writes is answered before that. Whoever only looks and
//! leaves without a commit does not wait, and may have seen what others were still about to commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection as _, SqliteConnection, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::{BUSY, TURN};
use crate::store::{StoreError, said};

/// The most that one commit is for, so that nobody waits long for others.
const MOST: usize = 16;
/// The same when somebody in haste waits for it: beside him one more gets on, so that nobody is kept waiting for ever.
const MOST_IN_HASTE: usize = 2;

/// Those who write. Clones share the transaction.
///
/// Whoever has begun must be polled until he commits or is dropped: all others wait for him. So nobody may wait for something that writes
/// beside a part of his own, or beside a future that may have one and is not polled meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pool: SqlitePool,
    gate: Arc<Mutex<State>>,
    /// How many wait to write.
    coming: Arc<AtomicUsize>,
    /// Whoever is not in haste waits here for his turn, so that he who is waits for one of them and not for hundreds.
    turns: Arc<Semaphore>,
}

/// The one connection that writes. It is kept, for a pool looks after it at every turn.
#[derive(Debug, Default)]
enum State {
    /// There is none yet, or the last one was given up.
    #[default]
    Closed,
    Idle(SqliteConnection),
    Open(Open),
}

/// The transaction that is open, and who waits for its commit. It never happened when its connection is dropped.
///
/// The driver's own transactions would not do: one that `SQLite` itself has rolled back, as it may when the disk is full, they take for open
/// for ever.
#[derive(Debug)]
struct Open {
    connection: SqliteConnection,
    done: Vec<oneshot::Sender<Result<(), String>>>,
    /// How many parts have ended, also those that were undone.
    ended: usize,
    /// Whether somebody in haste has a part in it.
    is_in_haste: bool,
}

impl Open {
    fn is_full(&self) -> bool {
        let most = if self.is_in_haste {
            MOST_IN_HASTE
        } else {
            MOST
        };
        self.ended >= most
    }
}

impl State {
    fn open(&mut self) -> Option<&mut Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::Closed | Self::Idle(_) => None,
        }
    }
}

type Gate = OwnedMutexGuard<State>;

/// One part of the transaction: what one of them writes. It never happened when it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Part {
    group: Group,
    /// None once it is done.
    gate: Option<Gate>,
    /// Whether it can be undone by itself.
    has_savepoint: bool,
    /// Given on when this is done.
    turn: Option<OwnedSemaphorePermit>,
}

impl Group {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            gate: Arc::default(),
            coming: Arc::default(),
            turns: Arc::new(Semaphore::new(1)),
        }
    }

    /// Begins a part when it is its turn.
    pub(super) async fn begin(&self) -> Result<Part, StoreError> {
        let coming = Coming::announce(self);
        let turn = timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let turn = turn.expect("the semaphore is never closed");
        self.enter(coming, Some(turn)).await
    }

    /// Begins one before those who wait for their turn.
    pub(super) async fn begin_in_haste(&self) -> Result<Part, StoreError> {
        self.enter(Coming::announce(self), None).await
    }

    async fn enter(
        &self,
        coming: Coming,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Part, StoreError> {
        let gate = timeout(TURN, Arc::clone(&self.gate).lock_owned()).await;
        let gate = gate.map_err(|_| sqlx::Error::PoolTimedOut)?;
        coming.has_come();
        let mut part = Part {
            group: self.clone(),
            gate: Some(gate),
            has_savepoint: false,
            turn,
        };
        let state = part.gate.as_deref_mut().expect("it has just entered");
        let connection = match std::mem::take(state) {
            State::Closed => self.pool.acquire().await?.detach(),
            State::Idle(connection) => connection,
            State::Open(open) => {
                *state = State::Open(open);
                run("SAVEPOINT part", part.connection()).await?;
                part.has_savepoint = true;
                return Ok(part);
            }
        };
        *state = State::Open(Open {
            connection,
            done: Vec::new(),
            ended: 0,
            is_in_haste: false,
        });
        begin(part.connection()).await?;
        Ok(part)
    }

    /// Waits until nobody writes; nobody does from then on.
    pub(super) async fn close(&self) {
        self.pool.close().await;
        let mut gate = self.gate.lock().await;
        let told = commit(&mut gate).await;
        if let State::Idle(connection) = std::mem::take(&mut *gate) {
            // It was all written before.
            let _ = connection.close().await;
        }
        drop(gate);
        tell(told);
    }

    /// Leaves the transaction to whoever is coming, or commits it. Must not be dropped before its end, for others rely on it.
    async fn conclude(&self, mut gate: Gate) {
        let is_full = gate.open().is_some_and(|open| open.is_full());
        if is_full || self.coming.load(Ordering::SeqCst) == 0 {
            let told = commit(&mut gate).await;
            drop(gate);
            tell(told);
        }
    }

    /// Undoes what a part has written of which nothing is to remain, and lets the others go on.
    async fn undo(&self, mut gate: Gate, has_savepoint: bool) {
        if let Some(open) = gate.open() {
            open.ended += 1;
            let is_alone = open.done.is_empty();
            let remains = if is_alone {
                run("ROLLBACK", &mut open.connection).await.is_ok()
            } else {
                // One that was given up while it got its savepoint may have none, and has written nothing; see also its commit.
                let undone = run("ROLLBACK TO part", &mut open.connection).await;
                match undone {
                    Ok(()) => run("RELEASE part", &mut open.connection).await.is_ok(),
                    Err(_) => !has_savepoint,
                }
            };
            // Whoever waits for a commit that will not come is told that it failed.
            *gate = match std::mem::take(&mut *gate) {
                State::Open(open) if remains && is_alone => State::Idle(open.connection),
                open if remains => open,
                State::Closed | State::Idle(_) | State::Open(_) => State::Closed,
            };
        }
        self.conclude(gate).await;
    }
}

impl Part {
    /// Where its statements run.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        let open = self.gate.as_deref_mut().and_then(State::open);
        &mut open.expect("a part is in an open transaction").connection
    }

    /// Returns once what was written is on the disk.
    pub(super) async fn commit_with_others(mut self) -> Result<(), StoreError> {
        // Given up in the middle of this, it may have none any more, and be part of what the others commit.
        if std::mem::take(&mut self.has_savepoint) {
            let released = run("RELEASE part", self.connection()).await;
            self.has_savepoint = released.is_err();
            released?;
        }
        let mut gate = self.gate.take().expect("a part commits once");
        let (done, told) = oneshot::channel();
        let open = gate.open().expect("a part is in an open transaction");
        open.done.push(done);
        open.ended += 1;
        open.is_in_haste |= self.turn.is_none();
        drop(self.turn.take());
        let group = self.group.clone();
        tokio::spawn(async move { group.conclude(gate).await });
        match told.await {
            Ok(committed) => committed.map_err(StoreError::Refused),
            Err(_) => Err(StoreError::Refused("it was not committed".to_owned())),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let Some(gate) = self.gate.take() else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            let (group, has_savepoint) = (self.group.clone(), self.has_savepoint);
            runtime.spawn(async move { group.undo(gate, has_savepoint).await });
        }
    }
}

/// Somebody who is about to write, for whom the transaction is left open.
#[derive(Debug)]
struct Coming {
    group: Group,
    has_come: bool,
}

impl Coming {
    fn announce(group: &Group) -> Self {
        group.coming.fetch_add(1, Ordering::SeqCst);
        Self {
            group: group.clone(),
            has_come: false,
        }
    }

    fn has_come(mut self) {
        self.has_come = true;
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.group.coming.fetch_sub(1, Ordering::SeqCst);
        if self.has_come {
            return;
        }
        // He will not come, and others may have relied on his commit.
        if let Ok(runtime) = Handle::try_current() {
            let group = self.group.clone();
            runtime.spawn(async move {
                let gate = Arc::clone(&group.gate).lock_owned().await;
                group.conclude(gate).await;
            });
        }
    }
}

/// Those who wait for a commit, and what became of it.
type Told = (Vec<oneshot::Sender<Result<(), String>>>, Result<(), String>);

/// Commits what is open, for all whom it was for.
async fn commit(state: &mut State) -> Told {
    let Some(open) = state.open() else {
        return (Vec::new(), Ok(()));
    };
    let committed = run("COMMIT", &mut open.connection).await;
    let done = std::mem::take(&mut open.done);
    *state = match std::mem::take(state) {
        State::Open(open) if committed.is_ok() => State::Idle(open.connection),
        // Nobody else may get into this transaction.
        State::Closed | State::Idle(_) | State::Open(_) => State::Closed,
    };
    (done, committed.map_err(|error| said(&error)))
}

fn tell((done, committed): Told) {
    for done in done {
        // Who does not wait any more looks again, and finds it done.
        let _ = done.send(committed.clone());
    }
}

/// Begins to write, when no other process does. One that is busy leaves only moments in between, which `SQLite` would hardly ever meet: it
/// looks ten times a second. So its connection does not wait, and this looks more often.
async fn begin(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let begun = Instant::now();
    loop {
        match run("BEGIN IMMEDIATE", connection).await {
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY => {
                sleep(Duration::from_micros(fastrand::u64(2_000..5_000))).await;
            }
            ended => return ended,
        }
    }
}

/// `SQLITE_BUSY` with all its kinds.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

async fn run(
    statement: &'static str,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests;
