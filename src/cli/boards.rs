//! `boardroom boards`: where every board stands, what is paused, and what somebody should know. Only reads the database.

mod table;

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use crate::api;
use crate::cli::boards::table::Table;
use crate::cli::terminal::{counted, json_line, roughly, wrapped};
use crate::cli::{Context, wiring};
use crate::config::Needs;
use crate::model::board::Drift;
use crate::model::failure::{Code, Failure};
use crate::model::id::{BoardId, RoomId};
use crate::model::lane::LaneKind;
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::{Concern, Cursor, Group, Paused, Standing, Store, Words};

/// For `boards --help`.
pub(super) const ABOUT: &str = "\
Show where each board stands: its room, its status and why, for how long, and when it is tried next. \
Those that need attention come first. Then: how many boards have each status, which services or \
kinds of calls are paused and why, and what else somebody should know.

It reads the database alone: it needs no credentials and no running service, and works beside one.

With --json, one line of JSON a board: board_id, name, room_id, status, reason, since, next_try, \
then room_title, drift, twins, code and fix. Times are RFC 3339.";

/// As many as a person looks through.
const DEFAULT_LIMIT: u64 = 100;
/// How many boards are in memory at a time.
const PAGE: u32 = 500;
const STATUSES: [&str; 5] = ["pending", "mirrored", "ignored", "waiting", "failed"];
/// Stands for mirrored boards with twins, which have no other reason.
const TWINS: &str = "twins";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only boards with this status: pending, mirrored, ignored, waiting or failed; or with this reason as well, such as mirrored/drift
    #[arg(long, value_name = "STATUS[/REASON]", value_parser = filter)]
    status: Option<Filter>,
    /// One line of JSON for each board
    #[arg(long)]
    json: bool,
    /// At most so many boards, 0 for all [default: 100; all with --json]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Debug, Clone)]
struct Filter {
    status: &'static str,
    reason: Option<String>,
}

/// Reads `failed`, `waiting/brake`.
fn filter(text: &str) -> Result<Filter, String> {
    let (status, reason) = match text.split_once('/') {
        Some((status, reason)) => (status, Some(reason)),
        None => (text, None),
    };
    let Some(status) = STATUSES.into_iter().find(|known| *known == status) else {
        return Err(format!("give one of {}", STATUSES.join(", ")));
    };
    let is_known = |reason| {
        (status, reason) == ("mirrored", TWINS) || Status::from_words(status, Some(reason)).is_ok()
    };
    match reason {
        Some(reason) if !is_known(reason) => Err(format!(
            "no {status} board has this reason; `boardroom boards --status {status}` shows those that there are"
        )),
        reason => Ok(Filter {
            status,
            reason: reason.map(str::to_owned),
        }),
    }
}

impl Filter {
    fn takes(&self, group: &Group) -> bool {
        let (status, reason) = match group {
            Group::All => return true,
            Group::At(words) => (words.status.as_str(), words.reason.as_deref()),
            Group::Twins => ("mirrored", Some(TWINS)),
        };
        status == self.status && (self.reason.is_none() || self.reason.as_deref() == reason)
    }
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    let all = if arguments.json {
        u64::MAX
    } else {
        DEFAULT_LIMIT
    };
    let limit = match arguments.limit {
        Some(0) => u64::MAX,
        limit => limit.unwrap_or(all),
    };
    if arguments.json {
        list_for_programs(arguments, limit, &*store).await?;
    } else {
        list_for_people(arguments, limit, &*store).await?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list_for_programs(
    arguments: &Arguments,
    limit: u64,
    store: &dyn Store,
) -> anyhow::Result<()> {
    let groups = match &arguments.status {
        None => vec![Group::All],
        Some(filter) => {
            let groups = store.groups().await?.into_iter().map(|(group, _)| group);
            groups.filter(|group| filter.takes(group)).collect()
        }
    };
    walk(&groups, limit, store, |page| {
        page.iter()
            .map(|standing| Ok(json_line(&Line::of(standing))?))
            .collect()
    })
    .await
}

async fn list_for_people(
    arguments: &Arguments,
    limit: u64,
    store: &dyn Store,
) -> anyhow::Result<()> {
    let mut groups = store.groups().await?;
    let totals = totals(&groups);
    if let Some(filter) = &arguments.status {
        groups.retain(|(group, _)| filter.takes(group));
    }
    groups.sort_by_key(|(group, _)| urgency(group));
    let found: u64 = groups.iter().map(|(_, count)| count).sum();
    let groups: Vec<_> = groups.into_iter().map(|(group, _)| group).collect();
    let mut table = Table::new(Timestamp::now());
    walk(&groups, limit, store, |page| Ok(table.rows(page))).await?;
    if found > limit {
        super::print(format_args!(
            "… and {} more; --limit 0 shows all",
            found - limit
        ))?;
    } else if found == 0 && arguments.status.is_some() {
        super::print("no board stands there")?;
    }
    super::print(format_args!(
        "{}{totals}",
        if found > 0 { "\n" } else { "" }
    ))?;
    super::write(&paused(&store.lanes().await?))?;
    super::write(&concerns(&store.concerns().await?, Timestamp::now()))?;
    Ok(())
}

/// Reads groups of boards and writes them page by page, whichever group they are of: a page decides how wide its columns are.
async fn walk(
    groups: &[Group],
    limit: u64,
    store: &dyn Store,
    mut render: impl FnMut(&[Standing]) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let (mut left, mut boards) = (limit, Vec::new());
    for group in groups {
        let mut after = Some(Cursor::default());
        while let (Some(cursor), 1..) = (after, left) {
            let most = PAGE.min(u32::try_from(left).unwrap_or(PAGE));
            let page = store.standings(group, cursor, most).await?;
            left -= page.rows.len() as u64;
            after = page.next;
            boards.extend(page.rows);
            if boards.len() >= PAGE as usize {
                super::write(&render(&boards)?)?;
                boards.clear();
            }
        }
    }
    super::write(&render(&boards)?)?;
    Ok(())
}

/// Those first that somebody should look at.
fn urgency(group: &Group) -> u8 {
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

fn totals(groups: &[(Group, u64)]) -> String {
    let all: u64 = groups.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return "There are no boards yet: a running service lists them.".to_owned();
    }
    let of = |wanted: &str| -> u64 {
        let is_it = |group: &Group| match group {
            Group::All => false,
            Group::Twins => wanted == "mirrored",
            Group::At(words) => words.status == wanted,
        };
        let counts = groups.iter().filter(|(group, _)| is_it(group));
        counts.map(|(_, count)| count).sum()
    };
    let parts: Vec<_> = ["mirrored", "pending", "waiting", "failed", "ignored"]
        .into_iter()
        .map(|status| (status, of(status)))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    format!("{}: {}", counted(all, "board", "boards"), parts.join(", "))
}

/// Which services, kinds of calls and brakes hold boards up.
fn paused(Paused { now, lanes }: &Paused) -> String {
    let mut text = String::new();
    for (lane, pause) in lanes {
        let age = roughly(now.since(pause.since));
        let until = match lane.kind() {
            LaneKind::Brake => "until somebody lets it go".to_owned(),
            LaneKind::Service | LaneKind::Gate if pause.until <= *now => {
                "tried again now".to_owned()
            }
            LaneKind::Service | LaneKind::Gate => {
                format!("tried again in {}", roughly(pause.until.since(*now)))
            }
        };
        let _ = writeln!(text, "\npaused: {lane}, for {age}, {until}");
        text.push_str(&failure(&pause.failure));
    }
    text
}

/// What somebody should know although nothing waits for it.
fn concerns(concerns: &[Concern], now: Timestamp) -> String {
    let mut text = String::new();
    for concern in concerns {
        let age = roughly(now.since(concern.since));
        let subject = api::one_line(&concern.subject);
        let _ = writeln!(text, "\nto know: {subject}, for {age}");
        text.push_str(&failure(&concern.failure));
    }
    text
}

/// What failed and what to do, indented.
fn failure(failure: &Failure) -> String {
    let (code, detail) = (failure.code, api::one_line(&failure.detail));
    let said = if detail.is_empty() {
        code.sentence().to_owned()
    } else {
        format!("{}: {detail}", code.sentence())
    };
    format!("  {}  fix: {}", wrapped(&said, 2), wrapped(code.fix(), 7))
}

/// A board as programs read it. The first seven members are what scripts rest on.
#[derive(Debug, Serialize)]
struct Line<'a> {
    board_id: BoardId,
    name: Option<&'a str>,
    room_id: Option<RoomId>,
    status: &'a str,
    reason: Option<&'a str>,
    since: String,
    next_try: Option<String>,
    room_title: Option<&'a str>,
    drift: Option<&'a Drift>,
    twins: &'a [RoomId],
    code: Option<&'a str>,
    fix: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(standing: &'a Standing) -> Self {
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
fn reason(standing: &Standing) -> Option<&str> {
    let has_twins = standing.words.status == "mirrored" && !standing.twins.is_empty();
    let twins = has_twins.then_some(TWINS);
    standing.words.reason.as_deref().or(twins)
}

/// The failure of a board that failed or is failing.
pub(super) fn code(words: &Words) -> Option<Code> {
    match Status::from_words(&words.status, words.reason.as_deref()) {
        Ok(Status::Failed(code) | Status::Pending(Some(code))) => Some(code),
        Ok(
            Status::Pending(None) | Status::Mirrored(_) | Status::Ignored(_) | Status::Waiting(_),
        )
        | Err(_) => None,
    }
}
