//! Making, showing, changing and tagging rooms.

use serde_json::Value;

use super::input::{Input, invalid, number};
use super::world::{DocSpaceWorld, Room, RoomId};
use super::{DocSpace, render, title};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::service::pause;

const NOT_FOUND: &str = "The required folder was not found";
/// `varchar(255)`; a longer tag is a database error, after the room was saved.
const LONGEST_TAG: usize = 255;
const ROOM_TYPES: [(u8, &str); 6] = [
    (1, "FillingFormsRoom"),
    (2, "EditingRoom"),
    (5, "CustomRoom"),
    (6, "PublicRoom"),
    (8, "VirtualDataRoom"),
    (9, "AiRoom"),
];

/// Room 404 of a `GET`.
pub(super) fn missing() -> Answer {
    Answer::exception(404, "ASC.Common.Web.ItemNotFoundException", NOT_FOUND)
}

pub(super) fn forbidden(message: &str) -> Answer {
    Answer::exception(403, "System.InvalidOperationException", message)
}

pub(super) fn denied() -> Answer {
    Answer::exception(403, "System.Security.SecurityException", "Access denied")
}

/// What a valid request for a room asks for.
#[derive(Debug)]
struct Wanted {
    title: String,
    room_type: u8,
    tags: Vec<String>,
    color: Option<String>,
    indexing: bool,
    deny_download: bool,
}

impl Wanted {
    fn parse(call: &Call) -> Result<Self, Answer> {
        let input = Input::parse(call)?;
        for required in ["title", "roomType"] {
            if !input.has(required) {
                let message = format!(
                    "JSON deserialization for type 'ASC.Files.Core.ApiModels.RequestDto.CreateRoomRequestDto' was missing required properties, including: '{required}'."
                );
                return Err(invalid(call, "$", &message));
            }
        }
        let title = valid_title(call, &input)?;
        let Some(title) = title.filter(|title| !title.is_empty()) else {
            return Err(invalid(call, "Title", "The Title field is required."));
        };
        let color = input.text(call, "color")?;
        if color
            .as_ref()
            .is_some_and(|color| color.chars().count() > 6)
        {
            let message = "The field Color must be a string with a maximum length of 6.";
            return Err(invalid(call, "Color", message));
        }
        let wanted = Self {
            title,
            room_type: room_type(call, &input)?,
            tags: input.texts(call, "tags")?.unwrap_or_default(),
            color,
            indexing: input.flag(call, "indexing")?,
            deny_download: input.flag(call, "denyDownload")?,
        };
        refuse_private(call, &input)?;
        Ok(wanted)
    }
}

fn valid_title(call: &Call, input: &Input) -> Result<Option<String>, Answer> {
    let given = input.text(call, "title")?;
    if given
        .as_ref()
        .is_some_and(|text| title::units(text) > title::LONGEST)
    {
        let message = "The field Title must be a string with a maximum length of 170.";
        return Err(invalid(call, "Title", message));
    }
    Ok(given)
}

/// A number, quoted or not, or a name. Numbers of types that are gone (3, 4, 7) are out of range.
fn room_type(call: &Call, input: &Input) -> Result<u8, Answer> {
    let value = input.get("roomType").unwrap_or(&Value::Null);
    let named = value.as_str().and_then(|name| {
        ROOM_TYPES
            .iter()
            .find(|(_, other)| other.eq_ignore_ascii_case(name))
    });
    if let Some((number, _)) = named {
        return Ok(*number);
    }
    let Some(asked) = number(value) else {
        return Err(invalid(
            call,
            "$.roomType",
            "The JSON value could not be converted to ASC.Files.Core.ApiModels.RequestDto.RoomType.",
        ));
    };
    let known = ROOM_TYPES
        .iter()
        .find(|(number, _)| i64::from(*number) == asked);
    known.map(|(number, _)| *number).ok_or_else(|| {
        let message = "Exception of type 'System.ArgumentOutOfRangeException' was thrown. (Parameter 'roomType')";
        Answer::exception(400, "System.ArgumentOutOfRangeException", message)
    })
}

/// `private` means end-to-end encryption: without `share` it fails on a null argument, with it on missing keys
/// (`products/ASC.Files/Core/Core/FileStorageService.cs`).
fn refuse_private(call: &Call, input: &Input) -> Result<(), Answer> {
    if !input.flag(call, "private")? {
        return Ok(());
    }
    let shares = input
        .get("share")
        .and_then(Value::as_array)
        .is_some_and(|shares| !shares.is_empty());
    Err(if shares {
        forbidden("The user Olga Owner does not have an encryption key")
    } else {
        let message = "Value cannot be null. (Parameter 'shares')";
        Answer::exception(400, "System.ArgumentNullException", message)
    })
}

/// `POST /files/rooms`. Rooms are saved one after the other; tags are written afterwards, outside the transaction.
pub(super) async fn create(docspace: &DocSpace, call: &Call) -> Answer {
    let wanted = match Wanted::parse(call) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let (lock, create_time, tag_pause) = {
        let world = docspace.world();
        (
            world.creating.clone(),
            world.settings.create_time,
            world.settings.tag_pause,
        )
    };
    let turn = lock.lock_owned().await;
    pause(create_time).await;
    let saved = save(docspace, &wanted);
    drop(turn);
    let id = match saved {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    if !wanted.tags.is_empty() && !call.untagged {
        pause(tag_pause).await;
        if wanted.tags.iter().any(|tag| !is_storable(tag)) {
            return Answer::exception(
                500,
                "Microsoft.EntityFrameworkCore.DbUpdateException",
                "An error occurred while saving the entity changes.",
            );
        }
        docspace.update(|world| {
            if let Some(room) = world.rooms.get_mut(&id) {
                room.link_tags(&wanted.tags);
            }
        });
    }
    show(docspace, call, id)
}

/// At most 255 characters, and none that a three-byte column cannot hold.
fn is_storable(tag: &str) -> bool {
    tag.chars().count() <= LONGEST_TAG && tag.chars().all(|letter| letter.len_utf8() < 4)
}

fn save(docspace: &DocSpace, wanted: &Wanted) -> Result<RoomId, Answer> {
    let now = docspace.now();
    docspace.update(|world| {
        if let Some(quota) = world.is_full() {
            let message = format!("The number of rooms should not exceed {quota}");
            return Err(Answer::exception(402, "ASC.Core.Tenants.TenantQuotaException", &message));
        }
        if wanted.title.trim().is_empty() {
            let message = "The value cannot be an empty string or composed entirely of whitespace. (Parameter 'title')";
            return Err(Answer::exception(400, "System.ArgumentException", message));
        }
        if !world.key_owner().role.creates_rooms() {
            return Err(forbidden("You don't have enough permission to create"));
        }
        let owner = world.key.owner.clone();
        let id = world.save_room(&wanted.title, wanted.room_type, &owner, now);
        if let Some(room) = world.rooms.get_mut(&id) {
            room.indexing = wanted.indexing;
            room.deny_download = wanted.deny_download;
            if let Some(color) = &wanted.color {
                room.color.clone_from(color);
            }
        }
        Ok(id)
    })
}

/// `GET /files/rooms/{id}`: it also answers for the folders that the rooms lie in, without a `roomType`.
pub(super) fn show(docspace: &DocSpace, call: &Call, id: RoomId) -> Answer {
    let world = docspace.world();
    match world.rooms.get(&id) {
        None if id == 2 || id == 3 => {
            let count = world
                .rooms
                .values()
                .filter(|room| room.archived == (id == 3))
                .count();
            render::wrapped(docspace, call, &render::root(&world, id == 3, count), 1)
        }
        None => missing(),
        Some(room) if !world.reads(room) => {
            forbidden("You don't have enough permission to view the folder content")
        }
        Some(room) => render::wrapped(docspace, call, &render::room(&world, room), 1),
    }
}

/// `PUT /files/rooms/{id}`. A missing room is 403 here, so that ids cannot be tried out.
pub(super) fn update(docspace: &DocSpace, call: &Call, id: RoomId) -> Answer {
    let parsed = Input::parse(call).and_then(|input| {
        Ok((
            valid_title(call, &input)?,
            input.texts(call, "tags")?,
            input,
        ))
    });
    let (title, tags, _input) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal,
    };
    let now = docspace.now();
    let changed = docspace.update(|world| {
        let room = editable(world, id, forbidden(NOT_FOUND))?;
        let title = title.filter(|title| !title.trim().is_empty());
        if let Some(title) = title.filter(|title| title::sanitised(title) != room.title) {
            room.rename(&title, now);
        }
        if let Some(tags) = tags {
            room.tags.clear();
            room.link_tags(&tags);
        }
        Ok(())
    });
    match changed {
        Ok(()) => show(docspace, call, id),
        Err(refusal) => refusal,
    }
}

/// A room that the key's owner may edit; nobody may edit one that is in the archive.
fn editable(world: &mut DocSpaceWorld, id: RoomId, missing: Answer) -> Result<&mut Room, Answer> {
    match world.rooms.get(&id) {
        None => return Err(missing),
        Some(room) if !world.edits(room) => {
            return Err(forbidden("You don't have permission to edit the room"));
        }
        Some(_) => {}
    }
    world.rooms.get_mut(&id).ok_or(missing)
}

/// What `PUT` and `DELETE …/tags` do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tagging {
    Add,
    Remove,
}

pub(super) fn change_tags(
    docspace: &DocSpace,
    call: &Call,
    id: RoomId,
    tagging: Tagging,
) -> Answer {
    let names = match Input::parse(call).and_then(|input| input.texts(call, "names")) {
        Ok(Some(names)) => names,
        Ok(None) => return invalid(call, "Names", "The Names field is required."),
        Err(refusal) => return refusal,
    };
    if tagging == Tagging::Add && names.iter().any(|name| !is_storable(name)) {
        return Answer::internal_error();
    }
    let changed = docspace.update(|world| {
        let room = editable(world, id, missing())?;
        match tagging {
            Tagging::Add => room.link_tags(&names),
            Tagging::Remove => room.unlink_tags(&names),
        }
        Ok(())
    });
    match changed {
        Ok(()) => show(docspace, call, id),
        Err(refusal) => refusal,
    }
}
