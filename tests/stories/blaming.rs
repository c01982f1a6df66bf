//! Blame the right thing: a service that is ill makes boards wait, a board that is ill waits alone, and everything goes on by itself.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, UserRole};
use serde_json::Value;

use crate::house::{House, SOON};

const ROOMS: &str = "/api/2.0/files/rooms";

impl House {
    async fn get(&self, path: &str) -> (u16, String) {
        let client = boardroom::api::client(&boardroom::api::Options {
            timeout: SOON,
            ..Default::default()
        })
        .unwrap();
        let reply = boardroom::api::send(
            client.get(self.url(path)),
            &boardroom::api::Caller::default(),
        )
        .await
        .unwrap();
        (reply.status, String::from_utf8(reply.body).unwrap())
    }

    /// The lanes that are closed, with their codes.
    async fn paused(&self) -> Vec<(String, String)> {
        let (status, body) = self.get("/readyz?verbose").await;
        assert_eq!(
            status, 200,
            "ready means that deliveries can be stored, whatever the services do"
        );
        let body: Value = serde_json::from_str(&body).unwrap();
        let text = |lane: &Value, name: &str| lane[name].as_str().unwrap().to_owned();
        body["paused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lane| (text(lane, "lane"), text(lane, "code")))
            .collect()
    }
}

fn lane(name: &str, code: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), code.to_owned())]
}

#[tokio::test]
async fn docspace_goes_down_and_comes_back() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house.docspace.down().await.unwrap();
    let boards: Vec<_> = (0..5)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    for board in &boards {
        house.status(board, "waiting docspace").await;
    }
    assert_eq!(
        house.paused().await,
        lane("docspace", "docspace_unreachable")
    );
    assert_eq!(
        house.count("SELECT max(failures) FROM board").await,
        0,
        "no board is to blame"
    );
    house.docspace.up().await.unwrap();
    house.rooms(5).await;
    for board in &boards {
        house.status(board, "mirrored").await;
    }
    assert_eq!(house.paused().await, []);
}

#[tokio::test]
async fn a_revoked_key_fails_no_board() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house.docspace.revoke_key();
    let boards: Vec<_> = (0..3)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    for board in &boards {
        house.status(board, "waiting docspace").await;
    }
    assert_eq!(
        house.paused().await,
        lane("docspace", "docspace_unauthorized")
    );
    house.docspace.restore_key();
    house.rooms(3).await;
}

#[tokio::test]
async fn a_revoked_token_costs_nothing_once_it_is_back() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house.trello.revoke_token();
    assert!(
        house.trello.webhooks_on(&house.workspace).is_empty(),
        "Trello deletes a revoked token's webhooks"
    );
    let board = house.board("Nobody told us");
    // A delivery that was on its way makes us look, and see.
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    house
        .trello
        .post(boardroom::sandbox::Letter::new(&house.callback(), body))
        .await
        .unwrap();
    house.status(&board, "waiting trello").await;
    assert_eq!(house.paused().await, lane("trello", "trello_unauthorized"));
    let missed = house.silent("Missed");
    house.trello.restore_token();
    house.rooms(2).await;
    house.status(&missed, "mirrored").await;
    house
        .trello
        .wait_until(
            |trello| trello.webhooks_on(&house.workspace).len() == 1,
            SOON,
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_plan_closes_only_the_create_gate() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house.docspace.set_quota(Some(1));
    house.board("First");
    house.rooms(1).await;
    let second = house.board("Second");
    house.status(&second, "waiting docspace.create").await;
    let third = house.board("Third");
    house.status(&third, "waiting docspace.create").await;
    assert_eq!(
        house.paused().await,
        lane("docspace.create", "docspace_quota_full")
    );
    house.docspace.set_quota(None);
    house.rooms(3).await;
    assert_eq!(house.paused().await, []);
}

#[tokio::test]
async fn a_demoted_key_closes_the_gate_and_opens_it_again() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house
        .docspace
        .set_user_role(&house.docspace.key_owner(), UserRole::User);
    let boards = [house.board("One"), house.board("Two"), house.board("Three")];
    let third = &boards[2];
    house
        .docspace
        .wait_until(|docspace| docspace.requests_to("POST", ROOMS) >= 2, SOON)
        .await
        .unwrap();
    crate::house::eventually("the gate is closed", || async {
        !house.paused().await.is_empty()
    })
    .await;
    assert_eq!(
        house.paused().await,
        lane("docspace.create", "docspace_forbidden")
    );
    house
        .docspace
        .set_user_role(&house.docspace.key_owner(), UserRole::DocSpaceAdmin);
    house.rooms(3).await;
    house.status(third, "mirrored").await;
}

#[tokio::test]
async fn a_cursed_board_stops_no_other() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let ill = house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::Answer(Answer::internal_error())).about("Ill"));
    let refused = Answer::exception(400, "System.ArgumentException", "no");
    let malformed = house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::Answer(refused)).about("Malformed"));
    let busy = house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::Answer(Answer::too_many(None))).about("Busy"));
    let hidden = house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::Answer(Answer::html(503))).about("Gateway"));
    let boards = [
        house.board("Ill"),
        house.board("Malformed"),
        house.board("Busy"),
        house.board("Gateway"),
    ];
    for number in 0..5 {
        house.board(&format!("Healthy {number}"));
    }
    house.rooms(5).await;
    house
        .status(&boards[0], "pending docspace_unavailable")
        .await;
    house.status(&boards[1], "failed docspace_rejected").await;
    house.status(&boards[3], "waiting confirmation").await;
    assert_eq!(house.paused().await, []);
    for fault in [ill, malformed, busy, hidden] {
        house.docspace.clear(fault);
    }
    house.age(Duration::from_mins(16)).await;
    house.rooms(9).await;
}

#[tokio::test]
async fn trello_that_is_slow_or_down_delays_and_loses_nothing() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let ill = house
        .trello
        .fail(Fault::new(Effect::Answer(Answer::html(503))));
    let board = house.board("Patience");
    house.status(&board, "waiting trello").await;
    assert_eq!(house.paused().await, lane("trello", "trello_unavailable"));
    house.trello.clear(ill);
    house.rooms(1).await;
}

#[tokio::test]
async fn a_board_that_may_not_be_seen_fails_alone() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let hidden = house.board("Hidden");
    house.rooms(1).await;
    let secret = house.silent("Secret");
    house.trello.hide(&secret);
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &secret)
        .unwrap();
    house
        .trello
        .post(boardroom::sandbox::Letter::new(&house.callback(), body))
        .await
        .unwrap();
    house.status(&secret, "pending board_not_visible").await;
    house.age(Duration::from_mins(11)).await;
    house.status(&secret, "failed board_not_visible").await;
    house.status(&hidden, "mirrored").await;
    assert_eq!(house.paused().await, []);
}
