//! `boardroom backup FILE`: a copy of the database file, while services go on with it. Needs no credentials.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::{Context, wiring};
use crate::config::{Database, Needs};
use crate::desk::counted;
use crate::store;
use crate::supervisor::Signals;

/// For `backup --help`.
pub(super) const ABOUT: &str = "\
Copy the database file to FILE, as it is at one moment, while the service goes on.

FILE must not be there yet. It is made under another name, looked over for damage, and gets its name \
only when it is on the disk; only its owner may read it. The way back: stop the service, put the copy \
in the place of the database file, remove that one's -wal and -shm neighbours, and start: rooms that were \
made in between are found.

It needs no credentials and no running service. A PostgreSQL database is backed up by pg_dump: then it \
says how, and exits 1.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    wiring::start_logging_of_command(&config);
    let file = &arguments.file;
    let path = match &config.database {
        Database::Sqlite { path } => path,
        Database::Postgres { url } => bail!(
            "the database is {url}, which is backed up by the tools of PostgreSQL: pg_dump --format=custom --file={} 'URL', \
             with the URL of BOARDROOM_DATABASE_URL, or its password in ~/.pgpass",
            quoted(&file.display().to_string())
        ),
    };
    let mut signals = Signals::listen().context("cannot listen to signals")?;
    let copied = tokio::select! {
        copied = store::backup(path, file) => copied?,
        // What was written so far goes with the work.
        signal = signals.next() => bail!("there is no backup: {signal} has ended it"),
    };
    super::print(format_args!(
        "{}: {}, {} kB",
        file.display(),
        counted(copied.boards, "board", "boards"),
        copied.bytes.div_ceil(1000)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
