//! What people do in DocSpace's web client, and how the portal is set up: for tests and the demo.

#![expect(
    clippy::must_use_candidate,
    reason = "most callers want the deed, not the id that comes of it"
)]

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::offset;

use super::DocSpace;
use super::world::{DocSpaceLimits, Operations, Room, RoomId, User, UserId, UserRole};
use crate::sandbox::identity::guid;

/// A room that somebody makes by hand: a collaboration room of the key's owner, if nothing else is said.
#[derive(Clone, Debug)]
pub struct HandMadeRoom {
    title: String,
    room_type: u8,
    tags: Vec<String>,
    owner: Option<UserId>,
    created: Option<Timestamp>,
    archived: bool,
}

impl HandMadeRoom {
    /// A room of this title, which is stored as the portal stores titles.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            room_type: 2,
            tags: Vec::new(),
            owner: None,
            created: None,
            archived: false,
        }
    }

    /// Of another type than 2.
    #[must_use]
    pub fn room_type(mut self, room_type: u8) -> Self {
        self.room_type = room_type;
        self
    }

    /// With one tag more.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Made by another user than the key's owner.
    #[must_use]
    pub fn by(mut self, owner: &UserId) -> Self {
        self.owner = Some(owner.clone());
        self
    }

    /// Made at another time than now.
    #[must_use]
    pub fn created_at(mut self, created: Timestamp) -> Self {
        self.created = Some(created);
        self
    }

    /// In the archive from the beginning.
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.archived = true;
        self
    }
}

impl DocSpace {
    /// The API key: `sk-` and 64 hex digits.
    #[must_use]
    pub fn api_key(&self) -> String {
        self.world().key.secret.clone()
    }

    /// The user who made the key and in whose name it acts: the portal's owner at first.
    #[must_use]
    pub fn key_owner(&self) -> UserId {
        self.world().key.owner.clone()
    }

    /// Another user.
    pub fn add_user(&self, name: &str, email: &str, role: UserRole) -> UserId {
        let id = UserId(guid());
        let user = User {
            id: id.clone(),
            name: name.to_owned(),
            email: email.to_owned(),
            role,
            disabled: false,
        };
        self.update(|world| world.users.push(user));
        id
    }

    /// Promotes or demotes a user.
    pub fn set_user_role(&self, user: &UserId, role: UserRole) {
        self.edit_user(user, |user| user.role = role);
    }

    /// Disables a user, whose keys are 401 from then on, or enables them.
    pub fn set_user_disabled(&self, user: &UserId, disabled: bool) {
        self.edit_user(user, |user| user.disabled = disabled);
    }

    fn edit_user(&self, id: &UserId, edit: impl FnOnce(&mut User)) {
        self.update(|world| {
            if let Some(user) = world.users.iter_mut().find(|user| user.id == *id) {
                edit(user);
            }
        });
    }

    /// The key is another user's from now on, as if that user had made it.
    pub fn set_key_owner(&self, user: &UserId) {
        self.update(|world| world.key.owner = user.clone());
    }

    /// Turns the key off: every call is an empty 401.
    pub fn revoke_key(&self) {
        self.update(|world| world.key.active = false);
    }

    /// Turns the key on again.
    pub fn restore_key(&self) {
        self.update(|world| world.key.active = true);
    }

    /// Sets when the key expires.
    pub fn set_key_expiry(&self, expires: Option<Timestamp>) {
        self.update(|world| world.key.expires = expires);
    }

    /// Sets the key's scopes, such as `rooms:write`; none means everything.
    pub fn set_key_scopes(&self, scopes: &[&str]) {
        self.update(|world| {
            world.key.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        });
    }

    /// Sets how many active rooms the plan allows; the free one 12.
    pub fn set_quota(&self, rooms: Option<usize>) {
        self.update(|world| world.settings.quota = rooms);
    }

    /// The portal has not been paid for: every call is an empty 402.
    pub fn set_unpaid(&self, unpaid: bool) {
        self.update(|world| world.settings.unpaid = unpaid);
    }

    /// Answers everything with 301 to `https`, as the proxy does on port 80 once TLS is set up.
    pub fn set_redirect_to_https(&self, redirect: bool) {
        self.update(|world| world.settings.to_https = redirect);
    }

    /// Whether an unknown e-mail may be invited as a guest.
    pub fn set_guests_allowed(&self, allowed: bool) {
        self.update(|world| world.settings.guests_allowed = allowed);
    }

    /// Sets the rate limits and resets their counts.
    pub fn set_limits(&self, limits: DocSpaceLimits) {
        self.update(|world| world.limiter = limits.into());
    }

    /// No rate limits at all, as on a stock installation.
    pub fn without_limits(&self) {
        self.set_limits(DocSpaceLimits {
            reads_in_flight: None,
            writes_in_flight: None,
            per_minute: None,
            writes_per_day: None,
        });
    }

    /// Sets what becomes of the archive and unarchive operations that begin from now on (after 50 ms at first).
    pub fn set_operations(&self, operations: Operations) {
        self.update(|world| world.settings.operations = operations);
    }

    /// How many archive and unarchive operations were accepted and will still be carried out.
    #[must_use]
    pub fn operations_under_way(&self) -> usize {
        let world = self.world();
        let under_way = world
            .operations
            .iter()
            .filter(|operation| operation.is_under_way());
        under_way.count()
    }

    /// Sets how long the portal's lock is held to make a room (not at all at first).
    pub fn set_create_time(&self, time: Duration) {
        self.update(|world| world.settings.create_time = time);
    }

    /// Sets how long after a room its tags are written (at once at first).
    pub fn set_tag_pause(&self, pause: Duration) {
        self.update(|world| world.settings.tag_pause = pause);
    }

    /// Sets how far the search index, which `filterValue` asks, is behind (5 s).
    pub fn set_index_lag(&self, lag: Duration) {
        self.update(|world| world.settings.index_lag = lag);
    }

    /// Sets the portal's time zone, in whole hours from UTC (2 at first).
    pub fn set_time_zone(&self, hours: i8) {
        self.update(|world| world.settings.offset = offset(hours));
    }

    /// All rooms, the archived ones too, in the order they were made.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        self.world().rooms.values().cloned().collect()
    }

    /// How many rooms there are, the archived ones too; cheaper than counting [`Self::rooms`] while waiting.
    #[must_use]
    pub fn room_count(&self) -> usize {
        self.world().rooms.len()
    }

    /// A room by its number.
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<Room> {
        self.world().rooms.get(&id).cloned()
    }

    /// The rooms that carry a tag, compared exactly.
    #[must_use]
    pub fn rooms_tagged(&self, tag: &str) -> Vec<Room> {
        let tagged = |room: &Room| room.tags.iter().any(|other| other == tag);
        self.rooms().into_iter().filter(tagged).collect()
    }

    /// Makes a room by hand. Neither the quota nor a lock is asked.
    pub fn create_room(&self, new: HandMadeRoom) -> RoomId {
        let now = new.created.unwrap_or_else(|| self.now());
        self.update(|world| {
            let owner = new.owner.unwrap_or_else(|| world.key.owner.clone());
            let id = world.save_room(&new.title, new.room_type, &owner, now);
            if let Some(room) = world.rooms.get_mut(&id) {
                room.link_tags(&new.tags);
                room.archived = new.archived;
            }
            id
        })
    }

    /// Renames a room by hand.
    pub fn rename_room(&self, id: RoomId, title: &str) {
        let now = self.now();
        self.edit_room(id, |room| room.rename(title, now));
    }

    /// Archives a room by hand, at once.
    pub fn archive_room(&self, id: RoomId) {
        self.edit_room(id, |room| room.archived = true);
    }

    /// Takes a room out of the archive by hand, at once.
    pub fn unarchive_room(&self, id: RoomId) {
        self.edit_room(id, |room| room.archived = false);
    }

    /// Gives a room one tag more by hand.
    pub fn tag_room(&self, id: RoomId, tag: &str) {
        self.edit_room(id, |room| room.link_tags(&[tag.to_owned()]));
    }

    /// Takes a tag off a room by hand.
    pub fn untag_room(&self, id: RoomId, tag: &str) {
        self.edit_room(id, |room| room.unlink_tags(&[tag.to_owned()]));
    }

    /// Hands a room over to another user; the key's owner may no longer rename it.
    pub fn set_room_owner(&self, id: RoomId, owner: &UserId) {
        self.edit_room(id, |room| room.created_by = owner.clone());
    }

    /// Deletes a room for good.
    pub fn delete_room(&self, id: RoomId) {
        self.update(|world| world.rooms.remove(&id));
    }

    fn edit_room(&self, id: RoomId, edit: impl FnOnce(&mut Room)) {
        self.update(|world| {
            if let Some(room) = world.rooms.get_mut(&id) {
                edit(room);
            }
        });
    }
}
