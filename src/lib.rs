//! boardroom: every Trello board gets its ONLYOFFICE DocSpace room, and keeps it.

pub mod api;
pub mod audit;
pub mod cli;
pub mod config;
pub mod docspace;
pub mod guardian;
pub mod http;
pub mod inbox;
pub mod lane;
pub mod metrics;
pub mod mirror;
pub mod model;
pub mod redact;
pub mod retry;
pub mod sandbox;
pub mod scope;
pub mod store;
pub mod supervisor;
pub mod sweep;
pub mod telemetry;
pub mod trello;
pub mod watched;
pub mod worker;
