//! A person's word: try again, let the brake go, leave a board alone, give it a room. It is written into the database; a running service obeys it.

use crate::desk::counted;
use crate::model::board::{Record, Told};
use crate::model::id::{BoardId, RoomId};
use crate::model::lane::{Lane, LaneKind};
use crate::model::status::{Ignored, Status, Waiting};
use crate::store::history::{Event, Note};
use crate::store::{Store, StoreError};

/// What is tried again.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Every board that failed, is failing, or waits for anything but a brake.
    All,
    Boards(&'a [BoardId]),
}

/// What is tried again by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub boards: u64,
    /// Services and gates that were closed.
    pub lanes: Vec<Lane>,
    /// Boards that go on waiting for somebody to let a brake go.
    pub held: u64,
}

/// Tries boards again, and the services and gates that are closed.
pub async fn retry(which: Which<'_>, store: &dyn Store) -> Result<Tried, StoreError> {
    // Lanes first: a board that is due before its service is tried would only wait again.
    let lanes = store.retry_lanes().await?;
    let boards = match which {
        Which::All => store.retry_all().await?,
        Which::Boards(boards) => store.retry(boards).await?,
    };
    let held = held_by_a_brake(which, store).await?;
    Ok(Tried {
        boards,
        lanes,
        held,
    })
}

/// Trying again does not let a brake go. Once somebody has, nothing is held, whatever boards still stand at.
async fn held_by_a_brake(which: Which<'_>, store: &dyn Store) -> Result<u64, StoreError> {
    if !is_brake_on(store).await? {
        return Ok(0);
    }
    let brake = Status::Waiting(Waiting::Brake);
    match which {
        Which::All => {
            let totals = store.totals().await?;
            let held = totals.iter().find(|(status, _)| *status == brake);
            Ok(held.map_or(0, |(_, count)| *count))
        }
        Which::Boards(boards) => {
            let mut held = 0;
            for board in boards {
                let record = store.record(*board).await?;
                held += u64::from(record.is_some_and(|record| record.status == brake));
            }
            Ok(held)
        }
    }
}

impl Tried {
    /// `3 boards and 1 paused lane are tried again …`
    #[must_use]
    pub fn sentence(&self) -> String {
        let names: Vec<_> = self.lanes.iter().map(|lane| lane.as_str()).collect();
        let boards = (self.boards > 0).then(|| counted(self.boards, "board", "boards"));
        let lanes = (!names.is_empty()).then(|| {
            let lanes = counted(names.len() as u64, "paused lane", "paused lanes");
            format!("{lanes} ({})", names.join(", "))
        });
        let what: Vec<_> = boards.into_iter().chain(lanes).collect();
        match &what[..] {
            [] => "nothing failed or waits: there is nothing to try again".to_owned(),
            [one] if one.starts_with("1 ") => {
                format!("{one} is tried again: a running service does so now")
            }
            some => format!(
                "{} are tried again: a running service does so now",
                some.join(" and ")
            ),
        }
    }

    /// `2 boards wait for a person who lets the brake go`, if any do.
    #[must_use]
    pub fn held_sentence(&self) -> Option<String> {
        let waits = if self.held == 1 { "waits" } else { "wait" };
        let boards = counted(self.held, "board", "boards");
        (self.held > 0).then(|| format!("{boards} {waits} for a person who lets the brake go"))
    }
}

/// What letting the brake go has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Boards that waited for it and go on.
    pub boards: u64,
    /// Whether a brake was on.
    pub was_on: bool,
}

pub async fn release(store: &dyn Store) -> Result<Released, StoreError> {
    let was_on = is_brake_on(store).await?;
    // Counting begins anew even when no brake is on.
    let boards = store.release().await?;
    Ok(Released { boards, was_on })
}

async fn is_brake_on(store: &dyn Store) -> Result<bool, StoreError> {
    let lanes = store.lanes().await?.lanes;
    Ok(lanes.iter().any(|(lane, _)| match lane.kind() {
        LaneKind::Brake => true,
        LaneKind::Service | LaneKind::Gate => false,
    }))
}

impl Released {
    #[must_use]
    pub fn sentence(self) -> String {
        match self.boards {
            0 if !self.was_on => "no brake is on, and no board waits for one".to_owned(),
            0 => "the brake is off; no board waited for it".to_owned(),
            1 => "the brake is off; 1 board goes on: a running service sees to it now".to_owned(),
            some => {
                format!("the brake is off; {some} boards go on: a running service sees to them now")
            }
        }
    }
}

/// A board that is left alone from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftAlone {
    /// Whether the database knew the board.
    pub known: bool,
    /// The room that it has, which is kept as it is.
    pub room: Option<RoomId>,
}

pub async fn ignore(board: BoardId, store: &dyn Store) -> Result<LeftAlone, StoreError> {
    let record = store.record(board).await?;
    store.tell(board, Told::Ignore).await?;
    store
        .note(board, &Note::new(Event::Told, "to ignore it"))
        .await?;
    Ok(LeftAlone {
        known: record.is_some(),
        room: record.and_then(|record| record.room).map(|room| room.id),
    })
}

impl LeftAlone {
    #[must_use]
    pub fn sentence(self) -> String {
        match (self.known, self.room) {
            (false, _) => "it is not known yet; it will be ignored".to_owned(),
            (true, Some(room)) => {
                format!("it is ignored from now on; its room {room} is kept as it is")
            }
            (true, None) => "it is ignored from now on, and gets no room".to_owned(),
        }
    }
}

/// What comes of the word that a board is to have a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirrored {
    /// It gets one.
    Asked,
    /// It has this one; it is looked at again.
    Before(RoomId),
    /// It never gets one, whoever says so; nothing was written.
    Never(Ignored),
}

/// Gives a board a room whatever the rules for new boards say, and takes back that it is to be left alone.
pub async fn mirror(board: BoardId, store: &dyn Store) -> Result<Mirrored, StoreError> {
    let record = store.record(board).await?;
    if let Some(why) = never(record.as_ref()) {
        return Ok(Mirrored::Never(why));
    }
    store.tell(board, Told::Mirror).await?;
    store
        .note(board, &Note::new(Event::Told, "to mirror it"))
        .await?;
    let room = record.and_then(|record| record.room);
    Ok(room.map_or(Mirrored::Asked, |room| Mirrored::Before(room.id)))
}

/// Why a board gets no room whoever says so, if it is such a one.
pub(super) fn never(record: Option<&Record>) -> Option<Ignored> {
    let Status::Ignored(why @ Ignored::Inbox) = record?.status else {
        return None;
    };
    Some(why)
}

impl Mirrored {
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Asked => "it gets its room: a running service sees to it now".to_owned(),
            Self::Before(room) => {
                format!("it has room {room}: a running service looks after both now")
            }
            Self::Never(why) => format!("it gets no room: {}", why.sentence()),
        }
    }
}
