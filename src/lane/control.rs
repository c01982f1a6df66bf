//! Control reads: one cheap neutral call per service that tells an ill service from an ill call.

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::docspace::DocSpace;
use crate::lane::Charge;
use crate::model::lane::Lane;
use crate::trello::Trello;

/// The control reads, one at a time per service.
#[derive(Debug)]
pub(super) struct Controls {
    trello: Trello,
    docspace: DocSpace,
    /// When the last read that passed began.
    trello_passed: Mutex<Option<Instant>>,
    docspace_passed: Mutex<Option<Instant>>,
}

/// The turn to read; nobody else reads this service meanwhile.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    controls: &'a Controls,
    service: Lane,
    passed: MutexGuard<'a, Option<Instant>>,
}

impl Controls {
    pub(super) fn new(trello: Trello, docspace: DocSpace) -> Self {
        Self {
            trello,
            docspace,
            trello_passed: Mutex::default(),
            docspace_passed: Mutex::default(),
        }
    }

    pub(super) async fn turn(&self, service: Lane) -> Turn<'_> {
        let passed = match service {
            Lane::Trello => &self.trello_passed,
            _ => &self.docspace_passed,
        };
        Turn {
            controls: self,
            service,
            passed: passed.lock().await,
        }
    }
}

impl Turn<'_> {
    /// Whether a read that began after `doubt` has passed.
    pub(super) fn has_passed_since(&self, doubt: Instant) -> bool {
        self.passed.is_some_and(|began| began >= doubt)
    }

    /// Reads, unless a read that began after `doubt` has passed meanwhile.
    pub(super) async fn read(&mut self, doubt: Instant) -> Result<(), Charge> {
        if self.has_passed_since(doubt) {
            return Ok(());
        }
        let began = Instant::now();
        let Controls {
            trello, docspace, ..
        } = self.controls;
        match self.service {
            Lane::Trello => {
                trello.token().await.map_err(|error| Charge::from(&error))?;
            }
            _ => {
                docspace
                    .may_create()
                    .await
                    .map_err(|error| Charge::from(&error))?;
            }
        }
        *self.passed = Some(began);
        Ok(())
    }
}
