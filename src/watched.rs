//! The models whose webhooks are ours. The application secret signs the webhooks of everybody who uses the app, so a valid signature alone proves little.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::id::ModelId;

/// A set that the guardian fills and the public listener asks.
#[derive(Debug, Clone, Default)]
pub struct Watched(Arc<RwLock<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    models: HashSet<ModelId>,
    /// Whether the list of webhooks was read once: until then a model that is not known may be ours.
    complete: bool,
}

/// Whether a model is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Others,
    /// Not known yet; the look will tell.
    Unknown,
}

impl Watched {
    pub fn add(&self, models: impl IntoIterator<Item = ModelId>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .models
            .extend(models);
    }

    /// The list of webhooks was read; these of it are ours.
    pub fn complete(&self, models: impl IntoIterator<Item = ModelId>) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.models.extend(models);
        inner.complete = true;
    }

    /// Those of these models that are not known to be ours.
    #[must_use]
    pub fn unknown(&self, models: impl IntoIterator<Item = ModelId>) -> Vec<ModelId> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let models = models.into_iter();
        models
            .filter(|model| !inner.models.contains(model))
            .collect()
    }

    #[must_use]
    pub fn whose(&self, model: ModelId) -> Whose {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match (inner.models.contains(&model), inner.complete) {
            (true, _) => Whose::Ours,
            (false, true) => Whose::Others,
            (false, false) => Whose::Unknown,
        }
    }
}
