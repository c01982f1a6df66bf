//! Observing the room: the recorded one, or one that carries the board's tag, or one that an unanswered create of ours has left.

use std::time::Duration;

use crate::docspace::DocSpaceError;
use crate::mirror::plan::RoomSight;
use crate::mirror::{Look, Stop};
use crate::model::board::{Answer, Intention};
use crate::model::id::RoomId;
use crate::model::room::{Room, board_tag};
use crate::model::status::Waiting;
use crate::model::title::as_stored;
use crate::store::history::Event;

/// A board younger than this can have no room yet that we do not know of.
const YOUNG: Duration = Duration::from_mins(1);
/// How much earlier than by our reckoning a room of ours may say that it was made: moments are stored to the second, and the clock of
/// the proxy that writes `Date` need not be that of the database.
const CLOCKS: Duration = Duration::from_secs(3);

impl Look<'_> {
    /// Its room as it is now.
    pub(super) async fn find_room(&mut self) -> Result<RoomSight, Stop> {
        match self.observe_room().await? {
            Some(room) => {
                let pending = self.recognise(&room).await?;
                Ok(RoomSight::Present(room, pending))
            }
            None => Ok(RoomSight::Absent),
        }
    }

    async fn observe_room(&self) -> Result<Option<Room>, Stop> {
        let record = &self.claim.record;
        let is_new = record.room.is_none() && record.intention.is_none() && !self.forgot_a_room;
        if is_new && self.needs_no_look_up() {
            return Ok(None);
        }
        self.docspace_is_open()?;
        let found = match (&record.room, &record.intention) {
            (Some(recorded), _) => return self.recorded_room(recorded.id).await,
            (None, Some(intention)) => match self.tagged_room().await? {
                Some(room) => Some(room),
                None => self.untagged_room(intention).await?,
            },
            (None, None) => self.tagged_room().await?,
        };
        match (found, &record.intention) {
            (None, Some(intention)) => self.nothing_came_of(intention),
            (found, _) => Ok(found),
        }
    }

    /// So young a board, or so fresh an audit, that a look-up would find nothing.
    fn needs_no_look_up(&self) -> bool {
        let age = self
            .mirror
            .trello
            .now()
            .map(|now| now.since(self.claim.record.id.0.created()));
        // The audit asks for one tag of ours and a look-up for the other: a board that was there before is looked up all the same.
        (self.known.freshly_audited() && self.claim.record.baseline.is_none())
            || (self.known.audited.is_some() && age.is_some_and(|age| age < YOUNG))
    }

    async fn recorded_room(&self, id: RoomId) -> Result<Option<Room>, Stop> {
        match self.mirror.docspace.room(id).await {
            Ok(Some(room)) => Ok(Some(room)),
            // A 404 counts only while the portal answers otherwise: a wrong or suspended one knows no room at all.
            Ok(None) => match self.mirror.docspace.may_create().await {
                Ok(_) => Ok(None),
                Err(error) => Err(self.blame(error).await),
            },
            Err(error) => Err(self.blame(error).await),
        }
    }

    /// The room with the board's tag; of several the oldest.
    async fn tagged_room(&self) -> Result<Option<Room>, Stop> {
        let board = self.claim.record.id;
        let mut rooms = match self.mirror.docspace.rooms_tagged(&board_tag(board)).await {
            Ok(rooms) => rooms,
            Err(error) => return Err(self.blame(error).await),
        };
        rooms.retain(|room| room.belongs_to(board));
        rooms.sort_by_key(|room| (room.created, room.id));
        for twin in rooms.iter().skip(1) {
            tracing::warn!(board.id = %board, room.id = %twin.id, "another room carries this board's tag; the older one is used");
            let detail = format!("room {} carries the tag of this board, too", twin.id);
            self.note(Event::Twin, detail).await?;
        }
        Ok(rooms.into_iter().next())
    }

    /// A room that our unanswered create has left without its tags: made by us, called as we asked, since we asked.
    async fn untagged_room(&self, intention: &Intention) -> Result<Option<Room>, Stop> {
        let rooms = match self
            .mirror
            .docspace
            .rooms_since(intention.remote_at.minus(CLOCKS))
            .await
        {
            Ok(rooms) => rooms,
            Err(error) => return Err(self.blame(error).await),
        };
        let title = as_stored(&intention.title);
        let mut rooms: Vec<_> = rooms
            .into_iter()
            .filter(|room| !room.is_claimed() && room.title == title)
            .collect();
        if rooms.is_empty() {
            return Ok(None);
        }
        let owner = self.owner().await?;
        rooms.retain(|room| match (&owner, &room.created_by) {
            (Some(owner), Some(creator)) => owner == creator,
            // Who made it cannot be known: only an owner or a room manager may edit it.
            (None, _) | (_, None) => room.editable,
        });
        rooms.sort_by_key(|room| (room.created, room.id));
        let Some(room) = self.first_unrecorded(rooms).await? else {
            return Ok(None);
        };
        // Another board's create with the same title may be about to tag this very room.
        let window = self.mirror.confirmation_window();
        if self
            .mirror
            .store
            .rivals(self.claim.record.id, &title, window)
            .await?
            > 0
        {
            return Err(self.wait_for_confirmation(intention));
        }
        Ok(Some(room))
    }

    /// The first that is recorded for no other board.
    async fn first_unrecorded(&self, rooms: Vec<Room>) -> Result<Option<Room>, Stop> {
        for room in rooms {
            let board = self.mirror.store.board_of(room.id).await?;
            if board.is_none_or(|board| board == self.claim.record.id) {
                return Ok(Some(room));
            }
        }
        Ok(None)
    }

    /// Nothing is there. After an answer that settles it; else only when the server cannot be at it any more.
    fn nothing_came_of(&self, intention: &Intention) -> Result<Option<Room>, Stop> {
        match intention.answer {
            Answer::Refused => Ok(None),
            Answer::Unknown
                if self.now().since(intention.at) >= self.mirror.confirmation_window() =>
            {
                Ok(None)
            }
            Answer::Unknown => Err(self.wait_for_confirmation(intention)),
        }
    }

    pub(super) fn wait_for_confirmation(&self, intention: &Intention) -> Stop {
        let passed = self.now().since(intention.at);
        let again = next_look_up(passed, self.mirror.confirmation_window());
        Stop::Wait {
            waiting: Waiting::Confirmation,
            again: Some(again),
            blamed: None,
        }
    }

    /// The user who owns the API key, asked for once in a process: the next start may have another key. None where DocSpace does not
    /// tell this key.
    async fn owner(&self) -> Result<Option<String>, Stop> {
        let docspace = &self.mirror.docspace;
        let ask = async || match docspace.key().await {
            Ok(key) => Ok(key.owner),
            Err(DocSpaceError::Forbidden(_) | DocSpaceError::NotFound(_)) => {
                Ok(docspace.person().await.ok().flatten())
            }
            Err(error) => Err(self.blame(error).await),
        };
        self.mirror.owner.get_or_try_init(ask).await.cloned()
    }
}

/// When to look again for a room whose create was sent `passed` ago: often at first, and once right after the window.
fn next_look_up(passed: Duration, window: Duration) -> Duration {
    let often = (passed / 2).clamp(Duration::from_secs(1), Duration::from_secs(10));
    let left = window.saturating_sub(passed) + Duration::from_millis(200);
    often.min(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_grow_rarer_and_meet_the_end_of_the_window() {
        let seconds = Duration::from_secs;
        let window = seconds(120);
        assert_eq!(next_look_up(seconds(0), window), seconds(1));
        assert_eq!(next_look_up(seconds(8), window), seconds(4));
        assert_eq!(next_look_up(seconds(60), window), seconds(10));
        assert_eq!(
            next_look_up(seconds(119), window),
            Duration::from_millis(1200)
        );
        assert_eq!(
            next_look_up(seconds(500), window),
            Duration::from_millis(200)
        );
    }
}
