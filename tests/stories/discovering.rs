//! Nothing is missed: sweeps, baselines, restarts, lost databases, webhooks.

use boardroom::sandbox::{Effect, Fault, HandMadeRoom, NewBoard, WebhookOwner};
use jiff::SignedDuration;

use crate::house::{House, SOON};

#[tokio::test]
async fn a_board_whose_delivery_never_came_is_found_by_the_sweep() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    let board = house.silent("Silent");
    house.status(&board, "mirrored").await;
    let personal = house
        .trello
        .create_board(NewBoard::named("Personal").silently());
    house.status(&personal, "mirrored").await;
    house.rooms(2).await;
}

#[tokio::test]
async fn a_service_that_was_off_for_a_week_catches_up() {
    let mut house = House::new().await;
    let service = house.start().await;
    service.stop().await;
    let later = house.trello.now() + SignedDuration::from_hours(24);
    for number in 0..12 {
        house.trello.create_board(
            NewBoard::named(&format!("Week {number}"))
                .in_workspace(&house.workspace)
                .silently(),
        );
    }
    house
        .trello
        .set_clock_skew(SignedDuration::from_hours(7 * 24));
    assert!(house.trello.now() > later);
    let _service = house.start().await;
    house.rooms(12).await;
}

#[tokio::test]
async fn a_restart_registers_nothing_twice_and_rearms_what_is_off() {
    let mut house = House::new().await;
    let service = house.start().await;
    let stranger = house.trello.add_webhook(
        WebhookOwner::OurToken,
        &house.workspace,
        "https://elsewhere.example/hook",
        "theirs",
    );
    service.stop().await;
    let before = house.trello.webhooks();
    assert_eq!(before.len(), 3, "nothing is deleted when it stops");
    let ours = house
        .trello
        .webhooks_on(&house.workspace)
        .into_iter()
        .find(|hook| hook.id != stranger)
        .unwrap();
    assert_eq!(ours.description, "boardroom: boardroom");
    house
        .trello
        .edit_webhook(&ours.id, |hook| hook.active = false);
    house
        .trello
        .edit_webhook(&stranger, |hook| hook.active = false);
    house.trello.forget_requests();
    let _service = house.start().await;
    assert_eq!(house.trello.webhooks().len(), 3);
    assert_eq!(house.trello.requests_to("POST", "/1/webhooks"), 0);
    assert_eq!(house.trello.requests_to("PUT", "/1/webhooks"), 1);
    let untouched = house
        .trello
        .webhooks()
        .into_iter()
        .find(|hook| hook.id == stranger)
        .unwrap();
    assert!(!untouched.active, "others' webhooks are never touched");
}

#[tokio::test]
async fn a_public_url_that_cannot_be_reached_is_explained_and_sweeps_go_on() {
    let mut house = House::new().await;
    house.set("BOARDROOM_PUBLIC_URL", "http://127.0.0.1:9");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let mut service = house.spawn();
    service
        .logged("Trello could not reach the public URL")
        .await;
    service.logged("http://127.0.0.1:9/webhooks/trello").await;
    house.silent("All the same");
    house.rooms(1).await;
    assert!(
        service.log().contains("did not return 200"),
        "what Trello said is told"
    );
}

#[tokio::test]
async fn without_a_public_url_sweeps_do_it_alone() {
    let mut house = House::new().await;
    house.set("BOARDROOM_PUBLIC_URL", "");
    house.set("TRELLO_API_SECRET", "");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let mut service = house.spawn();
    service.logged("BOARDROOM_PUBLIC_URL is not set").await;
    service.logged("swept").await;
    house.silent("Behind a firewall");
    house.rooms(1).await;
    assert!(house.trello.webhooks().is_empty());
    let letter = boardroom::sandbox::Letter::new(&house.url("/webhooks/trello"), "{}");
    assert_eq!(house.trello.post(letter).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_lost_database_is_filled_from_the_rooms_before_anything_is_created() {
    let mut house = House::new().await;
    let old = house.trello.now() - SignedDuration::from_hours(100);
    let mut boards = Vec::new();
    for number in 0..130 {
        let name = format!("Board {number}");
        let board = house.trello.create_board(
            NewBoard::named(&name)
                .in_workspace(&house.workspace)
                .created_at(old),
        );
        let room = HandMadeRoom::titled(&name)
            .tag("Trello integration")
            .tag(&format!("trello board {board}"))
            .created_at(old);
        house.docspace.create_room(if number % 3 == 0 {
            room.archived()
        } else {
            room
        });
        boards.push(board);
    }
    let missed = house.trello.now() - SignedDuration::from_hours(110);
    let missed = house.trello.create_board(
        NewBoard::named("Made while nobody looked")
            .in_workspace(&house.workspace)
            .created_at(missed),
    );
    house.set("BOARDROOM_TRELLO_RATE", "1000/10s");
    house.trello.without_rate_limits();
    let _service = house.start().await;
    // A room that was archived although its board is open is taken as it is: that is a person's doing, for all we know.
    for (number, board) in boards.iter().enumerate() {
        let is_archived = number % 3 == 0;
        let status = if is_archived {
            "mirrored drift"
        } else {
            "mirrored"
        };
        house.status(board, status).await;
    }
    house.status(&missed, "mirrored").await;
    house.rooms(131).await;
}

#[tokio::test]
async fn a_closed_board_gets_its_room_when_it_is_reopened() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    let board = house.trello.create_board(
        NewBoard::named("Shut")
            .in_workspace(&house.workspace)
            .closed()
            .silently(),
    );
    house.status(&board, "ignored closed_when_first_seen").await;
    house.trello.reopen(&board);
    house.status(&board, "mirrored").await;
    house.rooms(1).await;
}

#[tokio::test]
async fn what_is_not_ours_gets_no_room() {
    let mut house = House::new().await;
    let other = house.trello.add_workspace("Design");
    house.set("BOARDROOM_WORKSPACES", "sales TEAM, Nowhere");
    house.set("BOARDROOM_PERSONAL_BOARDS", "false");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let mut service = house.start().await;
    service.logged("Nowhere").await;
    let template = house.trello.create_board(
        NewBoard::named("Template")
            .in_workspace(&house.workspace)
            .template(),
    );
    let personal = house.trello.create_board(NewBoard::named("Personal"));
    let elsewhere = house
        .trello
        .create_board(NewBoard::named("Elsewhere").in_workspace(&other));
    house.board("Ours");
    house.rooms(1).await;
    house.status(&template, "ignored template").await;
    house.status(&personal, "ignored outside_workspaces").await;
    house.status(&elsewhere, "ignored outside_workspaces").await;
    assert!(house.trello.webhooks_on(&other).is_empty());
    drop(service);
    // Another configuration, another verdict.
    house.set("BOARDROOM_WORKSPACES", "");
    let _service = house.start().await;
    house.rooms(2).await;
}

#[tokio::test]
async fn existing_boards_get_rooms_when_a_person_says_so() {
    let mut house = House::new().await;
    let old = house.trello.now() - SignedDuration::from_hours(1000);
    for number in 0..3 {
        house.trello.create_board(
            NewBoard::named(&format!("Old {number}"))
                .in_workspace(&house.workspace)
                .created_at(old),
        );
    }
    let service = house.start().await;
    assert_eq!(house.docspace.room_count(), 0);
    service.stop().await;
    house.set("BOARDROOM_EXISTING_BOARDS", "mirror");
    let _service = house.start().await;
    house.rooms(3).await;
}

#[tokio::test]
async fn a_sweep_over_unchanged_boards_asks_once_per_workspace() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    for number in 0..50 {
        house.silent(&format!("Board {number}"));
    }
    let mut service = house.start().await;
    house.rooms(50).await;
    // Each gets a webhook of its own first.
    let all = |trello: &boardroom::sandbox::Trello| trello.webhooks().len() == 52;
    house.trello.wait_until(all, SOON).await.unwrap();
    let sweeps = |log: &str| log.matches("\"swept\"").count();
    let settled = sweeps(&service.log()) + 1;
    crate::house::eventually("a sweep goes by", || async {
        sweeps(&service.log()) > settled
    })
    .await;
    house.trello.forget_requests();
    let lists =
        |trello: &boardroom::sandbox::Trello| trello.requests_to("GET", "/1/members/me/boards");
    house
        .trello
        .wait_until(|trello| lists(trello) >= 3, SOON)
        .await
        .unwrap();
    assert_eq!(house.trello.requests_to("GET", "/1/boards/"), 0);
    assert!(
        house.trello.requests().len() <= 4 * 4,
        "{}",
        house.trello.requests().len()
    );
    service.logged("swept").await;
}

#[tokio::test]
async fn one_workspace_that_cannot_be_listed_stops_no_other() {
    let mut house = House::new().await;
    let other = house.trello.add_workspace("Design");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let answer = boardroom::sandbox::Answer::text(401, "unauthorized permission requested");
    let path = format!("/1/organizations/{other}/boards");
    let fault = house
        .trello
        .fail(Fault::new(Effect::Answer(answer)).path(&path));
    let _service = house.start().await;
    house.silent("Ours");
    house.rooms(1).await;
    let waits = house
        .trello
        .create_board(NewBoard::named("Theirs").in_workspace(&other));
    house.status(&waits, "waiting baseline").await;
    house.trello.clear(fault);
    house.rooms(2).await;
}
