//! DocSpace's answers: the envelope, rooms, and the four shapes of its errors.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::{Reply, readable};
use crate::model::id::RoomId;
use crate::model::room::Room;
use crate::model::time::Timestamp;

/// `rootFolderType` of an archived room (`FolderType.Archive`).
const ARCHIVE: i64 = 20;

/// Around every answer (`CommonApiResponse`).
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) response: T,
}

/// A page of rooms (`FolderContentDto`).
#[derive(Deserialize)]
pub(super) struct RoomPage {
    #[serde(default, deserialize_with = "readable")]
    pub(super) folders: Vec<RoomAnswer>,
    #[serde(default)]
    pub(super) current: Option<Root>,
    #[serde(default)]
    total: Option<u64>,
}

impl RoomPage {
    /// Whether the rooms of this page are the newest first, and the last of them was made before `time`: then no later page has a newer
    /// one. Pinned rooms come first, whatever their age. A server that sorts otherwise is read to the end.
    pub(super) fn reaches_back_to(&self, time: Timestamp) -> bool {
        let sorted: Vec<_> = self
            .folders
            .iter()
            .filter(|room| !room.pinned)
            .map(RoomAnswer::made)
            .collect();
        let newest_first = sorted.is_sorted_by(|newer, older| newer >= older);
        newest_first
            && sorted
                .last()
                .is_some_and(|made| made.is_some_and(|made| made < time))
    }

    /// Whether this page is the last one, when so many entries were read with it.
    pub(super) fn is_last(&self, read: usize, most: usize) -> bool {
        let total = self.total.filter(|total| *total > 0);
        let complete = total.map_or(self.folders.len() < most, |total| read as u64 >= total);
        self.folders.is_empty() || complete
    }
}

/// The folder of all rooms.
#[derive(Deserialize)]
pub(super) struct Root {
    #[serde(default)]
    pub(super) security: Option<Security>,
}

/// What the caller may do.
#[derive(Deserialize)]
pub(super) struct Security {
    #[serde(default, rename = "Create")]
    pub(super) create: Option<bool>,
    #[serde(default, rename = "EditRoom")]
    edit_room: Option<bool>,
}

/// Which entry of a list it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryKey {
    Number(i64),
    Other(String),
}

/// A room (`FolderDto`). An ordinary folder has no `roomType`.
#[derive(Deserialize)]
pub(super) struct RoomAnswer {
    /// Text for rooms on third-party storage, which are not ours.
    id: Value,
    #[serde(default)]
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<String>,
    #[serde(default, rename = "roomType")]
    kind: Option<Value>,
    #[serde(default, rename = "rootFolderType")]
    root: Option<i64>,
    #[serde(default)]
    created: Option<Value>,
    #[serde(default, rename = "createdBy")]
    created_by: Option<User>,
    #[serde(default)]
    security: Option<Security>,
    #[serde(default, deserialize_with = "or_default")]
    pinned: bool,
}

/// `EmployeeDto`, as far as it matters.
#[derive(Deserialize)]
pub(super) struct User {
    #[serde(default)]
    pub(super) id: Option<String>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    value: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(value).map(Option::unwrap_or_default)
}

impl RoomAnswer {
    /// What tells entries of a list apart, rooms of ours or not.
    pub(super) fn key(&self) -> EntryKey {
        match self.id.as_i64() {
            Some(number) => EntryKey::Number(number),
            None => EntryKey::Other(self.id.to_string()),
        }
    }

    fn made(&self) -> Option<Timestamp> {
        self.created
            .as_ref()
            .and_then(Value::as_str)
            .and_then(moment)
    }

    /// The room; none for folders and for rooms on third-party storage.
    pub(super) fn room(self) -> Option<Room> {
        self.kind?;
        let id = self
            .id
            .as_i64()
            .or_else(|| self.id.as_str()?.parse().ok())?;
        Some(Room {
            id: RoomId(id),
            title: self.title,
            tags: self.tags,
            archived: self.root == Some(ARCHIVE),
            created: self
                .created
                .as_ref()
                .and_then(Value::as_str)
                .and_then(moment),
            created_by: self.created_by.and_then(|user| user.id),
            editable: self
                .security
                .and_then(|security| security.edit_room)
                .unwrap_or(false),
        })
    }
}

/// `2026-06-30T12:13:11.0000000+02:00`, in the portal's time zone (`ApiDateTime`).
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|at| Timestamp(at.as_millisecond()))
}

/// Whether an answer is in DocSpace's own words, not a proxy's.
pub(super) fn is_own(reply: &Reply) -> bool {
    reply
        .json::<Value>()
        .is_ok_and(|body| body.get("error").is_some() || body.get("statusCode").is_some())
}

/// What an error answer says, whichever of the four shapes it has. Never the stack trace.
pub(super) fn message(reply: &Reply) -> String {
    let Ok(body) = reply.json::<Value>() else {
        let text = reply.quote();
        // A proxy's page tells nothing that the status does not.
        return if text.starts_with('<') {
            "(a web page)".to_owned()
        } else {
            text
        };
    };
    let validation = body.pointer("/response/errors").and_then(Value::as_object);
    let first = validation.and_then(|errors| errors.values().next()?.get(0)?.as_str());
    let text = body.pointer("/error/message").and_then(Value::as_str);
    let title = body
        .pointer("/response/title")
        .or_else(|| body.get("title"))
        .and_then(Value::as_str);
    let said = text.or(first).or(title).or(body.as_str());
    reply.clean(said.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> String {
        message(&Reply {
            status: 400,
            body: body.into(),
            ..Reply::default()
        })
    }

    #[test]
    fn all_four_shapes_of_error_are_read() {
        let table = [
            (
                r#"{"error":{"message":"no such room","stack":"at X"},"status":1,"statusCode":404}"#,
                "no such room",
            ),
            (
                r#"{"response":{"title":"One or more","errors":{"Title":["The field Title must be …"]}},"statusCode":400}"#,
                "The field Title must be …",
            ),
            (
                r#"{"type":"about:blank","title":"Forbidden","status":403}"#,
                "Forbidden",
            ),
            (
                r#""your address is not allowed""#,
                "your address is not allowed",
            ),
            ("<html><body>502</body></html>", "(a web page)"),
            ("", "(no text)"),
        ];
        for (body, message) in table {
            assert_eq!(said(body), message);
        }
    }

    #[test]
    fn a_page_ends_the_search_only_when_it_is_sorted_so() {
        let page = |rooms: &[(u32, bool)]| {
            let room = |(day, pinned): &(u32, bool)| {
                format!(
                    r#"{{"id":1,"created":"2026-06-{day:02}T00:00:00.0000000Z","pinned":{pinned}}}"#
                )
            };
            let rooms: Vec<_> = rooms.iter().map(room).collect();
            serde_json::from_str::<RoomPage>(&format!(r#"{{"folders":[{}]}}"#, rooms.join(",")))
                .unwrap()
        };
        let day_20 = moment("2026-06-20T00:00:00Z").unwrap();
        let table = [
            (page(&[(30, false), (21, false)]), false),
            (page(&[(30, false), (19, false)]), true),
            (page(&[(1, true), (30, false), (19, false)]), true),
            (page(&[(1, true), (2, true)]), false),
            (page(&[(1, false), (19, false)]), false),
            (page(&[]), false),
        ];
        for (page, ends) in table {
            assert_eq!(page.reaches_back_to(day_20), ends);
        }
    }

    #[test]
    fn a_room_is_read_and_a_folder_is_not() {
        let room = r#"{"id":38,"title":"Q3_","roomType":2,"rootFolderType":20,"tags":["a"],"created":"2026-06-30T12:13:11.0000000+02:00",
            "createdBy":{"id":"66faa6e4"},"security":{"EditRoom":true},"future":{}}"#;
        let room = serde_json::from_str::<RoomAnswer>(room)
            .unwrap()
            .room()
            .unwrap();
        assert_eq!(
            (room.id, room.archived, room.editable),
            (RoomId(38), true, true)
        );
        assert_eq!(room.created, Some(Timestamp(1_782_814_391_000)));
        for other in [
            r#"{"id":38,"title":"a folder"}"#,
            r#"{"id":"sbox-12-x","roomType":2}"#,
            r#"{"id":38,"tags":null}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<RoomAnswer>(other).unwrap().room(),
                None
            );
        }
    }
}
