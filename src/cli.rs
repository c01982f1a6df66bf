//! The command line. Results go to stdout, logs to stderr. Exit codes: 0, 1 failure, 64 usage, 78 configuration.
#![expect(clippy::print_stderr, reason = "this is what a command line is for")]

mod check;
mod completions;
mod config;
mod demo;
mod healthcheck;
mod mirror;
mod serve;
mod wiring;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Config, ConfigError, Environment, Needs};

/// `EX_USAGE` and `EX_CONFIG` of sysexits.h.
const USAGE: u8 = 64;
const CONFIGURATION: u8 = 78;

/// Gives every Trello board its ONLYOFFICE DocSpace room, and keeps it.
#[derive(Debug, Parser)]
#[command(name = "boardroom", version, about, max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const CONFIG_HELP: &str = "\
Read settings from this TOML file (default: the one that BOARDROOM_CONFIG names, if any)";
const AFTER_HELP: &str = "\
Settings come from compiled-in defaults, then a file, then the environment; `boardroom config` shows them all.
To see it work without an account: boardroom demo

Exit codes: 0 success, 1 failure, 64 wrong usage, 78 wrong configuration";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// See it work on this machine, without an account
    #[command(long_about = demo::ABOUT)]
    Demo(demo::Arguments),
    /// Check everything that the service needs, and say what to do about what is wrong
    Check,
    /// Make the room of each board now, and print its address
    Mirror(mirror::Arguments),
    /// Show the effective settings and where each comes from
    Config,
    /// Ask the running service how it is; for health checks of containers
    Healthcheck(healthcheck::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// What a command needs of its surroundings.
#[derive(Debug)]
struct Context {
    file: Option<PathBuf>,
    environment: Environment,
}

impl Context {
    fn load(&self, needs: Needs) -> Result<Config, ConfigError> {
        Config::load(needs, self.file.as_deref(), &self.environment)
    }
}

/// Parses the arguments, runs the command, and turns what came of it into an exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // The terminal may be gone; the exit code tells all the same.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let context = Context {
        file: arguments.config,
        environment: Environment::of_process(),
    };
    match dispatch(arguments.command, &context) {
        Ok(code) => code,
        Err(error) => explain(&error),
    }
}

/// Says what went wrong; the exit code tells wrong configuration from other failures.
fn explain(error: &anyhow::Error) -> ExitCode {
    if let Some(problems) = error.downcast_ref::<ConfigError>() {
        eprintln!("{problems}");
        return ExitCode::from(CONFIGURATION);
    }
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    if kind == Some(io::ErrorKind::BrokenPipe) {
        // Whoever reads our output has seen enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("boardroom: {error:#}");
    ExitCode::FAILURE
}

/// Writes a line of results. Unlike `println!` it does not panic when nobody reads any more.
fn print(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => wiring::block_on(Box::pin(serve::run(context))),
        Command::Demo(arguments) => wiring::block_on(Box::pin(demo::run(&arguments))),
        Command::Check => wiring::block_on(check::run(context)),
        Command::Mirror(arguments) => wiring::block_on(Box::pin(mirror::run(&arguments, context))),
        Command::Config => config::run(context),
        Command::Healthcheck(arguments) => wiring::block_on(healthcheck::run(&arguments, context)),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
    }
}
