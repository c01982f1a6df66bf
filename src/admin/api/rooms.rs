//! A person's word on a board's room, by the API: that there is to be one, and which it is. A board that the database does not know is
//! asked for in Trello, as by the commands.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use crate::admin::api::given::{Body, Named};
use crate::admin::api::words::done;
use crate::admin::refusal::{Reason, Refusal};
use crate::desk::link::{self, Fate, LinkError, NoRoom, Other, Tied};
use crate::desk::lookup::{self, LookupError};
use crate::desk::reference::find_known;
use crate::desk::words::{self, Mirrored};
use crate::docspace::DocSpaceError;
use crate::http::Clients;
use crate::lane::Lanes;
use crate::model::failure::Failure;
use crate::model::id::{BoardId, RoomId};
use crate::model::lane::Lane;
use crate::store::Store;
use crate::trello::TrelloError;

/// While Trello is known not to work.
pub(super) const TRELLO_NOT_ASKED: &str = "Trello does not answer, or is not asked at the moment";

/// However many ask, one board is looked for in Trello at a time: of a name all lists are read, and the budget belongs to the boards.
static LOOKUP: Semaphore = Semaphore::const_new(1);

/// `POST /boards/{board}/mirror`.
pub(super) async fn mirror(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(lanes): State<Lanes>,
    Named(named): Named,
) -> Result<Response, Refusal> {
    let board = anywhere(&named, &*store, &clients, &lanes).await?;
    done(async move {
        let room = match words::mirror(board, &*store).await? {
            Mirrored::Never(_) => return Err(Refusal::from(Reason::BoardIsInbox)),
            Mirrored::Asked => None,
            Mirrored::Before(room) => Some(room),
        };
        tracing::info!(%board, "to be mirrored, by the API");
        let sentence = room.map_or(Mirrored::Asked, Mirrored::Before).sentence();
        Ok(json!({
            "board_id": board,
            "room_id": room,
            "room_url": room.map(|room| clients.docspace.room_url(room, false)),
            "sentence": sentence,
        }))
    })
    .await
}

/// `PUT /boards/{board}/room`, with `{"room": 38}`.
pub(super) async fn link(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(lanes): State<Lanes>,
    Named(named): Named,
    asked: Body,
) -> Result<Response, Refusal> {
    asked.only(&["room"])?;
    let room = asked.number_or_text("room", "the number of a room or its address in DocSpace")?;
    // Of whichever room: its address tells which DocSpace is ours.
    let ours: Option<Url> = clients.docspace.room_url(RoomId(1), false).parse().ok();
    let room = link::room(&room, ours.as_ref())?;
    let board = anywhere(&named, &*store, &clients, &lanes).await?;
    docspace_must_be_open(&lanes)?;
    done(async move {
        let tied = link::link(board, room, &*store, &clients.docspace).await?;
        tracing::info!(%board, %room, "linked by the API");
        let Tied { before, others } = tied;
        Ok::<_, LinkError>(json!({
            "board_id": board,
            "room_id": room,
            "room_url": clients.docspace.room_url(room, false),
            "room_before": before,
            "others": others.iter().map(other).collect::<Vec<_>>(),
            "sentence": format!("room {room} is the board's from now on: a running service makes it agree now"),
        }))
    })
    .await
}

fn other(other: &Other) -> serde_json::Value {
    let has_lost_it = match other.fate {
        Fate::Untagged | Fate::Gone | Fate::Bereft(_) => true,
        Fate::Unchangeable | Fate::Overtaken | Fate::Unchecked | Fate::Kept(_) => false,
    };
    json!({ "room_id": other.room, "untagged": has_lost_it, "sentence": other.sentence() })
}

/// The board that is meant, whether the database knows it or only Trello does.
pub(super) async fn anywhere(
    named: &str,
    store: &dyn Store,
    clients: &Clients,
    lanes: &Lanes,
) -> Result<BoardId, Refusal> {
    if let Some(board) = find_known(named, store).await? {
        return Ok(board);
    }
    let must_be_open = || {
        must_be_open(
            Lane::Trello,
            lanes,
            "the database knows no such board, and Trello does not answer, or is not asked at the moment",
        )
    };
    must_be_open()?;
    let _turn = LOOKUP.acquire().await;
    // Whoever was before may have found that it does not work.
    must_be_open()?;
    Ok(lookup::find_in_trello(named, &clients.trello).await?)
}

/// A service that is known not to work is not asked in vain.
pub(super) fn docspace_must_be_open(lanes: &Lanes) -> Result<(), Refusal> {
    let why = "DocSpace does not answer, or is not asked at the moment";
    must_be_open(Lane::DocSpace, lanes, why)
}

pub(super) fn trello_must_be_open(lanes: &Lanes) -> Result<(), Refusal> {
    must_be_open(Lane::Trello, lanes, TRELLO_NOT_ASKED)
}

fn must_be_open(service: Lane, lanes: &Lanes, why: &str) -> Result<(), Refusal> {
    match lanes.tried_again_in(service) {
        None => Ok(()),
        Some(wait) => Err(Refusal::saying(Reason::ServicePaused, why).again_in(wait)),
    }
}

/// A service that was asked for this alone, and did not answer.
fn unanswered(failure: &Failure, retry_after: Option<Duration>) -> Refusal {
    let refusal = Refusal::saying(Reason::ServicePaused, failure.code.sentence());
    match retry_after {
        Some(wait) => refusal.again_in(wait),
        None => refusal,
    }
}

// What the services themselves say is for the log: it may name hosts.
impl From<TrelloError> for Refusal {
    fn from(error: TrelloError) -> Self {
        tracing::warn!(%error, "Trello could not be asked for the API");
        unanswered(&error.failure(), error.retry_after())
    }
}

impl From<DocSpaceError> for Refusal {
    fn from(error: DocSpaceError) -> Self {
        tracing::warn!(%error, "DocSpace could not be asked for the API");
        unanswered(&error.failure(), error.retry_after())
    }
}

impl From<LookupError> for Refusal {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Reference(error) => error.into(),
            LookupError::Unknown | LookupError::Nowhere => Self::saying(
                Reason::BoardUnknown,
                "neither the database nor Trello knows such a board that this token may see",
            ),
            LookupError::NotVisible => Reason::BoardNotVisible.into(),
            LookupError::Trello(error) => error.into(),
        }
    }
}

impl From<NoRoom> for Refusal {
    fn from(error: NoRoom) -> Self {
        Self::saying(Reason::RoomUnclear, format!("`room`: {error}"))
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        let said = error.to_string();
        match error {
            LinkError::Never(_) => Reason::BoardIsInbox.into(),
            LinkError::Unknown(_) => Self::saying(Reason::RoomUnknown, said),
            LinkError::Taken { .. } | LinkError::Claimed { .. } => {
                Self::saying(Reason::RoomTaken, said)
            }
            LinkError::DocSpace(error) => error.into(),
            LinkError::Store(error) => error.into(),
        }
    }
}
