//! `boardroom apply`: does what `boardroom plan` shows. It can be stopped and repeated at any point.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use crate::api;
use crate::cli::at_once::AtOnce;
use crate::cli::plan::{Scene, line, show, summary, tell_of_unread, to_do};
use crate::cli::{Context, plan, reference, wiring};
use crate::config::Needs;
use crate::model::board::Told;
use crate::model::id::BoardId;
use crate::store::history::{Event, Note};
use crate::survey::{Change, Found, Kind};

/// For `apply --help`.
pub(super) const ABOUT: &str = "\
Do what `boardroom plan` shows: make, rename, archive, restore and tag rooms now.

What it is about to do is shown first, and on a terminal it asks; --yes does not ask, and is needed \
where there is nobody to ask. What people did to rooms by hand is left alone, unless the board is \
named: `boardroom apply BOARD` is a person's word that its room is to agree with the board, and \
follows from then on; one outside the watched workspaces follows only after `boardroom mirror`. The \
brake does not hold what is done here.

It works beside a running service on the same database, and without one. Ctrl-C stops it between two \
steps; said again, it goes on. It exits 1 when something could not be done.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// Also for boards that existed before
    #[arg(long)]
    existing: bool,
    #[arg(value_name = "BOARD", help = reference::BOARD)]
    boards: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging_of_command(&config);
    if !arguments.yes && !io::stdin().is_terminal() {
        eprintln!(
            "boardroom: there is nobody to ask: say --yes, or look first with `boardroom plan`"
        );
        return Ok(ExitCode::from(super::USAGE));
    }
    let store = wiring::open_store(&config).await?;
    let at_once = Arc::new(AtOnce::new("apply", &config, store)?);
    let scene = Scene {
        config: &config,
        store: Some(at_once.store()),
        trello: &at_once.mirror.trello,
        docspace: &at_once.mirror.docspace,
    };
    let found = scene.changes(&arguments.boards, arguments.existing).await?;
    let is_unread = tell_of_unread(&found.unread);
    let Found { changes, known, .. } = found;
    at_once.mirror.surroundings.learn(|here| *here = known);
    let is_named = !arguments.boards.is_empty();
    show(&changes)?;
    if !(is_unread && to_do(&changes) == 0) {
        super::print(summary(&changes, "to be"))?;
    }
    let code = if to_do(&changes) == 0 {
        ExitCode::SUCCESS
    } else if arguments.yes || agreed()? {
        carry_out(&at_once, changes, is_named, config.docspace.writes).await?
    } else {
        super::print("Nothing was done.")?;
        ExitCode::SUCCESS
    };
    at_once.store().close().await;
    Ok(if is_unread { ExitCode::FAILURE } else { code })
}

/// Asks on the terminal; anything but a yes is a no.
fn agreed() -> io::Result<bool> {
    eprint!("Do it? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
}

/// Looks at the boards side by side until each agrees with its room.
async fn carry_out(
    at_once: &Arc<AtOnce>,
    changes: Vec<Change>,
    is_named: bool,
    side_by_side: usize,
) -> anyhow::Result<ExitCode> {
    let mut boards: BTreeMap<BoardId, Vec<Change>> = BTreeMap::new();
    for change in changes
        .into_iter()
        .filter(|change| change.kind != Kind::Drift)
    {
        boards.entry(change.board).or_default().push(change);
    }
    let mut tally = Tally::new(boards.len());
    let (mut left, mut running) = (boards.into_iter(), JoinSet::new());
    let stop = at_once.mirror.stop.clone();
    loop {
        while running.len() < side_by_side.max(1)
            && !stop.is_cancelled()
            && let Some((board, changes)) = left.next()
        {
            let at_once = at_once.clone();
            running.spawn(async move {
                // Only a named board's room is made to agree whatever people did to it.
                let has_room = changes.iter().any(|change| change.room.is_some());
                let word = if has_room && !is_named {
                    Told::Release
                } else {
                    Told::Apply
                };
                let done = Box::pin(look(&at_once, board, word)).await;
                (changes, done)
            });
        }
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => {
                    let (changes, done) = ended?;
                    tally.count(&changes, done)?;
                }
                None => break,
            },
            // The looks under way end what they have begun.
            interrupted = tokio::signal::ctrl_c(), if !stop.is_cancelled() => {
                interrupted?;
                stop.cancel();
            }
        }
    }
    tally.end(stop.is_cancelled())
}

async fn look(at_once: &AtOnce, board: BoardId, word: Told) -> anyhow::Result<()> {
    let store = at_once.store();
    store.tell(board, word).await?;
    let note = Note::new(Event::Told, "to make its room agree (apply)");
    store.note(board, &note).await?;
    at_once.until_mirrored(board).await.map(drop)
}

/// How far it has come: a bar on a terminal, plain lines otherwise.
struct Tally {
    bar: ProgressBar,
    is_plain: bool,
    done: usize,
    failed: usize,
}

impl Tally {
    fn new(boards: usize) -> Self {
        let is_plain = !io::stderr().is_terminal();
        let bar = ProgressBar::new(u64::try_from(boards).unwrap_or(u64::MAX));
        bar.set_draw_target(if is_plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} boards, {eta} left");
        bar.set_style(style.expect("the template is a literal"));
        Self {
            bar,
            is_plain,
            done: 0,
            failed: 0,
        }
    }

    fn count(&mut self, changes: &[Change], done: anyhow::Result<()>) -> io::Result<()> {
        self.bar.inc(1);
        match done {
            Ok(()) => {
                self.done += 1;
                if self.is_plain {
                    for change in changes {
                        super::print(format_args!("done: {}", line(change)))?;
                    }
                }
            }
            Err(error) => {
                self.failed += 1;
                let name = changes.first().map_or("", |change| change.name.as_str());
                let name = api::one_line(name);
                self.bar
                    .suspend(|| eprintln!("boardroom: {name}: {error:#}"));
            }
        }
        Ok(())
    }

    fn end(self, stopped: bool) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        let left = self
            .bar
            .length()
            .unwrap_or(0)
            .saturating_sub(self.bar.position());
        super::print(format_args!(
            "{}{}{}.",
            plan::boards_done(self.done),
            match self.failed {
                0 => String::new(),
                some => format!(", {some} not"),
            },
            match left {
                0 => String::new(),
                some => format!(", {some} not begun: say it again to go on"),
            }
        ))?;
        Ok(if self.failed == 0 && !stopped {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
