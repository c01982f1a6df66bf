//! What is the matter, from what is known: the one sentence to know, and what else to look at. A pure function.

mod counts;
mod overdue;

use std::fmt::Write as _;
use std::time::Duration;

use crate::desk::{clock, number};
use crate::model::failure::Code;
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::model::time::Timestamp;
use crate::store::{Concern, Group, Progress};

pub use counts::Counts;
pub use overdue::Rounds;

/// A service that is away for less than this mostly comes back before anybody has looked.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many subjects of one concern are named.
const NAMED: usize = 3;

/// Everything that the sentence rests on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub now: Timestamp,
    /// Why nothing can be stored; none while all is well.
    pub unready: Option<&'a str>,
    pub pauses: &'a [(Lane, Pause)],
    pub groups: &'a [(Group, u64)],
    pub concerns: &'a [Concern],
    pub progress: Progress,
    pub rounds: Rounds,
    /// The workspaces whose boards are known; none before the first sweep.
    pub workspaces: &'a [String],
    pub is_begun: bool,
    pub has_public_url: bool,
}

/// How something stands. Each has a colour and a sign; a word stands beside it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Somebody must do something.
    Wrong,
    /// Somebody should know.
    Care,
    /// It goes on by itself.
    Busy,
    Well,
    /// Nothing is to happen.
    Still,
}

impl std::fmt::Display for Tone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wrong => "wrong",
            Self::Care => "care",
            Self::Busy => "busy",
            Self::Well => "well",
            Self::Still => "still",
        })
    }
}

/// What sort of thing it is. The words are stable: programs may rest on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing can be stored.
    NotStoring,
    ServicePaused,
    /// One kind of call is.
    CallsPaused,
    BrakeOn,
    BoardsFailed,
    Twins,
    Concern,
    /// No sweep, or no look over all rooms, has come to its end for far longer than usual.
    SweepStale,
    AuditStale,
    /// Boards have been due for long.
    QueueSlow,
    Beginning,
    /// There is no room yet.
    Empty,
    Well,
    SweepsAlone,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStoring => "not_storing",
            Self::ServicePaused => "service_paused",
            Self::CallsPaused => "calls_paused",
            Self::BrakeOn => "brake_on",
            Self::BoardsFailed => "boards_failed",
            Self::Twins => "twins",
            Self::Concern => "concern",
            Self::SweepStale => "sweep_stale",
            Self::AuditStale => "audit_stale",
            Self::QueueSlow => "queue_slow",
            Self::Beginning => "beginning",
            Self::Empty => "empty",
            Self::Well => "well",
            Self::SweepsAlone => "sweeps_alone",
        }
    }
}

/// One thing that is the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub tone: Tone,
    /// With a full stop, and the same while nothing changes: it is read aloud when it does.
    pub sentence: String,
    pub advice: Vec<String>,
}

/// What is the matter, the worst first. Never empty: where nothing is, it says so.
#[must_use]
pub fn findings(situation: &Situation<'_>) -> Vec<Finding> {
    let counts = Counts::of(situation.groups);
    let mut findings = Vec::new();
    findings.extend(situation.unready.map(database));
    findings.extend(
        situation
            .pauses
            .iter()
            .filter_map(|(lane, pause)| closed(situation, *lane, pause)),
    );
    findings.extend(brake(situation, counts));
    findings.extend(failed(counts));
    findings.extend(twins(counts));
    findings.extend(overdue::overdue(situation));
    findings.extend(concerns(situation));
    // Sorting keeps the order of those with one tone.
    findings.sort_by_key(|finding| finding.tone);
    if findings.is_empty() {
        findings.push(well(situation, counts));
    }
    if !situation.has_public_url {
        findings.push(Finding {
        kind: Kind::SweepsAlone,
            tone: Tone::Still,
            sentence: "New boards are found by sweeps alone.".to_owned(),
            advice: vec![
                "Set BOARDROOM_PUBLIC_URL to where Trello reaches this service, and a room is there within a second of its board.".to_owned(),
            ],
        });
    }
    findings
}

fn database(why: &str) -> Finding {
    let sentence = format!("No delivery can be stored: {why}.");
    let advice = "Deliveries are refused until this is over, and Trello brings them again. Look after the database; boardroom goes on by itself.";
    Finding {
        kind: Kind::NotStoring,
        tone: Tone::Wrong,
        sentence,
        advice: vec![advice.to_owned()],
    }
}

/// A service or a gate that is closed.
fn closed(situation: &Situation<'_>, lane: Lane, pause: &Pause) -> Option<Finding> {
    let what = match lane {
        Lane::Trello => "Trello is paused",
        Lane::DocSpace => "DocSpace is paused",
        Lane::Create => "No new room is made",
        Lane::Rename => "No room is renamed",
        Lane::Archive => "No room is archived",
        Lane::Restore => "No room is taken out of the archive",
        Lane::Tag => "No room is tagged",
        // These have one sentence together.
        Lane::CreateBrake | Lane::ArchiveBrake => return None,
    };
    let code = pause.failure.code;
    let since = clock(pause.since, situation.now);
    let waiting = waiting(situation.groups, lane);
    let mut sentence = format!("{what} since {since}: {}.", code.sentence());
    if waiting > 0 {
        let waits = if waiting == 1 { "waits" } else { "wait" };
        let boards = counted(waiting);
        let _ = write!(sentence, " {boards} {waits}.");
    }
    let is_long = situation.now.since(pause.since) >= PATIENCE;
    let kind = match lane.kind() {
        LaneKind::Service => Kind::ServicePaused,
        LaneKind::Gate | LaneKind::Brake => Kind::CallsPaused,
    };
    Some(Finding {
        kind,
        tone: if is_long { Tone::Wrong } else { Tone::Care },
        sentence,
        advice: vec![code.fix().to_owned()],
    })
}

/// How many boards wait for a lane.
fn waiting(groups: &[(Group, u64)], lane: Lane) -> u64 {
    let waits = |group: &Group| match group {
        Group::At(words) => {
            words.status == "waiting" && words.reason.as_deref() == Some(lane.as_str())
        }
        Group::All | Group::Twins => false,
    };
    groups
        .iter()
        .filter(|(group, _)| waits(group))
        .map(|(_, count)| count)
        .sum()
}

fn brake(situation: &Situation<'_>, counts: Counts) -> Option<Finding> {
    let on = situation
        .pauses
        .iter()
        .filter(|(lane, _)| match lane.kind() {
            LaneKind::Brake => true,
            LaneKind::Service | LaneKind::Gate => false,
        });
    // Once it is let go, boards that still stand at it are on their way.
    let since = on.map(|(_, pause)| pause.since).min()?;
    let since = clock(since, situation.now);
    let sentence = match counts.braked {
        0 => format!("The brake is on since {since}."),
        1 => format!("The brake is on since {since}: 1 board waits for your word."),
        some => format!(
            "The brake is on since {since}: {} boards wait for your word.",
            number(some)
        ),
    };
    let advice = "More was about to happen at once than the brake allows. Look at what waits. If it is what you want, release the brake; if not, correct the settings, or ignore those boards.";
    Some(Finding {
        kind: Kind::BrakeOn,
        tone: Tone::Wrong,
        sentence,
        advice: vec![advice.to_owned()],
    })
}

fn failed(counts: Counts) -> Option<Finding> {
    let sentence = match counts.failed {
        0 => return None,
        1 => "1 board failed.".to_owned(),
        some => format!("{} boards failed.", number(some)),
    };
    let page = if counts.failed == 1 {
        "Its page says"
    } else {
        "Their pages say"
    };
    let advice = format!("{page} why, and what to do; then try again. All other boards go on.");
    Some(Finding {
        kind: Kind::BoardsFailed,
        tone: Tone::Wrong,
        sentence,
        advice: vec![advice],
    })
}

fn twins(counts: Counts) -> Option<Finding> {
    (counts.twins > 0).then(|| Finding {
        kind: Kind::Twins,
        tone: Tone::Care,
        sentence: format!(
            "{} more than one room.",
            match counts.twins {
                1 => "1 board has".to_owned(),
                some => format!("{} boards have", number(some)),
            }
        ),
        advice: vec![Code::TwinRooms.fix().to_owned()],
    })
}

/// One finding for each sort of concern, with the first that it is about.
fn concerns(situation: &Situation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for code in Code::ALL {
        let of_code = situation
            .concerns
            .iter()
            .filter(|concern| concern.failure.code == *code);
        let about: Vec<_> = of_code.collect();
        let Some(since) = about.iter().map(|concern| concern.since).min() else {
            continue;
        };
        let mut advice: Vec<_> = about
            .iter()
            .take(NAMED)
            .map(|concern| {
                let said = format!("{}: {}.", concern.subject, concern.failure.detail);
                crate::api::one_line(&said)
            })
            .collect();
        if about.len() > NAMED {
            advice.push(format!("And {} more.", about.len() - NAMED));
        }
        advice.push(code.fix().to_owned());
        findings.push(Finding {
            kind: Kind::Concern,
            tone: Tone::Care,
            sentence: format!(
                "{} (since {}).",
                code.sentence(),
                clock(since, situation.now)
            ),
            advice,
        });
    }
    findings
}

/// Where nothing is the matter: how far it is.
fn well(situation: &Situation<'_>, counts: Counts) -> Finding {
    let on_their_way = counts.pending + counts.failing + counts.waiting;
    let (kind, tone, sentence, advice) = if !situation.is_begun {
        let sentence = "boardroom is reading which boards there are.".to_owned();
        let advice =
            "This takes moments. If it lasts, boardroom check says what is in the way.".to_owned();
        (Kind::Beginning, Tone::Busy, sentence, vec![advice])
    } else if counts.mirrored == 0 && on_their_way == 0 {
        let sentence = "All is ready for the first board.".to_owned();
        let advice = first_board(situation, counts);
        (Kind::Empty, Tone::Well, sentence, advice)
    } else {
        let (tone, sentence) = far(counts.mirrored, on_their_way);
        (Kind::Well, tone, sentence, Vec::new())
    };
    Finding {
        kind,
        tone,
        sentence,
        advice,
    }
}

/// How many have their rooms, and how many are on the way.
fn far(mirrored: u64, on_their_way: u64) -> (Tone, String) {
    let have = match mirrored {
        0 => {
            return (
                Tone::Busy,
                "All is well: the first room is on its way.".to_owned(),
            );
        }
        1 => "1 board has its room".to_owned(),
        some => format!("{} boards have their rooms", number(some)),
    };
    let way = match on_their_way {
        0 => String::new(),
        1 => ", 1 is on the way".to_owned(),
        some => format!(", {} are on the way", number(some)),
    };
    (Tone::Well, format!("All is well: {have}{way}."))
}

/// So many boards.
fn counted(boards: u64) -> String {
    match boards {
        1 => "1 board".to_owned(),
        some => format!("{} boards", number(some)),
    }
}

/// What to do first.
fn first_board(situation: &Situation<'_>, counts: Counts) -> Vec<String> {
    let place = match situation.workspaces {
        [] => "Trello".to_owned(),
        [one] => format!("the workspace “{one}” in Trello"),
        [one, other] => format!("“{one}” or “{other}” in Trello"),
        [one, ..] => format!("“{one}” or another workspace in Trello"),
    };
    let mut advice = vec![format!(
        "Make a board in {place}: its room appears in DocSpace by itself."
    )];
    if counts.old > 0 {
        let old = format!("{} that existed", counted(counts.old));
        let gets = if counts.old == 1 { "gets" } else { "get" };
        advice.push(format!(
            "{old} before {gets} no room, unless you say so: boardroom mirror BOARD, or BOARDROOM_EXISTING_BOARDS=mirror for all."
        ));
    }
    advice
}

#[cfg(test)]
mod tests;
