//! `boardroom boards`: where every board stands, what is paused, and what somebody should know. Only reads the database.

mod table;

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::api;
use crate::cli::boards::table::Table;
use crate::cli::terminal::{json_line, wrapped};
use crate::cli::{Context, wiring};
use crate::config::Needs;
use crate::desk::counted;
use crate::desk::roughly;
use crate::desk::standings::{Filter, Line, NoFilter, STATUSES, total, urgency};
use crate::model::failure::Failure;
use crate::model::lane::LaneKind;
use crate::model::time::Timestamp;
use crate::store::{Concern, Cursor, Group, Paused, Standing, Store};

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

/// Reads `failed`, `waiting/brake`.
fn filter(text: &str) -> Result<Filter, String> {
    Filter::read(text).map_err(|error| match error {
        NoFilter::Status => format!("give one of {}", STATUSES.join(", ")),
        NoFilter::Reason(status) => format!(
            "no {status} board has this reason; `boardroom boards --status {status}` shows those that there are"
        ),
    })
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

fn totals(groups: &[(Group, u64)]) -> String {
    let all: u64 = groups.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return "There are no boards yet: a running service lists them.".to_owned();
    }
    let parts: Vec<_> = ["mirrored", "pending", "waiting", "failed", "ignored"]
        .into_iter()
        .map(|status| (status, total(groups, status)))
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
