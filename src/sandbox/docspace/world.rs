//! DocSpace's state. No JSON, no sockets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::{Offset, offset};

use super::operations::Operation;
use super::title;
use crate::sandbox::identity::{guid, hex};
use crate::sandbox::window::Window;

/// A room's number.
pub type RoomId = u64;

/// A user's GUID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserId(pub(super) String);

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a user may do in the portal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserRole {
    /// The portal's owner.
    Owner,
    /// Sees and archives every room, but renames only what is theirs.
    DocSpaceAdmin,
    /// Creates rooms; sees only what they made or were invited to.
    RoomAdmin,
    /// May not create rooms.
    User,
    /// May not create rooms, nor manage one.
    Guest,
}

impl UserRole {
    pub(super) fn creates_rooms(self) -> bool {
        matches!(self, Self::Owner | Self::DocSpaceAdmin | Self::RoomAdmin)
    }

    pub(super) fn administers(self) -> bool {
        matches!(self, Self::Owner | Self::DocSpaceAdmin)
    }
}

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: UserRole,
    pub(super) disabled: bool,
}

/// A room as it is now.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the real object has as many flags, each on its own"
)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// Its title as stored.
    pub title: String,
    /// 1 form filling, 2 collaboration, 5 custom, 6 public, 8 virtual data, 9 AI.
    pub room_type: u8,
    /// Its tags, in the order they were linked.
    pub tags: Vec<String>,
    /// Whether it lies in the archive.
    pub archived: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Who made it, or to whom it was handed over.
    pub created_by: UserId,
    /// Who was invited; the owner is not among them.
    pub members: Vec<RoomMember>,
    /// Six hex digits.
    pub color: String,
    /// Whether `GET …/link` or its type has given it a link for everybody.
    pub external_link: bool,
    pub(super) indexing: bool,
    pub(super) deny_download: bool,
    /// What the search index got, and when.
    pub(super) indexed: Vec<(Instant, String)>,
}

/// Somebody who was invited to a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomMember {
    /// Who.
    pub user: UserId,
    /// Their e-mail.
    pub email: String,
    /// 2 read, 5 review, 6 comment, 9 room manager, 10 editing, 11 content creator.
    pub access: u8,
}

/// What becomes of an archive or unarchive operation, which is always asynchronous.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operations {
    /// It is carried out after so long.
    After(Duration),
    /// It stays at 0 %: the worker is down.
    Never,
    /// It ends with this error, and the room stays where it is.
    Fail(Duration, String),
}

/// How many requests DocSpace takes; `None` means any number (`common/ASC.Common/Utils/RateLimiterSettings.cs`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocSpaceLimits {
    /// `GET`s in flight; 50 on the real one.
    pub reads_in_flight: Option<usize>,
    /// Others in flight; 15 on the real one. The 429 carries no `Retry-After`.
    pub writes_in_flight: Option<usize>,
    /// Requests in a minute; 1500 on the real one. The 429 carries no `Retry-After`.
    pub per_minute: Option<usize>,
    /// `POST` and `PUT` in a day; 10,000 on the real one. The 429 carries `Retry-After`, up to 86,400 s.
    pub writes_per_day: Option<usize>,
}

impl Default for DocSpaceLimits {
    fn default() -> Self {
        Self {
            reads_in_flight: Some(50),
            writes_in_flight: Some(15),
            per_minute: Some(1500),
            writes_per_day: Some(10_000),
        }
    }
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) secret: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) scopes: Vec<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) active: bool,
    pub(super) last_used: Option<Timestamp>,
    pub(super) owner: UserId,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) quota: Option<usize>,
    pub(super) operations: Operations,
    pub(super) tag_pause: Duration,
    pub(super) create_time: Duration,
    pub(super) index_lag: Duration,
    pub(super) offset: Offset,
    pub(super) unpaid: bool,
    pub(super) to_https: bool,
    pub(super) guests_allowed: bool,
}

/// The running counts.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) limits: DocSpaceLimits,
    pub(super) minute: Option<Window>,
    pub(super) day_began: Instant,
    pub(super) day_count: usize,
}

impl From<DocSpaceLimits> for Limiter {
    fn from(limits: DocSpaceLimits) -> Self {
        Self {
            limits,
            minute: limits
                .per_minute
                .map(|limit| Window::new(limit, Duration::from_mins(1))),
            day_began: Instant::now(),
            day_count: 0,
        }
    }
}

/// The state behind a [`super::DocSpace`].
#[derive(Debug)]
pub struct DocSpaceWorld {
    pub(super) rooms: BTreeMap<RoomId, Room>,
    pub(super) next_room: RoomId,
    pub(super) users: Vec<User>,
    pub(super) key: Key,
    pub(super) settings: Settings,
    pub(super) limiter: Limiter,
    pub(super) operations: Vec<Operation>,
    /// Rooms of one portal are made one after the other (`LockKeyHelper.GetRoomsCountCheckKey`).
    pub(super) creating: Arc<tokio::sync::Mutex<()>>,
}

impl DocSpaceWorld {
    pub(super) fn new() -> Self {
        let owner = User {
            id: UserId(guid()),
            name: "Olga Owner".to_owned(),
            email: "olga.owner@example.com".to_owned(),
            role: UserRole::Owner,
            disabled: false,
        };
        Self {
            rooms: BTreeMap::new(),
            next_room: 38,
            key: Key {
                secret: format!("sk-{}", hex(64)),
                id: guid(),
                created: Timestamp::now(),
                scopes: Vec::new(),
                expires: None,
                active: true,
                last_used: None,
                owner: owner.id.clone(),
            },
            users: vec![owner],
            settings: Settings {
                quota: None,
                operations: Operations::After(Duration::from_millis(50)),
                tag_pause: Duration::ZERO,
                create_time: Duration::ZERO,
                index_lag: Duration::from_secs(5),
                offset: offset(2),
                unpaid: false,
                to_https: false,
                guests_allowed: true,
            },
            limiter: DocSpaceLimits::default().into(),
            operations: Vec::new(),
            creating: Arc::default(),
        }
    }

    pub(super) fn user(&self, id: &UserId) -> &User {
        let found = self.users.iter().find(|user| user.id == *id);
        found.expect("users are never deleted, and every id was given out by this portal")
    }

    pub(super) fn key_owner(&self) -> &User {
        self.user(&self.key.owner)
    }

    /// Rooms in the archive do not count.
    pub(super) fn is_full(&self) -> Option<usize> {
        let active = self.rooms.values().filter(|room| !room.archived).count();
        self.settings.quota.filter(|quota| active >= *quota)
    }

    pub(super) fn save_room(
        &mut self,
        title: &str,
        room_type: u8,
        owner: &UserId,
        now: Timestamp,
    ) -> RoomId {
        let id = self.next_room;
        self.next_room += 1;
        let title = title::sanitised(title);
        let room = Room {
            id,
            indexed: vec![(Instant::now(), title.clone())],
            title,
            room_type,
            tags: Vec::new(),
            archived: false,
            created: now,
            updated: now,
            created_by: owner.clone(),
            members: Vec::new(),
            color: hex(6).to_uppercase(),
            external_link: matches!(room_type, 1 | 6),
            indexing: false,
            deny_download: false,
        };
        self.rooms.insert(id, room);
        id
    }
}

impl Room {
    pub(super) fn rename(&mut self, title: &str, now: Timestamp) {
        self.title = title::sanitised(title);
        self.updated = now;
        self.indexed.push((Instant::now(), self.title.clone()));
    }

    /// Links tags; one that is there already, by the database's comparison, stays as it is.
    pub(super) fn link_tags(&mut self, tags: &[String]) {
        for tag in tags {
            let same = |other: &String| title::collated(other) == title::collated(tag);
            if !self.tags.iter().any(same) {
                self.tags.push(tag.clone());
            }
        }
    }

    pub(super) fn unlink_tags(&mut self, tags: &[String]) {
        let wanted: Vec<String> = tags.iter().map(|tag| title::collated(tag)).collect();
        self.tags
            .retain(|tag| !wanted.contains(&title::collated(tag)));
    }

    /// The title that the search index knows by now.
    pub(super) fn indexed_title(&self, lag: Duration) -> Option<&str> {
        let known = self
            .indexed
            .iter()
            .rev()
            .find(|(moment, _)| moment.elapsed() >= lag);
        known.map(|(_, title)| title.as_str())
    }
}
