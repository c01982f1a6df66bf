//! What a changed configuration changes: boards whose status rests on it are looked at again.

use crate::config::Config;
use crate::model::failure::Code;
use crate::model::lane::Lane;
use crate::model::status::{Apart, Ignored, Status, Waiting};
use crate::store::{Fact, Store, StoreError};

/// Compares the policies with those of the last start.
pub(super) async fn reconsider(store: &dyn Store, config: &Config) -> Result<(), StoreError> {
    let ignored = [
        Status::Ignored(Ignored::ExistedBefore),
        Status::Ignored(Ignored::OutsideWorkspaces),
    ];
    let boards = format!(
        "{:?} {} {:?} {:?}",
        config.workspaces, config.personal_boards, config.existing_boards, config.since
    );
    reconsider_if_changed(store, Fact::BoardPolicy, boards, &ignored).await?;
    let refused = [
        Status::Failed(Code::DocSpaceRejected),
        Status::Failed(Code::PrivateRoomRefused),
    ];
    let rooms = format!(
        "{} {:?} {:?} {}",
        config.room.kind, config.room.title, config.room.tags, config.room.private
    );
    reconsider_if_changed(store, Fact::RoomPolicy, rooms, &refused).await?;
    let kept = [
        Status::Mirrored(None),
        Status::Mirrored(Some(Apart::Drift)),
        Status::Mirrored(Some(Apart::BoardDeleted)),
        Status::Waiting(Waiting::Grace),
        Status::Waiting(Waiting::Deletion),
    ];
    let follows = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        config.room.title,
        config.on_drift,
        config.on_board_deleted,
        config.archive_after,
        config.deleted_after
    );
    reconsider_if_changed(store, Fact::FollowPolicy, follows, &kept).await?;
    reconsider_the_brake(store, config).await
}

/// Under another brake it is decided anew who waits.
async fn reconsider_the_brake(store: &dyn Store, config: &Config) -> Result<(), StoreError> {
    let brake = format!("{:?}", config.brake);
    if store
        .fact(Fact::BrakePolicy)
        .await?
        .is_some_and(|before| before != brake)
    {
        for lane in [Lane::CreateBrake, Lane::ArchiveBrake] {
            store.open_lane(lane).await?;
        }
    }
    let held = [Status::Waiting(Waiting::Brake)];
    reconsider_if_changed(store, Fact::BrakePolicy, brake, &held).await
}

/// Boards whose status rests on a policy are looked at again when it is another one.
async fn reconsider_if_changed(
    store: &dyn Store,
    fact: Fact,
    policy: String,
    statuses: &[Status],
) -> Result<(), StoreError> {
    let before = store.fact(fact).await?;
    if before.as_ref().is_some_and(|before| *before != policy) {
        let boards = store.reconsider(statuses).await?;
        tracing::info!(
            boards,
            "the configuration has changed: boards are looked at again"
        );
    }
    if before.as_ref() != Some(&policy) {
        store.set_fact(fact, &policy).await?;
    }
    Ok(())
}
