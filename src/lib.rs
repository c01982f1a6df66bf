//! boardroom: every Trello board gets its ONLYOFFICE DocSpace room, and keeps it.

pub mod api;
pub mod docspace;
pub mod model;
pub mod retry;
pub mod trello;
