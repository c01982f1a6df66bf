//! What people tell by the API about rooms: that a board gets one, and which it is.

use boardroom::sandbox::{Answer, Effect, Fault, HandMadeRoom};
use serde_json::{Value, json};

use crate::asking::Reader;
use crate::house::{House, eventually};

pub(super) fn board_tag(board: &str) -> String {
    format!("Trello board {board}")
}

#[tokio::test]
async fn a_board_gets_a_room_whatever_the_rules_say_and_once() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let path = format!("/boards/{board}");
    let before = reader.post(&format!("{path}/mirror"), None).await.json();
    let room = reader.get(&path).await.json()["room_id"].clone();
    assert_eq!(before["room_id"], room);
    assert!(
        before["sentence"]
            .as_str()
            .unwrap()
            .starts_with("it has room"),
        "{before}"
    );

    let left = house.silent("Left alone");
    assert_eq!(
        reader
            .post(&format!("/boards/{left}/ignore"), None)
            .await
            .status,
        200
    );
    house.status(&left, "ignored told").await;
    let asked = reader.post("/boards/Left%20alone/mirror", None).await;
    assert_eq!(asked.json()["board_id"], json!(*left));
    house.status(&left, "mirrored").await;

    // Only Trello knows it.
    let untold = house.silent("Untold");
    let asked = reader.post("/boards/Untold/mirror", None).await.json();
    assert_eq!(asked["board_id"], json!(*untold));
    house.status(&untold, "mirrored").await;
    assert_eq!(house.docspace.room_count(), 3);
    let history = reader
        .get(&format!("/boards/{untold}/history"))
        .await
        .json();
    let told = history["history"].as_array().unwrap();
    assert!(
        told.iter().any(|line| line["detail"] == "to mirror it"),
        "{history}"
    );
}

#[tokio::test]
async fn what_gets_no_room_is_refused_and_nothing_is_written() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let inbox = house.trello.inbox();
    house.status(&inbox, "ignored inbox").await;
    let (hidden, gone) = (house.silent("Hidden"), house.silent("Gone"));
    house.trello.hide(&hidden);
    house.trello.delete(&gone);
    house.silent("Twice");
    house.silent("Twice");
    for (board, status, code) in [
        (&*inbox, 409, "board_is_inbox"),
        (&*hidden, 404, "board_not_visible"),
        (&*gone, 404, "board_unknown"),
        ("Nobody", 404, "board_unknown"),
        (
            "https:%2F%2Ftrello.com%2Fc%2FaBcD1234",
            400,
            "board_unclear",
        ),
        ("Twice", 409, "board_ambiguous"),
    ] {
        let refused = reader.post(&format!("/boards/{board}/mirror"), None).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{board}"
        );
    }
    let room = house.docspace.create_room(HandMadeRoom::titled("By hand"));
    let path = format!("/boards/{inbox}/room");
    let refused = reader.put(&path, &json!({ "room": room })).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "board_is_inbox")
    );
    let linked = "SELECT count(*) FROM board WHERE room_id IS NOT NULL";
    assert_eq!(house.count(linked).await, 0);
    let told = "SELECT count(*) FROM history WHERE event = 'told'";
    assert_eq!(house.count(told).await, 0);
}

#[tokio::test]
async fn a_room_that_people_made_becomes_the_boards_and_the_others_lose_its_tag() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let first = house.docspace.rooms()[0].id;
    let path = format!("/boards/{board}/room");
    let tagged = |title| {
        let room = HandMadeRoom::titled(title).tag("Trello integration");
        room.tag(&board_tag(&board))
    };
    let archived = house.docspace.create_room(tagged("Old").archived());
    let right = house.docspace.create_room(HandMadeRoom::titled("By hand"));
    let linked = reader.put(&path, &json!({ "room": right })).await;
    assert_eq!(linked.status, 200, "{linked:?}");
    let linked = linked.json();
    assert_eq!(linked["room_before"], json!(first));
    let others: Vec<_> = linked["others"]
        .as_array()
        .unwrap()
        .iter()
        .map(|other| (other["room_id"].clone(), other["untagged"].clone()))
        .collect();
    assert!(
        others.len() == 2
            && others.contains(&(json!(first), json!(true)))
            && others.contains(&(json!(archived), json!(false))),
        "{linked}"
    );
    // The service makes it agree.
    eventually("the room follows the board", || async {
        let room = house.docspace.room(right).unwrap();
        room.title == "Launch" && room.tags.contains(&board_tag(&board))
    })
    .await;
    house.status(&board, "mirrored").await;
    let one = reader.get(&format!("/boards/{board}")).await.json();
    assert_eq!(one["room_id"], json!(right));
    let old = house.docspace.room(first).unwrap();
    assert_eq!(old.tags, ["Trello integration"]);
    assert_eq!(house.docspace.room_count(), 3, "nothing is deleted");

    // By its address, and as often as one likes.
    let again = reader
        .put(&path, &json!({ "room": linked["room_url"] }))
        .await
        .json();
    assert_eq!(
        (&again["room_id"], &again["room_before"]),
        (&json!(right), &Value::Null)
    );
}

#[tokio::test]
async fn a_room_that_cannot_be_the_boards_is_refused_and_said_why() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let (ours, theirs) = (house.board("Ours"), house.board("Theirs"));
    house.status(&ours, "mirrored").await;
    house.status(&theirs, "mirrored").await;
    let rooms = house.docspace.rooms();
    let room = |name: &str| rooms.iter().find(|room| room.title == name).unwrap().id;
    let claimed = HandMadeRoom::titled("Claimed").tag(&board_tag(&theirs));
    let claimed = house.docspace.create_room(claimed);
    let path = format!("/boards/{ours}/room");
    for (room, status, code, words) in [
        (room("Theirs"), 409, "room_taken", "is recorded for board"),
        (claimed, 409, "room_taken", "of another board"),
        (4_711, 404, "room_unknown", "no room 4711"),
    ] {
        let refused = reader.put(&path, &json!({ "room": room })).await;
        let found = (refused.status, refused.code());
        assert_eq!(found, (status, code.to_owned()), "{room}");
        assert!(refused.text.contains(words), "{room}: {refused:?}");
    }
    // The key may not see it, though it works otherwise.
    let private = house.docspace.create_room(HandMadeRoom::titled("Private"));
    let address = format!("/api/2.0/files/rooms/{private}");
    let forbidden = Answer::exception(403, "System.Security.SecurityException", "Access denied");
    let fault = Fault::on("GET", &address, Effect::Answer(forbidden));
    house.docspace.fail(fault);
    let refused = reader.put(&path, &json!({ "room": private })).await;
    let found = (refused.status, refused.code());
    assert_eq!(found, (404, "room_unknown".to_owned()), "{refused:?}");
    let own = json!({ "room": room("Ours") });
    let nobody = reader.put("/boards/Nobody/room", &own).await;
    assert_eq!(nobody.code(), "board_unknown");
    let one = reader.get(&format!("/boards/{ours}")).await.json();
    assert_eq!(one["room_id"], own["room"], "nothing has changed");
    assert_eq!(house.docspace.requests_to("DELETE", "/"), 0);
}

#[tokio::test]
async fn what_is_no_room_is_said_before_anybody_is_asked() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let elsewhere = "https://elsewhere.example/rooms/shared/38";
    for (body, code, words) in [
        (
            json!({ "room": 0 }),
            "room_unclear",
            "`room`: this is no room",
        ),
        (json!({ "room": "Ours" }), "room_unclear", "give its number"),
        (
            json!({ "room": elsewhere }),
            "room_unclear",
            "not on the DocSpace",
        ),
        (json!({}), "malformed", "`room` is missing: give the number"),
        (json!({ "room": 3.5 }), "malformed", "`room` is a number"),
        (json!({ "room": [38] }), "malformed", "`room` is a list"),
        (
            json!({ "room": 38, "force": 1 }),
            "malformed",
            "`force` is no",
        ),
    ] {
        let refused = reader.put("/boards/Nobody/room", &body).await;
        let found = (refused.status, refused.code());
        assert_eq!(found, (400, code.to_owned()), "{body}");
        assert!(refused.text.contains(words), "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn while_a_service_does_not_answer_no_room_is_linked() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    house.docspace.down().await.unwrap();
    let path = format!("/boards/{board}/room");
    // Whether the service has learnt of it by then or not.
    for _ in 0..2 {
        let refused = reader.put(&path, &json!({ "room": 38 })).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (503, "service_paused")
        );
        assert!(refused.text.contains("DocSpace"), "{refused:?}");
        assert!(refused.headers.contains_key("retry-after"));
    }
    house.trello.down().await.unwrap();
    let refused = reader.post("/boards/Unknown/mirror", None).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "service_paused")
    );
    assert!(refused.text.contains("Trello"), "{refused:?}");
    // What the database knows needs nobody.
    assert_eq!(
        reader
            .post(&format!("/boards/{board}/mirror"), None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_would_become_of_a_board_is_told_as_the_command_tells_it() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let path = format!("/boards/{board}/plan");
    let nothing = reader.get(&path).await.json();
    assert_eq!(nothing["changes"], json!([]));
    let room = house.docspace.rooms()[0].id;
    house.docspace.rename_room(room, "By hand");
    let planned = reader.get(&path).await.json();
    // It asks the sandbox, which answers from here.
    let told = house.command(&["plan", "--json", &board]);
    let told = tokio::process::Command::from(told).output().await.unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(planned["changes"], json!([told]));
    let change = &planned["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"]),
        (&json!("By hand"), &json!("Launch"))
    );

    // Where Trello does not say how the board is, that is not nothing to do.
    let address = format!("/1/boards/{board}");
    let busy = Fault::on("GET", &address, Effect::Answer(Answer::too_many(Some(7))));
    let busy = house.trello.fail(busy);
    let refused = reader.get(&path).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "service_paused"),
        "{refused:?}"
    );
    house.trello.clear(busy);

    // Only Trello knows it; and nothing is done about it.
    let untold = house.silent("Untold");
    let planned = reader.get("/boards/Untold/plan").await.json();
    assert_eq!(planned["board_id"], json!(*untold));
    assert_eq!(planned["changes"][0]["change"], "create");
    assert_eq!(
        reader.get("/boards/Nobody/plan").await.code(),
        "board_unknown"
    );
    assert_eq!(house.docspace.room_count(), 1);
    // Another site must not make a browser spend what the boards need.
    let astray = visitor.with_token().with("sec-fetch-site", "cross-site");
    let astray = astray.get(&format!("/api/v1{path}")).await;
    assert_eq!((astray.status, astray.code().as_str()), (403, "cross_site"));
    house.docspace.down().await.unwrap();
    let refused = reader.get(&path).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "service_paused")
    );
}
