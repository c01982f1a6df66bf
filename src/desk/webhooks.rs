//! The webhooks of the token, as Trello lists them, and whose each is.

use std::collections::HashMap;

use serde::Serialize;

use crate::model::id::{BoardId, ModelId};
use crate::store::{Store, StoreError};
use crate::trello::{Trello, TrelloError, Webhook};

/// Why they cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
}

/// By what an installation knows its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// What it writes beside each.
    pub description: String,
    /// Where Trello delivers; none without a public URL.
    pub callback: Option<String>,
    /// The further URLs whose deliveries are accepted.
    pub callbacks: Vec<String>,
}

/// A webhook as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub webhook_id: String,
    pub watches: String,
    pub model_id: ModelId,
    pub callback: String,
    pub active: bool,
    pub failures: u32,
    pub whose: &'static str,
}

/// All of the token, those of other programs included. Asks Trello four times or more.
pub async fn list(
    trello: &Trello,
    store: Option<&dyn Store>,
    ours: &Ours,
) -> Result<Vec<Line>, WebhooksError> {
    let mut webhooks = trello.webhooks().await?;
    webhooks.sort_by(|one, other| one.callback.cmp(&other.callback));
    let mut names = names(trello).await?;
    let models = webhooks.iter().map(|webhook| webhook.model);
    let others: Vec<_> = models.filter(|model| !names.contains_key(model)).collect();
    if let Some(store) = store {
        names.extend(boards(&others, store).await?);
    }
    let lines = webhooks.iter().map(|webhook| {
        let name = names.get(&webhook.model).cloned();
        let watches = name.unwrap_or_else(|| webhook.model.to_string());
        Line::of(webhook, watches, ours)
    });
    Ok(lines.collect())
}

/// What the models are called that are no boards.
async fn names(trello: &Trello) -> Result<HashMap<ModelId, String>, TrelloError> {
    let member = trello.member().await?;
    let workspaces = trello.workspaces().await?;
    let own = workspaces
        .into_iter()
        .map(|one| (one.id.into(), format!("workspace {}", one.display_name)));
    let member = (member.id.into(), format!("member @{}", member.username));
    Ok(own.chain([member]).collect())
}

/// What those are called that are boards of the database.
async fn boards(
    models: &[ModelId],
    store: &dyn Store,
) -> Result<Vec<(ModelId, String)>, StoreError> {
    let boards: Vec<_> = models.iter().map(|model| BoardId(model.0)).collect();
    let named = store.names(&boards).await?.into_iter();
    Ok(named
        .map(|(board, name)| (board.into(), format!("board {name}")))
        .collect())
}

impl Line {
    fn of(webhook: &Webhook, watches: String, ours: &Ours) -> Self {
        let is_ours = webhook.description.as_deref() == Some(&ours.description);
        let is_here = ours.callback.as_deref() == Some(&webhook.callback);
        let whose = match (is_here, is_ours) {
            (true, _) => "ours",
            (false, true) => "ours, for another URL",
            (false, false) if ours.callbacks.contains(&webhook.callback) => "for a further URL",
            (false, false) => "another's",
        };
        Self {
            webhook_id: webhook.id.to_string(),
            watches,
            model_id: webhook.model,
            callback: webhook.callback.clone(),
            active: webhook.active,
            failures: webhook.failures.unwrap_or(0),
            whose,
        }
    }
}
