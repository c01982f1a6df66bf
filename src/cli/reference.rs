//! What a person means by BOARD, in the words of a command.

use anyhow::Context as _;

use crate::cli::at_once::explained;
use crate::desk::lookup::{self, LookupError};
use crate::desk::reference::{FORMS, find_known};
use crate::model::id::BoardId;
use crate::store::Store;
use crate::trello::Trello;

/// The help of the argument.
pub(super) const BOARD: &str = "A board's id, short link, address or exact name";

/// The board in the database that is meant.
pub(super) async fn known(named: &str, store: &dyn Store) -> anyhow::Result<BoardId> {
    find_known(named, store).await?.with_context(|| {
        format!(
            "the database knows no such board; give {FORMS}. `boardroom boards` shows those that it knows"
        )
    })
}

/// The board that is meant, whether the database knows it or only Trello does; and Trello shows it.
pub(super) async fn find(
    named: &str,
    store: &dyn Store,
    trello: &Trello,
) -> anyhow::Result<BoardId> {
    lookup::find(named, store, trello).await.map_err(said)
}

/// The board that Trello shows and that is meant.
pub(super) async fn find_in_trello(named: &str, trello: &Trello) -> anyhow::Result<BoardId> {
    lookup::find_in_trello(named, trello).await.map_err(said)
}

fn said(error: LookupError) -> anyhow::Error {
    match error {
        LookupError::Trello(error) => explained(&error.failure()),
        error @ (LookupError::Reference(_)
        | LookupError::Unknown
        | LookupError::Nowhere
        | LookupError::NotVisible) => error.into(),
    }
}
