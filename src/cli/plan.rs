//! `boardroom plan`: what would change, as a diff that a person can read. It reads only.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use crate::api;
use crate::cli::at_once::explained;
use crate::cli::terminal::{fitted, json_line, wrapped};
use crate::cli::{Context, reference, wiring};
use crate::config::{Config, Needs};
use crate::desk::counted;
use crate::desk::reference::find_known;
use crate::docspace::DocSpace;
use crate::mirror::plan::Rules;
use crate::model::id::BoardId;
use crate::store::{Store, StoreError};
use crate::survey::{Change, Found, Kind, Line, Survey, SurveyError};
use crate::trello::{Trello, TrelloError};

/// There is something to do.
const CHANGES: u8 = 2;
/// How much of a line the name of a board takes.
const NAME: usize = 24;
/// Where a line goes on that is longer than the terminal is wide.
const REST: usize = 12 + NAME;

/// For `plan --help`.
pub(super) const ABOUT: &str = "\
Show what would change, and change nothing: rooms that would be made, renamed, archived, taken out \
of the archive or tagged, and what people did by hand and is left alone (drift).

It reads Trello, DocSpace and the database; it works beside a running service, without one, and \
before there is a database. With BOARD… it shows what `boardroom apply BOARD…` would do, which also \
undoes what was done by hand to these rooms. With --existing it shows, too, what rooms the boards \
would get that existed before.

It exits 0 when there is nothing to do, 2 when there is, 1 when that is not known of some board.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Also the boards that existed before
    #[arg(long)]
    pub(super) existing: bool,
    #[arg(
        long,
        help = "One JSON object a line: board_id, name, change, from, to, room_id"
    )]
    json: bool,
    #[arg(value_name = "BOARD", help = reference::BOARD)]
    pub(super) boards: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging_of_command(&config);
    let store = database(&config).await?;
    let trello = wiring::trello_for_command(&config)?;
    let docspace = wiring::docspace(&config)?;
    let scene = Scene {
        config: &config,
        store: store.as_deref(),
        trello: &trello,
        docspace: &docspace,
    };
    let found = scene.changes(&arguments.boards, arguments.existing).await?;
    let (changes, is_unread) = (found.changes, tell_of_unread(&found.unread));
    if arguments.json {
        for change in &changes {
            super::write(&json_line(&Line::of(change))?)?;
        }
    } else {
        show(&changes)?;
        // That there is nothing to do is not known then.
        if !(is_unread && to_do(&changes) == 0) {
            super::print(summary(&changes, "would be"))?;
        }
    }
    if let Some(store) = &store {
        store.close().await;
    }
    Ok(if is_unread {
        ExitCode::FAILURE
    } else if to_do(&changes) == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CHANGES)
    })
}

/// Tells of the boards that could not be read; says whether there are any.
pub(super) fn tell_of_unread(boards: &[(BoardId, TrelloError)]) -> bool {
    for (board, error) in boards {
        let why = explained(&error.failure());
        eprintln!("boardroom: what there is to do about board {board} is not known: {why}");
    }
    !boards.is_empty()
}

/// The database, if there is one by now.
pub(super) async fn database(config: &Config) -> anyhow::Result<Option<Arc<dyn Store>>> {
    match wiring::open_existing_store(config).await {
        Ok(store) => Ok(Some(store)),
        Err(error) => match error.downcast_ref::<StoreError>() {
            Some(StoreError::Missing { .. }) => Ok(None),
            Some(_) | None => Err(error),
        },
    }
}

/// What a plan is made from.
pub(super) struct Scene<'a> {
    pub(super) config: &'a Config,
    pub(super) store: Option<&'a dyn Store>,
    pub(super) trello: &'a Trello,
    pub(super) docspace: &'a DocSpace,
}

impl Scene<'_> {
    /// What would change for these boards, or for all when none is named.
    pub(super) async fn changes(&self, named: &[String], existing: bool) -> anyhow::Result<Found> {
        let mut boards = Vec::new();
        for named in named {
            boards.push(self.board(named).await?);
        }
        let rules = wiring::rules(self.config);
        let survey = Survey {
            trello: self.trello,
            docspace: self.docspace,
            store: self.store,
            wanted: wiring::wanted(self.config),
            rules: Rules {
                existing_boards: rules.existing_boards || existing,
                ..rules
            },
            since: self.config.since,
        };
        let only = (!boards.is_empty()).then_some(&boards[..]);
        Box::pin(survey.changes(only))
            .await
            .map_err(|error| match error {
                SurveyError::Trello(error) => explained(&error.failure()),
                SurveyError::DocSpace(error) => explained(&error.failure()),
                SurveyError::Store(error) => error.into(),
            })
    }

    async fn board(&self, named: &str) -> anyhow::Result<BoardId> {
        let of_database = match self.store {
            Some(store) => find_known(named, store)
                .await
                .with_context(|| api::printable(named))?,
            None => None,
        };
        let found = match of_database {
            Some(board) => Ok(board),
            None => reference::find_in_trello(named, self.trello).await,
        };
        found.with_context(|| api::printable(named))
    }
}

/// How many things there are to do; what is left as people did it is none.
pub(super) fn to_do(changes: &[Change]) -> usize {
    let done = changes.iter().filter(|change| change.kind != Kind::Drift);
    done.count()
}

/// One line a change.
pub(super) fn show(changes: &[Change]) -> std::io::Result<()> {
    for change in changes {
        super::print(line(change))?;
    }
    Ok(())
}

/// `~ rename   Launch                        “Launch” → “Lift-off”`
pub(super) fn line(change: &Change) -> String {
    let sign = match change.kind {
        Kind::Create => '+',
        Kind::Rename => '~',
        Kind::Archive => '-',
        Kind::Restore => '<',
        Kind::Tag => '#',
        Kind::Drift => '!',
    };
    let name = match change.name.as_str() {
        "" => change.board.to_string(),
        name => api::one_line(name),
    };
    let shown = |text: &Option<String>| text.as_deref().map(api::one_line);
    let (from, to) = (shown(&change.from), shown(&change.to));
    let what = match (change.kind, from, to) {
        (Kind::Create, _, Some(to)) => format!("a room called “{to}”"),
        (Kind::Rename, Some(from), Some(to)) => format!("“{from}” → “{to}”"),
        (Kind::Tag, _, Some(to)) => to,
        (Kind::Drift, Some(from), Some(to)) => format!("is “{from}” by hand, not “{to}”"),
        (Kind::Drift, Some(from), None) => format!("was {from} by hand"),
        (_, Some(from), Some(to)) => format!("{from} → {to}"),
        (_, from, to) => from.or(to).unwrap_or_default(),
    };
    let head = format!("{sign} {:8} {} ", change.kind.as_str(), fitted(&name, NAME));
    format!("{head}{}", wrapped(&what, REST).trim_end())
}

/// `3 rooms would be made, 1 renamed; …`
pub(super) fn summary(changes: &[Change], would_be: &str) -> String {
    let count = |kind| {
        let of_kind = changes.iter().filter(|change| change.kind == kind);
        u64::try_from(of_kind.count()).unwrap_or(u64::MAX)
    };
    let verbs = [
        (Kind::Create, "made"),
        (Kind::Rename, "renamed"),
        (Kind::Archive, "archived"),
        (Kind::Restore, "taken out of the archive"),
        (Kind::Tag, "tagged"),
    ];
    let parts = verbs
        .into_iter()
        .filter(|(kind, _)| count(*kind) > 0)
        .map(|(kind, verb)| {
            format!(
                "{} {would_be} {verb}",
                counted(count(kind), "room", "rooms")
            )
        });
    let parts: Vec<_> = parts.collect();
    let drift = match count(Kind::Drift) {
        0 => String::new(),
        some => {
            let what = counted(some, "thing was", "things were");
            format!(" {what} done by hand and left so: `boardroom apply BOARD` ends that.")
        }
    };
    let done = if parts.is_empty() {
        "Nothing to do.".to_owned()
    } else {
        format!("{}.", parts.join(", "))
    };
    wrapped(&format!("{done}{drift}"), 0).trim_end().to_owned()
}

/// `3 boards are done`
pub(super) fn boards_done(done: usize) -> String {
    let done = u64::try_from(done).unwrap_or(u64::MAX);
    let verb = if done == 1 { "is" } else { "are" };
    format!("{} {verb} done", counted(done, "board", "boards"))
}
