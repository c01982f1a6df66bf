//! Who may what in DocSpace: the key, its scopes, its owner's role, the limits. Refuses before any handler runs.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::DocSpace;
use super::routes::Scope;
use super::world::{DocSpaceWorld, Room, UserId};
use crate::sandbox::call::{Answer, Call};

const DAY: Duration = Duration::from_hours(24);
/// `FileShare.RoomManager`.
pub(super) const ROOM_MANAGER: u8 = 9;

/// Everything that can refuse a request for a known route.
pub(super) fn admit(docspace: &DocSpace, call: &Call, scope: Scope) -> Result<(), Answer> {
    let now = docspace.now();
    let mut world = docspace.world();
    authenticate(&mut world, call, now)?;
    if world.settings.unpaid {
        return Err(Answer::empty(402));
    }
    limit(&mut world, call)?;
    if !permits(&world.key.scopes, scope, call.reads()) {
        return Err(Answer::empty(403));
    }
    Ok(())
}

/// `Authorization: Bearer sk-…`, capital B and one blank; anything else is an empty 401.
fn authenticate(world: &mut DocSpaceWorld, call: &Call, now: Timestamp) -> Result<(), Answer> {
    let given = call
        .header("Authorization")
        .and_then(|header| header.strip_prefix("Bearer "));
    let key = &world.key;
    let expired = key.expires.is_some_and(|expires| expires <= now);
    let known = given == Some(key.secret.as_str()) && key.active && !expired;
    if !known || world.key_owner().disabled {
        return Err(Answer::empty(401));
    }
    world.key.last_used = Some(now);
    Ok(())
}

fn limit(world: &mut DocSpaceWorld, call: &Call) -> Result<(), Answer> {
    let limiter = &mut world.limiter;
    let crowd = if call.reads() {
        limiter.limits.reads_in_flight
    } else {
        limiter.limits.writes_in_flight
    };
    if crowd.is_some_and(|limit| call.crowd > limit) {
        return Err(Answer::too_many(None));
    }
    if let Some(window) = &mut limiter.minute
        && window.take(Instant::now()).is_err()
    {
        return Err(Answer::too_many(None));
    }
    if !matches!(call.method.as_str(), "POST" | "PUT") {
        return Ok(());
    }
    if limiter.day_began.elapsed() >= DAY {
        limiter.day_began = Instant::now();
        limiter.day_count = 0;
    }
    if limiter
        .limits
        .writes_per_day
        .is_some_and(|limit| limiter.day_count >= limit)
    {
        let left = DAY
            .saturating_sub(limiter.day_began.elapsed())
            .as_secs()
            .max(1);
        return Err(
            Answer::too_many(Some(left)).with_header("X-RateLimit-Reset", &left.to_string())
        );
    }
    limiter.day_count += 1;
    Ok(())
}

/// `common/ASC.Api.Core/Auth/AuthorizationExtension.cs`; a scope to write grants reading as well.
fn permits(scopes: &[String], scope: Scope, reading: bool) -> bool {
    let Some(name) = scope.name() else {
        return true;
    };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let writes = has(&format!("{name}:write")) || has("*:write");
    is_global(scopes) || writes || (reading && (has(&format!("{name}:read")) || has("*:read")))
}

/// Whether a key may do everything.
pub(super) fn is_global(scopes: &[String]) -> bool {
    scopes.is_empty() || scopes.iter().any(|scope| scope == "*")
}

/// What a user was given in a room.
fn access(room: &Room, user: &UserId) -> Option<u8> {
    let part = room.members.iter().find(|member| member.user == *user);
    part.map(|member| member.access)
}

impl DocSpaceWorld {
    /// An admin sees all rooms, everybody else what they made or were invited to.
    pub(super) fn reads(&self, room: &Room) -> bool {
        let user = self.key_owner();
        user.role.administers() || room.created_by == user.id || access(room, &user.id).is_some()
    }

    /// Renaming, tagging and inviting need ownership or the manager's role; being an admin is not enough
    /// (`products/ASC.Files/Core/Core/Security/FileSecurity.cs`).
    pub(super) fn edits(&self, room: &Room) -> bool {
        let user = self.key_owner();
        let manages = access(room, &user.id) == Some(ROOM_MANAGER);
        !room.archived && (room.created_by == user.id || manages)
    }

    pub(super) fn archives(&self, room: &Room) -> bool {
        let user = self.key_owner();
        user.role.administers()
            || room.created_by == user.id
            || access(room, &user.id) == Some(ROOM_MANAGER)
    }
}
