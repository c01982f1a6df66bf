//! Where boards stand, in words, and lists of them: those first that somebody should look at.

use serde::Serialize;

use crate::api;
use crate::model::board::Drift;
use crate::model::failure::Code;
use crate::model::id::{BoardId, RoomId};
use crate::model::status::Status;
use crate::store::{Group, Standing, Words};

pub const STATUSES: [&str; 5] = ["pending", "mirrored", "ignored", "waiting", "failed"];
/// Stands for mirrored boards with twins, which have no other reason.
const TWINS: &str = "twins";

/// Boards with a status, or with a reason as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub status: &'static str,
    pub reason: Option<String>,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoFilter {
    Status,
    /// No board with this status has such a reason.
    Reason(&'static str),
}

impl Filter {
    /// Reads `failed`, `waiting/brake`.
    pub fn read(text: &str) -> Result<Self, NoFilter> {
        let (status, reason) = match text.split_once('/') {
            Some((status, reason)) => (status, Some(reason)),
            None => (text, None),
        };
        let known = STATUSES.into_iter().find(|known| *known == status);
        let status = known.ok_or(NoFilter::Status)?;
        let is_known = |reason| {
            (status, reason) == ("mirrored", TWINS)
                || Status::from_words(status, Some(reason)).is_ok()
        };
        match reason {
            Some(reason) if !is_known(reason) => Err(NoFilter::Reason(status)),
            reason => Ok(Self {
                status,
                reason: reason.map(str::to_owned),
            }),
        }
    }

    #[must_use]
    pub fn takes(&self, group: &Group) -> bool {
        let (status, reason) = match group {
            Group::All => return true,
            Group::At(words) => (words.status.as_str(), words.reason.as_deref()),
            Group::Twins => ("mirrored", Some(TWINS)),
        };
        status == self.status && (self.reason.is_none() || self.reason.as_deref() == reason)
    }
}

/// Those first that somebody should look at.
#[must_use]
pub fn urgency(group: &Group) -> u8 {
    match group {
        Group::All => 0,
        Group::Twins => 4,
        Group::At(Words { status, reason }) => match (status.as_str(), reason.is_some()) {
            ("failed", _) => 1,
            ("waiting", _) => 2,
            ("pending", _) => 3,
            ("mirrored", true) => 5,
            ("mirrored", false) => 6,
            ("ignored", _) => 7,
            // A newer program's.
            _ => 0,
        },
    }
}

/// A board as programs read it. The first seven members are what scripts rest on.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    pub board_id: BoardId,
    pub name: Option<&'a str>,
    pub room_id: Option<RoomId>,
    pub status: &'a str,
    pub reason: Option<&'a str>,
    pub since: String,
    pub next_try: Option<String>,
    pub room_title: Option<&'a str>,
    pub drift: Option<&'a Drift>,
    pub twins: &'a [RoomId],
    pub code: Option<&'a str>,
    pub fix: Option<&'a str>,
}

impl<'a> Line<'a> {
    #[must_use]
    pub fn of(standing: &'a Standing) -> Self {
        let code = code(&standing.words);
        Self {
            board_id: standing.id,
            name: standing.name.as_deref(),
            room_id: standing.room,
            status: &standing.words.status,
            reason: reason(standing),
            since: standing.since.to_string(),
            next_try: standing.next.map(|next| next.to_string()),
            room_title: standing.room_title.as_deref(),
            drift: standing.drift.as_ref(),
            twins: &standing.twins,
            code: code.map(Code::as_str),
            fix: code.map(Code::fix),
        }
    }
}

/// Why it stands there; twins are a reason where there is no other.
#[must_use]
pub fn reason(standing: &Standing) -> Option<&str> {
    let has_twins = standing.words.status == "mirrored" && !standing.twins.is_empty();
    let twins = has_twins.then_some(TWINS);
    standing.words.reason.as_deref().or(twins)
}

/// The failure of a board that failed or is failing.
#[must_use]
pub fn code(words: &Words) -> Option<Code> {
    match Status::from_words(&words.status, words.reason.as_deref()) {
        Ok(Status::Failed(code) | Status::Pending(Some(code))) => Some(code),
        Ok(
            Status::Pending(None) | Status::Mirrored(_) | Status::Ignored(_) | Status::Waiting(_),
        )
        | Err(_) => None,
    }
}

/// How many boards have a status, whatever their reason.
#[must_use]
pub fn total(groups: &[(Group, u64)], status: &str) -> u64 {
    let is_it = |group: &Group| match group {
        Group::All => false,
        Group::Twins => status == "mirrored",
        Group::At(words) => words.status == status,
    };
    let counts = groups.iter().filter(|(group, _)| is_it(group));
    counts.map(|(_, count)| count).sum()
}

/// The status in words that say why.
#[must_use]
pub fn sentence(words: &Words) -> String {
    match Status::from_words(&words.status, words.reason.as_deref()) {
        Ok(Status::Pending(None)) => "pending: to be looked at".to_owned(),
        Ok(Status::Pending(Some(code))) => {
            format!(
                "pending ({code}): tried again, for {}",
                lower(code.sentence())
            )
        }
        Ok(Status::Failed(code)) => format!("failed ({code}): {}", code.sentence()),
        Ok(Status::Waiting(waiting)) => {
            format!("waiting ({}): {}", waiting.as_str(), waiting.sentence())
        }
        Ok(Status::Ignored(reason)) => {
            format!("ignored ({}): {}", reason.as_str(), reason.sentence())
        }
        Ok(Status::Mirrored(None)) => "mirrored: its room agrees with it".to_owned(),
        Ok(Status::Mirrored(Some(apart))) => {
            format!("mirrored ({}): {}", apart.as_str(), apart.sentence())
        }
        // A newer program's.
        Err(_) => api::one_line(&format!(
            "{} {}",
            words.status,
            words.reason.as_deref().unwrap_or_default()
        )),
    }
}

/// `The plan …` within a sentence; names of services stay as they are.
fn lower(sentence: &str) -> String {
    let (first, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
    match first {
        "Trello" | "DocSpace" => sentence.to_owned(),
        _ => format!("{} {rest}", first.to_lowercase()),
    }
}

/// What a person did to the room.
#[must_use]
pub fn changes(drift: &Drift) -> String {
    let mut parts = Vec::new();
    if drift.deleted {
        parts.push("deleted the room".to_owned());
    }
    if let Some(title) = &drift.title {
        parts.push(format!("called the room \"{}\"", api::one_line(title)));
    }
    match drift.archived {
        Some(true) => parts.push("archived the room".to_owned()),
        Some(false) => parts.push("took the room out of the archive".to_owned()),
        None => {}
    }
    if drift.untagged {
        parts.push("took our tags off the room".to_owned());
    }
    format!("a person {}", parts.join(", and "))
}
