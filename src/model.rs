//! The nouns of the product: ids, boards, rooms, records, statuses. Plain data and pure rules; nothing here does I/O.

pub mod board;
pub mod delivery;
pub mod failure;
pub mod id;
pub mod lane;
pub mod room;
pub mod status;
pub mod time;
pub mod title;
pub mod workspace;
