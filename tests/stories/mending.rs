//! What people and operators do in between: other keys, deleted rooms, lost lists, services that hang.

use std::process::Output;
use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, HandMadeRoom, Letter, NewBoard, UserRole};
use jiff::SignedDuration;

use crate::house::{House, SOON, eventually};

const ROOMS: &str = "/api/2.0/files/rooms";
const WINDOW: Duration = Duration::from_secs(130);

impl House {
    /// A board whose create makes an untagged room and is never answered.
    async fn abandoned_board(&self, name: &str) -> boardroom::sandbox::BoardId {
        let fault = Fault::on("POST", ROOMS, Effect::UntaggedDrop)
            .about(name)
            .once();
        let fault = self.docspace.fail(fault);
        let board = self.board(name);
        self.docspace
            .wait_until(|docspace| docspace.struck(fault) > 0, SOON)
            .await
            .unwrap();
        board
    }

    async fn mirror(&self, board: &str) -> Output {
        let mut command = self.command(&["mirror", board]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        output.await.unwrap()
    }
}

#[tokio::test]
async fn rooms_that_another_users_key_makes_are_found_as_well() {
    let mut house = House::new().await;
    let service = house.start().await;
    let one = house.abandoned_board("One").await;
    house.status(&one, "mirrored").await;
    service.stop().await;
    let bob = house
        .docspace
        .add_user("Bob", "bob@example.com", UserRole::DocSpaceAdmin);
    house.docspace.set_key_owner(&bob);
    let _service = house.start().await;
    let two = house.abandoned_board("Two").await;
    house.status(&two, "mirrored").await;
    house.rooms(2).await;
}

#[tokio::test]
async fn a_room_deleted_by_hand_comes_back_on_a_persons_word_and_only_then() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.board("Told");
    house.status(&board, "mirrored").await;
    house.docspace.delete_room(house.docspace.rooms()[0].id);
    assert!(house.mirror(&board).await.status.success());
    house.rooms(1).await;
    house.docspace.delete_room(house.docspace.rooms()[0].id);
    house.trello.rename(&board, "Told once");
    let seen = format!("SELECT count(*) FROM board WHERE id = '{board}' AND name = 'Told once'");
    eventually("it was looked at again", || async {
        house.count(&seen).await == 1
    })
    .await;
    assert_eq!(
        house.docspace.room_count(),
        0,
        "the word was about that one time"
    );
}

#[tokio::test]
async fn a_twin_takes_the_place_of_a_room_that_was_deleted() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.board("Twin");
    house.status(&board, "mirrored").await;
    let first = house.docspace.rooms()[0].id;
    let twin = HandMadeRoom::titled("Twin")
        .tag("Trello integration")
        .tag(&format!("Trello board {board}"));
    let twin = house.docspace.create_room(twin);
    house.docspace.delete_room(first);
    let output = house.mirror(&board).await;
    let url = String::from_utf8(output.stdout).unwrap();
    assert!(
        url.contains(&format!("/rooms/shared/{twin}/filter")),
        "{url}"
    );
    house.rooms(1).await;
}

#[tokio::test]
async fn killed_in_the_first_audit_it_still_knows_that_a_database_was_lost() {
    let mut house = House::new().await;
    let old = house.trello.now() - SignedDuration::from_hours(100);
    for number in 0..110 {
        let new = NewBoard::named("Old")
            .in_workspace(&house.workspace)
            .created_at(old);
        let board = house.trello.create_board(new);
        let room = HandMadeRoom::titled(&format!("Old {number}")).tag("Trello integration");
        house
            .docspace
            .create_room(room.tag(&format!("Trello board {board}")).created_at(old));
    }
    let lately = house.trello.now() - SignedDuration::from_hours(50);
    let missed = house.trello.create_board(
        NewBoard::named("Missed")
            .in_workspace(&house.workspace)
            .created_at(lately),
    );
    house.set("BOARDROOM_TRELLO_RATE", "1000/10s");
    house.trello.without_rate_limits();
    let service = house.spawn();
    let adopted = "SELECT count(*) FROM board WHERE room_id IS NOT NULL";
    eventually("some are adopted", || async {
        house.count(adopted).await > 3
    })
    .await;
    service.kill();
    let _service = house.start().await;
    house.status(&missed, "mirrored").await;
}

#[tokio::test]
async fn a_workspace_that_is_missing_for_a_moment_strands_no_board() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    let nothing = Effect::Answer(Answer::json(200, &serde_json::json!([])));
    let fault = house
        .trello
        .fail(Fault::new(nothing).path("/1/members/me/organizations"));
    house
        .trello
        .wait_until(|trello| trello.struck(fault) > 1, SOON)
        .await
        .unwrap();
    let board = house.board("Meanwhile");
    house.status(&board, "ignored outside_workspaces").await;
    house.trello.clear(fault);
    house.status(&board, "mirrored").await;
}

#[tokio::test]
async fn without_a_webhook_of_our_own_foreign_deliveries_still_cause_nothing() {
    let mut house = House::new().await;
    let callback = house.callback();
    house.set("BOARDROOM_PUBLIC_URL", "");
    house.set("BOARDROOM_CALLBACK_URLS", &callback);
    let mut service = house.spawn();
    service.logged("swept").await;
    house
        .trello
        .wait_until(|trello| trello.requests_to("GET", "/1/tokens/") > 0, SOON)
        .await
        .unwrap();
    let elsewhere = house.trello.add_foreign_workspace("Elsewhere");
    let theirs = house.trello.create_board(
        NewBoard::named("Theirs")
            .in_workspace(&elsewhere)
            .silently(),
    );
    let body = house
        .trello
        .compose(&elsewhere, "addToOrganizationBoard", &theirs)
        .unwrap();
    let known = format!("SELECT count(*) FROM board WHERE id = '{theirs}'");
    let receipt = house
        .trello
        .post(Letter::new(&callback, body))
        .await
        .unwrap();
    assert_eq!((receipt.status, house.count(&known).await), (200, 0));
}

#[tokio::test]
async fn a_docspace_that_hangs_gets_no_more_creates_than_may_be_in_flight() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "2s");
    let _service = house.start().await;
    let hang = house.docspace.fail(Fault::new(Effect::Hang));
    let boards: Vec<_> = (0..20)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    for board in &boards {
        house.status(board, "waiting docspace").await;
    }
    assert!(house.docspace.requests_to("POST", ROOMS) <= 4);
    house.docspace.clear(hang);
    house.age(WINDOW).await;
    house.rooms(20).await;
}

#[tokio::test]
async fn titles_that_are_stored_alike_are_not_mistaken_for_each_other() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let lost = house.docspace.fail(
        Fault::on("POST", ROOMS, Effect::Drop)
            .about("Sprint: 1")
            .once(),
    );
    let one = house.board("Sprint: 1");
    house
        .docspace
        .wait_until(|docspace| docspace.struck(lost) > 0, SOON)
        .await
        .unwrap();
    let other = house.abandoned_board("Sprint/ 1").await;
    house.status(&one, "waiting confirmation").await;
    house.status(&other, "waiting confirmation").await;
    house.age(WINDOW).await;
    house.status(&one, "mirrored").await;
    house.status(&other, "mirrored").await;
    house.rooms(2).await;
}

#[tokio::test]
async fn an_invitation_waits_until_docspace_has_time_for_it() {
    let mut house = House::new().await;
    house.set("BOARDROOM_ROOM_MEMBERS", "ann@example.com:editor");
    let busy = Effect::Answer(Answer::too_many(None));
    house.docspace.fail(
        Fault::new(busy)
            .method("PUT")
            .when(|call| call.path.ends_with("/share"))
            .times(2),
    );
    let _service = house.start().await;
    let board = house.board("Patient");
    house.status(&board, "mirrored").await;
    assert_eq!(house.docspace.rooms()[0].members.len(), 1);
}

#[tokio::test]
async fn a_command_and_the_service_share_the_budget() {
    let mut house = House::new().await;
    house.set("BOARDROOM_TRELLO_RATE", "30/3s");
    let _service = house.start().await;
    for number in 0..60 {
        house.board(&format!("Board {number}"));
    }
    let asked = house.silent("Asked for");
    assert!(house.mirror(&asked).await.status.success());
    house.rooms(61).await;
    let peak = house.trello.peak_requests_in(Duration::from_secs(3));
    assert!(peak <= 30, "{peak} requests within three seconds");
}
