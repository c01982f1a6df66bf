//! DocSpace's objects as JSON. Enums are numbers, dates are in the portal's time zone, null members are left out.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::DocSpace;
use super::world::{DocSpaceWorld, Room, RoomMember, User};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::identity::hex;

/// The folder that all rooms lie in, and the one of the archive.
const ROOMS: u64 = 2;
const ARCHIVE: u64 = 3;
/// `FolderType.VirtualRooms` and `FolderType.Archive`.
const ROOT_OF_ROOMS: u8 = 14;
const ROOT_OF_ARCHIVE: u8 = 20;

/// The envelope of every success (`common/ASC.Api.Core/Middleware/CommonApiResponse.cs`).
pub(super) fn wrapped(docspace: &DocSpace, call: &Call, response: &Value, count: usize) -> Answer {
    let envelope = json!({
        "response": response,
        "count": count,
        "links": [{ "href": format!("{}{}", docspace.url(), call.path), "action": call.method }],
        "status": 0,
        "statusCode": 200,
    });
    Answer::json(200, &envelope).with_header("api-supported-versions", "2.0")
}

/// A bare `ProblemDetails`, as filters and ASP.NET itself answer.
pub(super) fn problem(status: u16, title: &str) -> Answer {
    let section = if status == 415 { "15.5.16" } else { "15.5.4" };
    Answer::json(
        status,
        &json!({
            "type": format!("https://tools.ietf.org/html/rfc9110#section-{section}"),
            "title": title,
            "status": status,
            "traceId": trace_id(),
        }),
    )
}

pub(super) fn trace_id() -> String {
    format!("00-{}-{}-00", hex(32), hex(16))
}

/// A moment as the database keeps it, to the second.
fn stored(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// Seven fractional digits and the portal's offset (`common/ASC.Api.Core/Core/ApiDateTime.cs`).
pub(super) fn date(moment: Timestamp, offset: Offset) -> String {
    let local = offset.to_datetime(moment);
    let zone = match offset.seconds() {
        0 => "Z".to_owned(),
        seconds => {
            let sign = if seconds < 0 { '-' } else { '+' };
            format!(
                "{sign}{:02}:{:02}",
                seconds.abs() / 3600,
                seconds.abs() % 3600 / 60
            )
        }
    };
    format!(
        "{}.{:07}{zone}",
        local.strftime("%Y-%m-%dT%H:%M:%S"),
        local.subsec_nanosecond() / 100
    )
}

/// `FolderDto` of a room.
pub(super) fn room(world: &DocSpaceWorld, room: &Room) -> Value {
    let (folder, root_type) = if room.archived {
        (ARCHIVE, ROOT_OF_ARCHIVE)
    } else {
        (ROOMS, ROOT_OF_ROOMS)
    };
    let offset = world.settings.offset;
    let owner = employee(world.user(&room.created_by));
    json!({
        "parentId": folder,
        "filesCount": 0,
        "foldersCount": 0,
        "new": 0,
        "mute": false,
        "tags": room.tags,
        "logo": { "original": "", "large": "", "medium": "", "small": "", "color": room.color },
        "pinned": false,
        "roomType": room.room_type,
        "private": false,
        "indexing": room.indexing,
        "denyDownload": room.deny_download,
        "inRoom": true,
        "fileEntryType": 1,
        "id": room.id,
        "rootFolderId": folder,
        "canShare": false,
        "security": security(world, room),
        "availableShareRights": share_rights(room.room_type),
        "title": room.title,
        "access": 0,
        "shared": !room.members.is_empty(),
        "sharedForUser": false,
        "sharedExternal": room.external_link,
        "parentShared": false,
        "shortWebUrl": "",
        "created": date(stored(room.created), offset),
        "createdBy": owner,
        "updated": date(stored(room.updated), offset),
        "rootFolderType": root_type,
        "updatedBy": owner,
    })
}

fn security(world: &DocSpaceWorld, room: &Room) -> Value {
    let edits = world.edits(room);
    let moves = world.archives(room);
    json!({
        "Read": true, "Create": edits, "Delete": moves, "EditRoom": edits, "Rename": edits, "CopyTo": !room.archived,
        "Copy": !room.archived, "MoveTo": edits, "Move": moves, "Pin": !room.archived, "Mute": !room.archived,
        "EditAccess": edits, "Duplicate": edits, "Download": true, "CopySharedLink": false, "Reconnect": false,
        "CreateRoomFrom": false, "CopyLink": true, "Embed": false, "ChangeOwner": moves, "IndexExport": false,
    })
}

/// The accesses that a room of a type can give, strongest first (`FileSecurity.AvailableRoomAccesses`).
pub(super) fn accesses(room_type: u8) -> &'static [u8] {
    match room_type {
        5 => &[9, 11, 10, 5, 6, 2],
        6 => &[9, 11],
        1 => &[9, 11, 7],
        8 => &[9, 11, 10, 7, 2],
        _ => &[9, 11, 10, 2],
    }
}

const ACCESS_NAMES: [&str; 12] = [
    "None",
    "ReadWrite",
    "Read",
    "Restrict",
    "Varies",
    "Review",
    "Comment",
    "FillForms",
    "CustomFilter",
    "RoomManager",
    "Editing",
    "ContentCreator",
];

/// An access by its number or name.
pub(super) fn access_number(value: &Value) -> Option<u8> {
    let by_name = value.as_str().and_then(|name| {
        ACCESS_NAMES
            .iter()
            .position(|other| other.eq_ignore_ascii_case(name))
    });
    let number = by_name
        .and_then(|index| i64::try_from(index).ok())
        .or_else(|| super::input::number(value))?;
    u8::try_from(number)
        .ok()
        .filter(|number| usize::from(*number) < ACCESS_NAMES.len())
}

fn share_rights(room_type: u8) -> Value {
    let names = |without_manager: bool| -> Vec<&str> {
        let kept = accesses(room_type)
            .iter()
            .filter(|access| !(without_manager && **access == 9));
        kept.map(|access| ACCESS_NAMES[usize::from(*access)])
            .chain(["None"])
            .collect()
    };
    json!({ "User": names(false), "Group": names(true), "InvitationLink": names(true) })
}

/// The folder that a list of rooms or of the archive shows as `current`.
pub(super) fn root(world: &DocSpaceWorld, archive: bool, rooms: usize) -> Value {
    let (id, title, kind) = if archive {
        (ARCHIVE, "Archive", ROOT_OF_ARCHIVE)
    } else {
        (ROOMS, "Rooms", ROOT_OF_ROOMS)
    };
    let creates = !archive && world.key_owner().role.creates_rooms();
    let owner = world.users.first().map(employee);
    let made = date(world.key.created, world.settings.offset);
    json!({
        "parentId": 0, "filesCount": 0, "foldersCount": rooms, "new": 0, "mute": false, "pinned": false, "private": false,
        "indexing": false, "denyDownload": false, "fileEntryType": 1, "id": id, "rootFolderId": id, "canShare": false,
        "security": { "Read": true, "Create": creates, "Delete": false, "EditRoom": false, "Rename": false, "Move": false },
        "title": title, "access": 0, "shared": false, "sharedForUser": false, "sharedExternal": false,
        "parentShared": false, "shortWebUrl": "", "created": made, "createdBy": owner, "updated": made,
        "rootFolderType": kind, "updatedBy": owner,
    })
}

/// `EmployeeDto`.
pub(super) fn employee(user: &User) -> Value {
    json!({
        "id": user.id.0,
        "displayName": user.name,
        "avatar": "/static/images/default_user_photo_size_82-82.png",
        "avatarSmall": "/static/images/default_user_photo_size_32-32.png",
        "profileUrl": format!("/accounts/people/filter?search={}", user.email),
        "hasAvatar": false,
        "isAnonim": false,
    })
}

/// `EmployeeFullDto`.
pub(super) fn full_employee(world: &DocSpaceWorld, user: &User) -> Value {
    use super::world::UserRole::{DocSpaceAdmin, Guest, Owner, RoomAdmin};
    let mut object = employee(user);
    let (first, last) = user.name.split_once(' ').unwrap_or((&user.name, ""));
    let more = json!({
        "firstName": first,
        "lastName": last,
        "userName": user.email.split('@').next(),
        "email": user.email,
        "status": if user.disabled { 2 } else { 1 },
        "activationStatus": 1,
        "department": "",
        "isAdmin": matches!(user.role, Owner | DocSpaceAdmin),
        "isRoomAdmin": user.role == RoomAdmin,
        "isLDAP": false,
        "isOwner": user.role == Owner,
        "isVisitor": user.role == Guest,
        "isCollaborator": user.role == super::world::UserRole::User,
        "mobilePhoneActivationStatus": 0,
        "isSSO": false,
        "cultureName": "en-GB",
        "registrationDate": date(world.key.created, world.settings.offset),
    });
    if let (Value::Object(target), Value::Object(source)) = (&mut object, more) {
        target.extend(source);
    }
    object
}

/// The key's owner about themselves.
pub(super) fn profile(world: &DocSpaceWorld) -> Value {
    full_employee(world, world.key_owner())
}

/// `ApiKeyResponseDto`; the key itself is shown only when it is made.
pub(super) fn key(world: &DocSpaceWorld) -> Value {
    let key = &world.key;
    let offset = world.settings.offset;
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    set("id", json!(key.id));
    set("name", json!("boardroom"));
    set("key", json!(""));
    set("keyPostfix", json!(key.secret[key.secret.len() - 4..]));
    set("permissions", json!(key.scopes));
    set("createOn", json!(date(key.created, offset)));
    set("createBy", employee(world.key_owner()));
    set("isActive", json!(key.active));
    if let Some(used) = key.last_used {
        set("lastUsed", json!(date(used, offset)));
    }
    if let Some(expires) = key.expires {
        set("expiresAt", json!(date(expires, offset)));
    }
    Value::Object(object)
}

/// `FileShareDto` of a member or, with access 0, of the owner.
pub(super) fn share(world: &DocSpaceWorld, room: &Room, member: &RoomMember) -> Value {
    let user = full_employee(world, world.user(&member.user));
    let owner = member.user == room.created_by;
    json!({
        "access": member.access,
        "sharedTo": user,
        "sharedToUser": user,
        "isLocked": owner,
        "isOwner": owner,
        "canEditAccess": !owner && world.edits(room),
        "canEditInternal": false,
        "canEditDenyDownload": false,
        "canEditExpirationDate": false,
        "canRevoke": false,
        "subjectType": 0,
    })
}
