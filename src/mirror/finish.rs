//! What is left once the room exists: recording one that was found, its tags, its members.

use crate::docspace::DocSpaceError;
use crate::mirror::plan::{Pending, RoomSight};
use crate::mirror::{Look, Stop};
use crate::model::board::{Answer, RoomRecord};
use crate::model::failure::Code;
use crate::model::lane::Lane;
use crate::model::room::Room;
use crate::model::title::as_stored;
use crate::store::history::{Event, Note};
use crate::store::{Bound, Held};

impl Look<'_> {
    /// Records a room that was found. One that an unanswered create of ours left is ours from the start; any other is taken as it is.
    pub(super) async fn adopt(&mut self, room: Room) -> Result<RoomSight, Stop> {
        let intention = self.claim.record.intention.as_ref();
        let made_by_us = intention.is_some();
        // Somebody may have renamed it before it was found: then its title is taken as it is.
        let title_sent = intention
            .map(|intention| intention.title.clone())
            .filter(|title| as_stored(title) == room.title);
        let record = RoomRecord {
            id: room.id,
            title_sent,
            title_returned: room.title.clone(),
            archived: (made_by_us && !room.archived).then_some(false),
            tagged: self.carries_our_tags(&room),
            invited: !made_by_us || self.mirror.rules.room.members.is_empty(),
            invitees: 0,
            drift: None,
            changes: Vec::new(),
        };
        let how = if made_by_us {
            "an unanswered create of ours had made it"
        } else {
            "it carries the board's tag"
        };
        let note = Note::new(Event::RoomAdopted, format!("room {}: {how}", room.id));
        match self
            .mirror
            .store
            .bind(self.claim.record.id, &record, &note)
            .await?
        {
            Bound::Bound => {
                self.mirror.bound.notify_one();
                self.mirror.metrics.rooms_adopted.add_one();
                tracing::info!(board.id = %self.claim.record.id, room.id = %room.id, made_by_us, "room adopted");
                self.claim.record.room = Some(record);
                self.claim.record.intention = None;
                Ok(RoomSight::Present(room, Pending::default()))
            }
            Bound::Has(_) => Err(Stop::Lost),
            Bound::Taken(other) => Err(Stop::fault(
                Code::RoomTaken,
                format!("room {} belongs to board {other}", room.id),
            )),
        }
    }

    /// On a person's word: the recorded room was deleted, and a new one is wanted.
    pub(super) async fn forget_room(&mut self) -> Result<RoomSight, Stop> {
        if let Some(room) = self.claim.record.room.take() {
            let detail = format!("room {} was deleted, and a new one is wanted", room.id);
            let note = Note::new(Event::RoomForgotten, detail);
            match self.mirror.store.unbind(self.claim.fence, &note).await? {
                Held::Held => {}
                Held::Lost => return Err(Stop::Lost),
            }
        }
        self.forgot_a_room = true;
        Ok(RoomSight::Unknown)
    }

    /// Adds those of our tags that the room lacks.
    pub(super) async fn tag(&mut self, tags: &[String]) -> Result<RoomSight, Stop> {
        let Some(room) = self.claim.record.room.clone() else {
            return Ok(RoomSight::Unknown);
        };
        let writer = self.writer_through(Lane::Tag).await?;
        self.still_ours().await?;
        let answer = writer.add_tags(room.id, tags).await;
        drop(writer);
        if let Err(error) = answer {
            return self.refused(Lane::Tag, error).await;
        }
        self.mirror.lanes.went_through(Lane::Tag).await;
        self.happened(Event::Tagged, tags.join(", "));
        self.claim.record.room = Some(RoomRecord {
            tagged: true,
            ..room
        });
        // Seen again rather than believed: the next plan rests on what is there.
        self.find_room().await
    }

    /// Invites the configured members, each once: he is counted before the call, and an invitation of which no answer came is not repeated.
    /// A refused one is a warning, not a failure of the mirror.
    pub(super) async fn invite(&mut self) -> Result<(), Stop> {
        let Some(mut room) = self.claim.record.room.clone() else {
            return Ok(());
        };
        let members = self.mirror.rules.room.members.clone();
        for (number, invitee) in (1..).zip(&members).skip(room.invitees as usize) {
            let writer = self.writer_while_held().await?;
            self.still_ours().await?;
            self.count_invitees(number).await?;
            let answer = writer.invite(room.id, invitee).await;
            drop(writer);
            let refusal = match answer {
                Ok(refusal) => refusal,
                Err(error) => Some(self.not_invited(error, number).await?),
            };
            room.invitees = number;
            // Addresses are people's: the history numbers them as the configuration does.
            match refusal {
                None => {
                    self.note(Event::Invited, format!("member {number} of room_members"))
                        .await?;
                }
                Some(said) => {
                    tracing::warn!(board.id = %self.claim.record.id, room.id = %room.id, member = number, said, "an invitation was refused");
                    self.note(
                        Event::InvitationRefused,
                        format!("member {number} of room_members: {said}"),
                    )
                    .await?;
                }
            }
        }
        self.claim.record.room = Some(RoomRecord {
            invited: true,
            ..room
        });
        Ok(())
    }

    /// An invitation that failed. The member's own fault is a refusal; the service's makes the board wait, and the invitation is made
    /// again only where it cannot have arrived.
    async fn not_invited(&self, error: DocSpaceError, number: u32) -> Result<String, Stop> {
        let (said, answer) = (error.to_string(), error.answer());
        let is_his = matches!(
            error.code(),
            Code::DocSpaceRejected
                | Code::DocSpaceForbidden
                | Code::DocSpaceNotFound
                | Code::DocSpacePaymentRequired
        );
        let stop = self.blame(error).await;
        let is_fault = matches!(stop, Stop::Fault { .. });
        if is_fault && (is_his || answer == Answer::Unknown) {
            return Ok(said);
        }
        if answer == Answer::Refused {
            self.count_invitees(number - 1).await?;
        }
        Err(stop)
    }

    async fn count_invitees(&self, number: u32) -> Result<(), Stop> {
        match self
            .mirror
            .store
            .count_invitees(self.claim.fence, number)
            .await?
        {
            Held::Held => Ok(()),
            Held::Lost => Err(Stop::Lost),
        }
    }

    pub(super) async fn still_ours(&self) -> Result<(), Stop> {
        match self
            .mirror
            .store
            .hold(self.claim.fence, self.mirror.lease())
            .await?
        {
            Held::Held => Ok(()),
            Held::Lost => Err(Stop::Lost),
        }
    }
}
