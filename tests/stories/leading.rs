//! Several services on one database: one leads, the others know what it knows, and nobody is missed when it goes.

use std::time::{Duration, Instant};

use boardroom::sandbox::{BoardId, Call, DocSpace, Effect, Fault, Letter, Role, Trello};
use serde_json::Value;

use crate::house::{House, SOON, Service, eventually, free_port};

const LEADS: &str = "this boardroom sweeps";
const FOLLOWS: &str = "another boardroom does the sweeps";
const ROOMS: &str = "/api/2.0/files/rooms";
/// How long a leader may be silent before another takes over, and how soon the others ask.
const LEASE: Duration = Duration::from_secs(15);
const SOON_AFTER: Duration = Duration::from_secs(5);

/// A service beside others.
struct Beside {
    service: Service,
    port: u16,
}

impl House {
    /// One more service on this database, with a port of its own.
    fn one_more(&mut self) -> Beside {
        let (first, port) = (self.setting("BOARDROOM_LISTEN"), free_port());
        self.set("BOARDROOM_LISTEN", &format!("127.0.0.1:{port}"));
        let service = self.spawn();
        self.set("BOARDROOM_LISTEN", &first);
        Beside { service, port }
    }

    /// One that leads, and one that follows and gets all deliveries.
    async fn led_from_behind(&mut self) -> (Beside, Service) {
        let front = self.start().await;
        let mut leader = self.one_more();
        leader.service.logged(FOLLOWS).await;
        front.stop().await;
        self.settled(&mut leader.service).await;
        let mut front = self.spawn();
        front.logged(FOLLOWS).await;
        (leader, front)
    }

    async fn paused_at(&self, port: u16) -> Vec<String> {
        let client = boardroom::api::client(&boardroom::api::Options {
            timeout: SOON,
            ..Default::default()
        })
        .unwrap();
        let url = format!("http://127.0.0.1:{port}/readyz?verbose");
        let caller = boardroom::api::Caller::default();
        let reply = boardroom::api::send(client.get(url), &caller)
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let paused = body["paused"].as_array().unwrap();
        let name = |lane: &Value| lane["lane"].as_str().unwrap().to_owned();
        paused.iter().map(name).collect()
    }

    async fn all_paused(&self, ports: &[u16], lanes: &[&str]) {
        for port in ports {
            eventually(&format!("{lanes:?} are closed at {port}"), || async {
                self.paused_at(*port).await == lanes
            })
            .await;
        }
    }

    async fn each_has_one_room(&self, boards: &[BoardId]) {
        for board in boards {
            self.status(board, "mirrored").await;
            let tag = format!("Trello board {board}");
            assert_eq!(self.docspace.rooms_tagged(&tag).len(), 1, "{board}");
        }
    }
}

/// Of the requests so far those of a kind, as the spans between them.
fn gaps(docspace: &DocSpace, is_it: impl Fn(&Call) -> bool) -> Vec<Duration> {
    let requests = docspace.requests();
    let mut moments = requests.iter().filter(|one| is_it(&one.call));
    let mut last = moments.next().map(|one| one.moment);
    let mut gaps = Vec::new();
    for one in moments {
        let before = last.replace(one.moment).unwrap();
        gaps.push(one.moment - before);
    }
    gaps
}

fn is_control_read(call: &Call) -> bool {
    let asks_for_one = call
        .query
        .iter()
        .any(|(name, value)| name == "count" && value == "1");
    call.method == "GET" && call.path == ROOMS && asks_for_one
}

fn is_look_up(call: &Call) -> bool {
    call.query.iter().any(|(name, _)| name == "tags")
}

fn is_create(call: &Call) -> bool {
    call.method == "POST" && call.path == ROOMS
}

#[tokio::test]
async fn when_the_leader_is_killed_another_sweeps_within_the_lease() {
    let mut house = House::new().await;
    let leader = house.start().await;
    let mut follower = house.one_more();
    follower.service.logged(FOLLOWS).await;
    let silent = house.silent("Nobody told of it");
    leader.kill();
    let killed = Instant::now();
    follower.service.logged(LEADS).await;
    let after = killed.elapsed();
    assert!(after < LEASE + SOON_AFTER, "{after:?}");
    house.each_has_one_room(&[silent]).await;
    follower.service.logged("looked over all our rooms").await;
}

#[tokio::test]
async fn a_leader_that_ends_hands_on_at_once() {
    let mut house = House::new().await;
    let leader = house.start().await;
    let mut follower = house.one_more();
    follower.service.logged(FOLLOWS).await;
    let silent = house.silent("Nobody told of it");
    leader.stop().await;
    let stopped = Instant::now();
    follower.service.logged(LEADS).await;
    let after = stopped.elapsed();
    assert!(after < LEASE / 2, "{after:?}");
    house.each_has_one_room(&[silent]).await;
}

#[tokio::test]
async fn a_leader_that_was_frozen_beyond_its_lease_steps_back_and_doubles_nothing() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    house.trello.without_rate_limits();
    let mut leader = house.start().await;
    let mut follower = house.one_more();
    follower.service.logged(FOLLOWS).await;
    // Frozen in the middle of a create.
    let slow = Effect::DelayBefore(Duration::from_millis(500));
    let slow = house.docspace.fail(Fault::on("POST", ROOMS, slow).once());
    let mut boards = vec![house.silent("Under way")];
    let struck = |docspace: &DocSpace| docspace.struck(slow) > 0;
    house.docspace.wait_until(struck, SOON).await.unwrap();
    leader.signal("STOP");
    let before = leader.log().len();
    boards.push(house.silent("While it was frozen"));
    follower.service.logged(LEADS).await;
    house.each_has_one_room(&boards[1..]).await;
    leader.signal("CONT");
    leader.logged("stands back").await;
    leader.logged(FOLLOWS).await;
    let since = leader.log().split_off(before);
    assert!(!since.contains("swept"), "it went on: {since}");
    boards.push(house.board("Later"));
    house.each_has_one_room(&boards).await;
    house.rooms(3).await;
}

#[tokio::test]
async fn a_follower_mirrors_what_is_delivered_to_it_as_fast_and_as_safely() {
    let mut house = House::new().await;
    let (leader, mut follower) = house.led_from_behind().await;
    // It knows what the leader has learnt, so it needs nobody and looks nothing up.
    follower.logged("boardroom serves").await;
    leader.service.signal("STOP");
    house.docspace.forget_requests();
    let begun = Instant::now();
    let board = house.board("Delivered to the follower");
    house.each_has_one_room(std::slice::from_ref(&board)).await;
    let took = begun.elapsed();
    assert!(took < SOON_AFTER, "{took:?}");
    let requests = house.docspace.requests();
    assert!(!requests.iter().any(|one| is_look_up(&one.call)));
    assert!(!follower.log().contains(LEADS));
    // Its webhook is the leader's business.
    leader.service.signal("CONT");
    let hooked = |trello: &Trello| !trello.webhooks_on(&board).is_empty();
    house.trello.wait_until(hooked, SOON).await.unwrap();
}

#[tokio::test]
async fn boards_that_wait_for_what_the_leader_learns_go_on_wherever_they_were_looked_at() {
    let mut house = House::new().await;
    // The look over all rooms cannot be made yet.
    house.docspace.revoke_key();
    let mut leader = house.one_more();
    leader.service.logged(LEADS).await;
    let mut front = house.spawn();
    front.logged(FOLLOWS).await;
    let boards: Vec<_> = (0..6)
        .map(|number| house.silent(&format!("Board {number}")))
        .collect();
    for board in &boards {
        let body = house
            .trello
            .compose(&house.workspace, "addToOrganizationBoard", board)
            .unwrap();
        let letter = Letter::new(&house.callback(), body);
        assert_eq!(house.trello.post(letter).await.unwrap().status, 200);
    }
    for board in &boards {
        house.status(board, "waiting audit").await;
    }
    house.docspace.restore_key();
    house.each_has_one_room(&boards).await;
    house.rooms(6).await;
}

#[tokio::test]
async fn a_role_that_a_follower_hears_of_reaches_the_leader() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let (_leader, _follower) = house.led_from_behind().await;
    let us = house.trello.member();
    let told = "SELECT count(*) FROM concern WHERE code = 'workspace_admin_lost'";
    for (role, concerns) in [(Role::Normal, 1), (Role::Admin, 0)] {
        house
            .trello
            .set_workspace_role(&house.workspace, &us, Some(role));
        eventually(&format!("{concerns} concerns"), || async {
            house.count(told).await == concerns
        })
        .await;
    }
}

#[tokio::test]
async fn a_lane_is_closed_for_all_and_one_control_read_at_a_time_is_made() {
    let mut house = House::new().await;
    let (leader, _follower) = house.led_from_behind().await;
    let mut third = house.one_more();
    third.service.logged(FOLLOWS).await;
    let ports = [leader.port, house.port, third.port];
    house.docspace.revoke_key();
    let boards: Vec<_> = (0..6)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    for board in &boards {
        house.status(board, "waiting docspace").await;
    }
    house.all_paused(&ports, &["docspace"]).await;
    house.docspace.forget_requests();
    let often = |docspace: &DocSpace| gaps(docspace, is_control_read).len() >= 2;
    house.docspace.wait_until(often, SOON).await.unwrap();
    // The waits grow from half a second; three that tried by themselves would not keep so far apart.
    let gaps = gaps(&house.docspace, is_control_read);
    assert!(
        gaps.iter().all(|gap| *gap >= Duration::from_millis(450)),
        "{gaps:?}"
    );
    assert_eq!(
        house.docspace.requests().len(),
        gaps.len() + 1,
        "nobody asks anything else"
    );
    house.docspace.restore_key();
    house.each_has_one_room(&boards).await;
    house.all_paused(&ports, &[]).await;
    house.rooms(6).await;
}

#[tokio::test]
async fn a_gate_on_trial_lets_one_board_through_in_all() {
    let mut house = House::new().await;
    let (leader, _follower) = house.led_from_behind().await;
    house.docspace.set_quota(Some(0));
    let boards: Vec<_> = (0..6)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    for board in &boards {
        house.status(board, "waiting docspace.create").await;
    }
    house
        .all_paused(&[leader.port, house.port], &["docspace.create"])
        .await;
    house.docspace.forget_requests();
    let thrice = |docspace: &DocSpace| docspace.requests_to("POST", ROOMS) >= 3;
    house.docspace.wait_until(thrice, SOON).await.unwrap();
    let gaps = gaps(&house.docspace, is_create);
    assert!(
        gaps.iter().all(|gap| *gap >= Duration::from_millis(900)),
        "one at a time: {gaps:?}"
    );
    house.docspace.set_quota(None);
    house.each_has_one_room(&boards).await;
    house.rooms(6).await;
}

#[tokio::test]
async fn three_that_start_at_once_on_nothing_share_the_work() {
    let mut house = House::new().await;
    house.docspace.set_create_time(Duration::from_millis(50));
    let mut boards = vec![house.silent("Made a moment before")];
    let (front, one, two) = (house.spawn(), house.one_more(), house.one_more());
    let mut services = [front, one.service, two.service];
    for service in &mut services {
        service.logged("boardroom serves").await;
    }
    let watched = |trello: &Trello| !trello.webhooks_on(&house.workspace).is_empty();
    house.trello.wait_until(watched, SOON).await.unwrap();
    boards.extend((0..30).map(|number| house.board(&format!("Board {number}"))));
    house.rooms(31).await;
    house.each_has_one_room(&boards).await;
    let leaders = services
        .iter()
        .filter(|service| service.log().contains(LEADS))
        .count();
    assert_eq!(leaders, 1);
}
