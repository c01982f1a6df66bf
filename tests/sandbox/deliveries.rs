//! Which webhook gets what, how it is signed, and how often it is tried.

use std::time::Duration;

use boardroom::sandbox::{Letter, NewBoard, Outcome, Signing, WebhookOwner, WorkspaceId, sign};
use serde_json::{Value, json};

use crate::Lab;
use crate::receiver::Receiver;

/// A workspace, and a receiver for the webhooks on the workspace and on our member.
async fn watched(lab: &Lab) -> (WorkspaceId, Receiver, Receiver) {
    let trello = lab.trello();
    let workspace = trello.add_workspace("Acme Works");
    let (by_workspace, by_member) = (Receiver::start().await, Receiver::start().await);
    trello.add_webhook(WebhookOwner::OurToken, &workspace, &by_workspace.url, "");
    trello.add_webhook(WebhookOwner::OurToken, &trello.member(), &by_member.url, "");
    (workspace, by_workspace, by_member)
}

#[tokio::test]
async fn a_board_made_in_a_workspace_arrives_there_under_another_name() {
    let lab = Lab::new().await;
    let (workspace, by_workspace, by_member) = watched(&lab).await;
    let board = lab
        .trello()
        .create_board(NewBoard::named("Grün – 📁").in_workspace(&workspace));
    lab.trello().deliveries_settled().await;
    assert_eq!(by_workspace.kinds(), ["addToOrganizationBoard"]);
    assert_eq!(by_member.kinds(), ["addToOrganizationBoard", "createBoard"]);
    let (headers, body) = by_workspace.deliveries().remove(0);
    assert!(
        body.windows(8)
            .any(|bytes| bytes == "Grün – ".as_bytes().get(..8).unwrap()),
        "raw UTF-8"
    );
    let payload: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(payload["action"]["data"]["board"]["id"], json!(*board));
    assert_eq!(
        payload["action"]["data"]["organization"]["name"],
        "Acme Works"
    );
    assert_eq!(payload["model"]["name"], "acmeworks");
    assert_eq!(payload["webhook"]["callbackURL"], json!(by_workspace.url));
    let expected = sign(&lab.trello().secret(), &body, &by_workspace.url);
    assert_eq!(headers["x-trello-webhook"], expected);
    assert_eq!(expected.len(), 28);
    assert_eq!(headers["user-agent"], "Trello");
}

#[tokio::test]
async fn renaming_and_archiving_reach_the_board_and_the_member_but_never_the_workspace() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let (workspace, by_workspace, by_member) = watched(&lab).await;
    let board = trello.create_board(NewBoard::named("A").in_workspace(&workspace).silently());
    let by_board = Receiver::start().await;
    trello.add_webhook(WebhookOwner::OurToken, &board, &by_board.url, "");
    trello.rename(&board, "B");
    trello.close(&board);
    trello.close(&board);
    trello.reopen(&board);
    trello.deliveries_settled().await;
    assert_eq!(
        by_board.kinds(),
        ["updateBoard", "updateBoard", "updateBoard"]
    );
    assert_eq!(by_member.kinds().len(), 3);
    assert!(by_workspace.deliveries().is_empty());
    let olds: Vec<Value> = by_board
        .deliveries()
        .iter()
        .map(|(_, body)| {
            serde_json::from_slice::<Value>(body).unwrap()["action"]["data"]["old"].clone()
        })
        .collect();
    assert!(olds.contains(&json!({ "name": "A" })) && olds.contains(&json!({ "closed": false })));
    trello.delete(&board);
    trello.deliveries_settled().await;
    assert_eq!(
        by_board.deliveries().len(),
        3,
        "nobody is told of a deletion"
    );
}

#[tokio::test]
async fn moves_copies_and_invitations_reach_whom_they_concern() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let (workspace, by_workspace, by_member) = watched(&lab).await;
    let ben = trello.add_member("benbuilder", "Ben Builder");
    let theirs = trello.create_board(NewBoard::named("Ben's").by(&ben));
    trello.add_our_member(&theirs);
    trello.move_board(&theirs, Some(&workspace));
    trello.move_board(&theirs, None);
    trello.create_board(NewBoard::named("Copy").copied_from(&theirs));
    trello.deliveries_settled().await;
    assert_eq!(
        by_workspace.kinds(),
        ["addToOrganizationBoard", "removeFromOrganizationBoard"]
    );
    assert_eq!(by_member.kinds(), ["addMemberToBoard", "copyBoard"]);
}

#[tokio::test]
async fn a_failed_delivery_is_repeated_three_times_and_then_forgotten() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    trello.set_delivery_retries(&[Duration::from_millis(5); 3]);
    let (workspace, by_workspace, _) = watched(&lab).await;
    by_workspace.answer_with(&[503, 301, 200]);
    trello.create_board(NewBoard::named("A").in_workspace(&workspace));
    trello.deliveries_settled().await;
    let delivery = trello
        .deliveries()
        .into_iter()
        .find(|delivery| delivery.model == *workspace)
        .unwrap();
    let statuses: Vec<_> = delivery
        .attempts
        .iter()
        .map(|attempt| attempt.status.unwrap())
        .collect();
    assert_eq!(
        (statuses, delivery.outcome),
        (vec![503, 301, 200], Outcome::Delivered)
    );
    assert_eq!(trello.webhooks_on(&workspace)[0].consecutive_failures, 0);

    by_workspace.answer_with(&[500; 4]);
    trello.create_board(NewBoard::named("B").in_workspace(&workspace));
    trello.deliveries_settled().await;
    let webhook = &trello.webhooks_on(&workspace)[0];
    assert_eq!(webhook.consecutive_failures, 4);
    assert!(webhook.first_consecutive_fail_date.is_some() && webhook.active);

    by_workspace.answer_with(&[410]);
    trello.create_board(NewBoard::named("C").in_workspace(&workspace));
    trello.deliveries_settled().await;
    assert!(trello.webhooks_on(&workspace).is_empty(), "410 deletes it");
}

#[tokio::test]
async fn deliveries_can_be_lost_doubled_and_paused() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let (workspace, by_workspace, _) = watched(&lab).await;
    trello.lose_deliveries();
    trello.create_board(NewBoard::named("Lost").in_workspace(&workspace));
    trello.resume_deliveries();
    trello.deliveries_settled().await;
    assert!(by_workspace.deliveries().is_empty());
    assert!(
        trello
            .deliveries()
            .iter()
            .all(|delivery| delivery.outcome == Outcome::Lost)
    );
    trello.set_delivery_copies(2);
    trello.create_board(NewBoard::named("Twice").in_workspace(&workspace));
    trello.deliveries_settled().await;
    assert_eq!(by_workspace.deliveries().len(), 2);
    let webhook = trello.webhooks_on(&workspace)[0].id.clone();
    trello.edit_webhook(&webhook, |webhook| webhook.active = false);
    trello.create_board(NewBoard::named("Unheard").in_workspace(&workspace));
    trello.deliveries_settled().await;
    assert_eq!(by_workspace.deliveries().len(), 2);
}

#[tokio::test]
async fn letters_are_signed_as_asked() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let receiver = Receiver::start().await;
    let body = "{\"name\":\"Grün\"}";
    let letter = || Letter::new(&receiver.url, body);
    let receipt = trello
        .post(letter().signed_for("https://boards.example/hook"))
        .await
        .unwrap();
    assert_eq!(receipt.status, 200);
    trello
        .post(letter().signing(Signing::WithSecret("other".into())))
        .await
        .unwrap();
    trello
        .post(letter().signing(Signing::LowBytes))
        .await
        .unwrap();
    trello
        .post(letter().signing(Signing::Headers(vec!["a".into(), "b".into()])))
        .await
        .unwrap();
    trello
        .post(letter().signing(Signing::Headers(Vec::new())))
        .await
        .unwrap();
    let got: Vec<Vec<String>> = receiver
        .deliveries()
        .iter()
        .map(|(headers, _)| {
            let all = headers.get_all("x-trello-webhook").iter();
            all.map(|value| value.to_str().unwrap().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(
        got[0],
        [sign(
            &trello.secret(),
            body.as_bytes(),
            "https://boards.example/hook"
        )]
    );
    assert_eq!(got[1], [sign("other", body.as_bytes(), &receiver.url)]);
    assert_ne!(
        got[2],
        [sign(&trello.secret(), body.as_bytes(), &receiver.url)]
    );
    assert_eq!(got[3], ["a", "b"]);
    assert!(got[4].is_empty());
}
