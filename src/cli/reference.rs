//! What a person means by BOARD and by ROOM. Nothing is ever guessed: what fits several is an error that lists them.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use url::Url;

use crate::cli::at_once::explained;
use crate::desk::reference::{FORMS, ambiguous, find_known, is_short_link, meant};
use crate::model::board::Board;
use crate::model::id::{BoardId, RoomId};
use crate::store::{Candidate, Meant, Store};
use crate::trello::{Trello, TrelloError};

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
    if let Some(board) = find_known(named, store).await? {
        return shown(trello.board(board).await, trello).await;
    }
    find_in_trello(named, trello).await
}

/// The board that Trello shows and that is meant.
pub(super) async fn find_in_trello(named: &str, trello: &Trello) -> anyhow::Result<BoardId> {
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
async fn shown(answer: Result<Board, TrelloError>, trello: &Trello) -> anyhow::Result<BoardId> {
    let error = match answer {
        Ok(board) => return Ok(board.id),
        Err(error) => error,
    };
    match error {
        TrelloError::NotFound(_) => bail!("Trello knows no such board"),
        // 401 is said of a board that may not be seen and of a dead token alike.
        TrelloError::Unauthorized(_) => match trello.token().await {
            Ok(_) => bail!(
                "this token may not see the board; make its member a member of the board or an admin of its workspace"
            ),
            Err(error) => Err(explained(&error.failure())),
        },
        error => Err(explained(&error.failure())),
    }
}

/// Looks through all lists that Trello has for this token.
async fn by_name(name: &str, trello: &Trello) -> anyhow::Result<BoardId> {
    let fault = |error: TrelloError| explained(&error.failure());
    let mut boards = trello.member_boards().await.map_err(fault)?;
    for workspace in trello.workspaces().await.map_err(fault)? {
        boards.extend(trello.workspace_boards(workspace.id).await.map_err(fault)?);
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
        [] => bail!(
            "this is no board that the database knows or that Trello shows to this token: give {FORMS}"
        ),
        [one] => Ok(one.id),
        several => bail!(ambiguous(several)),
    }
}

/// The room that is meant: its number, or its address on this DocSpace.
pub(super) fn room(named: &str, host: Option<&Url>) -> anyhow::Result<RoomId> {
    const FORMS: &str =
        "give its number or its address, such as https://HOST/rooms/shared/38/filter?folder=38";
    let named = named.trim();
    if let Ok(number) = named.parse::<i32>() {
        return match number {
            1.. => Ok(RoomId(number.into())),
            _ => bail!("this is no room: {FORMS}"),
        };
    }
    let url = Url::parse(named).with_context(|| format!("this is no room: {FORMS}"))?;
    if let Some(host) = host
        && (url.host_str(), url.port_or_known_default())
            != (host.host_str(), host.port_or_known_default())
    {
        bail!(
            "this address is not on the DocSpace of ONLYOFFICE_API_HOST; if that is the same one under another name, give the number of the room"
        );
    }
    let segments: Vec<_> = url.path_segments().into_iter().flatten().collect();
    let mut numbers: Vec<i32> = match &segments[..] {
        ["rooms", _, rest @ ..] => rest
            .first()
            .and_then(|id| id.parse().ok())
            .into_iter()
            .collect(),
        _ => bail!("this is the address of no room: {FORMS}"),
    };
    let folders = url.query_pairs().filter(|(name, _)| name == "folder");
    numbers.extend(folders.filter_map(|(_, id)| id.parse::<i32>().ok()));
    numbers.dedup();
    match &numbers[..] {
        [number] if *number > 0 => Ok(RoomId((*number).into())),
        [_, _, ..] => bail!("this is the address of a folder in a room: {FORMS}"),
        [] | [_] => bail!("this is the address of no room: {FORMS}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_meant_by_number_or_by_address_on_this_docspace() {
        let host: Url = "https://docs.example.com".parse().unwrap();
        let meant = |named: &str| room(named, Some(&host)).map_err(|error| error.to_string());
        for named in [
            "38",
            " 38 ",
            "https://docs.example.com/rooms/shared/38/filter?folder=38",
            "https://docs.example.com/rooms/shared/38/filter?folder=38&sortby=Type",
            "https://docs.example.com/rooms/archived/38/filter?folder=38",
            "https://docs.example.com/rooms/archived/38",
            "https://docs.example.com/rooms/shared/filter?folder=38",
            "https://DOCS.example.com:443/rooms/shared/38/",
        ] {
            assert_eq!(meant(named), Ok(RoomId(38)), "{named}");
        }
        let table = [
            ("0", "no room"),
            ("-3", "no room"),
            ("Launch", "no room"),
            ("https://docs.example.com/rooms/shared", "of no room"),
            ("https://docs.example.com/doceditor?fileId=3", "of no room"),
            (
                "https://docs.example.com/rooms/shared/38/filter?folder=55",
                "a folder",
            ),
            (
                "https://other.example.com/rooms/shared/38",
                "not on the DocSpace",
            ),
            (
                "http://docs.example.com:8080/rooms/shared/38",
                "not on the DocSpace",
            ),
        ];
        for (wrong, said) in table {
            let error = meant(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
