//! DocSpace in memory: one portal with its users, one API key, rooms, tags and asynchronous operations.

mod access;
mod by_hand;
mod input;
mod listing;
mod operations;
mod render;
mod rooms;
mod routes;
mod share;
mod title;
mod world;

pub use by_hand::HandMadeRoom;
pub use world::{
    DocSpaceLimits, DocSpaceWorld, Operations, Room, RoomId, RoomMember, UserId, UserRole,
};

use super::service::Service;

/// A handle to the sandbox's DocSpace.
pub type DocSpace = Service<DocSpaceWorld>;

impl DocSpace {
    pub(crate) async fn start() -> std::io::Result<Self> {
        Self::open(DocSpaceWorld::new(), |service, call| {
            Box::pin(routes::answer(service, call))
        })
        .await
    }
}
