//! `boardroom demo`: the real service against a make-believe Trello and DocSpace on this machine, told as a short story.
//! Here is only how it begins and ends; nothing may outlive it, neither a process nor a file.

mod folder;
mod following;
mod service;
mod stage;
mod story;
mod teller;
mod trouble;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::api;
use crate::supervisor::Signals;
use stage::Stage;
use teller::Teller;

pub(super) const ABOUT: &str = "\
See it work on this machine, without an account

Runs the real service as a process of its own, with an empty database in a temporary folder, against a Trello and a \
DocSpace that this program plays itself on free ports of 127.0.0.1. It tells what happens and checks every step: a board \
gets its room, forged and repeated deliveries change nothing, DocSpace goes down and comes back, and the service is killed \
in the middle of making a room and still makes only one. That takes a few seconds.

Your own settings are neither read nor needed, and nothing leaves this machine. On a terminal it stays after the story \
until Ctrl-C, so that you can look around. Whatever it started and wrote is gone when it ends.";

const EXIT_CODES: &str = "\
Exit codes: 0 every step happened, 1 one did not, or it was stopped before the end";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// End after the story instead of staying until Ctrl-C; so it does anyway when stdout is no terminal
    #[arg(long)]
    once: bool,
}

/// How the story came to its end.
#[derive(Debug)]
enum Ending {
    Told,
    Missed(anyhow::Error),
    Interrupted,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut interrupts = Interrupts::listen().context("cannot listen to signals")?;
    let stays = !arguments.once && io::stdout().is_terminal();
    let mut teller = Teller::new();
    let mut stage = Stage::set().await?;
    let ending = tokio::select! {
        () = interrupts.next() => Ending::Interrupted,
        told = Box::pin(story::tell(&mut stage, &mut teller)) => match told {
            Ok(()) => Ending::Told,
            Err(missed) => Ending::Missed(missed),
        },
    };
    let code = match ending {
        Ending::Told if stays => Box::pin(stay(&mut stage, &mut teller, &mut interrupts)).await,
        Ending::Told => Ok(ExitCode::SUCCESS),
        Ending::Missed(missed) => lament(&missed, &stage, &mut teller),
        Ending::Interrupted => {
            eprintln!("boardroom: the demo was stopped before its end");
            Ok(ExitCode::FAILURE)
        }
    };
    stage.clear().await;
    code
}

/// Says which step did not happen, and shows what the service had to say.
fn lament(missed: &anyhow::Error, stage: &Stage, teller: &mut Teller) -> anyhow::Result<ExitCode> {
    // Whoever closed the pipe does not want to read on, and nobody could be told on it.
    if missed
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    {
        return Ok(ExitCode::FAILURE);
    }
    teller.missed(missed)?;
    eprintln!("The last lines of the service's log:");
    for line in stage.service.last_lines() {
        eprintln!("  {line}");
    }
    Ok(ExitCode::FAILURE)
}

/// Keeps everything running for a person who wants to look around, until a signal comes.
async fn stay(
    stage: &mut Stage,
    teller: &mut Teller,
    interrupts: &mut Interrupts,
) -> anyhow::Result<ExitCode> {
    story::addresses(stage, teller)?;
    let mut names = typed_lines();
    loop {
        let asked = tokio::select! {
            () = interrupts.next() => break,
            ended = stage.service.ended() => {
                let ended = anyhow::anyhow!("the service goes on; instead it ended by itself ({ended})");
                return lament(&ended, stage, teller);
            }
            Some(name) = names.recv() => name,
        };
        let told = tokio::select! {
            () = interrupts.next() => break,
            told = story::board_by_hand(&asked, stage, teller) => told,
        };
        if let Err(missed) = told {
            return lament(&missed, stage, teller);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines that somebody types, without those that are blank. None come when nobody sits there.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(8);
    if io::stdin().is_terminal() {
        // A thread of its own, which the end of the process ends: a read of the terminal cannot be given up.
        std::thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                let name = api::quote(&line);
                if !name.is_empty() && sender.blocking_send(name).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// What ends the demo: Ctrl-C, SIGTERM, and the terminal that is closed.
#[derive(Debug)]
struct Interrupts {
    asked: Signals,
    hung_up: Signal,
}

impl Interrupts {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            asked: Signals::listen()?,
            hung_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.asked.next() => {}
            _ = self.hung_up.recv() => {}
        }
    }
}
