//! What takes time or happens in parts: quota, archive, invitations, tags.

use std::time::Duration;

use boardroom::sandbox::{Effect, Fault, HandMadeRoom, Operations};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Lab, SOON, answered};

#[tokio::test]
async fn the_thirteenth_room_is_402_until_one_is_archived() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_quota(Some(1));
    let first = docspace.create_room(HandMadeRoom::titled("First"));
    let refused = lab
        .create_room(json!({ "title": "Second", "roomType": 2 }))
        .await;
    assert_eq!(refused.status, 402);
    assert_eq!(
        refused.json()["error"]["message"],
        "The number of rooms should not exceed 1"
    );
    docspace.archive_room(first);
    assert_eq!(
        lab.create_room(json!({ "title": "Second", "roomType": 2 }))
            .await
            .status,
        200
    );

    let path = format!("/files/rooms/{first}/unarchive");
    let queued = answered(lab.to_docspace(Method::PUT, &path)).await.json();
    let id = queued["response"]["id"].as_str().unwrap().to_owned();
    let polled = poll(&lab, &id).await;
    assert_eq!(polled["error"], "The number of rooms should not exceed 1");
    assert!(docspace.room(first).unwrap().archived);
}

#[tokio::test]
async fn archiving_is_asynchronous_and_freezes_the_room() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    let room = docspace.create_room(HandMadeRoom::titled("A"));
    let path = format!("/files/rooms/{room}/archive");
    assert_eq!(
        lab.send_docspace(Method::PUT, &path, json!({ "deleteAfter": null }))
            .await
            .status,
        400
    );
    let queued = lab
        .send_docspace(Method::PUT, &path, json!({ "deleteAfter": false }))
        .await
        .json();
    assert_eq!(queued["response"]["Operation"], json!(0));
    assert_eq!(queued["response"]["finished"], json!(false));
    assert!(!docspace.room(room).unwrap().archived);
    docspace
        .wait_until(|docspace| docspace.room(room).unwrap().archived, SOON)
        .await
        .unwrap();
    let id = queued["response"]["id"].as_str().unwrap();
    assert_eq!(poll(&lab, id).await["progress"], json!(100));
    let again = lab
        .ask_docspace(&format!("/files/fileops?id={id}"))
        .await
        .json();
    assert_eq!(again["response"], json!([]), "reported once");
    let shown = lab
        .ask_docspace(&format!("/files/rooms/{room}"))
        .await
        .json();
    assert_eq!(shown["response"]["rootFolderType"], json!(20));
    for (path, body) in [
        ("", json!({ "title": "B" })),
        ("/tags", json!({ "names": ["x"] })),
        ("/share", json!({})),
    ] {
        let refused = lab
            .send_docspace(Method::PUT, &format!("/files/rooms/{room}{path}"), body)
            .await;
        assert_eq!(refused.status, 403, "{path}");
    }
    docspace.set_operations(Operations::Fail(Duration::ZERO, "broken".to_owned()));
    let path = format!("/files/rooms/{room}/unarchive");
    let queued = answered(lab.to_docspace(Method::PUT, &path)).await.json();
    assert_eq!(
        poll(&lab, queued["response"]["id"].as_str().unwrap()).await["error"],
        "broken"
    );
}

#[tokio::test]
async fn each_invitation_is_taken_or_refused_by_itself() {
    let lab = Lab::new().await;
    let room = lab.docspace().create_room(HandMadeRoom::titled("A"));
    let body = json!({ "invitations": [
        { "email": "guest@example.com", "access": 10 },
        { "email": "boss@example.com", "access": "RoomManager" },
        { "email": "nobody", "access": 2 },
    ], "notify": false });
    let path = format!("/files/rooms/{room}/share");
    let shared = lab.send_docspace(Method::PUT, &path, body).await.json();
    assert_eq!(shared["response"]["members"].as_array().unwrap().len(), 1);
    assert!(shared["response"]["warning"].is_string());
    assert_eq!(
        lab.ask_docspace(&path).await.json()["count"],
        json!(2),
        "the owner and the guest"
    );
    let link = lab.ask_docspace(&format!("/files/rooms/{room}/link")).await;
    assert_eq!(link.status, 403, "rooms of type 2 have no link");
    lab.docspace().set_guests_allowed(false);
    let body = json!({ "invitations": [{ "email": "new@example.com", "access": 2 }] });
    assert_eq!(
        lab.send_docspace(Method::PUT, &path, body).await.status,
        403
    );
}

#[tokio::test]
async fn tags_are_written_after_the_room_and_may_never_be() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_tag_pause(Duration::from_millis(500));
    let body = json!({ "title": "A", "roomType": 2, "tags": ["mark"] });
    let making = lab.create_room(body.clone());
    let seen = docspace.wait_until(
        |docspace| docspace.rooms().iter().any(|room| room.tags.is_empty()),
        SOON,
    );
    let (made, seen) = tokio::join!(making, seen);
    seen.expect("there was a room without its tags");
    assert_eq!(made.json()["response"]["tags"], json!(["mark"]));
    docspace.fail(Fault::on("POST", "/api/2.0/files/rooms", Effect::UntaggedDrop).once());
    let lost = lab
        .to_docspace(Method::POST, "/files/rooms")
        .json(&body)
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(docspace.rooms().len(), 2);
    assert!(docspace.rooms()[1].tags.is_empty());
    let too_long = json!({ "title": "B", "roomType": 2, "tags": ["t".repeat(256)] });
    assert_eq!(lab.create_room(too_long).await.status, 500);
    assert_eq!(
        docspace.rooms().len(),
        3,
        "the room was saved before its tag failed"
    );
}

/// Asks until the operation is finished.
async fn poll(lab: &Lab, id: &str) -> Value {
    loop {
        let list = lab
            .ask_docspace(&format!("/files/fileops?id={id}"))
            .await
            .json();
        assert!(
            !list["response"].as_array().unwrap().is_empty(),
            "forgotten before it was reported"
        );
        if list["response"][0]["finished"] == json!(true) {
            return list["response"][0].clone();
        }
    }
}
