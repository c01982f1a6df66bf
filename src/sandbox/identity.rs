//! Identifiers: 24-hex object ids as Trello makes them, and the newtypes that tests hold.

use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;

macro_rules! object_ids {
    ($($(#[$doc:meta])* $name:ident),+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub(crate) String);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
    )+};
}

object_ids! {
    /// A board's id: 24 hex digits, the first 8 of them the second of its creation.
    BoardId,
    /// A workspace's id; Trello's API calls it an organization.
    WorkspaceId,
    /// A member's id.
    MemberId,
    /// A webhook's id.
    WebhookId
}

/// A 24-hex object id created at `moment` (<https://developer.atlassian.com/cloud/trello/guides/rest-api/object-definitions/>).
pub(crate) fn object_id(moment: Timestamp) -> String {
    let seconds = u32::try_from(moment.as_second()).unwrap_or_default();
    format!("{seconds:08x}{:016x}", fastrand::u64(..))
}

/// Whether a text could be an object id at all: Trello asks that before it asks who is calling.
pub(crate) fn is_object_id(text: &str) -> bool {
    text.len() == 24
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Random lower-case hex digits.
pub(crate) fn hex(digits: usize) -> String {
    (0..digits)
        .map(|_| fastrand::digit(16))
        .collect::<String>()
        .to_lowercase()
}

/// Random letters and digits of both cases, as in short links and tokens.
pub(crate) fn letters(count: usize) -> String {
    (0..count).map(|_| fastrand::alphanumeric()).collect()
}

/// A GUID as DocSpace writes them.
pub(crate) fn guid() -> String {
    format!("{}-{}-4{}-8{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
}
