//! The command line. Results go to stdout, logs to stderr. Exit codes: 0, 1 failure, 64 usage, 78 configuration.
#![expect(clippy::print_stderr, reason = "this is what a command line is for")]

mod apply;
mod at_once;
mod backup;
mod boards;
mod check;
mod completions;
mod config;
mod demo;
mod explain;
mod healthcheck;
mod link;
mod mirror;
mod notify;
mod plan;
mod reference;
mod serve;
mod signature;
mod simulate;
mod terminal;
mod webhooks;
mod wiring;
mod words;

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

const SERVE: &str = "\
Run the service until SIGTERM or Ctrl-C.

It needs TRELLO_API_KEY, TRELLO_TOKEN, ONLYOFFICE_API_HOST and ONLYOFFICE_API_KEY; with \
BOARDROOM_PUBLIC_URL, the address at which Trello reaches it, TRELLO_API_SECRET as well. Without a \
public URL it finds new boards by sweeps alone. Each credential may come from a file (…_FILE).

It answers at /webhooks/trello, /livez (the process lives), /readyz (a delivery can be stored; \
?verbose says more) and /healthz. Logs go to stderr: text on a terminal, JSON otherwise. The state \
is one SQLite file, data/boardroom.db, unless BOARDROOM_DATABASE_URL names another one or a \
PostgreSQL database. A PostgreSQL server that is away is waited for.

The first signal lets it end what it has begun, within BOARDROOM_GRACE, and it exits 0; a second one \
ends it at once. It exits 1 when the port is taken or the database cannot be used, 78 when the \
configuration is wrong: then every problem is named at once.";
const CHECK: &str = "\
Check everything that the service needs, one line each, with the fix where something is wrong.

It only reads and changes nothing, neither in Trello and DocSpace nor on this machine. The public \
URL can only answer while the service runs: before that, its line says FAILED.

It exits 0 when nothing failed (warnings are none), 1 when something did, 78 when the configuration \
is wrong.";
const CONFIG: &str = "\
Show every setting, its value and where that comes from: the compiled-in default, the file, or the \
environment. Secrets are hidden.

It exits 78, after the list, when the service could not start with these settings.";
const HEALTHCHECK: &str = "\
Ask the service that runs on this machine with the same configuration how it is.

It exits 0 when the service answers, and 1 otherwise; with --ready, 1 as well while the service \
cannot store deliveries. It goes direct, whatever proxies are set.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    #[command(long_about = SERVE)]
    Serve,
    /// See it work on this machine, without an account
    #[command(long_about = demo::ABOUT)]
    Demo(demo::Arguments),
    /// Check everything that the service needs, and say what to do about what is wrong
    #[command(long_about = CHECK)]
    Check,
    /// Make the room of each board now, and print its address
    #[command(long_about = mirror::ABOUT)]
    Mirror(mirror::Arguments),
    /// Show what would change, and change nothing
    #[command(long_about = plan::ABOUT)]
    Plan(plan::Arguments),
    /// Do what the plan shows
    #[command(long_about = apply::ABOUT)]
    Apply(apply::Arguments),
    /// Show where each board stands, what is paused and why
    #[command(long_about = boards::ABOUT)]
    Boards(boards::Arguments),
    /// Show everything that happened to a board
    #[command(long_about = explain::ABOUT)]
    Explain(explain::Arguments),
    /// Try boards again at once
    #[command(long_about = words::RETRY)]
    Retry(words::RetryArguments),
    /// Let the brake go
    #[command(long_about = words::RELEASE)]
    Release,
    /// Leave boards alone from now on
    #[command(long_about = words::IGNORE)]
    Ignore(words::IgnoreArguments),
    /// Say which room is a board's
    #[command(long_about = link::ABOUT)]
    Link(link::Arguments),
    /// Show, mend or take away the webhooks at Trello
    #[command(long_about = webhooks::ABOUT)]
    Webhooks(webhooks::Arguments),
    /// Find out why deliveries are refused
    #[command(long_about = signature::ABOUT)]
    Signature(signature::Arguments),
    /// Send a delivery through the public URL to the running service
    #[command(long_about = simulate::ABOUT)]
    Simulate(simulate::Arguments),
    /// Copy the database while the service goes on
    #[command(long_about = backup::ABOUT)]
    Backup(backup::Arguments),
    /// Post a test notice to the receiver of alerts
    #[command(long_about = notify::ABOUT)]
    Notify,
    /// Show the effective settings and where each comes from
    #[command(long_about = CONFIG)]
    Config,
    /// Ask the running service how it is; for health checks of containers
    #[command(long_about = HEALTHCHECK)]
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

/// Writes lines of results at once.
fn write(lines: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(lines.as_bytes())?;
    out.flush()
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => wiring::block_on(Box::pin(serve::run(context))),
        Command::Demo(arguments) => wiring::block_on(Box::pin(demo::run(&arguments))),
        Command::Check => wiring::block_on(check::run(context)),
        Command::Plan(arguments) => wiring::block_on(Box::pin(plan::run(&arguments, context))),
        Command::Apply(arguments) => wiring::block_on(Box::pin(apply::run(&arguments, context))),
        Command::Simulate(arguments) => {
            wiring::block_on(Box::pin(simulate::run(&arguments, context)))
        }
        Command::Signature(arguments) => wiring::block_on(signature::run(&arguments, context)),
        Command::Webhooks(arguments) => {
            wiring::block_on(Box::pin(webhooks::run(&arguments, context)))
        }
        Command::Mirror(arguments) => wiring::block_on(Box::pin(mirror::run(&arguments, context))),
        Command::Boards(arguments) => wiring::block_on(boards::run(&arguments, context)),
        Command::Explain(arguments) => wiring::block_on(explain::run(&arguments, context)),
        Command::Retry(arguments) => wiring::block_on(words::retry(&arguments, context)),
        Command::Release => wiring::block_on(words::release(context)),
        Command::Ignore(arguments) => wiring::block_on(words::ignore(&arguments, context)),
        Command::Link(arguments) => wiring::block_on(Box::pin(link::run(&arguments, context))),
        Command::Backup(arguments) => wiring::block_on(backup::run(&arguments, context)),
        Command::Notify => wiring::block_on(Box::pin(notify::run(context))),
        Command::Config => config::run(context),
        Command::Healthcheck(arguments) => wiring::block_on(healthcheck::run(&arguments, context)),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
    }
}
