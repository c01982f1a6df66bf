//! What people tell by the API: it is obeyed as if a command had been given.

use serde_json::json;

use crate::asking::Reader;
use crate::house::{House, eventually};

#[tokio::test]
async fn a_person_s_word_by_the_api_is_obeyed() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let tried = reader.post("/boards/Launch/retry", None).await.json();
    assert_eq!(
        tried["sentence"],
        "1 board is tried again: a running service does so now"
    );
    let tried = reader
        .post(
            "/retry",
            Some(&json!({ "boards": [board.to_string(), "Launch"] }).to_string()),
        )
        .await;
    assert_eq!(tried.json()["boards"], 1);
    let tried = reader.post("/retry", Some("{\"all\":true}")).await.json();
    assert_eq!(tried["boards"], 0);
    let released = reader.post("/release", None).await.json();
    assert_eq!(
        released["sentence"],
        "no brake is on, and no board waits for one"
    );
}

#[tokio::test]
async fn what_was_begun_is_done_although_nobody_waits_for_it() {
    let mut house = House::new().await;
    let visitor = house.administered().with_token();
    let mut service = house.start().await;
    let writing = "BEGIN; LOCK TABLE lane IN ACCESS EXCLUSIVE MODE";
    let held = house.storage.hold("BEGIN IMMEDIATE", writing).await;
    let moment = std::time::Duration::from_millis(500);
    let left = tokio::time::timeout(moment, visitor.post("/api/v1/release", None)).await;
    assert!(left.is_err(), "it waits for whoever writes: {left:?}");
    held.end().await;
    service.logged("the brake was let go by the API").await;
}

#[tokio::test]
async fn a_sweep_that_is_asked_of_one_service_is_done_by_the_one_that_leads() {
    let mut house = House::new().await.shared_by(2).await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    house.administered();
    let mut leading = house.replica(0);
    house.settled(&mut leading).await;
    let visitor = house.administered();
    let mut following = house.replica(1);
    // Not the line that another one serves on this database.
    following.logged("\"boardroom serves\"").await;
    let reader = Reader::new(&visitor).await;
    house.silent("Untold");
    // The first time that a service reads how often a sweep was asked for says nothing new.
    eventually("the board was found", || async {
        assert_eq!(reader.post("/sweep", None).await.status, 202);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        house.docspace.room_count() == 1
    })
    .await;
    assert!(!following.log().contains("watching"), "the other one leads");
}
