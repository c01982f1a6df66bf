//! `GET /files/rooms`: filters, order and pages.

use serde_json::{Value, json};

use super::input::invalid;
use super::world::{DocSpaceWorld, Room};
use super::{DocSpace, render, title};
use crate::sandbox::call::{Answer, Call};

/// A page is never longer; asking for more is refused since 3.2.
const LONGEST_PAGE: usize = 100;

#[derive(Debug)]
struct Query {
    area: u8,
    types: Vec<u8>,
    /// Collated.
    tags: Vec<String>,
    without_tags: bool,
    filter: Option<String>,
    owner: Option<String>,
    exclude_owner: bool,
    third_party_only: bool,
    start: usize,
    count: usize,
}

impl Query {
    fn parse(call: &Call) -> Result<Self, Answer> {
        let count = number(call, "count", LONGEST_PAGE)?;
        if !(1..=LONGEST_PAGE).contains(&count) {
            return Err(invalid(
                call,
                "Count",
                "The field Count must be between 1 and 100.",
            ));
        }
        let tags: Vec<String> = match call.parameter("tags").filter(|tags| !tags.is_empty()) {
            // A text that is not a JSON array surfaces as an unhandled JsonException.
            Some(text) => serde_json::from_str(text).map_err(|_| {
                Answer::exception(
                    500,
                    "System.Text.Json.JsonException",
                    "The input is not a valid JSON array of strings.",
                )
            })?,
            None => Vec::new(),
        };
        let types = call
            .query
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("type"));
        Ok(Self {
            area: u8::try_from(number(call, "searchArea", 0)?).unwrap_or_default(),
            types: types.filter_map(|(_, value)| value.parse().ok()).collect(),
            tags: tags.iter().map(|tag| title::collated(tag)).collect(),
            without_tags: call.parameter("withoutTags") == Some("true"),
            filter: call
                .parameter("filterValue")
                .map(str::to_lowercase)
                .filter(|text| !text.is_empty()),
            owner: call
                .parameter("subjectId")
                .or(call.parameter("subjectOwnerId"))
                .map(str::to_owned),
            exclude_owner: call.parameter("excludeSubject") == Some("true"),
            third_party_only: call.parameter("storageFilter") == Some("2"),
            start: number(call, "startIndex", 0)?,
            count,
        })
    }

    fn keeps(&self, world: &DocSpaceWorld, room: &Room) -> bool {
        let area = match self.area {
            0 => !room.archived,
            1 => room.archived,
            2 => true,
            _ => false,
        };
        let tagged = |room: &Room| {
            room.tags
                .iter()
                .any(|tag| self.tags.contains(&title::collated(tag)))
        };
        let owned = |owner: &String| (room.created_by.0 == *owner) != self.exclude_owner;
        area && world.reads(room)
            && !self.third_party_only
            && (self.types.is_empty() || self.types.contains(&room.room_type))
            && (self.tags.is_empty() || tagged(room))
            && (!self.without_tags || room.tags.is_empty())
            && self.owner.as_ref().is_none_or(owned)
            && self
                .filter
                .as_ref()
                .is_none_or(|text| found(world, room, text))
    }
}

/// The search index gets a title some time after the database, and never answers exactly.
fn found(world: &DocSpaceWorld, room: &Room, text: &str) -> bool {
    let indexed = room.indexed_title(world.settings.index_lag);
    indexed.is_some_and(|title| title.to_lowercase().contains(text))
}

fn number(call: &Call, name: &str, default: usize) -> Result<usize, Answer> {
    let Some(text) = call.parameter(name) else {
        return Ok(default);
    };
    text.parse().map_err(|_| {
        let message = format!("The value '{text}' is not valid for {name}.");
        invalid(call, name, &message)
    })
}

pub(super) fn list(docspace: &DocSpace, call: &Call) -> Answer {
    let query = match Query::parse(call) {
        Ok(query) => query,
        Err(refusal) => return refusal,
    };
    let world = docspace.world();
    let mut rooms: Vec<&Room> = world
        .rooms
        .values()
        .filter(|room| query.keeps(&world, room))
        .collect();
    order(&mut rooms, call);
    let total = rooms.len();
    let page: Vec<Value> = rooms
        .iter()
        .skip(query.start)
        .take(query.count)
        .map(|room| render::room(&world, room))
        .collect();
    let current = render::root(&world, query.area == 1, total);
    let response = json!({
        "files": [],
        "folders": page,
        "pathParts": [{ "id": current["id"], "title": current["title"], "folderType": current["rootFolderType"] }],
        "current": current,
        "startIndex": query.start,
        "count": page.len(),
        "total": total,
        "new": 0,
    });
    render::wrapped(docspace, call, &response, 1)
}

/// By the last change, newest first, if nothing is asked for. Equal keys keep the order of ids.
fn order(rooms: &mut [&Room], call: &Call) {
    let by = call.parameter("sortBy").unwrap_or("DateAndTime");
    match by.to_ascii_lowercase().as_str() {
        "az" => rooms.sort_by_key(|room| room.title.to_lowercase()),
        "dateandtimecreation" => rooms.sort_by_key(|room| room.created),
        "roomtype" => rooms.sort_by_key(|room| room.room_type),
        "tags" => rooms.sort_by_key(|room| room.tags.clone()),
        "author" => rooms.sort_by_key(|room| room.created_by.clone()),
        _ => rooms.sort_by_key(|room| room.updated),
    }
    let default = if call.parameter("sortBy").is_some() {
        "ascending"
    } else {
        "descending"
    };
    if call
        .parameter("sortOrder")
        .unwrap_or(default)
        .eq_ignore_ascii_case("descending")
    {
        rooms.reverse();
    }
}
