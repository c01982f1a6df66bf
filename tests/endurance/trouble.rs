//! What goes wrong: single calls, whole services, the process, its database.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, Operations};

use crate::deeds::board_of;
use crate::house::server::End;
use crate::story::{Kind, Story};

const ROOMS: &str = "/api/2.0/files/rooms";

/// Something that lasts for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    TrelloIsDown,
    DocSpaceIsDown,
    KeyIsRevoked,
    TokenIsRevoked,
    QuotaIsFull,
    OperationsAreSlow,
    OperationsFail,
    OperationsAreStuck,
    DeliveriesAreLost,
    DeliveriesAreRepeated,
    CreatesAreSlow,
    ServiceIsDown(usize),
    ServiceIsFrozen(usize),
    DatabaseIsDown,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::TrelloIsDown,
    Trouble::DocSpaceIsDown,
    Trouble::KeyIsRevoked,
    Trouble::TokenIsRevoked,
    Trouble::QuotaIsFull,
    Trouble::OperationsAreSlow,
    Trouble::OperationsFail,
    Trouble::OperationsAreStuck,
    Trouble::DeliveriesAreLost,
    Trouble::DeliveriesAreRepeated,
    Trouble::CreatesAreSlow,
];

/// The troubles of now, and the steps at which they end.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    under_way: Vec<(Trouble, usize)>,
    /// Whether there is an older copy of the database.
    has_backup: bool,
}

impl Story {
    /// One call, or a few, of either service go wrong.
    pub(crate) fn break_one_call(&mut self) {
        let times = self.chance.usize(1..4);
        let (service, fault) = match self.chance.u8(..10) {
            0..=3 => {
                let effect = self.write_effect(true);
                (
                    "DocSpace",
                    Fault::on("POST", ROOMS, effect).times(times.min(2)),
                )
            }
            4..=6 => {
                let effect = self.write_effect(false);
                (
                    "DocSpace",
                    Fault::on("PUT", ROOMS, effect).times(times.min(2)),
                )
            }
            7 => (
                "DocSpace",
                Fault::new(self.read_effect()).method("GET").times(times),
            ),
            8 => (
                "Trello",
                Fault::new(self.read_effect()).method("GET").times(times),
            ),
            _ => {
                let effect = self.read_effect();
                ("Trello", Fault::new(effect).path_prefix("/1/").times(times))
            }
        };
        self.ledger
            .tell(format!("{service} will go wrong: {fault:?}"));
        let after = self.chance.usize(0..3);
        if service == "Trello" {
            self.house.trello.fail(fault.after(after));
        } else {
            self.house.docspace.fail(fault.after(after));
        }
    }

    fn write_effect(&mut self, is_create: bool) -> Effect {
        let delay = Duration::from_millis(self.chance.u64(10..2900));
        match self.chance.u8(..if is_create { 17 } else { 14 }) {
            0 => Effect::Drop,
            1 | 2 => Effect::DropAfter,
            3 => Effect::Hang,
            4 => Effect::HangAfter,
            5 => Effect::DelayBefore(delay),
            6 => Effect::DelayAfter(delay),
            7 => Effect::Answer(Answer::internal_error()),
            8 => Effect::AnswerAfter(Answer::internal_error()),
            9 => Effect::Answer(Answer::too_many(None)),
            10 => Effect::AnswerAfter(Answer::html(502)),
            11 => Effect::Answer(Answer::html(503)),
            12 => Effect::Garbage,
            13 => self
                .chance
                .choice([Effect::HalfBody, Effect::NotJson])
                .unwrap(),
            14 | 15 => Effect::UntaggedDrop,
            _ => Effect::UntaggedAnswer(Answer::internal_error()),
        }
    }

    fn read_effect(&mut self) -> Effect {
        let delay = Duration::from_millis(self.chance.u64(10..1500));
        match self.chance.u8(..9) {
            0 => Effect::Drop,
            1 => Effect::Hang,
            2 => Effect::DelayBefore(delay),
            3 => Effect::Answer(Answer::html(500)),
            4 => Effect::Answer(Answer::too_many(Some(1))),
            5 => Effect::Answer(Answer::html(502)),
            6 => Effect::Garbage,
            7 => Effect::HalfBody,
            _ => Effect::NotJson,
        }
    }

    /// Something begins to go wrong that lasts.
    pub(crate) async fn begin_trouble(&mut self) {
        let frozen = (0..self.house.services()).map(Trouble::ServiceIsFrozen);
        let database = self.house.server.iter().map(|_| Trouble::DatabaseIsDown);
        let all: Vec<_> = TROUBLES.into_iter().chain(frozen).chain(database).collect();
        let trouble = self.chance.choice(all).unwrap();
        if self.is_under_way(trouble) {
            return;
        }
        let until = self.ledger.step + self.chance.usize(2..40);
        self.ledger.tell(format!("{trouble:?} until step {until}"));
        self.troubles.under_way.push((trouble, until));
        let delay = Duration::from_millis(self.chance.u64(200..2500));
        let (trello, docspace) = (&self.house.trello, &self.house.docspace);
        match trouble {
            Trouble::TrelloIsDown => trello.down().await.unwrap(),
            Trouble::DocSpaceIsDown => docspace.down().await.unwrap(),
            Trouble::KeyIsRevoked => docspace.revoke_key(),
            Trouble::TokenIsRevoked => trello.revoke_token(),
            Trouble::QuotaIsFull => {
                let active = docspace
                    .rooms()
                    .iter()
                    .filter(|room| !room.archived)
                    .count();
                docspace.set_quota(Some(active + self.chance.usize(0..2)));
            }
            Trouble::OperationsAreSlow => docspace.set_operations(Operations::After(delay)),
            Trouble::OperationsFail => {
                docspace.set_operations(Operations::Fail(delay / 10, "It failed".to_owned()));
            }
            Trouble::OperationsAreStuck => docspace.set_operations(Operations::Never),
            Trouble::DeliveriesAreLost => trello.lose_deliveries(),
            Trouble::DeliveriesAreRepeated => trello.set_delivery_copies(3),
            Trouble::CreatesAreSlow => docspace.set_create_time(delay / 20),
            Trouble::ServiceIsFrozen(index) => self.house.signal(index, "STOP"),
            Trouble::DatabaseIsDown => {
                let end = self.chance.choice([End::Fast, End::Immediate]).unwrap();
                self.house.server.as_ref().unwrap().stop(end).await;
            }
            Trouble::ServiceIsDown(_) => {}
        }
    }

    /// Ends what has lasted long enough.
    pub(crate) async fn end_troubles(&mut self, step: usize) {
        let (over, under_way) = self
            .troubles
            .under_way
            .drain(..)
            .partition(|(_, until)| *until <= step);
        self.troubles.under_way = under_way;
        for (trouble, _) in over {
            self.ledger.tell(format!("{trouble:?} no more"));
            self.end_trouble(trouble).await;
        }
    }

    async fn end_trouble(&mut self, trouble: Trouble) {
        let (trello, docspace) = (&self.house.trello, &self.house.docspace);
        match trouble {
            Trouble::TrelloIsDown => trello.up().await.unwrap(),
            Trouble::DocSpaceIsDown => docspace.up().await.unwrap(),
            Trouble::KeyIsRevoked => docspace.restore_key(),
            Trouble::TokenIsRevoked => trello.restore_token(),
            Trouble::QuotaIsFull => docspace.set_quota(None),
            Trouble::OperationsAreSlow | Trouble::OperationsFail | Trouble::OperationsAreStuck => {
                docspace.set_operations(Operations::After(Duration::from_millis(20)));
            }
            Trouble::DeliveriesAreLost => trello.resume_deliveries(),
            Trouble::DeliveriesAreRepeated => trello.set_delivery_copies(1),
            Trouble::CreatesAreSlow => docspace.set_create_time(Duration::ZERO),
            Trouble::ServiceIsFrozen(index) => self.house.signal(index, "CONT"),
            Trouble::DatabaseIsDown => self.house.server.as_ref().unwrap().start().await,
            Trouble::ServiceIsDown(index) => self.house.start(index),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn end_all_troubles(&mut self) {
        self.end_troubles(usize::MAX).await;
        self.house.trello.clear_faults();
        self.house.docspace.clear_faults();
    }

    /// A process ends, this way or that, and comes back.
    pub(crate) async fn end_a_process(&mut self) {
        let index = self.chance.usize(..self.house.services());
        if !self.house.is_running(index) {
            return;
        }
        self.end_one(index).await;
        match self.chance.u8(..12) {
            0..=5 => self.house.start(index),
            6..=9 => {
                let until = self.ledger.step + self.chance.usize(1..15);
                self.troubles
                    .under_way
                    .push((Trouble::ServiceIsDown(index), until));
            }
            _ if self.kind == Kind::Losses && !self.is_under_way(Trouble::DatabaseIsDown) => {
                for index in 0..self.house.services() {
                    self.end_one(index).await;
                }
                self.rob().await;
            }
            _ => self.house.start(index),
        }
    }

    async fn end_one(&mut self, index: usize) {
        if !self.house.is_running(index) {
            return;
        }
        if self.chance.u8(..10) < 7 {
            self.house.kill(index);
            self.ledger.tell(format!("SIGKILL of {index}"));
        } else {
            self.house.stop(index).await;
            self.ledger.tell(format!("SIGTERM of {index}"));
        }
    }

    fn is_under_way(&self, trouble: Trouble) -> bool {
        let under_way = &self.troubles.under_way;
        under_way.iter().any(|(other, _)| *other == trouble)
    }

    /// The database is copied, lost, or replaced by the copy.
    async fn rob(&mut self) {
        if self.troubles.has_backup && self.chance.u8(..3) == 0 {
            self.troubles.has_backup = false;
            if self.all_rooms_tell_their_board().await {
                self.house.restore_backup().await;
                self.ledger.robbed(true);
                self.ledger.tell("an older database is put back");
            }
        } else if self.chance.bool() {
            self.house.back_up().await;
            self.troubles.has_backup = true;
            self.ledger.tell("the database is copied");
        } else if self.all_rooms_tell_their_board().await {
            self.house.lose_database().await;
            self.ledger.robbed(false);
            self.ledger.tell("the database is lost");
        }
        self.house.start_all();
    }

    /// That a room without its tag is ours is known to the database alone, and so is a create that is under way.
    async fn all_rooms_tell_their_board(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.house.docspace_is_done().await;
        let mut rooms = self.house.docspace.rooms();
        rooms.retain(|room| !self.ledger.strangers.contains_key(&room.id));
        !rooms.is_empty() && rooms.iter().all(|room| board_of(room).is_some())
    }
}
