//! `boardroom explain BOARD`: where a board stands and everything that happened to it. Only reads the database. What it prints can be
//! pasted anywhere: no secret enters the history, and mail addresses in names are blotted out here.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::api;
use crate::cli::terminal::{json_line, wrapped, wrapped_from};
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::desk::reference::address;
use crate::desk::standings::{changes, code, sentence};
use crate::desk::{day_and_time, exactly, roughly};
use crate::model::id::BoardId;
use crate::model::time::Timestamp;
use crate::store::{Cursor, Happened, Standing, Store};

/// For `explain --help`.
pub(super) const ABOUT: &str = "\
Show where a board stands, and everything that happened to it in the last 90 days, in order, with \
the time between one thing and the next. Times are UTC.

It reads the database alone: it needs no credentials and no running service, and works beside one. \
It prints no secret and no mail address, so it can be pasted into a report.

With --json, one line of JSON for each thing that happened: at (RFC 3339), event, detail.";

/// How much of a history is in memory at a time.
const PAGE: u32 = 500;
/// Where the texts of the head begin.
const HEAD: usize = 12;
/// Where details begin, and where they go on after an event with a longer name.
const DETAIL: usize = 43;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(value_name = "BOARD", help = reference::BOARD)]
    board: String,
    /// One line of JSON for each thing that happened
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_existing_store(&config).await?;
    let board = reference::known(&arguments.board, &*store).await;
    let board = board.with_context(|| api::printable(&arguments.board))?;
    if arguments.json {
        walk(board, &*store, |happened| {
            Ok(json_line(&Line::of(happened))?)
        })
        .await?;
    } else {
        let standing = store.standing(board).await?;
        let standing = standing.context("the board is not in the database any more")?;
        super::write(&head(&standing, Timestamp::now()))?;
        let mut last = None;
        walk(board, &*store, |happened| {
            Ok(line(happened, last.replace(happened.at)))
        })
        .await?;
        if last.is_none() {
            super::print("\nNothing has happened to it yet.")?;
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Reads the history page by page and writes what is made of each line.
async fn walk(
    board: BoardId,
    store: &dyn Store,
    mut render: impl FnMut(&Happened) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let mut after = Some(Cursor::default());
    while let Some(cursor) = after {
        let page = store.history(board, cursor, PAGE).await?;
        let text: anyhow::Result<String> = page.rows.iter().map(&mut render).collect();
        super::write(&text?)?;
        after = page.next;
    }
    Ok(())
}

/// A line of the history as programs read it.
#[derive(Debug, Serialize)]
struct Line {
    at: String,
    event: String,
    detail: String,
}

impl Line {
    fn of(happened: &Happened) -> Self {
        Self {
            at: happened.at.to_string(),
            event: api::one_line(&happened.event),
            detail: api::one_line(&happened.detail),
        }
    }
}

/// A line of the history as people read it, below a line of its own for each day.
fn line(happened: &Happened, last: Option<Timestamp>) -> String {
    let (day, time) = day_and_time(happened.at);
    let mut text = String::new();
    if last.is_none_or(|last| day_and_time(last).0 != day) {
        let _ = writeln!(text, "\n{day}");
    }
    let passed = last.map_or(String::new(), |last| {
        format!("+{}", exactly(happened.at.since(last)))
    });
    let event = api::one_line(&happened.event);
    let start = format!("  {time:12}  {passed:>11}  {event:12}  ");
    let detail = api::one_line(&happened.detail);
    let detail = wrapped_from(start.width(), &detail, DETAIL);
    let _ = write!(text, "{start}{detail}");
    format!("{}\n", text.trim_end())
}

/// Where the board stands now.
fn head(board: &Standing, now: Timestamp) -> String {
    let name = board.name.as_deref().map(api::one_line);
    let name = name.filter(|name| !name.is_empty());
    let mut text = format!("{}\n", name.as_deref().unwrap_or("(no name is known yet)"));
    let mut say = |label: &str, said: &str| {
        let _ = write!(text, "  {label:10}{}", wrapped(said, HEAD));
    };
    let link = board.short_link.as_deref().map(address);
    say(
        "board",
        &format!("{} {}", board.id, link.unwrap_or_default()),
    );
    let age = roughly(now.since(board.since));
    let words = sentence(&board.words);
    say("status", &format!("{words}, for {age}"));
    if let Some(code) = code(&board.words) {
        say("fix", code.fix());
    }
    if let Some(room) = board.room {
        let title = board.room_title.as_deref().unwrap_or_default();
        say("room", &format!("{room} \"{}\"", api::one_line(title)));
    }
    if let Some(drift) = &board.drift {
        say("drift", &changes(drift));
    }
    if !board.twins.is_empty() {
        let rooms: Vec<_> = board.twins.iter().map(ToString::to_string).collect();
        say(
            "twins",
            &format!(
                "room {} carries its tag, too; say which is right: boardroom link BOARD ROOM",
                rooms.join(", ")
            ),
        );
    }
    if let (1.., Some(since)) = (board.failures, board.failing_since) {
        let age = roughly(now.since(since));
        say(
            "failures",
            &format!("{} in a row, for {age}", board.failures),
        );
    }
    match board.next {
        None => {}
        Some(next) if next <= now => say("next try", "now, by a running service"),
        Some(next) => say("next try", &format!("in {}", roughly(next.since(now)))),
    }
    text
}
