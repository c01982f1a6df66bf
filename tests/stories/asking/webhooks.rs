//! The webhooks, by the API: brought in line when a person says so.

use std::time::Duration;

use boardroom::sandbox::{Trello, WebhookId, WebhookOwner};

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
    assert!(!following.log().contains("watching"), "the other one leads");
}

/// A webhook of this installation that nothing needs.
const OLDER: &str = "https://older.example.com/webhooks/trello";

impl House {
    fn stale_webhook(&self) -> WebhookId {
        let ours = "boardroom: boardroom";
        let owner = WebhookOwner::OurToken;
        self.trello.add_webhook(owner, &self.workspace, OLDER, ours)
    }

    async fn loses(&self, webhook: &WebhookId) {
        let gone = |trello: &Trello| trello.webhooks().iter().all(|hook| hook.id != *webhook);
        self.trello.wait_until(gone, SOON).await.unwrap();
    }
}

#[tokio::test]
async fn what_nothing_needs_goes_when_it_is_asked_for_and_the_list_shows_it() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let stale = house.stale_webhook();
    let is_listed = async || {
        let listed = reader.get("/webhooks").await.json();
        let mut all = listed["webhooks"].as_array().unwrap().iter();
        all.any(|hook| hook["callback"] == OLDER)
    };
    assert!(is_listed().await);
    assert_eq!(reader.post("/webhooks/sync", None).await.status, 202);
    house.loses(&stale).await;
    eventually("it is listed no more", || async { !is_listed().await }).await;
}

#[tokio::test]
async fn what_was_asked_for_before_it_was_known_what_is_needed_is_done_when_it_is() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    house.docspace.down().await.unwrap();
    let stale = house.stale_webhook();
    let mut service = house.spawn();
    service.logged("webhook registered").await;
    let reader = Reader::new(&visitor).await;
    assert_eq!(reader.post("/webhooks/sync", None).await.status, 202);
    // The round for which it was asked comes too early.
    let list = format!("/1/tokens/{}/webhooks", house.trello.token());
    let rounds = house.trello.requests_to("GET", &list);
    eventually("it is looked for", || async {
        house.trello.requests_to("GET", &list) > rounds
    })
    .await;
    assert!(house.trello.webhooks().iter().any(|hook| hook.id == stale));
    house.docspace.up().await.unwrap();
    house.loses(&stale).await;
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
