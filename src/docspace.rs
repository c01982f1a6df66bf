//! ONLYOFFICE DocSpace: its REST API as far as a mirror of boards needs it.
//!
//! Source: the DocSpace-server repository (controllers, `FileStorageService`, `ResponseWrapper`). Errors come in four shapes; the status alone decides,
//! the text is for people. Stack traces in answers are never repeated.

mod answer;
mod client;
mod error;
mod route;

pub use client::{DocSpace, Key, NewRoom, Options, Writer};
pub use error::DocSpaceError;
