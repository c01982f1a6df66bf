//! Everything the story happens on, and how it is asked whether something happened. Says nothing.

use std::future::Future;

use anyhow::{Context as _, bail, ensure};
use jiff::SignedDuration;
use tokio::time::{Duration, Instant, timeout};

use crate::cli::demo::folder::Folder;
use crate::cli::demo::service::{PATIENCE, Service};
use crate::sandbox::{
    BoardId, Delivery, DocSpace, NewBoard, Outcome, Room, Sandbox, TimedOut, Trello, WorkspaceId,
};

pub(super) const WORKSPACE: &str = "Acme Works";
/// A board that was there before the service.
pub(super) const OLD_BOARD: &str = "Last year's plans";

/// The sandbox and the service. What is dropped first is written first: the process before the files it uses.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) service: Service,
    pub(super) sandbox: Sandbox,
    pub(super) workspace: WorkspaceId,
    /// The boards that were made so far; each is to have one room.
    pub(super) boards: Vec<BoardId>,
    _folder: Folder,
}

/// A board that got its room.
#[derive(Debug)]
pub(super) struct Mirrored {
    pub(super) delivery: Delivery,
    /// How long the delivery waited for its 200.
    pub(super) acknowledged: Duration,
    pub(super) room: Room,
    /// How long after the board the room was there.
    pub(super) took: Duration,
}

impl Stage {
    /// Starts both services of the sandbox, with a workspace and an old board in it, and the service.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let sandbox = Sandbox::start()
            .await
            .context("the sandbox cannot listen on 127.0.0.1")?;
        let workspace = sandbox.trello.add_workspace(WORKSPACE);
        let a_month = SignedDuration::from_hours(30 * 24);
        let long_ago = sandbox.trello.now().checked_sub(a_month)?;
        let old = NewBoard::named(OLD_BOARD).in_workspace(&workspace);
        sandbox.trello.create_board(old.created_at(long_ago));
        Ok(Self {
            service: Service::start(folder.path(), &sandbox)?,
            sandbox,
            workspace,
            boards: Vec::new(),
            _folder: folder,
        })
    }

    /// Ends the service and removes what it wrote. Dropping does the same, but does not wait.
    pub(super) async fn clear(mut self) {
        // It may have ended by itself; either way it runs no more.
        let _ = self.service.kill().await;
    }

    pub(super) fn trello(&self) -> Trello {
        self.sandbox.trello.clone()
    }

    pub(super) fn docspace(&self) -> DocSpace {
        self.sandbox.docspace.clone()
    }

    /// Somebody makes a board in the workspace.
    pub(super) fn make_board(&mut self, name: &str) -> BoardId {
        let new = NewBoard::named(name).in_workspace(&self.workspace);
        let board = self.sandbox.trello.create_board(new);
        self.boards.push(board.clone());
        board
    }

    /// Makes a board and waits until its delivery is acknowledged and its room is there.
    pub(super) async fn mirror_board(&mut self, name: &str) -> anyhow::Result<Mirrored> {
        let made = Instant::now();
        let board = self.make_board(name);
        let room = self.room_of(&board).await?;
        let took = made.elapsed();
        let delivery = self.delivered(&board).await?;
        let acknowledged = delivery
            .attempts
            .last()
            .map_or(Duration::ZERO, |attempt| attempt.latency);
        Ok(Mirrored {
            delivery,
            acknowledged,
            room,
            took,
        })
    }

    /// Waits until all of Trello's deliveries about a board are answered with 200, and returns the workspace's.
    pub(super) async fn delivered(&mut self, board: &BoardId) -> anyhow::Result<Delivery> {
        let trello = self.trello();
        let settled = timeout(PATIENCE, trello.deliveries_settled());
        self.watch("the deliveries are answered", async {
            settled.await.map_err(|_| TimedOut)
        })
        .await?;
        let mut about: Vec<_> = trello.deliveries();
        about.retain(|delivery| delivery.board.as_ref() == Some(board));
        let refused = about
            .iter()
            .find(|one| one.outcome != Outcome::Delivered || one.attempts.len() != 1);
        if let Some(refused) = refused {
            bail!(
                "every delivery is answered with 200 at once; instead {:?}",
                refused.attempts
            );
        }
        about
            .into_iter()
            .find(|delivery| delivery.model == *self.workspace)
            .context("Trello tells of the new board")
    }

    /// Waits for the room of a board, and for its tags.
    pub(super) async fn room_of(&mut self, board: &BoardId) -> anyhow::Result<Room> {
        let (docspace, tag) = (self.docspace(), tag_of(board));
        let there = docspace.wait_until(|now| !now.rooms_tagged(&tag).is_empty(), PATIENCE);
        self.watch("the room is made", there).await?;
        self.only_room_of(board)
    }

    /// The room of a board, if it is the only one.
    pub(super) fn only_room_of(&self, board: &BoardId) -> anyhow::Result<Room> {
        let mut rooms = self.sandbox.docspace.rooms_tagged(&tag_of(board));
        ensure!(
            rooms.len() == 1,
            "the board has exactly one room; it has {}",
            rooms.len()
        );
        Ok(rooms.swap_remove(0))
    }

    /// Every board has its one room, and there is no other room: neither a twin without tags nor one of the old board.
    pub(super) fn check_rooms(&self) -> anyhow::Result<()> {
        for board in &self.boards {
            self.only_room_of(board)?;
        }
        let (rooms, boards) = (self.sandbox.docspace.room_count(), self.boards.len());
        ensure!(
            rooms == boards,
            "there are {boards} rooms for {boards} boards; there are {rooms}"
        );
        Ok(())
    }

    /// Waits for something that the sandbox shows, unless the service dies over it. `what` is said when it does not come.
    pub(super) async fn watch(
        &mut self,
        what: &str,
        wait: impl Future<Output = Result<(), TimedOut>>,
    ) -> anyhow::Result<()> {
        tokio::select! {
            waited = wait => match waited {
                Ok(()) => Ok(()),
                Err(TimedOut) => bail!("{what} (waited {} s)", PATIENCE.as_secs()),
            },
            ended = self.service.ended() => bail!("{what}: the service ended by itself ({ended})"),
        }
    }
}

/// Written down once more, rather than shared with the service: what is checked must not check itself.
fn tag_of(board: &BoardId) -> String {
    format!("Trello board {board}")
}
