//! As much of DocSpace as a mirror asks for: rooms are made, listed by tag, and read.

use std::time::Instant;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::server::{Answer, Call};
use super::{Room, State, World};

const OWNER: &str = "66faa6e4-f133-11ea-b126-00ffeec8b4ef";
/// The number of the first room.
const FIRST: usize = 38;
/// The longest title, in UTF-16 units.
const LONGEST_TITLE: usize = 170;

pub(super) fn answer(world: &World, call: &Call) -> Answer {
    if !call.is_authorized("Bearer ") {
        return Some((StatusCode::UNAUTHORIZED, String::new()));
    }
    let path: Vec<_> = call.path.split('/').collect();
    let mut state = world.state();
    match (&call.method, &path[..]) {
        (&Method::POST, ["files", "rooms"]) => {
            create(&mut state, &serde_json::from_slice(&call.body).ok()?)
        }
        (&Method::GET, ["files", "rooms"]) => list(&state, call),
        (&Method::GET, ["files", "rooms", id]) => {
            let index = id.parse::<usize>().ok()?.checked_sub(FIRST)?;
            let room = state.rooms.get(index)?;
            enveloped(&shown(index, room))
        }
        (&Method::GET, ["keys", "@self"]) => enveloped(&json!({
            "id": "5f0c9f6e-0000-0000-0000-000000000001", "name": "boardroom", "keyPostfix": "abab",
            "permissions": ["rooms:write"], "isActive": true, "createBy": person(),
        })),
        _ => None,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what every route answers with"
)]
fn enveloped(response: &Value) -> Answer {
    let envelope = json!({
        "response": response, "count": 1, "links": [{ "href": "http://127.0.0.1/api/2.0/files/rooms", "action": "GET" }],
        "status": 0, "statusCode": 200,
    });
    Some((StatusCode::OK, envelope.to_string()))
}

fn create(state: &mut State, asked: &Value) -> Answer {
    let title = asked["title"].as_str()?;
    // A private room is refused by every server, a long title by most.
    if title.trim().is_empty()
        || title.encode_utf16().count() > LONGEST_TITLE
        || asked["private"] == true
    {
        return None;
    }
    let tags = asked["tags"].as_array().into_iter().flatten();
    let tags: Vec<_> = tags
        .filter_map(|tag| Some(tag.as_str()?.to_owned()))
        .collect();
    let index = state.rooms.len();
    for tag in &tags {
        state
            .by_tag
            .entry(tag.to_lowercase())
            .or_default()
            .push(index);
    }
    let room = Room {
        title: title.to_owned(),
        tags,
        kind: asked["roomType"].as_i64()?,
        created: jiff::Timestamp::now(),
    };
    let answer = enveloped(&shown(index, &room));
    state.rooms.push(room);
    state.counts.last_room = Some(Instant::now());
    answer
}

/// A page of rooms, in the order of their creation or its reverse.
fn list(state: &State, call: &Call) -> Answer {
    let number = |name: &str, usual: usize| {
        call.parameter(name)
            .map_or(Some(usual), |text| text.parse().ok())
    };
    let (count, start) = (number("count", 100)?, number("startIndex", 0)?);
    let mut all: Vec<usize> = match call.parameter("tags") {
        None => (0..state.rooms.len()).collect(),
        Some(tags) => {
            let tags: Vec<String> = serde_json::from_str(tags).ok()?;
            let rooms = tags
                .iter()
                .filter_map(|tag| state.by_tag.get(&tag.to_lowercase()));
            rooms.flatten().copied().collect()
        }
    };
    if call.parameter("sortOrder") == Some("descending") {
        all.reverse();
    }
    let page = all.iter().skip(start).take(count);
    let page: Vec<_> = page
        .map(|index| shown(*index, &state.rooms[*index]))
        .collect();
    enveloped(&json!({
        "files": [], "current": {
            "parentId": 0, "id": 2, "title": "Rooms", "rootFolderType": 14, "security": { "Read": true, "Create": true },
        },
        "pathParts": [{ "id": 2, "title": "Rooms" }], "startIndex": start, "count": page.len(), "total": all.len(), "new": 0,
        "folders": page,
    }))
}

fn person() -> Value {
    json!({
        "id": OWNER, "displayName": "Ann Admin", "avatar": "/static/images/default_user_photo_size_48-48.png", "profileUrl": "",
        "hasAvatar": false, "isAnonim": false,
    })
}

fn shown(index: usize, room: &Room) -> Value {
    let created = room.created.to_string();
    json!({
        "parentId": 2, "filesCount": 0, "foldersCount": 0, "new": 0, "mute": false, "tags": room.tags,
        "logo": { "original": "", "large": "", "medium": "", "small": "", "color": "6191F2" }, "pinned": false,
        "roomType": room.kind, "private": false, "indexing": false, "denyDownload": false, "inRoom": true, "fileEntryType": 1,
        "id": index + FIRST, "rootFolderId": 2, "canShare": false,
        "security": {
            "Read": true, "Create": true, "Delete": true, "EditRoom": true, "Rename": true, "Move": true, "Pin": true,
            "EditAccess": true, "ChangeOwner": true,
        },
        "availableShareRights": { "User": ["RoomManager", "ContentCreator", "Editing", "Read", "None"] },
        "title": room.title, "access": 0, "shared": false, "shortWebUrl": "", "created": created, "createdBy": person(),
        "updated": created, "rootFolderType": 14, "updatedBy": person(),
    })
}
