//! What Trello would not register, and when it is asked again.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::id::ModelId;
use crate::retry::WEBHOOK;

/// Refusals by what was to be watched.
#[derive(Debug, Default)]
pub struct Refusals(HashMap<ModelId, Refusal>);

#[derive(Debug)]
struct Refusal {
    failures: u32,
    again: Instant,
    said: String,
}

impl Refusals {
    /// Notes a refusal; says how long to wait.
    pub(super) fn add(&mut self, model: ModelId, said: &str) -> Duration {
        let before = self.0.get(&model).map_or(0, |refusal| refusal.failures);
        let failures = before.saturating_add(1);
        let wait = WEBHOOK.steady_wait(failures, fastrand::f64());
        let refusal = Refusal {
            failures,
            again: Instant::now() + wait,
            said: said.to_owned(),
        };
        self.0.insert(model, refusal);
        wait
    }

    pub(super) fn remove(&mut self, model: ModelId) {
        self.0.remove(&model);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(ModelId) -> bool) {
        self.0.retain(|model, _| keep(*model));
    }

    pub(super) fn must_wait(&self, model: ModelId) -> bool {
        self.0
            .get(&model)
            .is_some_and(|refusal| refusal.again > Instant::now())
    }

    /// Nothing waits any longer; the next refusal makes it wait as long as if it had come in its turn.
    pub(super) fn hurry(&mut self) {
        let now = Instant::now();
        for refusal in self.0.values_mut() {
            refusal.again = now;
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|refusal| refusal.again).min()
    }

    /// What Trello said, by model.
    pub(super) fn all(&self) -> impl Iterator<Item = (ModelId, &str)> {
        self.0
            .iter()
            .map(|(model, refusal)| (*model, refusal.said.as_str()))
    }
}
