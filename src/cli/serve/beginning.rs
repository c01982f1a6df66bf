//! The beginning of a service: its database is opened, brought up to date and read. One that is away is waited for.

use tokio::time::Instant;

use crate::cli::serve::{HOLDER, policy};
use crate::cli::wiring::Company;
use crate::config::Config;
use crate::inbox::Door;
use crate::mirror::Mirror;
use crate::model::time::Timestamp;
use crate::retry::DATABASE;
use crate::store::{Fact, StoreError, Whose};
use crate::watched::Watched;

/// What must be known before anything but the listener runs.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    pub(super) config: &'a Config,
    pub(super) company: &'a Company,
    /// Boards that are made while the database is away are new.
    pub(super) started: Timestamp,
    /// Where it is said why no delivery can be stored yet.
    pub(super) door: &'a Door,
    pub(super) mirror: &'a Mirror,
    pub(super) watched: &'a Watched,
}

impl Beginning<'_> {
    /// Tries until the database has been opened and read. An error that another try does not mend ends it. May be dropped at any point.
    pub(super) async fn until_done(&self) -> Result<(), StoreError> {
        until_done(self.door, async || {
            self.mirror.store.open().await?;
            self.prepare().await?;
            self.read().await
        })
        .await
    }

    /// What must be right before anything runs: leases of a service that is dead, and what a changed configuration changes.
    async fn prepare(&self) -> Result<(), StoreError> {
        let store = &*self.mirror.store;
        match self.company {
            Company::Alone { .. } => {
                store.hand_back(Whose::Holders(HOLDER)).await?;
                store.end_leases(self.config.trello.rate.per).await?;
            }
            // Theirs may be at work: what nobody renews runs out.
            Company::Beside | Company::Uncounted => {}
        }
        store.earliest(Fact::FirstStart, self.started).await?;
        policy::reconsider(store, self.config).await
    }

    /// Takes over what an earlier process knew: all of it, or nothing.
    async fn read(&self) -> Result<(), StoreError> {
        let store = &*self.mirror.store;
        let models = store.models().await?;
        self.mirror.lanes.learn().await?;
        self.mirror.surroundings.refresh().await?;
        self.watched.add(models);
        Ok(())
    }
}

/// Repeats a step while the database is away. The log says so once for each reason, the door all the time.
async fn until_done(
    door: &Door,
    step: impl AsyncFn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (begun, mut failures, mut told) = (Instant::now(), 0, None);
    loop {
        let reason = match step().await {
            Ok(()) => break,
            Err(StoreError::Away { reason }) => reason,
            Err(
                error @ (StoreError::Open { .. }
                | StoreError::Missing { .. }
                | StoreError::TooNew
                | StoreError::Database(_)
                | StoreError::Refused(_)
                | StoreError::Migrate(_)
                | StoreError::Unreadable(_)),
            ) => return Err(error),
        };
        door.shut("the database does not answer");
        failures += 1;
        if told.as_ref() != Some(&reason) {
            tracing::error!(
                "the database cannot be reached: {reason}; deliveries are refused and it is tried again until it answers"
            );
            told = Some(reason);
        }
        tokio::time::sleep(DATABASE.steady_wait(failures, fastrand::f64())).await;
    }
    if failures > 0 {
        let away = begun.elapsed().as_millis();
        tracing::info!(away_ms = away, tries = failures + 1, "the database answers");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    fn away(reason: &str) -> Result<(), StoreError> {
        Err(StoreError::Away {
            reason: reason.into(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_away_is_waited_for() {
        let (door, begun) = (Door::default(), Instant::now());
        door.shut("not open yet");
        let tries = RefCell::new(Vec::new());
        let step = async || {
            let count = tries.borrow().len();
            tries.borrow_mut().push(begun.elapsed());
            match count {
                0 => assert_eq!(door.why_shut(), Some("not open yet")),
                _ => assert_eq!(door.why_shut(), Some("the database does not answer")),
            }
            if count < 20 { away("refused") } else { Ok(()) }
        };
        until_done(&door, step).await.unwrap();
        let tries = tries.into_inner();
        assert!(tries[1] <= Duration::from_millis(500), "{tries:?}");
        for pair in tries.windows(2) {
            let wait = pair[1].saturating_sub(pair[0]);
            assert!(wait >= Duration::from_millis(250), "{tries:?}");
            assert!(wait <= Duration::from_millis(10_001), "{tries:?}");
        }
        assert_eq!(tries.len(), 21);
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_cannot_be_used_is_not_waited_for() {
        let tries = RefCell::new(0);
        let step = async || {
            *tries.borrow_mut() += 1;
            match *tries.borrow() {
                1 => away("refused"),
                _ => Err(StoreError::TooNew),
            }
        };
        let ended = until_done(&Door::default(), step).await;
        assert!(matches!(ended, Err(StoreError::TooNew)), "{ended:?}");
        assert_eq!(tries.into_inner(), 2);
    }
}
