//! Ids of the two services as types, so that a workspace can never be passed where a board is meant and no unchecked text reaches a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::time::Timestamp;

/// A Trello id: 24 hex digits, the first 8 of which are the second of creation (Atlassian, "Getting the time a card or board was created").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

/// Text that is not an id of Trello's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Trello id: 24 hex digits are expected")]
pub struct NotAnId;

impl ObjectId {
    /// When the object was made, to the second.
    #[must_use]
    pub fn created(self) -> Timestamp {
        let [a, b, c, d, ..] = self.0;
        Timestamp::from_seconds(i64::from(u32::from_be_bytes([a, b, c, d])))
    }
}

impl FromStr for ObjectId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits: &[u8; 24] = text.as_bytes().try_into().map_err(|_| NotAnId)?;
        let mut id = [0; 12];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex(pair[0])? << 4 | hex(pair[1])?;
        }
        Ok(Self(id))
    }
}

fn hex(digit: u8) -> Result<u8, NotAnId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(NotAnId),
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 24];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).expect("hex digits are ASCII"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One newtype of [`ObjectId`] per noun, all with the same few traits.
macro_rules! object_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub ObjectId);

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )+};
}

object_ids! {
    /// A board of Trello's.
    BoardId,
    /// A workspace, which Trello's API calls an organization.
    WorkspaceId,
    /// A person with a Trello account.
    MemberId,
    /// What a webhook watches: a workspace, a member or a board.
    ModelId,
    /// One thing that happened in Trello; the same action may arrive by several webhooks.
    ActionId,
    /// A webhook registered at Trello.
    WebhookId,
}

impl From<WorkspaceId> for ModelId {
    fn from(id: WorkspaceId) -> Self {
        Self(id.0)
    }
}

impl From<MemberId> for ModelId {
    fn from(id: MemberId) -> Self {
        Self(id.0)
    }
}

impl From<BoardId> for ModelId {
    fn from(id: BoardId) -> Self {
        Self(id.0)
    }
}

/// A room of `DocSpace`'s. Rooms that we make have 32-bit numbers (`FolderDto.id`); ids of third-party storage are text and are not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId(pub i64);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_24_hex_digits_and_nothing_else() {
        let id: BoardId = "64F0c0ffee0123456789abcd".parse().unwrap();
        assert_eq!(id.to_string(), "64f0c0ffee0123456789abcd");
        assert_eq!(id.0.created(), Timestamp::from_seconds(0x64f0_c0ff));
        for wrong in [
            "",
            "64f0c0ffee0123456789abc",
            "64f0c0ffee0123456789abcde",
            "64f0c0ffee0123456789abcg",
            "../../boards/0123456789abc",
        ] {
            assert_eq!(wrong.parse::<BoardId>(), Err(NotAnId), "{wrong}");
        }
    }
}
