//! A look at a board at once, by a command: beside a running service, or without one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::wiring;
use crate::config::Config;
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::model::board::{Record, RoomRecord, Told};
use crate::model::failure::{Code, Failure};
use crate::model::id::BoardId;
use crate::model::status::{Ignored, Status, Waiting};
use crate::scope::Surroundings;
use crate::store::Store;
use crate::worker::Worker;

/// How often it is asked how far another process has come with a board.
const POLL: Duration = Duration::from_millis(250);
/// When nothing but a running service can bring a board further, and it does not.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a command needs to look at boards itself.
#[derive(Debug)]
pub(super) struct AtOnce {
    pub(super) mirror: Mirror,
    worker: Worker,
}

impl AtOnce {
    /// `command` names this process in leases.
    pub(super) fn new(
        command: &str,
        config: &Config,
        store: Arc<dyn Store>,
    ) -> anyhow::Result<Self> {
        let (trello, docspace) = (
            wiring::trello_for_command(config)?,
            wiring::docspace(config)?,
        );
        let lanes = Lanes::fresh(store.clone(), trello.clone(), docspace.clone());
        let mirror = Mirror {
            trello,
            docspace,
            store,
            lanes,
            surroundings: Surroundings::default(),
            rules: Arc::new(wiring::rules(config)),
            metrics: Arc::new(Metrics::default()),
            owner: Arc::default(),
            bound: Arc::default(),
            stop: CancellationToken::new(),
        };
        let holder = wiring::holder(command);
        let worker = Worker::new(mirror.clone(), holder, 1, CancellationToken::new());
        Ok(Self { mirror, worker })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.mirror.store
    }

    /// Looks at the board until it is mirrored, and says where its room is opened.
    pub(super) async fn address_of_room(
        &self,
        named: &str,
        board: BoardId,
    ) -> anyhow::Result<String> {
        let room = Box::pin(self.until_mirrored(board)).await?;
        let archived = room.archived.unwrap_or(false);
        if archived {
            let named = crate::api::printable(named);
            eprintln!("boardroom: {named}: the room is archived");
        }
        Ok(self.mirror.docspace.room_url(room.id, archived))
    }

    /// Looks at the board until its room is there, or says why there is none.
    pub(super) async fn until_mirrored(&self, board: BoardId) -> anyhow::Result<RoomRecord> {
        let (mut failure, mut told, begun) = (None, false, Instant::now());
        let window = self.mirror.confirmation_window();
        loop {
            let pause = match self.worker.take(board).await? {
                Some(claim) => {
                    failure = self.worker.attend(&claim).await.or(failure);
                    Duration::ZERO
                }
                // A running service has it.
                None => POLL,
            };
            if self.mirror.stop.is_cancelled() {
                bail!("stopped before it was done; say it again, or leave it to a running service");
            }
            let record = self.store().record(board).await?;
            let record = record.context("the board is not in the database any more")?;
            match stands(&record, &self.mirror) {
                Stands::Mirrored(room) => return Ok(room),
                Stands::Failed(code) => {
                    return Err(explained(
                        &failure.unwrap_or(Failure::new(code, "see the log of the service")),
                    ));
                }
                Stands::Paused(failure) => return Err(explained(&failure)),
                Stands::Unconfirmed if !told => {
                    told = true;
                    eprintln!(
                        "boardroom: DocSpace did not say whether the room was made; it is looked for, for up to {} s, before another is made",
                        window.as_secs()
                    );
                }
                Stands::Unconfirmed if begun.elapsed() > window * 2 => {
                    bail!(
                        "DocSpace answers no create; a running `boardroom serve` goes on trying, else try again later"
                    )
                }
                Stands::Unconfirmed => tokio::time::sleep(Duration::from_secs(1)).await,
                Stands::Unsettled if begun.elapsed() > PATIENCE => {
                    bail!("it still stands at: {}", record.status)
                }
                Stands::Unsettled => tokio::time::sleep(pause.max(POLL)).await,
                Stands::Never(reason) => bail!("it gets no room: {}", reason.sentence()),
            }
        }
    }
}

/// How far a board has come, as a person who waits for it sees it.
enum Stands {
    Mirrored(RoomRecord),
    Failed(Code),
    /// A service, or one kind of call to it, does not work now.
    Paused(Failure),
    /// A create was not answered.
    Unconfirmed,
    Unsettled,
    Never(Ignored),
}

fn stands(record: &Record, mirror: &Mirror) -> Stands {
    match (record.status, &record.room) {
        // As long as the person's word stands nobody has looked since.
        (Status::Mirrored(_), Some(room)) if record.told.is_none() => {
            Stands::Mirrored(room.clone())
        }
        // A closed board keeps its room for a while; nobody waits here for the end of that.
        (Status::Waiting(Waiting::Grace), Some(room)) => Stands::Mirrored(room.clone()),
        // The word forgave what failed before: without a failure since, this is the status of before.
        (Status::Failed(code) | Status::Pending(Some(code)), _) if record.failures > 0 => {
            Stands::Failed(code)
        }
        (Status::Ignored(reason @ Ignored::Inbox), _) => Stands::Never(reason),
        (Status::Ignored(reason @ Ignored::Told), _) if record.told == Some(Told::Ignore) => {
            Stands::Never(reason)
        }
        (Status::Waiting(Waiting::Confirmation), _) => Stands::Unconfirmed,
        (Status::Waiting(Waiting::Lane(lane)), _) => {
            let paused = mirror
                .lanes
                .closed()
                .into_iter()
                .find(|(closed, _)| *closed == lane);
            paused.map_or(Stands::Unsettled, |(_, pause)| {
                Stands::Paused(pause.failure)
            })
        }
        (
            Status::Pending(_)
            | Status::Mirrored(_)
            | Status::Ignored(_)
            | Status::Waiting(_)
            | Status::Failed(_),
            _,
        ) => Stands::Unsettled,
    }
}

/// What failed, and what to do. The service would go on by itself; a command does not.
pub(super) fn explained(failure: &Failure) -> anyhow::Error {
    let fix = match failure.code.fix() {
        fix if fix.contains("goes on by itself") => {
            "A running `boardroom serve` on this database goes on by itself; else try again later."
        }
        fix => fix,
    };
    anyhow::anyhow!("{failure}. {fix}")
}
