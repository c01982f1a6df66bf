//! Trello: its REST API as far as a mirror of boards needs it, and the webhooks that it sends.
//!
//! Source: Atlassian's REST reference and webhook guide. Answers are parsed tolerantly: Trello adds fields at any time, and its errors are often plain text.

mod answer;
mod budget;
mod client;
mod error;
mod route;
pub mod signature;
pub mod webhook;

pub use budget::{Budget, Exchange, LEASE_LIFE, Leased};
pub use client::{BATCH, Listing, Options, Token, Trello, Webhook};
pub use error::{RegisterError, TrelloError};
