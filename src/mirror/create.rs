//! Making the room: the intention is committed first, then one call, then what came of it.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::docspace::{DocSpaceError, NewRoom, Writer};
use crate::lane::{Charge, Verdict};
use crate::mirror::plan::{Pending, RoomSight, Sight};
use crate::mirror::{Look, Stop};
use crate::model::board::{Answer, Board, Intention, RoomRecord};
use crate::model::failure::{Code, Failure};
use crate::model::lane::Lane;
use crate::model::room::{INTEGRATION_TAG, Room, board_tag};
use crate::model::status::Waiting;
use crate::model::title::as_stored;
use crate::store::history::{Event, Note};
use crate::store::{Bound, Held, NewIntention};
use crate::trello::TrelloError;

/// What a lease must have left beyond the longest that the call can take.
pub(super) const MARGIN: Duration = Duration::from_secs(30);
/// A write is sent so soon after its intention was handed to the store, or not at all: of the lease that was asked for then there is still
/// more left than the call can take.
const SOON: Duration = Duration::from_secs(15);

/// Whether a write that was committed to from `asked` on must not be sent any more: the lease may be another's by the time that it arrives.
pub(super) fn is_late(asked: Instant) -> bool {
    asked.elapsed() > SOON
}

impl<'m> Look<'m> {
    /// Creates the room and records it.
    pub(super) async fn create(&mut self, sight: &Sight) -> Result<RoomSight, Stop> {
        let Sight::Board { title, .. } = sight else {
            return Err(Stop::fault(
                Code::BoardNotFound,
                "the board went away before its room was made",
            ));
        };
        self.pass_brake(Lane::CreateBrake).await?;
        let writer = self.writer_through(Lane::Create).await?;
        let asked = Instant::now();
        let intention = self.intend(title).await?;
        if is_late(asked) {
            // It was frozen while the store answered. Nothing was sent; but another may hold the board by now.
            self.mirror.store.abandon(self.claim.fence).await?;
            return Err(Stop::Lost);
        }
        let tags = self.tags();
        let room = &self.mirror.rules.room;
        let new = NewRoom {
            title,
            kind: room.kind,
            tags: &tags,
            private: room.private,
        };
        let sent = Instant::now();
        match writer.create(&new).await {
            Ok(room) => {
                drop(writer);
                self.mirror.lanes.went_through(Lane::Create).await;
                self.record_created(room, title.clone(), sent.elapsed())
                    .await
            }
            // The place is kept until it is known who is to blame: else the next board would run into the same wall meanwhile.
            Err(error) => Err(self.create_failed(error, &intention).await),
        }
    }

    /// Waits until one more write may be in flight, and keeps the lease meanwhile.
    pub(super) async fn writer_while_held(&self) -> Result<Writer<'m>, Stop> {
        let mirror = self.mirror;
        let mut writer = pin!(mirror.docspace.writer());
        loop {
            tokio::select! {
                writer = &mut writer => return Ok(writer),
                () = tokio::time::sleep(mirror.lease() / 3) => self.still_ours().await?,
            }
        }
    }

    async fn intend(&mut self, title: &str) -> Result<Intention, Stop> {
        let remote_at = self.docspace_now().await?;
        let lease = self.mirror.docspace.timeout() + MARGIN;
        let stored_title = as_stored(title);
        let intention = NewIntention {
            title,
            stored_title: &stored_title,
            remote_at,
            window: self.mirror.confirmation_window(),
        };
        match self
            .mirror
            .store
            .intend(self.claim.fence, &intention, lease)
            .await?
        {
            Held::Lost => Err(Stop::Lost),
            Held::Held => {
                let intention = Intention {
                    title: title.to_owned(),
                    at: self.now(),
                    remote_at,
                    answer: Answer::Unknown,
                };
                self.claim.record.intention = Some(intention.clone());
                Ok(intention)
            }
        }
    }

    pub(super) async fn title(&self, board: &Board) -> Result<String, Stop> {
        let template = &self.mirror.rules.room.title;
        let workspace = match board.workspace {
            Some(id) if template.names_workspace() => {
                match self.known.scope.as_ref().and_then(|scope| scope.name(id)) {
                    Some(name) => name.to_owned(),
                    None => self.workspace_name(&id.to_string()).await?,
                }
            }
            Some(_) | None => String::new(),
        };
        Ok(template.title(&board.name, &workspace))
    }

    /// The name of a workspace that is not watched; left out where it may not be seen.
    async fn workspace_name(&self, id: &str) -> Result<String, Stop> {
        match self.mirror.trello.workspace(id).await {
            Ok(workspace) => Ok(workspace.display_name),
            Err(
                TrelloError::Unauthorized(_) | TrelloError::Forbidden(_) | TrelloError::NotFound(_),
            ) => Ok(String::new()),
            Err(error) => {
                let charge = Charge::from(&error);
                match self.mirror.lanes.judge(Lane::Trello, &charge).await {
                    Verdict::Lane(lane) => Err(Stop::wait(Waiting::Lane(lane))),
                    Verdict::Call => Err(Stop::from(charge)),
                }
            }
        }
    }

    fn tags(&self) -> Vec<String> {
        let ours = [INTEGRATION_TAG.to_owned(), board_tag(self.claim.record.id)];
        ours.into_iter()
            .chain(self.mirror.rules.room.tags.iter().cloned())
            .collect()
    }

    async fn record_created(
        &mut self,
        room: Room,
        title: String,
        took: Duration,
    ) -> Result<RoomSight, Stop> {
        let record = RoomRecord {
            id: room.id,
            title_sent: Some(title),
            title_returned: room.title.clone(),
            archived: Some(room.archived),
            tagged: self.carries_our_tags(&room),
            invited: self.mirror.rules.room.members.is_empty(),
            invitees: 0,
            drift: None,
            changes: Vec::new(),
        };
        let note = Note::new(
            Event::RoomCreated,
            format!("room {} in {} ms", room.id, took.as_millis()),
        );
        match self
            .mirror
            .store
            .bind(self.claim.record.id, &record, &note)
            .await?
        {
            Bound::Bound => {
                self.mirror.bound.notify_one();
                self.mirror.metrics.rooms_created.add_one();
                let since_due = self.now().since(self.claim.due);
                self.mirror.metrics.delivery_to_room.observe(since_due);
                let since_due = since_due.as_millis();
                tracing::info!(board.id = %self.claim.record.id, room.id = %room.id, since_due_ms = since_due, "room created");
                self.claim.record.room = Some(record);
                self.claim.record.intention = None;
                Ok(RoomSight::Present(room, Pending::default()))
            }
            // Somebody else made one meanwhile, for the lease was lost: theirs is the recorded one.
            Bound::Has(other) => {
                tracing::error!(board.id = %self.claim.record.id, room.id = %room.id, recorded = %other, "this board got two rooms");
                self.note(
                    Event::Twin,
                    format!(
                        "room {} was made, too; room {other} is the recorded one",
                        room.id
                    ),
                )
                .await?;
                Err(Stop::Lost)
            }
            Bound::Taken(other) => Err(Stop::fault(
                Code::RoomTaken,
                format!("room {} belongs to board {other}", room.id),
            )),
        }
    }

    pub(super) fn carries_our_tags(&self, room: &Room) -> bool {
        room.belongs_to(self.claim.record.id)
            && room
                .tags
                .iter()
                .any(|tag| tag.eq_ignore_ascii_case(INTEGRATION_TAG))
    }

    /// A create that did not succeed: note what is known of it, then find out who is to blame.
    async fn create_failed(&self, error: DocSpaceError, intention: &Intention) -> Stop {
        let board = self.claim.record.id;
        let answer = error.answer();
        let mut charge = Charge::from(&error);
        let store = &self.mirror.store;
        if let Err(error) = store.answered(board, intention.remote_at, answer).await {
            return error.into();
        }
        if answer == Answer::Unknown {
            self.mirror.metrics.creates_unanswered.add_one();
            tracing::warn!(board.id = %board, %error, "no word of a create; its room is looked for before another one is made");
            if let Err(stop) = self
                .note(Event::CreateUnanswered, charge.failure.to_string())
                .await
            {
                return stop;
            }
        }
        if let Verdict::Lane(lane) = self.mirror.lanes.judge(Lane::DocSpace, &charge).await {
            return Stop::wait(Waiting::Lane(lane));
        }
        if answer == Answer::Unknown {
            return match self.wait_for_confirmation(intention) {
                Stop::Wait { waiting, again, .. } => Stop::Wait {
                    waiting,
                    again,
                    blamed: Some(charge.failure),
                },
                other => other,
            };
        }
        match error {
            // The portal is paid for, as the control read says: so it is the number of rooms.
            DocSpaceError::PaymentRequired(detail) => {
                charge.failure = Failure::new(Code::DocSpaceQuotaFull, detail);
            }
            DocSpaceError::Rejected { .. } | DocSpaceError::Forbidden(_)
                if self.mirror.rules.room.private =>
            {
                charge.failure.code = Code::PrivateRoomRefused;
            }
            _ => {}
        }
        match self
            .mirror
            .lanes
            .judge_gate(Lane::Create, board, &charge)
            .await
        {
            Verdict::Lane(lane) => Stop::wait(Waiting::Lane(lane)),
            Verdict::Call => Stop::from(charge),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_committed_to_before_a_freeze_is_not_sent_after_it() {
        let asked = Instant::now();
        tokio::time::advance(SOON).await;
        assert!(!is_late(asked));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(is_late(asked));
        assert!(SOON < MARGIN, "the call must fit into what is left");
    }
}
