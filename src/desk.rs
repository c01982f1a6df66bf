//! The desk: what people ask of boardroom and what they tell it, the same whichever way they come, by a command, the page or the API.
//! It speaks to the database alone, so it needs no running service.

pub mod reference;
pub mod standings;
pub mod summary;
pub mod webhooks;
pub mod words;

/// How many there are of something.
#[must_use]
pub fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}
