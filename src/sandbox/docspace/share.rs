//! Members of a room and its link for everybody.

use serde_json::{Map, Value, json};

use super::access::ROOM_MANAGER;
use super::input::Input;
use super::world::{DocSpaceWorld, RoomId, RoomMember, User, UserId, UserRole};
use super::{DocSpace, render, rooms};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::identity::{guid, letters};

/// `GET …/share`: the owner first, then who was invited.
pub(super) fn list(docspace: &DocSpace, call: &Call, id: RoomId) -> Answer {
    let world = docspace.world();
    let Some(room) = world.rooms.get(&id) else {
        return rooms::missing();
    };
    if !world.reads(room) {
        return rooms::denied();
    }
    let owner = RoomMember {
        user: room.created_by.clone(),
        email: world.user(&room.created_by).email.clone(),
        access: ROOM_MANAGER,
    };
    let members: Vec<Value> = std::iter::once(&owner)
        .chain(&room.members)
        .map(|member| render::share(&world, room, member))
        .collect();
    let count = members.len();
    render::wrapped(docspace, call, &Value::Array(members), count)
}

/// `PUT …/share`. Each entry is taken or refused by itself; a refused one shows in `warning` only.
pub(super) fn invite(docspace: &DocSpace, call: &Call, id: RoomId) -> Answer {
    let input = match Input::parse(call) {
        Ok(input) => input,
        Err(refusal) => return refusal,
    };
    let invitations = input
        .get("invitations")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let shared = docspace.update(|world| {
        match world.rooms.get(&id) {
            None => return Err(rooms::missing()),
            Some(room) if !world.edits(room) => return Err(rooms::denied()),
            Some(_) => {}
        }
        let mut members = Vec::new();
        let mut warning = None;
        for invitation in &invitations {
            match take(world, id, invitation) {
                Ok(Some(member)) => members.push(member),
                Ok(None) => {}
                Err(Refusal::All(answer)) => return Err(answer),
                Err(Refusal::This(text)) => warning = Some(text),
            }
        }
        Ok(result(world, id, &members, warning))
    });
    match shared {
        Ok(response) => render::wrapped(docspace, call, &response, 1),
        Err(refusal) => refusal,
    }
}

fn result(
    world: &DocSpaceWorld,
    id: RoomId,
    members: &[RoomMember],
    warning: Option<String>,
) -> Value {
    let mut object = Map::new();
    let shown = |room| {
        members
            .iter()
            .map(|member| render::share(world, room, member))
            .collect()
    };
    object.insert(
        "members".to_owned(),
        world.rooms.get(&id).map_or(Value::Null, shown),
    );
    if let Some(text) = warning {
        object.insert("warning".to_owned(), json!(text));
    }
    Value::Object(object)
}

enum Refusal {
    This(String),
    All(Answer),
}

fn take(
    world: &mut DocSpaceWorld,
    id: RoomId,
    invitation: &Value,
) -> Result<Option<RoomMember>, Refusal> {
    let wrong = |text: &str| Refusal::This(text.to_owned());
    let access = invitation.get("access").and_then(render::access_number);
    let access = access.ok_or_else(|| wrong("The access rights are not valid"))?;
    let known = known_user(world, invitation);
    let room_type = world.rooms.get(&id).map_or(0, |room| room.room_type);
    if access != 0 && !render::accesses(room_type).contains(&access) {
        return Err(wrong("This access level is not available for this room"));
    }
    let role = known.as_ref().map_or(UserRole::Guest, |user| user.role);
    if access == ROOM_MANAGER && matches!(role, UserRole::User | UserRole::Guest) {
        return Err(wrong("Users of this type cannot manage a room"));
    }
    let user = match known {
        Some(user) => user,
        None => new_guest(world, invitation)?,
    };
    let Some(room) = world.rooms.get_mut(&id) else {
        return Ok(None);
    };
    if room.created_by == user.id {
        return Err(wrong("The owner of the room cannot be invited"));
    }
    room.members.retain(|member| member.user != user.id);
    if access == 0 {
        return Ok(None);
    }
    let member = RoomMember {
        user: user.id,
        email: user.email,
        access,
    };
    room.members.push(member.clone());
    Ok(Some(member))
}

fn known_user(world: &DocSpaceWorld, invitation: &Value) -> Option<User> {
    let text = |name: &str| invitation.get(name).and_then(Value::as_str);
    let same = |user: &&User| {
        text("id").is_some_and(|id| user.id.0 == id)
            || text("email").is_some_and(|email| user.email.eq_ignore_ascii_case(email))
    };
    world.users.iter().find(same).cloned()
}

/// An e-mail that nobody has yet invites a guest, where the portal allows guests.
fn new_guest(world: &mut DocSpaceWorld, invitation: &Value) -> Result<User, Refusal> {
    let email = invitation
        .get("email")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    {
        return Err(Refusal::This("The email address is not valid".to_owned()));
    }
    if !world.settings.guests_allowed {
        return Err(Refusal::All(rooms::denied()));
    }
    let guest = User {
        id: UserId(guid()),
        name: email.to_owned(),
        email: email.to_owned(),
        role: UserRole::Guest,
        disabled: false,
    };
    world.users.push(guest.clone());
    Ok(guest)
}

/// `GET …/link` makes a link for everybody when there is none; some types of rooms can have none at all.
pub(super) fn link(docspace: &DocSpace, call: &Call, id: RoomId) -> Answer {
    let response = docspace.update(|world| {
        let Some(room) = world.rooms.get(&id) else {
            return Err(rooms::missing());
        };
        if !matches!(room.room_type, 1 | 5 | 6) || !world.edits(room) {
            return Err(rooms::denied());
        }
        let owner = world.user(&room.created_by).name.clone();
        if let Some(room) = world.rooms.get_mut(&id) {
            room.external_link = true;
        }
        Ok(json!({
            "access": 2,
            "sharedTo": { "displayName": owner },
            "sharedLink": {
                "id": guid(),
                "title": "Shared link",
                "shareLink": format!("{}/s/{}", docspace.url(), letters(15)),
                "linkType": 1,
                "denyDownload": false,
                "isExpired": false,
                "primary": true,
                "internal": false,
            },
            "isLocked": false,
            "isOwner": false,
            "canEditAccess": true,
            "canEditInternal": true,
            "canEditDenyDownload": true,
            "canEditExpirationDate": true,
            "canRevoke": true,
            "subjectType": 4,
        }))
    });
    match response {
        Ok(response) => render::wrapped(docspace, call, &response, 1),
        Err(refusal) => refusal,
    }
}
