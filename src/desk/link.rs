//! Which room is a board's, by a person's word. It settles twins and drift; nothing is deleted in DocSpace.

use url::Url;

use crate::desk::words;
use crate::docspace::{DocSpace, DocSpaceError};
use crate::model::board::Record;
use crate::model::failure::Failure;
use crate::model::id::{BoardId, RoomId};
use crate::model::room::{Room, board_of_tag, board_tag};
use crate::model::status::Ignored;
use crate::store::{Linked, Store, StoreError};

/// How a room can be named.
const FORMS: &str =
    "give its number or its address, such as https://HOST/rooms/shared/38/filter?folder=38";

/// Why it is not known which room is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    #[error("this is no room: {FORMS}")]
    AtAll,
    #[error("this is the address of no room: {FORMS}")]
    OtherAddress,
    #[error("this is the address of a folder in a room: {FORMS}")]
    Folder,
    #[error(
        "this address is not on the DocSpace of ONLYOFFICE_API_HOST; if that is the same one under another name, give the number of the room"
    )]
    OtherHost,
}

/// The room that is meant: its number, or its address on this DocSpace.
pub fn room(named: &str, host: Option<&Url>) -> Result<RoomId, NoRoom> {
    let named = named.trim();
    if let Ok(number) = named.parse::<i32>() {
        return match number {
            1.. => Ok(RoomId(number.into())),
            _ => Err(NoRoom::AtAll),
        };
    }
    let url = Url::parse(named).map_err(|_| NoRoom::AtAll)?;
    if let Some(host) = host
        && (url.host_str(), url.port_or_known_default())
            != (host.host_str(), host.port_or_known_default())
    {
        return Err(NoRoom::OtherHost);
    }
    let segments: Vec<_> = url.path_segments().into_iter().flatten().collect();
    let mut numbers: Vec<i32> = match &segments[..] {
        ["rooms", _, rest @ ..] => rest
            .first()
            .and_then(|id| id.parse().ok())
            .into_iter()
            .collect(),
        _ => return Err(NoRoom::OtherAddress),
    };
    let folders = url.query_pairs().filter(|(name, _)| name == "folder");
    numbers.extend(folders.filter_map(|(_, id)| id.parse::<i32>().ok()));
    numbers.dedup();
    match &numbers[..] {
        [number] if *number > 0 => Ok(RoomId((*number).into())),
        [_, _, ..] => Err(NoRoom::Folder),
        [] | [_] => Err(NoRoom::OtherAddress),
    }
}

/// Why a room does not become the board's.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The board gets none, whoever says so.
    #[error("the board gets no room: {}", .0.sentence())]
    Never(Ignored),
    #[error("DocSpace has no room {0}, or does not show it to this key")]
    Unknown(RoomId),
    #[error("room {room} is recorded for board {other}; link that board to another room first")]
    Taken { room: RoomId, other: BoardId },
    #[error(
        "room {room} carries the tag `{tag}` of another board; if it is not that board's room, remove the tag in DocSpace first"
    )]
    Claimed { room: RoomId, tag: String },
    #[error("DocSpace did not answer")]
    DocSpace(#[from] DocSpaceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A room that is a board's by a person's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tied {
    /// Another room, which the board had until now. It is kept.
    pub before: Option<RoomId>,
    /// What became of the other rooms that carried the board's tag.
    pub others: Vec<Other>,
}

/// A room that carried the board's tag and is not the board's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub room: RoomId,
    pub fate: Fate,
}

/// What became of the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Untagged,
    /// The room is gone by now.
    Gone,
    /// DocSpace changes nothing in the archive.
    Unchangeable,
    /// Somebody else gave the board another room meanwhile, which may be this one.
    Overtaken,
    /// Somebody else made it the board's room while it lost the tag, which could not be given back.
    Bereft(Failure),
    /// The database could not say whether the board still has the room that it was given.
    Unchecked,
    Kept(Failure),
}

/// Says which room is the board's. A running service, or a look at once, makes the room agree with the board then.
pub async fn link(
    board: BoardId,
    room: RoomId,
    store: &dyn Store,
    docspace: &DocSpace,
) -> Result<Tied, LinkError> {
    if let Some(why) = words::never(store.record(board).await?.as_ref()) {
        return Err(LinkError::Never(why));
    }
    let free = free_room(room, board, docspace, store).await?;
    let tagged = docspace.rooms_tagged(&board_tag(board)).await?.into_iter();
    // The one that it had among them.
    let others = tagged.filter(|other| other.id != room && other.belongs_to(board));
    let others: Vec<_> = others.map(|other| other.id).collect();
    let before = match store.link(board, &free, &others).await? {
        Linked::Linked { before } => before.filter(|before| *before != room),
        Linked::Taken(other) => return Err(LinkError::Taken { room, other }),
    };
    let mut told = Vec::with_capacity(others.len());
    for other in others {
        // The link holds from here on: nothing that fails now may hide it.
        let fate = untag(other, board, room, store, docspace).await;
        told.push(Other { room: other, fate });
    }
    Ok(Tied {
        before,
        others: told,
    })
}

/// The room as it is now, if it may become this board's.
async fn free_room(
    id: RoomId,
    board: BoardId,
    docspace: &DocSpace,
    store: &dyn Store,
) -> Result<Room, LinkError> {
    let room = match docspace.room(id).await {
        Ok(Some(room)) => room,
        // A wrong or suspended portal knows no room at all, and a key without the scope may read none.
        Ok(None) | Err(DocSpaceError::Forbidden(_)) => {
            docspace.may_create().await?;
            return Err(LinkError::Unknown(id));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(other) = store.board_of(id).await?.filter(|other| *other != board) {
        return Err(LinkError::Taken { room: id, other });
    }
    let tags = room.tags.iter();
    let mut claims = tags.filter(|tag| board_of_tag(tag).is_some_and(|other| other != board));
    if let Some(tag) = claims.next() {
        let tag = crate::api::printable(tag);
        return Err(LinkError::Claimed { room: id, tag });
    }
    Ok(room)
}

/// Takes the board's tag off a room, as long as the board has the room `linked`. Two people may link one board at a time: whoever was
/// overtaken must not leave the other's room without it.
async fn untag(
    room: RoomId,
    board: BoardId,
    linked: RoomId,
    store: &dyn Store,
    docspace: &DocSpace,
) -> Fate {
    // It may be long before one more write is allowed, so this comes first.
    let writer = docspace.writer().await;
    match store.record(board).await {
        Ok(record) if room_of(record.as_ref()) == Some(linked) => {}
        Ok(_) => return Fate::Overtaken,
        Err(error) => {
            tracing::error!(%error, board.id = %board, %room, "whether this room may lose the board's tag could not be asked of the database");
            return Fate::Unchecked;
        }
    }
    let tag = [board_tag(board)];
    let fate = match writer.remove_tags(room, &tag).await {
        Ok(()) => Fate::Untagged,
        Err(DocSpaceError::NotFound(_)) => return Fate::Gone,
        Err(DocSpaceError::Forbidden(_)) => return Fate::Unchangeable,
        // It may be done all the same.
        Err(error) => {
            tracing::warn!(%error, board.id = %board, %room, "whether this room has lost the board's tag is not known");
            Fate::Kept(error.failure())
        }
    };
    // Meanwhile somebody may have made it the board's room.
    match store.record(board).await {
        Ok(record) if room_of(record.as_ref()) == Some(room) => {
            match writer.add_tags(room, &tag).await {
                Ok(()) => Fate::Overtaken,
                Err(error) => {
                    tracing::error!(%error, board.id = %board, %room, "the board's room may lack the board's tag: link it once more");
                    Fate::Bereft(error.failure())
                }
            }
        }
        Ok(_) => fate,
        Err(error) => {
            tracing::error!(%error, board.id = %board, %room, "whether this room is the board's by now could not be asked of the database");
            fate
        }
    }
}

fn room_of(record: Option<&Record>) -> Option<RoomId> {
    record?.room.as_ref().map(|room| room.id)
}

impl Other {
    /// What became of it, without why.
    #[must_use]
    pub fn what(&self) -> String {
        let room = self.room;
        let what = match &self.fate {
            Fate::Untagged => "has lost the tag of this board",
            Fate::Gone => "is gone",
            Fate::Unchangeable => {
                "keeps the tag of this board, for DocSpace does not let it be changed, as it does in the archive; it is not reported again"
            }
            Fate::Overtaken => {
                "keeps the tag of this board, which somebody gave another room meanwhile"
            }
            Fate::Bereft(_) => {
                "may lack the tag of this board, to which somebody gave it meanwhile; link it once more"
            }
            Fate::Unchecked => {
                "keeps the tag of this board, and is not reported again, for the database could not be asked; link the board to its room once more"
            }
            Fate::Kept(_) => "keeps the tag of this board, and is not reported again",
        };
        format!("room {room} {what}")
    }

    #[must_use]
    pub fn sentence(&self) -> String {
        let what = self.what();
        match &self.fate {
            Fate::Kept(failure) | Fate::Bereft(failure) => {
                format!("{what}: {}", failure.code.sentence())
            }
            Fate::Untagged
            | Fate::Gone
            | Fate::Unchangeable
            | Fate::Overtaken
            | Fate::Unchecked => what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_meant_by_number_or_by_address_on_this_docspace() {
        let host: Url = "https://docs.example.com".parse().unwrap();
        let meant = |named: &str| room(named, Some(&host)).map_err(|error| error.to_string());
        for named in [
            "38",
            " 38 ",
            "https://docs.example.com/rooms/shared/38/filter?folder=38",
            "https://docs.example.com/rooms/shared/38/filter?folder=38&sortby=Type",
            "https://docs.example.com/rooms/archived/38/filter?folder=38",
            "https://docs.example.com/rooms/archived/38",
            "https://docs.example.com/rooms/shared/filter?folder=38",
            "https://DOCS.example.com:443/rooms/shared/38/",
        ] {
            assert_eq!(meant(named), Ok(RoomId(38)), "{named}");
        }
        let table = [
            ("0", "no room"),
            ("-3", "no room"),
            ("Launch", "no room"),
            ("https://docs.example.com/rooms/shared", "of no room"),
            ("https://docs.example.com/doceditor?fileId=3", "of no room"),
            (
                "https://docs.example.com/rooms/shared/38/filter?folder=55",
                "a folder",
            ),
            (
                "https://other.example.com/rooms/shared/38",
                "not on the DocSpace",
            ),
            (
                "http://docs.example.com:8080/rooms/shared/38",
                "not on the DocSpace",
            ),
        ];
        for (wrong, said) in table {
            let error = meant(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
