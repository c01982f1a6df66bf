//! Trello in memory: members, workspaces, boards, one token, webhooks and their deliveries.

mod actions;
mod batch;
mod boards;
mod courier;
mod letters;
mod operations;
mod prefs;
mod reading;
mod render;
mod routes;
mod settings;
mod signature;
mod webhooks;
mod world;

pub use boards::NewBoard;
pub use courier::{Attempt, Delivery, Outcome};
pub use letters::{Letter, Receipt, Signing};
pub use settings::RateLimits;
pub use signature::sign;
pub use world::{Board, Role, TrelloWorld, Visibility, Webhook, WebhookOwner};

use super::service::Service;

/// A handle to the sandbox's Trello.
pub type Trello = Service<TrelloWorld>;

impl Trello {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let world = TrelloWorld::new().map_err(std::io::Error::other)?;
        Self::open(world, |service, call| {
            Box::pin(routes::answer(service, call))
        })
        .await
    }
}
