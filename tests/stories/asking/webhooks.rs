//! The webhooks, by the API: brought in line when a person says so.

use std::time::Duration;

use boardroom::sandbox::{Trello, WebhookOwner};
use serde_json::Value;

use crate::asking::Reader;
use crate::house::{House, SOON, eventually};

#[tokio::test]
async fn webhooks_are_brought_in_line_by_whichever_service_leads() {
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
    let (workspace, callback) = (house.workspace.clone(), house.callback());
    let ours = |trello: &Trello| {
        let mut all = trello.webhooks_on(&workspace).into_iter();
        all.find(|hook| hook.callback_url == callback)
    };
    house
        .trello
        .delete_webhook(&ours(&house.trello).unwrap().id);
    // The first time that a service reads how often it was asked says nothing new.
    eventually("the webhook is back", || async {
        assert_eq!(reader.post("/webhooks/sync", None).await.status, 202);
        let back = |trello: &Trello| ours(trello).is_some();
        let moment = Duration::from_secs(2);
        house.trello.wait_until(back, moment).await.is_ok()
    })
    .await;
    // What nothing needs goes the same way, as with the command: no later round is waited for.
    let older = "https://older.example.com/webhooks/trello";
    let stale = house.trello.add_webhook(
        WebhookOwner::OurToken,
        &workspace,
        older,
        "boardroom: boardroom",
    );
    let is_listed = |listed: &Value| {
        let mut all = listed["webhooks"].as_array().unwrap().iter();
        all.any(|hook| hook["callback"] == older)
    };
    eventually("it is listed", || async {
        is_listed(&reader.get("/webhooks").await.json())
    })
    .await;
    assert_eq!(reader.post("/webhooks/sync", None).await.status, 202);
    let gone = |trello: &Trello| trello.webhooks().iter().all(|hook| hook.id != stale);
    house.trello.wait_until(gone, SOON).await.unwrap();
    eventually("it is listed no more", || async {
        !is_listed(&reader.get("/webhooks").await.json())
    })
    .await;
    assert!(!following.log().contains("watching"), "the other one leads");
}

#[tokio::test]
async fn without_a_public_url_there_is_none_to_bring_in_line() {
    let mut house = House::new().await;
    house.set("BOARDROOM_PUBLIC_URL", "");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let refused = reader.post("/webhooks/sync", None).await;
    let found = (refused.status, refused.code());
    assert_eq!(found, (409, "public_url_missing".to_owned()));
}
