//! The audit: reads all rooms that carry our tag, fills what the record lacks, and notices what people did by hand on quiet boards.
//! No create is sent before the first one has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::docspace::{DocSpace, DocSpaceError};
use crate::lane::{Charge, Lanes};
use crate::metrics::Metrics;
use crate::model::board::RoomRecord;
use crate::model::failure::Code;
use crate::model::id::{BoardId, RoomId};
use crate::model::lane::Lane;
use crate::model::room::{INTEGRATION_TAG, Room, board_of_tag};
use crate::model::status::{Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::retry::SERVICE;
use crate::scope::Surroundings;
use crate::store::history::{Event, Note};
use crate::store::{Bound, Fact, Held, Housed, News, Shown, Store, StoreError};

/// How long before the newest room that an empty record was filled with boards count as new.
const A_DAY: Duration = Duration::from_hours(24);
/// For how many boards at a time it is asked which rooms are recorded.
const CHUNK: usize = 1_000;

/// The audit of whoever leads.
#[derive(Debug)]
pub struct Audit {
    pub docspace: DocSpace,
    pub store: Arc<dyn Store>,
    pub lanes: Lanes,
    pub surroundings: Surroundings,
    /// The name under which this process leads.
    pub holder: Arc<str>,
    pub metrics: Arc<Metrics>,
    pub every: Duration,
    /// Whether a person said which boards existed before.
    pub since_is_configured: bool,
}

/// Why an audit did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("DocSpace did not answer")]
    DocSpace(#[from] DocSpaceError),
    #[error("the database did not answer")]
    Store(#[from] StoreError),
    #[error("another boardroom audits by now")]
    Deposed,
}

/// What one audit found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audited {
    pub rooms: usize,
    /// Rooms that the record lacked.
    pub adopted: usize,
    /// Boards that are looked at, for their room is not as it was left.
    pub changed: u64,
    pub twins: usize,
}

impl Audit {
    /// Audits now, then every so often. An audit may be dropped at any point.
    pub async fn run(self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_auditing()).await;
    }

    async fn keep_auditing(&self) {
        let mut failures = 0;
        loop {
            self.lanes.until_open(Lane::DocSpace).await;
            let begun = Instant::now();
            let wait = match self.tick().await {
                Ok(audited) => {
                    self.count(audited, begun.elapsed());
                    failures = 0;
                    self.every
                }
                Err(error) => {
                    failures += 1;
                    self.metrics.audits_failed.add_one();
                    self.explain(&error).await;
                    SERVICE.steady_wait(failures, fastrand::f64())
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn count(&self, audited: Audited, took: Duration) {
        let metrics = &self.metrics;
        metrics.audits.add_one();
        metrics.audit.succeeded(took);
        metrics.audit_adopted.add(audited.adopted as u64);
        metrics.audit_changed.add(audited.changed);
    }

    async fn explain(&self, error: &AuditError) {
        match error {
            AuditError::DocSpace(error) => {
                let charge = Charge::from(error);
                self.lanes.judge(Lane::DocSpace, &charge).await;
                tracing::warn!(code = %charge.failure.code, fix = charge.failure.code.fix(), "the audit was cut short: {}", charge.failure);
            }
            AuditError::Store(error) => tracing::error!(%error, "the audit was cut short"),
            AuditError::Deposed => tracing::info!("the audit was cut short: {error}"),
        }
    }

    /// One look over all our rooms.
    pub async fn tick(&self) -> Result<Audited, AuditError> {
        let rooms = self
            .docspace
            .rooms_tagged_as(INTEGRATION_TAG, Found::from)
            .await?;
        let mut audited = Audited {
            rooms: rooms.len(),
            ..Audited::default()
        };
        let (newest, twins) = self.fill(&rooms, &mut audited).await?;
        audited.twins = twins.len();
        self.report_twins(&twins).await?;
        let shown: Vec<_> = rooms.into_iter().map(|found| found.shown).collect();
        audited.changed = self.store.compare_rooms(&shown).await?;
        self.begin_again(newest).await?;
        match self
            .surroundings
            .announce(&self.holder, News::Audited)
            .await?
        {
            Held::Held => {}
            Held::Lost => return Err(AuditError::Deposed),
        }
        self.lanes.wake(Waiting::Audit).await;
        // It is only shown.
        let _ = self.store.date(Fact::AuditedAt).await;
        tracing::info!(
            rooms = audited.rooms,
            adopted = audited.adopted,
            changed = audited.changed,
            twins = audited.twins,
            "looked over all our rooms"
        );
        Ok(audited)
    }

    /// Records the rooms that the record lacks. Says when the newest board with a room that somebody found was made, and which rooms are
    /// twins.
    async fn fill(
        &self,
        rooms: &[Found],
        audited: &mut Audited,
    ) -> Result<(Option<Timestamp>, Vec<(BoardId, RoomId)>), StoreError> {
        let tagged = by_board(rooms);
        let boards: Vec<_> = tagged.chunk_by(|one, next| one.0 == next.0).collect();
        let (mut newest, mut twins) = (None, Vec::new());
        for chunk in boards.chunks(CHUNK) {
            let ids: Vec<_> = chunk.iter().map(|tagged| tagged[0].0).collect();
            let housed = self.store.housed(&ids).await?.into_iter();
            let housed: BTreeMap<_, _> = housed.map(|housed| (housed.board, housed)).collect();
            for tagged in chunk {
                let (board, oldest) = (tagged[0].0, tagged[0].2);
                let (adoption, used) = match housed.get(&board) {
                    Some(housed) => (Adoption::of(housed), housed.room),
                    None => self.adopt(board, oldest).await?,
                };
                match adoption {
                    Adoption::Adopted => {
                        audited.adopted += 1;
                        newest = newest.max(Some(board.0.created()));
                    }
                    Adoption::Recorded => newest = newest.max(Some(board.0.created())),
                    Adoption::Made | Adoption::Left => {}
                }
                let others = tagged.iter().map(|(_, _, shown)| shown.room);
                let others = others.filter(|room| *room != used);
                twins.extend(others.map(|room| (board, room)));
            }
        }
        Ok((newest, twins))
    }

    /// Two rooms for one board stay reported until a person settles it.
    async fn report_twins(&self, twins: &[(BoardId, RoomId)]) -> Result<(), StoreError> {
        let new = self.store.set_twins(twins).await?;
        for (board, twin) in twins.iter().filter(|(_, twin)| new.contains(twin)) {
            let code = Code::TwinRooms;
            tracing::warn!(board.id = %board, room.id = %twin, code = %code, fix = code.fix(), "another room carries this board's tag");
            let detail = format!("room {twin} carries the tag of this board, too");
            let note = Note::new(Event::Twin, detail);
            self.store.note(*board, &note).await?;
        }
        Ok(())
    }

    /// Records a room that the record lacks; says which room the board has then.
    async fn adopt(&self, board: BoardId, found: &Shown) -> Result<(Adoption, RoomId), StoreError> {
        if let Some(record) = self.store.record(board).await? {
            if let Some(room) = &record.room {
                let is_made = room.title_sent.is_some();
                let housed = Housed {
                    board,
                    room: room.id,
                    is_made,
                };
                return Ok((Adoption::of(&housed), room.id));
            }
            // An unanswered create of ours made it: the look knows more of it than we do.
            if record.intention.is_some() {
                self.store.hint(&[board]).await?;
                return Ok((Adoption::Left, found.room));
            }
        }
        let record = RoomRecord {
            id: found.room,
            title_sent: None,
            title_returned: found.title.clone(),
            archived: None,
            tagged: true,
            // Its members were invited when it was made, or that is lost with the record; nobody is invited twice.
            invited: true,
            invitees: 0,
            drift: None,
            changes: Vec::new(),
        };
        let note = Note::new(
            Event::RoomAdopted,
            format!("room {}: the look over all our rooms found it", found.room),
        );
        match self.store.bind(board, &record, &note).await? {
            Bound::Bound => {
                self.metrics.rooms_adopted.add_one();
                self.store.hint(&[board]).await?;
                Ok((Adoption::Adopted, found.room))
            }
            Bound::Has(other) => Ok((Adoption::Left, other)),
            Bound::Taken(other) => {
                tracing::warn!(board.id = %board, room.id = %found.room, other = %other, "a room carries the tags of two boards");
                Ok((Adoption::Left, found.room))
            }
        }
    }

    /// The first audit that this database sees to its end: rooms that are there without it mean that another one was lost. What came
    /// after the newest of their boards counts as new then, for nobody was there to make its room.
    async fn begin_again(&self, newest: Option<Timestamp>) -> Result<(), StoreError> {
        if self.store.fact(Fact::Audited).await?.is_some() {
            return Ok(());
        }
        if let (Some(newest), false) = (newest, self.since_is_configured) {
            let since = self
                .store
                .earliest(Fact::Since, newest.minus(A_DAY))
                .await?;
            tracing::warn!(%since, "this database is new and the rooms are not: boards made since then get rooms");
            self.surroundings.refresh().await?;
            self.store
                .reconsider(&[Status::Ignored(Ignored::ExistedBefore)])
                .await?;
        }
        self.store.set_fact(Fact::Audited, "yes").await
    }
}

/// What became of a room that the audit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adoption {
    Adopted,
    /// It was recorded already, and had been found.
    Recorded,
    /// It was recorded when it was made.
    Made,
    /// Somebody else knows more of it, or it belongs to another board.
    Left,
}

impl Adoption {
    fn of(housed: &Housed) -> Self {
        if housed.is_made {
            Self::Made
        } else {
            Self::Recorded
        }
    }
}

/// What an audit keeps of a room: there may be very many.
#[derive(Debug)]
struct Found {
    shown: Shown,
    created: Option<Timestamp>,
    boards: Box<[BoardId]>,
}

impl From<Room> for Found {
    fn from(room: Room) -> Self {
        let carries = |tag: &String| tag.trim_end().eq_ignore_ascii_case(INTEGRATION_TAG);
        let boards = room.tags.iter().filter_map(|tag| board_of_tag(tag));
        Self {
            created: room.created,
            boards: boards.collect(),
            shown: Shown {
                tagged: room.is_claimed() && room.tags.iter().any(carries),
                room: room.id,
                title: room.title,
                archived: room.archived,
            },
        }
    }
}

/// Rooms by the boards that they are tagged for, of each board the oldest first.
fn by_board(rooms: &[Found]) -> Vec<(BoardId, Option<Timestamp>, &Shown)> {
    let mut boards = Vec::with_capacity(rooms.len());
    for found in rooms {
        let tagged = found.boards.iter();
        boards.extend(tagged.map(|board| (*board, found.created, &found.shown)));
    }
    boards.sort_unstable_by_key(|(board, created, shown)| (*board, *created, shown.room));
    boards
}
