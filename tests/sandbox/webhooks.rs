//! Making, changing and deleting Trello's webhooks.

use boardroom::sandbox::WebhookOwner;
use reqwest::Method;
use serde_json::json;

use crate::receiver::Receiver;
use crate::{Lab, answered};

#[tokio::test]
async fn a_webhook_is_made_only_when_its_callback_answers_200() {
    let lab = Lab::new().await;
    let receiver = Receiver::start().await;
    let model = lab.trello().add_workspace("Acme");
    let create = |path: &str, model: &str| {
        let fields =
            json!({ "callbackURL": receiver.url, "idModel": model, "description": "boardroom" });
        answered(lab.to_trello(Method::POST, path).json(&fields))
    };
    for status in [204, 301, 403] {
        receiver.answer_head_with(status);
        let refused = create("/webhooks", &model).await;
        let message = format!(
            "URL ({}) did not return 200 status code, got {status}",
            receiver.url
        );
        assert_eq!(refused.status, 400);
        assert_eq!(
            refused.json(),
            json!({ "message": message, "error": "VALIDATOR_URL_RETURNED_ERROR" })
        );
    }
    receiver.answer_head_with(200);
    let made = create("/webhooks/", &model).await.json();
    assert_eq!(made["callbackURL"], json!(receiver.url));
    assert_eq!(made["active"], json!(true));
    let again = create(
        &format!("/tokens/{}/webhooks", lab.trello().token()),
        &model,
    )
    .await;
    assert_eq!(
        again.said(),
        (
            400,
            "A webhook with that callback, model, and token already exists"
        )
    );
    let wrong = create("/webhooks", "AbCd1234").await;
    assert_eq!(
        wrong.json(),
        json!({ "message": "Invalid objectId", "error": "ERROR" })
    );
    let query = [
        ("callbackURL", receiver.url.clone()),
        ("idModel", lab.trello().member().to_string()),
    ];
    let by_query = answered(lab.to_trello(Method::POST, "/webhooks").query(&query)).await;
    assert_eq!(by_query.status, 200, "{}", by_query.text);
    assert_eq!(lab.trello().webhooks().len(), 2);
}

#[tokio::test]
async fn a_webhook_is_changed_and_deleted_by_its_token_only() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let receiver = Receiver::start().await;
    let model = trello.add_workspace("Acme");
    let ours = trello.add_webhook(WebhookOwner::OurToken, &model, &receiver.url, "ours");
    let theirs = trello.add_webhook(WebhookOwner::AnotherToken, &model, &receiver.url, "theirs");
    let listed = lab
        .ask_trello(&format!("/tokens/{}/webhooks", trello.token()))
        .await
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let refused = lab.ask_trello(&format!("/webhooks/{theirs}")).await;
    assert_eq!(refused.said(), (401, "webhook does not belong to token"));

    let path = format!("/webhooks/{ours}");
    let paused = answered(
        lab.to_trello(Method::PUT, &path)
            .query(&[("active", "false")]),
    )
    .await;
    assert_eq!(paused.json()["active"], json!(false));
    receiver.answer_head_with(500);
    let moved = format!("{}&y=2", receiver.url);
    let refused = answered(
        lab.to_trello(Method::PUT, &path)
            .query(&[("callbackURL", moved)]),
    )
    .await;
    assert_eq!(refused.status, 400);
    let nowhere = format!("/tokens/{}/webhooks/{}", trello.token(), ours);
    let refused = answered(
        lab.to_trello(Method::PUT, &nowhere)
            .query(&[("active", "true")]),
    )
    .await;
    assert_eq!(refused.status, 404);
    assert_eq!(
        answered(lab.to_trello(Method::DELETE, &path)).await.status,
        200
    );
    trello.add_webhook(WebhookOwner::OurToken, &model, &receiver.url, "again");
    trello.revoke_token();
    assert_eq!(trello.webhooks().len(), 1, "somebody else's stays");
}
