//! DocSpace's answers, refusals, lists and limits.

use std::time::Duration;

use boardroom::sandbox::{DocSpaceLimits, HandMadeRoom, UserRole};
use reqwest::Method;
use serde_json::json;

use crate::{Lab, answered};

#[tokio::test]
async fn a_room_is_answered_with_200_in_the_envelope_and_a_title_as_stored() {
    let lab = Lab::new().await;
    let body = json!({ "title": " Plan 🚀: a/b ", "roomType": 2, "tags": ["One", "one ", "Two"] });
    let reply = lab.create_room(body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    let room = &answer["response"];
    assert_eq!(room["title"], "Plan ___ a_b");
    assert_eq!(room["tags"], json!(["One", "Two"]));
    assert_eq!(
        (&room["roomType"], &room["rootFolderType"]),
        (&json!(2), &json!(14))
    );
    assert!(room["id"].is_u64());
    let created = room["created"].as_str().unwrap();
    assert_eq!(
        (created.len(), &created[19..20], &created[27..]),
        (33, ".", "+02:00")
    );
    assert_eq!(
        (&answer["status"], &answer["statusCode"], &answer["count"]),
        (&json!(0), &json!(200), &json!(1))
    );
}

#[tokio::test]
async fn what_the_real_one_refuses_is_refused_in_its_own_shape() {
    let lab = Lab::new().await;
    let long = lab
        .create_room(json!({ "title": "🚀".repeat(86), "roomType": 2 }))
        .await;
    assert_eq!(long.status, 400);
    let message = "The field Title must be a string with a maximum length of 170.";
    assert_eq!(long.json()["response"]["errors"]["Title"][0], message);
    let private = lab
        .create_room(json!({ "title": "A", "roomType": 2, "private": true }))
        .await;
    assert_eq!(private.status, 400);
    assert_eq!(
        private.json()["error"]["message"],
        "Value cannot be null. (Parameter 'shares')"
    );
    for body in [
        json!({ "title": "A" }),
        json!({ "roomType": 2 }),
        json!({ "title": "  ", "roomType": 2 }),
        json!({ "title": null, "roomType": 2 }),
        json!({ "title": "A", "roomType": 3 }),
        json!({ "title": "A", "roomType": 2, "color": "#FF5733" }),
        json!({ "title": "A", "roomType": 2, "tags": "one" }),
    ] {
        let refused = lab.create_room(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
    }
    assert_eq!(
        answered(lab.to_docspace(Method::POST, "/files/rooms").body("{}"))
            .await
            .status,
        415
    );
    assert!(lab.docspace().rooms().is_empty());
    for body in [
        json!({ "TITLE": "A", "roomtype": "2" }),
        json!({ "title": "A", "roomType": "EditingRoom", "extra": 1 }),
    ] {
        assert_eq!(lab.create_room(body).await.status, 200);
    }
}

#[tokio::test]
async fn the_key_and_its_owner_decide() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    let url = format!("{}/api/2.0/files/rooms?count=1", docspace.url());
    let lower = format!("bearer {}", docspace.api_key());
    let refused = answered(lab.client.get(&url).header("Authorization", lower)).await;
    assert_eq!(refused.said(), (401, ""));
    docspace.set_key_scopes(&["rooms:write"]);
    assert_eq!(lab.ask_docspace("/files/rooms?count=1").await.status, 200);
    assert_eq!(lab.ask_docspace("/people/@self").await.said(), (403, ""));
    assert_eq!(lab.ask_docspace("/files/fileops").await.said(), (403, ""));
    assert_eq!(
        lab.ask_docspace("/keys/@self").await.json()["response"]["permissions"],
        json!(["rooms:write"])
    );
    assert_eq!(
        lab.ask_docspace("/settings/version/build").await.status,
        403
    );
    docspace.set_key_scopes(&[]);
    assert_eq!(
        lab.ask_docspace("/people/@self").await.json()["response"]["isOwner"],
        json!(true)
    );

    docspace.set_user_role(&docspace.key_owner(), UserRole::User);
    let refused = lab
        .create_room(json!({ "title": "A", "roomType": 2 }))
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json()["error"]["message"],
        "You don't have enough permission to create"
    );
    docspace.revoke_key();
    assert_eq!(lab.ask_docspace("/files/rooms").await.said(), (401, ""));
}

#[tokio::test]
async fn rooms_are_found_by_tag_at_once_and_by_title_some_time_later() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.create_room(HandMadeRoom::titled("Alpha").tag("Trello board AB"));
    docspace.create_room(HandMadeRoom::titled("Beta").tag("other").archived());
    let found = |reply: crate::Reply| {
        reply.json()["response"]["folders"]
            .as_array()
            .unwrap()
            .len()
    };
    let tag = "/files/rooms?searchArea=2&tags=%5B%22trello%20BOARD%20ab%22%2C%22none%22%5D";
    assert_eq!(found(lab.ask_docspace(tag).await), 1);
    assert_eq!(
        found(
            lab.ask_docspace("/files/rooms?tags=%5B%22Trello%22%5D")
                .await
        ),
        0,
        "exact"
    );
    assert_eq!(
        lab.ask_docspace("/files/rooms?tags=Trello").await.status,
        500
    );
    assert_eq!(
        found(lab.ask_docspace("/files/rooms?filterValue=alpha").await),
        0
    );
    docspace.set_index_lag(Duration::ZERO);
    assert_eq!(
        found(lab.ask_docspace("/files/rooms?filterValue=alpha").await),
        1
    );
    assert_eq!(found(lab.ask_docspace("/files/rooms").await), 1);
    assert_eq!(
        found(lab.ask_docspace("/files/rooms?searchArea=1").await),
        1
    );
    let page = lab
        .ask_docspace("/files/rooms?searchArea=2&count=1&startIndex=1&sortBy=AZ")
        .await
        .json();
    assert_eq!(page["response"]["folders"][0]["title"], "Beta");
    assert_eq!(page["response"]["total"], json!(2));
    assert_eq!(
        page["response"]["current"]["security"]["Create"],
        json!(true)
    );
    for count in [0, 101] {
        assert_eq!(
            lab.ask_docspace(&format!("/files/rooms?count={count}"))
                .await
                .status,
            400
        );
    }
}

#[tokio::test]
async fn a_missing_room_is_404_to_readers_and_403_to_writers() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    assert_eq!(lab.ask_docspace("/files/rooms/999").await.status, 404);
    let path = "/files/rooms/999";
    assert_eq!(
        lab.send_docspace(Method::PUT, path, json!({ "title": "A" }))
            .await
            .status,
        403
    );
    let archive = format!("{path}/archive");
    assert_eq!(
        lab.send_docspace(Method::PUT, &archive, json!({ "deleteAfter": false }))
            .await
            .status,
        404
    );

    let ann = docspace.add_user("Ann Other", "ann@example.com", UserRole::DocSpaceAdmin);
    let theirs = docspace.create_room(HandMadeRoom::titled("Ann's").by(&ann));
    let path = format!("/files/rooms/{theirs}");
    assert_eq!(lab.ask_docspace(&path).await.status, 200);
    assert_eq!(
        lab.send_docspace(Method::PUT, &path, json!({ "title": "Ours" }))
            .await
            .status,
        403
    );
    docspace.set_user_role(&docspace.key_owner(), UserRole::RoomAdmin);
    assert_eq!(lab.ask_docspace(&path).await.status, 403);
    let ours = docspace.create_room(HandMadeRoom::titled("Ours").tag("keep"));
    let path = format!("/files/rooms/{ours}");
    let renamed = lab
        .send_docspace(Method::PUT, &path, json!({ "title": "New: title" }))
        .await
        .json();
    assert_eq!(renamed["response"]["title"], "New_ title");
    assert_eq!(renamed["response"]["tags"], json!(["keep"]));
    let replaced = lab
        .send_docspace(Method::PUT, &path, json!({ "tags": ["only"] }))
        .await
        .json();
    assert_eq!(replaced["response"]["tags"], json!(["only"]));
}

#[tokio::test]
async fn the_two_limiters_differ_in_what_they_tell() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_limits(DocSpaceLimits {
        writes_in_flight: Some(1),
        writes_per_day: Some(2),
        ..DocSpaceLimits::default()
    });
    docspace.set_create_time(Duration::from_millis(300));
    let make = || lab.create_room(json!({ "title": "A", "roomType": 2 }));
    let (first, second) = tokio::join!(make(), make());
    let refused = if first.status == 429 { first } else { second };
    assert_eq!(refused.said(), (429, ""));
    assert_eq!(refused.header("retry-after"), None);
    docspace.set_create_time(Duration::ZERO);
    assert_eq!(make().await.status, 200);
    let daily = make().await;
    assert_eq!(daily.said(), (429, ""));
    assert!(daily.header("retry-after").unwrap().parse::<u64>().unwrap() <= 86_400);
}

#[tokio::test]
async fn a_redirect_to_https_is_answered_and_not_meant_for_a_post() {
    let lab = Lab::new().await;
    lab.docspace().set_redirect_to_https(true);
    let reply = lab
        .create_room(json!({ "title": "A", "roomType": 2 }))
        .await;
    assert_eq!(reply.status, 301);
    assert!(reply.header("location").unwrap().starts_with("https://"));
}
