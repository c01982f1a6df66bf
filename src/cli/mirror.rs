//! `boardroom mirror BOARD…`: what the vendor's sample script does, done right. Needs no running service, and works beside one.

use std::process::ExitCode;

use crate::api;
use crate::cli::at_once::AtOnce;
use crate::cli::{Context, reference, wiring};
use crate::config::Needs;
use crate::model::board::Told;

/// For `mirror --help`.
pub(super) const ABOUT: &str = "\
Make the room of each board now, and print its address.

What a person asks for by name gets a room whatever the rules for new boards say; a room that is \
there already is found, and twice makes one. A board that the database does not know is asked for \
in Trello; of a name all lists are read, and a name that several boards have is an error that lists \
them.

It needs TRELLO_API_KEY, TRELLO_TOKEN, ONLYOFFICE_API_HOST and ONLYOFFICE_API_KEY, and neither the \
app secret, a public URL nor a running service. Beside a running service it must be given the same \
BOARDROOM_DATABASE_URL.

Addresses go to stdout, one a line, in the order of the boards; what went wrong goes to stderr, and \
the exit code is 1 then.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[arg(required = true, value_name = "BOARD", help = reference::BOARD)]
    boards: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging_of_command(&config);
    let store = wiring::open_store(&config).await?;
    let at_once = AtOnce::new("mirror", &config, store)?;
    let mut code = ExitCode::SUCCESS;
    for named in &arguments.boards {
        match mirror_one(named, &at_once).await {
            Ok(url) => super::print(url)?,
            Err(error) => {
                eprintln!("boardroom: {}: {error:#}", api::printable(named));
                code = ExitCode::FAILURE;
            }
        }
    }
    at_once.store().close().await;
    Ok(code)
}

async fn mirror_one(named: &str, at_once: &AtOnce) -> anyhow::Result<String> {
    let board = reference::find(named, at_once.store(), &at_once.mirror.trello).await?;
    at_once.store().tell(board, Told::Mirror).await?;
    at_once.address_of_room(named, board).await
}
