//! Trello's routes, refusals and limits.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, NewBoard, RateLimits, Role, Visibility};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use crate::{Lab, answered};

#[tokio::test]
async fn credentials_are_refused_in_trellos_own_words() {
    let lab = Lab::new().await;
    let (url, key, token) = (lab.trello().url(), lab.trello().key(), lab.trello().token());
    assert_eq!((key.len(), token.len()), (32, 76));
    let cases = [
        ("", 401, "unauthorized permission requested"),
        (&*format!("?key={key}"), 401, "missing scopes"),
        (&*format!("?token={token}"), 401, "invalid key"),
        (&*format!("?key={key}&token=ATTA0"), 401, "invalid token"),
        (&*format!("?key=0&token={token}"), 401, "invalid key"),
    ];
    for (query, status, text) in cases {
        let reply = answered(lab.client.get(format!("{url}/1/members/me{query}"))).await;
        assert_eq!(reply.said(), (status, text), "{query}");
        assert!(
            reply
                .header("content-type")
                .unwrap()
                .starts_with("text/plain")
        );
    }
    let good = answered(
        lab.client
            .get(format!("{url}/1/members/me?key={key}&token={token}")),
    )
    .await;
    assert_eq!(good.json()["id"], json!(*lab.trello().member()));
    lab.trello().revoke_token();
    assert_eq!(
        lab.ask_trello("/members/me").await.said(),
        (401, "invalid token")
    );
    lab.trello().restore_token();
    lab.trello().set_token_expiry(Some(Timestamp::UNIX_EPOCH));
    assert_eq!(
        lab.ask_trello("/members/me").await.said(),
        (401, "invalid token")
    );
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_refused_before_anybody_asks_who_is_calling() {
    let lab = Lab::new().await;
    let url = lab.trello().url();
    let anonymous = answered(lab.client.get(format!("{url}/1/boards/not-an-id"))).await;
    assert_eq!(anonymous.said(), (400, "invalid id"));
    assert_eq!(
        lab.ask_trello("/boards/5f0000000000000000000000")
            .await
            .said(),
        (404, "The requested resource was not found.")
    );
    assert_eq!(
        lab.ask_trello("/webhooks").await.said(),
        (404, "Cannot GET /1/webhooks")
    );
    let other = format!("/tokens/{}/webhooks", "0".repeat(64));
    assert_eq!(
        lab.ask_trello(&other).await.said(),
        (401, "unauthorized token")
    );
}

#[tokio::test]
async fn boards_are_seen_as_the_member_may_see_them() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let workspace = trello.add_workspace("Acme Works");
    let ben = trello.add_member("benbuilder", "Ben Builder");
    let open = trello.create_board(
        NewBoard::named("Café / Q3 📁")
            .in_workspace(&workspace)
            .by(&ben),
    );
    let private = trello.create_board(
        NewBoard::named("Secret")
            .in_workspace(&workspace)
            .by(&ben)
            .visibility(Visibility::Private),
    );
    let guest = trello.create_board(NewBoard::named("Guest").by(&ben));
    let listed = |reply: crate::Reply| {
        let boards = reply.json();
        boards
            .as_array()
            .unwrap()
            .iter()
            .map(|board| board["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let path = format!("/organizations/{workspace}/boards?filter=all&fields=name");
    let mut both = vec![open.to_string(), private.to_string()];
    both.sort();
    assert_eq!(listed(lab.ask_trello(&path).await), both);

    trello.set_workspace_role(&workspace, &trello.member(), Some(Role::Normal));
    assert_eq!(
        listed(lab.ask_trello("/organizations/acmeworks/boards").await),
        vec![open.to_string()]
    );
    let refused = lab.ask_trello(&format!("/boards/{private}")).await;
    assert_eq!(refused.said(), (401, "unauthorized permission requested"));

    assert_eq!(
        lab.ask_trello(&format!("/boards/{guest}")).await.status,
        401
    );
    trello.add_our_member(&guest);
    assert_eq!(
        lab.ask_trello(&format!("/boards/{guest}")).await.status,
        200
    );
    let mine = listed(
        lab.ask_trello("/members/me/boards?filter=open&fields=name,closed")
            .await,
    );
    assert!(mine.contains(&guest.to_string()) && mine.contains(&trello.inbox().to_string()));
    assert!(
        !mine.contains(&open.to_string()),
        "seen through the workspace is not being on the board"
    );

    trello.hide(&open);
    assert_eq!(lab.ask_trello(&format!("/boards/{open}")).await.status, 401);
    trello.show(&open);
    trello.delete(&open);
    assert_eq!(lab.ask_trello(&format!("/boards/{open}")).await.status, 404);
}

#[tokio::test]
async fn a_board_shows_the_fields_that_were_asked_for() {
    let lab = Lab::new().await;
    let created: Timestamp = "2021-03-04T05:06:07Z".parse().unwrap();
    let board = lab
        .trello()
        .create_board(NewBoard::named("Old").created_at(created));
    assert_eq!(&board[..8], format!("{:08x}", created.as_second()));
    let link = lab.trello().board(&board).unwrap().short_link;
    let reply = lab
        .ask_trello(&format!("/boards/{link}?fields=name,closed,shortLink"))
        .await;
    let wanted = json!({ "id": *board, "name": "Old", "closed": false, "shortLink": link });
    assert_eq!(reply.json(), wanted);
    let inbox = lab
        .ask_trello(&format!("/boards/{}?fields=type", lab.trello().inbox()))
        .await;
    assert_eq!(inbox.json()["type"], "inbox");
    let unknown = lab
        .ask_trello(&format!("/boards/{link}?fields=colour"))
        .await;
    assert_eq!(unknown.status, 400);
    let swapped: String = link
        .chars()
        .map(|letter| {
            if letter.is_ascii_uppercase() {
                letter.to_ascii_lowercase()
            } else {
                letter.to_ascii_uppercase()
            }
        })
        .collect();
    if swapped != link {
        assert_eq!(
            lab.ask_trello(&format!("/boards/{swapped}")).await.status,
            404
        );
    }
}

#[tokio::test]
async fn a_batch_takes_ten_and_each_fails_alone() {
    let lab = Lab::new().await;
    let board = lab.trello().create_board(NewBoard::named("One"));
    let urls = format!("/boards/{board}?fields=name,/boards/5f0000000000000000000000");
    let encoded = format!(
        "/batch?urls={}",
        urls.replace('?', "%3F").replace('=', "%3D")
    );
    let answers = lab.ask_trello(&encoded).await.json();
    assert_eq!(answers[0]["200"], json!({ "id": *board, "name": "One" }));
    assert_eq!(answers[1]["statusCode"], 404);
    let eleven = ["/members/me"; 11].join(",");
    assert_eq!(
        lab.ask_trello(&format!("/batch?urls={eleven}"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn what_is_planned_for_one_read_strikes_it_inside_a_batch_too() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let boards: Vec<_> = ["Ill", "Odd", "Well"]
        .map(|name| trello.create_board(NewBoard::named(name)))
        .into();
    let path = |board: usize| format!("/1/boards/{}", boards[board]);
    trello.fail(Fault::new(Effect::Answer(Answer::html(503))).path(&path(0)));
    trello.fail(Fault::new(Effect::NotJson).path(&path(1)));
    let whole = trello.fail(Fault::on("GET", "/1/b", Effect::Answer(Answer::html(502))).once());
    let urls: Vec<_> = boards
        .iter()
        .map(|board| format!("/boards/{board}"))
        .collect();
    let batch = format!("/batch?urls={}", urls.join(","));
    assert_eq!(lab.ask_trello(&batch).await.status, 502);
    assert_eq!(trello.struck(whole), 1);
    let answers = lab.ask_trello(&batch).await.json();
    assert_eq!(answers[0]["statusCode"], 503);
    assert!(answers[1]["200"].is_string(), "{answers}");
    assert_eq!(answers[2]["200"]["name"], "Well");
    trello.fail(Fault::new(Effect::Hang).path(&path(2)));
    let asked = lab
        .to_trello(Method::GET, &batch)
        .timeout(Duration::from_millis(200));
    let unanswered = asked.send().await.unwrap_err();
    assert!(unanswered.is_timeout(), "one that hangs keeps the others");
}

#[tokio::test]
async fn the_token_tells_what_it_may_do() {
    let lab = Lab::new().await;
    lab.trello().set_token_scopes(true, false);
    let path = format!("/tokens/{}?fields=all", lab.trello().token());
    let token = lab.ask_trello(&path).await.json();
    assert_eq!(token["dateExpires"], json!(null));
    assert_eq!(token["permissions"][1]["modelType"], "Board");
    assert_eq!(token["permissions"][1]["read"], json!(true));
    assert_eq!(token["permissions"][1]["write"], json!(false));
}

#[tokio::test]
async fn too_many_requests_are_refused_without_a_word_about_when() {
    let lab = Lab::new().await;
    lab.trello().set_rate_limits(RateLimits {
        per_token: Some(3),
        per_key: Some(300),
        to_members: Some(1),
    });
    let first = lab.ask_trello("/members/me").await;
    assert_eq!(first.header("x-rate-limit-api-token-remaining"), Some("2"));
    assert!(first.header("date").unwrap().ends_with("GMT"));
    let second = lab.ask_trello("/members/me").await;
    assert_eq!(
        (second.status, &second.json()["error"]),
        (429, &json!("RATE_LIMIT_EXCEEDED"))
    );
    lab.ask_trello("/batch").await;
    let fourth = lab.ask_trello("/batch").await;
    assert_eq!(fourth.status, 429);
    assert_eq!(
        fourth.json(),
        json!({ "error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded" })
    );
    assert_eq!(fourth.header("retry-after"), None);
}
