//! Which board a person means, of all that the database or Trello shows. Nothing is ever guessed: what fits several is an error that lists them.

use std::collections::BTreeMap;

use crate::desk::reference::{FORMS, ReferenceError, find_known, is_short_link, meant};
use crate::model::board::Board;
use crate::model::id::BoardId;
use crate::store::{Candidate, Meant, Store};
use crate::trello::{Trello, TrelloError};

/// Why it is not known which board is meant.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("Trello knows no such board")]
    Unknown,
    #[error(
        "this is no board that the database knows or that Trello shows to this token: give {FORMS}"
    )]
    Nowhere,
    #[error(
        "this token may not see the board; make its member a member of the board or an admin of its workspace"
    )]
    NotVisible,
    #[error("Trello did not answer")]
    Trello(#[from] TrelloError),
}

/// The board that is meant, whether the database knows it or only Trello does; and Trello shows it.
pub async fn find(named: &str, store: &dyn Store, trello: &Trello) -> Result<BoardId, LookupError> {
    if let Some(board) = find_known(named, store).await? {
        return shown(trello.board(board).await, trello).await;
    }
    find_in_trello(named, trello).await
}

/// The board that Trello shows and that is meant.
pub async fn find_in_trello(named: &str, trello: &Trello) -> Result<BoardId, LookupError> {
    match meant(named)? {
        Meant::Id(id) => shown(trello.board(id).await, trello).await,
        Meant::ShortLink(link) => shown(trello.board_by_short_link(link).await, trello).await,
        Meant::NameOrShortLink(text) => {
            if is_short_link(text) {
                match trello.board_by_short_link(text).await {
                    Err(TrelloError::NotFound(_) | TrelloError::Unauthorized(_)) => {}
                    answer => return shown(answer, trello).await,
                }
            }
            by_name(text, trello).await
        }
    }
}

/// What Trello says of a board that it was asked for.
async fn shown(
    answer: Result<Board, TrelloError>,
    trello: &Trello,
) -> Result<BoardId, LookupError> {
    match answer {
        Ok(board) => Ok(board.id),
        Err(TrelloError::NotFound(_)) => Err(LookupError::Unknown),
        // 401 is said of a board that may not be seen and of a dead token alike.
        Err(TrelloError::Unauthorized(_)) => {
            trello.token().await?;
            Err(LookupError::NotVisible)
        }
        Err(error) => Err(error.into()),
    }
}

/// Looks through all lists that Trello has for this token.
async fn by_name(name: &str, trello: &Trello) -> Result<BoardId, LookupError> {
    let mut boards = trello.member_boards().await?;
    for workspace in trello.workspaces().await? {
        boards.extend(trello.workspace_boards(workspace.id).await?);
    }
    let same: BTreeMap<_, _> = boards
        .into_iter()
        .filter(|board| board.name == name)
        .map(|board| (board.id, board))
        .collect();
    let candidates: Vec<_> = same
        .into_values()
        .map(|board| Candidate {
            id: board.id,
            name: Some(board.name),
            short_link: board.short_link,
        })
        .collect();
    match &candidates[..] {
        [] => Err(LookupError::Nowhere),
        [one] => Ok(one.id),
        _ => Err(ReferenceError::Ambiguous(candidates).into()),
    }
}
