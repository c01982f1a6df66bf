//! The two services as the page shows them: whether they work, their gates, the webhooks, the budget.

use crate::admin::About;
use crate::admin::pages::snapshot::Kept;
use crate::admin::pages::view::{Fact, Mark, Meter, Pause, Service};
use crate::admin::pages::words::moment;
use crate::api;
use crate::desk::findings::Tone;
use crate::desk::{clock, number};
use crate::http::Shared;
use crate::model::failure::Code;
use crate::model::lane::{self, Lane};
use crate::model::time::Timestamp;

/// How many workspaces are named.
const NAMED: usize = 8;
const GATES: [(Lane, &str); 5] = [
    (Lane::Create, "New rooms"),
    (Lane::Rename, "Renaming"),
    (Lane::Archive, "Archiving"),
    (Lane::Restore, "Restoring"),
    (Lane::Tag, "Tagging"),
];
const BRAKES: [(Lane, &str); 2] = [
    (Lane::CreateBrake, "Brake on new rooms"),
    (Lane::ArchiveBrake, "Brake on archiving"),
];

pub(super) fn services(
    shared: &Shared,
    about: &About,
    kept: &Kept,
    pauses: &[(Lane, lane::Pause)],
    now: Timestamp,
) -> Vec<Service> {
    let open = Lanes { pauses, now };
    vec![trello(shared, about, kept, open), docspace(shared, open)]
}

/// What is closed, as of a moment.
#[derive(Debug, Clone, Copy)]
struct Lanes<'a> {
    pauses: &'a [(Lane, lane::Pause)],
    now: Timestamp,
}

impl<'a> Lanes<'a> {
    fn pause(self, lane: Lane) -> Option<&'a lane::Pause> {
        let found = self.pauses.iter().find(|(closed, _)| *closed == lane);
        found.map(|(_, pause)| pause)
    }

    fn mark(self, lane: Lane) -> Mark {
        match self.pause(lane) {
            None => Mark::new(Tone::Well, "Working"),
            Some(_) => Mark::new(Tone::Wrong, "Paused"),
        }
    }

    fn why(self, lane: Lane) -> Option<Pause> {
        self.pause(lane).map(|pause| Pause {
            reason: pause.failure.code.sentence().to_owned(),
            since: moment(pause.since, self.now),
            next: if pause.until <= self.now {
                "It is tried again now.".to_owned()
            } else {
                format!("It is tried again at {}.", clock(pause.until, self.now))
            },
            fix: pause.failure.code.fix(),
        })
    }

    /// Gates or brakes: those that are closed one by one, with the word for it, or else what is said of all of them, if anything is.
    fn group(self, lanes: &[(Lane, &'static str)], word: &str, all: Option<Fact>) -> Vec<Fact> {
        let closed = lanes
            .iter()
            .filter_map(|(lane, name)| Some((self.pause(*lane)?, *name)));
        let mut facts: Vec<_> = closed
            .map(|(pause, name)| Fact {
                label: name,
                mark: Some(Mark::new(Tone::Wrong, word)),
                said: vec![format!(
                    "since {}: {}",
                    clock(pause.since, self.now),
                    pause.failure.code.sentence()
                )],
                ..Fact::default()
            })
            .collect();
        if facts.is_empty() {
            facts.extend(all);
        }
        facts
    }
}

fn trello(shared: &Shared, about: &About, kept: &Kept, lanes: Lanes<'_>) -> Service {
    Service {
        id: "trello",
        name: "Trello",
        mark: lanes.mark(Lane::Trello),
        pause: lanes.why(Lane::Trello),
        facts: vec![
            budget(shared, kept),
            webhooks(about, kept),
            Fact {
                label: "Deliveries to",
                said: vec![match &about.webhooks.callback {
                    Some(callback) => api::one_line(callback),
                    None => "nowhere: there is no public URL".to_owned(),
                }],
                ..Fact::default()
            },
            workspaces(kept),
        ],
    }
}

/// How much of the budget of requests is taken.
fn budget(shared: &Shared, kept: &Kept) -> Fact {
    let budget = shared.clients.trello.budget();
    let (_, allowed) = budget.left();
    // What others do not occupy, and what is leased to this process.
    let left = (allowed.saturating_sub(kept.occupied) + budget.reserve()).min(allowed);
    let taken = u64::from(allowed - left);
    Fact {
        label: "Requests",
        said: vec![format!(
            "{taken} in the last {} s, at most {allowed}",
            budget.per().as_secs()
        )],
        meter: Some(meter(taken, allowed.into())),
        ..Fact::default()
    }
}

fn meter(taken: u64, allowed: u64) -> Meter {
    let percent = taken.saturating_mul(100) / allowed.max(1);
    Meter {
        tone: if percent < 90 { Tone::Busy } else { Tone::Care },
        percent: percent.min(100),
    }
}

fn webhooks(about: &About, kept: &Kept) -> Fact {
    let of = |code| {
        kept.concerns
            .iter()
            .filter(|concern| concern.failure.code == code)
            .count()
    };
    let (failing, refused) = (of(Code::WebhookFailing), of(Code::WebhookRefused));
    let mut said = Vec::new();
    for (count, what) in [(failing, "failing"), (refused, "refused")] {
        if count > 0 {
            said.push(format!("{} {what}", number(count as u64)));
        }
    }
    let mark = if about.webhooks.callback.is_none() {
        said.push("new boards are found by sweeps".to_owned());
        Mark::new(Tone::Still, "None")
    } else if !said.is_empty() {
        Mark::new(Tone::Care, "In trouble")
    } else if kept.progress.webhooks_at.is_none() {
        Mark::new(Tone::Busy, "Beginning")
    } else {
        Mark::new(Tone::Well, "Working")
    };
    Fact {
        label: "Webhooks",
        mark: Some(mark),
        said,
        ..Fact::default()
    }
}

fn workspaces(kept: &Kept) -> Fact {
    let names = kept.sources.iter().filter_map(|(_, name)| name.as_deref());
    let mut said: Vec<_> = names.map(api::printable).collect();
    said.sort_unstable();
    if said.len() > NAMED {
        let more = said.split_off(NAMED).len();
        said.push(format!("and {more} more"));
    }
    if said.is_empty() {
        said.push("none is known yet".to_owned());
    }
    Fact {
        label: "Workspaces",
        said,
        ..Fact::default()
    }
}

fn docspace(shared: &Shared, lanes: Lanes<'_>) -> Service {
    let (writes, allowed) = shared.clients.docspace.writes_in_flight();
    let mut facts = vec![Fact {
        label: "Changes",
        said: vec![format!("{writes} under way, at most {allowed} at a time")],
        meter: Some(meter(writes as u64, allowed as u64)),
        ..Fact::default()
    }];
    let all = |label, word, said: String| Fact {
        label,
        mark: Some(Mark::new(Tone::Well, word)),
        said: vec![said],
        ..Fact::default()
    };
    let names = GATES.map(|(_, name)| name.to_lowercase()).join(", ");
    let gates = all("What works", "Everything", names);
    // While the whole service is paused none of it works.
    let gates = Some(gates).filter(|_| lanes.pause(Lane::DocSpace).is_none());
    facts.extend(lanes.group(&GATES, "Paused", gates));
    let brakes = all("Brakes", "Off", "nothing is held back".to_owned());
    facts.extend(lanes.group(&BRAKES, "On", Some(brakes)));
    Service {
        id: "docspace",
        name: "ONLYOFFICE DocSpace",
        mark: lanes.mark(Lane::DocSpace),
        pause: lanes.why(Lane::DocSpace),
        facts,
    }
}
