//! Several services on one database: killed, frozen, replaced, and with their database restarted they lose nothing and double nothing.

use std::time::Duration;

use boardroom::api::{Caller, Options, client, send};
use boardroom::sandbox::{BoardId, DocSpace, Letter, NewBoard, Outcome, Trello};
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use crate::house::server::{End, Server};
use crate::house::{House, SOON, Service, eventually, within};

const BOARDS: usize = 500;
/// Longer than no second create may follow an unanswered one.
const WINDOW: Duration = Duration::from_secs(130);
/// How long a board is held by somebody of whom nothing more is heard: a minute and twice the timeout of `DocSpace`.
const LEASE: Duration = Duration::from_secs(70);
/// How long all may take to come to rest: what the dead had taken is waited for.
const REST: Duration = Duration::from_secs(150);

/// The services that share the work, and what they are to do.
struct Team {
    // They end before their house goes.
    services: Vec<Option<Service>>,
    house: House,
    boards: Vec<BoardId>,
}

impl Team {
    /// All are started, and one of them has looked round.
    async fn at_work(house: House, count: usize) -> Self {
        let mut team = Self::of(house);
        for index in 0..count {
            team.start(index);
        }
        team.ready(count).await;
        team.has_looked_round().await;
        team
    }

    fn of(mut house: House) -> Self {
        // The limits of both have stories of their own, and so has what Trello brings after minutes.
        house.trello.without_rate_limits();
        house
            .trello
            .set_delivery_retries(&[100, 300, 900, 2700].map(Duration::from_millis));
        house.trello.set_delivery_timeout(Duration::from_secs(3));
        house.docspace.set_create_time(Duration::from_millis(20));
        house.set("BOARDROOM_BRAKE", "off");
        house.set("BOARDROOM_TRELLO_RATE", "300/3s");
        house.set("BOARDROOM_TRELLO_TIMEOUT", "5s");
        house.set("BOARDROOM_DOCSPACE_TIMEOUT", "5s");
        house.set("BOARDROOM_SWEEP_EVERY", "2s");
        house.set("BOARDROOM_LOG", "info");
        Self {
            services: (0..house.places()).map(|_| None).collect(),
            house,
            boards: Vec::new(),
        }
    }

    fn start(&mut self, index: usize) {
        self.services[index] = Some(self.house.replica(index));
    }

    fn running(&mut self) -> impl Iterator<Item = &mut Service> {
        self.services.iter_mut().flatten()
    }

    /// Waits until so many take deliveries.
    async fn ready(&mut self, count: usize) {
        let ports: Vec<_> = self.running().map(|service| service.port).collect();
        assert_eq!(ports.len(), count);
        for port in ports {
            eventually("it is ready", || async {
                ask(port, "/readyz").await == 200
            })
            .await;
        }
    }

    /// Waits until the webhooks are there, and all boards and rooms were looked over.
    async fn has_looked_round(&self) {
        let house = &self.house;
        let watched = |trello: &Trello| {
            let ours = |model: &str| trello.webhooks_on(model).iter().any(|hook| hook.active);
            ours(&house.workspace) && ours(&trello.member())
        };
        house.trello.wait_until(watched, SOON).await.unwrap();
        let audited = "SELECT count(*) FROM meta WHERE name = 'audited'";
        let swept = "SELECT count(*) FROM source";
        eventually("boards and rooms were looked over", || async {
            house.count(audited).await == 1 && house.count(swept).await == 2
        })
        .await;
    }

    /// A few more boards, of which Trello tells or does not.
    fn make_boards(&mut self, count: usize, mut is_told: impl FnMut() -> bool) {
        for _ in 0..count {
            let name = format!("Board {}", self.boards.len());
            let board = if is_told() {
                self.house.board(&name)
            } else {
                self.house.silent(&name)
            };
            self.boards.push(board);
        }
    }

    /// Lets so many more rooms be made, or a moment pass.
    async fn work(&self, rooms: usize) {
        let docspace = &self.house.docspace;
        let wanted = docspace.room_count() + rooms;
        let moment = Duration::from_millis(400);
        let _ = docspace
            .wait_until(|docspace| docspace.room_count() >= wanted, moment)
            .await;
    }

    async fn more_rooms(&self, count: usize) {
        let docspace = &self.house.docspace;
        let wanted = docspace.room_count() + count;
        let made = docspace.wait_until(|docspace| docspace.room_count() >= wanted, REST);
        made.await.unwrap();
    }

    /// Waits until all boards have their rooms, and sees that none has two.
    async fn all_come_to_rest(&mut self) {
        self.all_come_to_rest_within(REST).await;
    }

    async fn all_come_to_rest_within(&mut self, span: Duration) {
        for service in self.running() {
            service.must_live();
        }
        let wanted = i64::try_from(self.boards.len()).unwrap();
        let house = &self.house;
        // Killed between an intention and its call, nobody knows whether it was sent: those boards sit out the window.
        let open = "SELECT count(*) FROM board WHERE status NOT IN ('mirrored', 'ignored') AND reason IS DISTINCT FROM 'confirmation'";
        let known = "SELECT count(*) FROM board WHERE status <> 'ignored'";
        within(span, "each is mirrored or sits out its window", || async {
            house.count(known).await == wanted && house.count(open).await == 0
        })
        .await;
        house.age(WINDOW).await;
        let mirrored = "SELECT count(*) FROM board WHERE status = 'mirrored'";
        within(REST, "all are mirrored", || async {
            house.count(mirrored).await == wanted
        })
        .await;
        house.rooms(self.boards.len()).await;
        for board in &self.boards {
            let rooms = house
                .docspace
                .rooms_tagged(&format!("Trello board {board}"));
            assert_eq!(rooms.len(), 1, "{board}: {rooms:?}");
        }
    }

    /// What a service says to a delivery that it would have to store.
    async fn delivered_to(&self, port: u16) -> u16 {
        let (house, board) = (&self.house, self.boards.last().unwrap());
        let body = house
            .trello
            .compose(&house.workspace, "addToOrganizationBoard", board)
            .unwrap();
        let there = format!("http://127.0.0.1:{port}/webhooks/trello");
        let letter = Letter::new(&there, body).signed_for(&house.callback());
        house.trello.post(letter).await.unwrap().status
    }
}

/// The status of the answer; 0 when there is none.
async fn ask(port: u16, path: &str) -> u16 {
    let options = Options {
        timeout: SOON,
        ..Options::default()
    };
    let url = format!("http://127.0.0.1:{port}{path}");
    let request = client(&options).unwrap().request(Method::GET, url);
    send(request, &Caller::default())
        .await
        .map_or(0, |reply| reply.status)
}

/// Boards without end. However slow the machine is, only a few wait for their rooms at a time.
async fn keep_coming(new: NewBoard, trello: Trello, docspace: DocSpace) {
    let mut boards = 0;
    loop {
        let has_caught_up = |docspace: &DocSpace| docspace.room_count() + 20 > boards;
        let _ = docspace.wait_until(has_caught_up, SOON).await;
        trello.create_board(new.clone());
        boards += 1;
        tokio::task::yield_now().await;
    }
}

/// What has happened to one of them, and when it is over.
#[derive(Clone, Copy)]
enum Fate {
    Killed { until: usize },
    Frozen { until: usize },
}

impl Fate {
    fn until(self) -> usize {
        match self {
            Self::Killed { until } | Self::Frozen { until } => until,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_frozen_at_random_they_lose_and_double_no_board_and_keep_to_one_budget() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut team = Team::at_work(House::new().await.shared_by(3).await, 3).await;
    let mut fates: [Option<Fate>; 3] = [None; 3];
    let mut round = 0;
    while team.boards.len() < BOARDS || fates.iter().any(Option::is_some) {
        round += 1;
        let more = (BOARDS - team.boards.len()).min(5);
        team.make_boards(more, || chance.u8(..10) > 0);
        let index = chance.usize(..3);
        if more > 0 && fates[index].is_none() && chance.bool() {
            let until = round + chance.usize(1..12);
            let service = team.services[index].as_ref().unwrap();
            fates[index] = Some(if chance.bool() {
                team.services[index].take().unwrap().kill();
                Fate::Killed { until }
            } else {
                service.signal("STOP");
                Fate::Frozen { until }
            });
        }
        team.work(chance.usize(..8)).await;
        for (index, fate) in fates.iter_mut().enumerate() {
            match fate.take_if(|fate| fate.until() <= round) {
                Some(Fate::Killed { .. }) => team.start(index),
                Some(Fate::Frozen { .. }) => {
                    team.services[index].as_ref().unwrap().signal("CONT");
                }
                None => {}
            }
        }
    }
    team.all_come_to_rest().await;
    let peak = team.house.trello.peak_requests_in(Duration::from_secs(3));
    assert!(peak <= 300, "{peak} requests within three seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_one_after_another_while_boards_come_they_lose_no_delivery_and_no_board() {
    let mut team = Team::of(House::new().await.shared_by(4).await);
    // Whatever is not delivered would not be found.
    team.house.set("BOARDROOM_SWEEP_EVERY", "1h");
    for index in 0..3 {
        team.start(index);
    }
    team.ready(3).await;
    team.has_looked_round().await;
    let enough = CancellationToken::new();
    let house = &team.house;
    let new = NewBoard::named("One of many").in_workspace(&house.workspace);
    let coming = keep_coming(new, house.trello.clone(), house.docspace.clone());
    let coming = tokio::spawn(enough.clone().run_until_cancelled_owned(coming));
    for index in 0..3 {
        team.start((index + 3) % 4);
        team.ready(4).await;
        team.more_rooms(20).await;
        let old = team.services[index].take().unwrap();
        old.stop().await;
        team.more_rooms(20).await;
    }
    enough.cancel();
    coming.await.unwrap();
    team.boards = team
        .house
        .trello
        .boards()
        .iter()
        .filter(|board| board.name == "One of many")
        .map(|board| board.id.clone())
        .collect();
    team.house.trello.deliveries_settled().await;
    let deliveries = team.house.trello.deliveries();
    let lost: Vec<_> = deliveries
        .iter()
        .filter(|delivery| delivery.outcome != Outcome::Delivered)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    team.all_come_to_rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server: tests/run installs it"]
async fn while_their_database_is_restarted_they_are_not_ready_and_then_they_go_on_by_themselves() {
    let server = Server::away();
    server.start().await;
    let mut team = Team::at_work(House::on(&server).await.shared_by(3).await, 3).await;
    // A service finds out within seconds that it cannot store what it was brought.
    team.house.trello.set_delivery_timeout(SOON);
    let ports: Vec<_> = team.running().map(|service| service.port).collect();
    for end in [End::Immediate, End::Fast] {
        team.make_boards(40, || true);
        team.work(10).await;
        server.stop(end).await;
        for &port in &ports {
            eventually("it is not ready", || async {
                ask(port, "/readyz").await == 503
            })
            .await;
            assert_eq!(ask(port, "/livez").await, 200);
        }
        let [one, two, three] = [0, 1, 2].map(|index| team.delivered_to(ports[index]));
        assert_eq!(tokio::join!(one, two, three), (503, 503, 503));
        // Nobody can store what Trello says of these.
        team.make_boards(20, || true);
        server.start().await;
        team.ready(3).await;
    }
    // Nobody has died, so no lease is left to run out.
    team.all_come_to_rest_within(LEASE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server: tests/run installs it"]
async fn started_before_their_database_they_wait_for_it_and_need_no_restart() {
    let server = Server::away();
    let mut team = Team::of(House::on(&server).await.shared_by(3).await);
    team.house.trello.set_delivery_timeout(SOON);
    for index in 0..3 {
        team.start(index);
    }
    team.make_boards(10, || true);
    for index in 0..3 {
        let service = team.services[index].as_mut().unwrap();
        service.logged("the database cannot be reached").await;
        let port = service.port;
        assert_eq!(ask(port, "/livez").await, 200);
        assert_eq!(ask(port, "/readyz").await, 503);
        assert_eq!(team.delivered_to(port).await, 503);
    }
    assert_eq!(team.house.docspace.requests().len(), 0);
    server.start().await;
    team.ready(3).await;
    team.make_boards(10, || true);
    team.all_come_to_rest().await;
}
