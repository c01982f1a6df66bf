//! A Trello and a DocSpace in memory, on real loopback sockets, for the integration tests and for `boardroom demo`.
//! They keep state, sign and deliver webhooks with code of their own, and refuse what the real services refuse.
//! Nothing else of this crate may be imported here: a fake that shares code with its client agrees with its mistakes.

mod call;
mod docspace;
mod fault;
mod identity;
mod journal;
mod listener;
mod service;
mod trello;
mod window;

use std::io;

pub use call::{Answer, Call};
pub use docspace::{
    DocSpace, DocSpaceLimits, DocSpaceWorld, HandMadeRoom, Operations, Room, RoomId, RoomMember,
    UserId, UserRole,
};
pub use fault::{Effect, Fault, FaultId};
pub use identity::{BoardId, MemberId, WebhookId, WorkspaceId};
pub use journal::Exchange;
pub use service::{Service, TimedOut};
pub use trello::{
    Attempt, Board, Delivery, Letter, NewBoard, Outcome, RateLimits, Receipt, Role, Signing,
    Trello, TrelloWorld, Visibility, Webhook, WebhookOwner, sign,
};

/// Both services, each on a free port of 127.0.0.1. Dropping it closes both and stops the deliveries under way.
#[derive(Debug)]
pub struct Sandbox {
    /// The Trello of this sandbox; a cheap handle over shared state.
    pub trello: Trello,
    /// The DocSpace of this sandbox; a cheap handle over shared state.
    pub docspace: DocSpace,
}

impl Sandbox {
    /// Starts both services. Must be called inside a tokio runtime; the handles work from any thread after that.
    pub async fn start() -> io::Result<Self> {
        Ok(Self {
            trello: Trello::start().await?,
            docspace: DocSpace::start().await?,
        })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.trello.stop();
        self.docspace.stop();
    }
}
