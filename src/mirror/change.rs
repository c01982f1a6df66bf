//! Renaming, archiving and restoring a room: committed first, then one call, then what came of it. What is found later and was intended is
//! ours, not a person's.

use std::time::Duration;

use tokio::time::Instant;

use crate::docspace::DocSpaceError;
use crate::lane::Charge;
use crate::mirror::create::{MARGIN, is_late};
use crate::mirror::plan::{Age, Pending, RoomSight};
use crate::mirror::{Look, Stop};
use crate::model::board::{Act, Answer, Change, RoomRecord};
use crate::model::failure::{Code, Failure, Suspect};
use crate::model::lane::Lane;
use crate::model::room::Room;
use crate::model::title::as_stored;
use crate::store::Held;
use crate::store::history::{Event, Note};

/// DocSpace carries out an archive within seconds; after this it is worth being asked for again (the vendor's own tests allow 30 s).
const STALLED: Duration = Duration::from_secs(30);
/// After this an archive that was asked for and never showed is taken to be lost.
const LOST: Duration = Duration::from_mins(10);
/// How often a room is read right after it was archived or restored: most often that is enough to see it.
const READS: [Duration; 5] = [
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
    Duration::from_millis(640),
];

impl Look<'_> {
    /// Renames the room. A refusal may mean that it went away or into the archive meanwhile: then it is looked at again.
    pub(super) async fn rename(
        &mut self,
        title: &str,
        seen: &RoomSight,
    ) -> Result<RoomSight, Stop> {
        let before = match seen {
            RoomSight::Present(room, _) => room.title.clone(),
            RoomSight::Unknown | RoomSight::Absent => String::new(),
        };
        let writer = self.writer_through(Lane::Rename).await?;
        let room = self.intend_change(Act::Rename(title.to_owned())).await?;
        let began = Instant::now();
        let answer = writer.rename(room.id, title).await;
        drop(writer);
        let renamed = match answer {
            Ok(renamed) => renamed,
            Err(error) => return self.refused(Lane::Rename, error).await,
        };
        self.mirror.lanes.went_through(Lane::Rename).await;
        self.mirror.metrics.rooms_renamed.add_one();
        let took = began.elapsed().as_millis();
        tracing::info!(board.id = %self.claim.record.id, room.id = %room.id, "room renamed");
        let note = Note::new(
            Event::Renamed,
            format!(
                "room {}: \u{201c}{}\u{201d} is called \u{201c}{}\u{201d}, in {took} ms",
                room.id, before, renamed.title
            ),
        );
        let mut record = room;
        record.changes.pop();
        record.title_sent = Some(title.to_owned());
        record.title_returned.clone_from(&renamed.title);
        self.amend(record, Some(&note)).await?;
        let pending = self.recognise(&renamed).await?;
        Ok(RoomSight::Present(renamed, pending))
    }

    /// Archives the room, unless more than a person has allowed are archived at once.
    pub(super) async fn archive(&mut self) -> Result<RoomSight, Stop> {
        self.pass_brake(Lane::ArchiveBrake).await?;
        self.put(Act::Archive, Lane::Archive, true).await
    }

    /// Takes the room out of the archive.
    pub(super) async fn restore(&mut self) -> Result<RoomSight, Stop> {
        self.put(Act::Restore, Lane::Restore, false).await
    }

    async fn put(&mut self, act: Act, gate: Lane, archived: bool) -> Result<RoomSight, Stop> {
        let writer = self.writer_through(gate).await?;
        let known = self.claim.record.room.as_ref();
        let is_repetition =
            known.is_some_and(|room| room.changes.iter().any(|change| change.act == act));
        let room = self.intend_change(act).await?;
        let answer = writer.set_archived(room.id, archived).await;
        drop(writer);
        if let Err(error) = answer {
            return self.refused(gate, error).await;
        }
        let event = if archived {
            Event::ArchiveSent
        } else {
            Event::RestoreSent
        };
        self.happened(event, format!("room {}", room.id));
        for pause in READS {
            if self
                .mirror
                .stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                break;
            }
            match self.find_room().await? {
                RoomSight::Present(room, _) if room.archived != archived => {}
                shown => return Ok(shown),
            }
        }
        if is_repetition {
            // Once may be slow; twice it is stuck, as when the plan is full.
            return Err(self.charge_at(gate, stalled()).await);
        }
        self.find_room().await
    }

    /// Commits a write before it is sent, under a lease that outlives the call.
    async fn intend_change(&mut self, act: Act) -> Result<RoomRecord, Stop> {
        let Some(mut room) = self.claim.record.room.clone() else {
            return Err(Stop::Lost);
        };
        // The same asked for again takes the place of the first.
        room.changes.retain(|change| change.act != act);
        let at = self.now();
        room.changes.push(Change { act, at });
        let asked = Instant::now();
        self.amend(room.clone(), None).await?;
        if is_late(asked) {
            return Err(Stop::Lost);
        }
        Ok(room)
    }

    pub(super) async fn amend(
        &mut self,
        room: RoomRecord,
        note: Option<&Note>,
    ) -> Result<(), Stop> {
        let lease = self.mirror.docspace.timeout() + MARGIN;
        let store = &self.mirror.store;
        match store.amend(self.claim.fence, &room, lease, note).await? {
            Held::Lost => Err(Stop::Lost),
            Held::Held => {
                self.claim.record.room = Some(room);
                Ok(())
            }
        }
    }

    /// A write that failed. What was refused cannot come true any more; what DocSpace itself failed at may be half done, and is worth being
    /// asked for again.
    pub(super) async fn refused(
        &mut self,
        gate: Lane,
        error: DocSpaceError,
    ) -> Result<RoomSight, Stop> {
        // Adding tags is no change of this kind: it is done again, whatever came of it.
        if gate != Lane::Tag
            && error.answer() == Answer::Refused
            && let Some(mut room) = self.claim.record.room.clone()
        {
            let change = room.changes.pop();
            if let (DocSpaceError::Failed(_), Some(Change { act, at })) = (&error, change) {
                let at = at.minus(STALLED);
                room.changes.push(Change { act, at });
            }
            self.amend(room, None).await?;
        }
        let was_archived = gate == Lane::Restore;
        if matches!(
            error,
            DocSpaceError::Forbidden(_) | DocSpaceError::NotFound(_)
        ) {
            match self.find_room().await? {
                // It is as it was: so it is the right to do this that lacks.
                RoomSight::Present(room, _) if room.archived == was_archived => {}
                elsewhere => return Ok(elsewhere),
            }
        }
        Err(self.blame_at(gate, &error).await)
    }

    /// Finds what we intended in what is there, and says what may still come true.
    pub(super) async fn recognise(&mut self, room: &Room) -> Result<Pending, Stop> {
        let Some(mut record) = self.claim.record.room.clone() else {
            return Ok(Pending::default());
        };
        let now = self.now();
        let window = self.mirror.confirmation_window();
        let mut opened = None;
        for change in come_true(&mut record, room) {
            match &change.act {
                Act::Rename(_) => {
                    let detail =
                        format!("room {}: an unanswered rename of ours came true", room.id);
                    self.happened(Event::Renamed, detail);
                }
                Act::Archive | Act::Restore => opened = Some(self.moved(&change, room)),
            }
        }
        record.changes.retain(|change| {
            now.since(change.at)
                < match change.act {
                    Act::Rename(_) => window,
                    Act::Archive | Act::Restore => LOST,
                }
        });
        let pending = pending(&record, |change| now.since(change.at));
        if self.claim.record.room.as_ref() != Some(&record) {
            self.amend(record, None).await?;
        }
        if let Some(gate) = opened {
            self.mirror.lanes.went_through(gate).await;
        }
        Ok(pending)
    }

    /// An archive or restore of ours has come true; says whose gate that opens.
    fn moved(&mut self, change: &Change, room: &Room) -> Lane {
        let took = self.now().since(change.at).as_millis();
        tracing::info!(board.id = %self.claim.record.id, room.id = %room.id, archived = room.archived, "room moved");
        let (event, gate, counter) = if room.archived {
            (
                Event::Archived,
                Lane::Archive,
                &self.mirror.metrics.rooms_archived,
            )
        } else {
            (
                Event::Restored,
                Lane::Restore,
                &self.mirror.metrics.rooms_restored,
            )
        };
        counter.add_one();
        self.happened(event, format!("room {} after {took} ms", room.id));
        gate
    }
}

/// Takes those writes of ours out of the record that the room shows to have come true, and records what they did.
pub fn come_true(record: &mut RoomRecord, room: &Room) -> Vec<Change> {
    let (before, mut true_now) = (record.title_returned.clone(), Vec::new());
    for change in std::mem::take(&mut record.changes) {
        match &change.act {
            Act::Rename(title) if room.title != before && room.title == as_stored(title) => {
                record.title_sent = Some(title.clone());
                record.title_returned.clone_from(&room.title);
                true_now.push(change);
            }
            Act::Archive | Act::Restore if (change.act == Act::Archive) == room.archived => {
                record.archived = Some(room.archived);
                true_now.push(change);
            }
            Act::Rename(_) | Act::Archive | Act::Restore => record.changes.push(change),
        }
    }
    true_now
}

/// What of our writes may still come true.
pub fn pending(record: &RoomRecord, age: impl Fn(&Change) -> Duration) -> Pending {
    let mut pending = Pending::default();
    for change in &record.changes {
        match change.act {
            Act::Rename(_) => pending.rename = true,
            Act::Archive | Act::Restore if age(change) >= STALLED => {
                pending.place = pending.place.or(Some(Age::Stalled));
            }
            Act::Archive | Act::Restore => pending.place = Some(Age::Young),
        }
    }
    pending
}

/// DocSpace said yes and does not do it.
fn stalled() -> Charge {
    Charge {
        failure: Failure::new(
            Code::DocSpaceOperationStalled,
            "it was asked for twice and the room does not show it",
        ),
        suspect: Suspect::Service,
        retry_after: None,
    }
}
