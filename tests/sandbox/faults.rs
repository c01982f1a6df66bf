//! What can be made to go wrong, and what is written down about it.

use std::time::Duration;

use boardroom::sandbox::{Answer, DocSpace, Effect, Fault, NewBoard};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::{Lab, SOON};

const ROOMS: &str = "/api/2.0/files/rooms";

#[tokio::test]
async fn a_fault_strikes_what_it_matches_as_often_as_it_was_told() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.fail(
        Fault::on("POST", ROOMS, Effect::Answer(Answer::html(502)))
            .about("Gr\u{fc}n")
            .after(1)
            .times(2),
    );
    let mut statuses = Vec::new();
    for title in ["Grün 1", "Grün 2", "Rot", "Grün 3", "Grün 4"] {
        let reply = lab
            .create_room(json!({ "title": title, "roomType": 2 }))
            .await;
        statuses.push(reply.status);
        if reply.status == 502 {
            assert!(reply.text.starts_with("<html>"));
        }
    }
    assert_eq!(statuses, [200, 502, 200, 502, 200]);
    let stays = docspace.fail(Fault::new(Effect::Answer(Answer::too_many(Some(7)))));
    assert_eq!(
        lab.ask_docspace("/files/rooms").await.header("retry-after"),
        Some("7")
    );
    assert_eq!(docspace.struck(stays), 1);
    docspace.clear(stays);
    assert_eq!(lab.ask_docspace("/files/rooms").await.status, 200);
}

#[tokio::test]
async fn the_work_may_be_done_though_the_client_never_hears_of_it() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    let make = |title: &str| {
        let body = json!({ "title": title, "roomType": 2 });
        lab.to_docspace(Method::POST, "/files/rooms")
            .json(&body)
            .send()
    };
    for (effect, rooms) in [
        (Effect::Drop, 0),
        (Effect::DropAfter, 1),
        (Effect::Garbage, 2),
    ] {
        docspace.fail(Fault::on("POST", ROOMS, effect).once());
        assert!(make("A").await.is_err());
        assert_eq!(docspace.rooms().len(), rooms);
    }
    docspace.fail(Fault::on("POST", ROOMS, Effect::HalfBody).once());
    let half = make("A").await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.text().await.is_err());
    docspace.fail(Fault::on("POST", ROOMS, Effect::AnswerAfter(Answer::internal_error())).once());
    assert_eq!(make("A").await.unwrap().status(), 500);
    assert_eq!(docspace.rooms().len(), 4);
}

/// A client that leaves as soon as its request has arrived.
async fn leave_once_arrived(docspace: &DocSpace, request: RequestBuilder) {
    tokio::select! {
        answer = request.send() => panic!("answered: {answer:?}"),
        arrived = docspace.wait_until(|docspace| !docspace.requests().is_empty(), SOON) => arrived.unwrap(),
    }
}

#[tokio::test]
async fn a_create_goes_on_after_its_client_has_left() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_create_time(Duration::from_millis(500));
    let request = lab
        .to_docspace(Method::POST, "/files/rooms")
        .json(&json!({ "title": "A", "roomType": 2 }));
    leave_once_arrived(docspace, request).await;
    assert!(docspace.rooms().is_empty());
    docspace
        .wait_until(|docspace| docspace.rooms().len() == 1, SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_hangs_hangs_until_the_client_gives_up() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.fail(Fault::on("GET", ROOMS, Effect::Hang).once());
    leave_once_arrived(docspace, lab.to_docspace(Method::GET, "/files/rooms")).await;
    let log = docspace.requests();
    assert_eq!(log[0].status(), None);
    assert_eq!(lab.ask_docspace("/files/rooms").await.status, 200);
}

#[tokio::test]
async fn a_service_that_is_down_refuses_connections_and_comes_back_on_its_port() {
    let lab = Lab::new().await;
    let trello = lab.trello();
    let board = trello.create_board(NewBoard::named("A"));
    let path = format!("/boards/{board}");
    let url = trello.url();
    assert_eq!(lab.ask_trello(&path).await.status, 200);
    trello.down().await.unwrap();
    assert!(
        lab.to_trello(Method::GET, &path)
            .send()
            .await
            .unwrap_err()
            .is_connect()
    );
    trello.down().await.unwrap();
    trello.up().await.unwrap();
    assert_eq!(trello.url(), url);
    assert_eq!(lab.ask_trello(&path).await.status, 200);
}

#[tokio::test]
async fn going_down_cuts_who_is_waiting() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.fail(Fault::new(Effect::Hang));
    let waiting = lab.to_docspace(Method::GET, "/files/rooms").send();
    let falling = async {
        docspace
            .wait_until(|docspace| !docspace.requests().is_empty(), SOON)
            .await
            .unwrap();
        docspace.down().await.unwrap();
    };
    let (answer, ()) = tokio::join!(waiting, falling);
    assert!(!answer.unwrap_err().is_timeout());
}

#[tokio::test]
async fn every_request_is_written_down() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_create_time(Duration::from_millis(200));
    let make = |title: &'static str| lab.create_room(json!({ "title": title, "roomType": 2 }));
    tokio::join!(make("A"), make("B"), make("C"));
    lab.ask_docspace("/files/rooms?count=5").await;
    let log = docspace.requests();
    assert_eq!(log.len(), 4);
    assert_eq!(docspace.peak_in_flight_writes(), 3);
    assert_eq!(docspace.peak_requests_in(SOON), 4);
    assert_eq!(docspace.requests_to("POST", ROOMS), 3);
    let last = &log[3];
    assert_eq!(
        (last.line(), last.status()),
        (format!("GET {ROOMS}"), Some(200))
    );
    assert_eq!(last.call.parameter("count"), Some("5"));
    assert!(last.header_names().contains(&"authorization".to_owned()));
    assert!(last.duration.is_some());
    assert_eq!(last.answer_json().unwrap()["response"]["total"], json!(3));
    assert_eq!(log[0].json().unwrap()["roomType"], json!(2));
}

#[tokio::test]
async fn the_clock_can_be_wrong() {
    let lab = Lab::new().await;
    lab.trello()
        .set_clock_skew(jiff::SignedDuration::from_hours(-48));
    let board = lab.trello().create_board(NewBoard::named("A"));
    let made = i64::from_str_radix(&board[..8], 16).unwrap();
    let now = jiff::Timestamp::now().as_second();
    assert!((now - made - 48 * 3600).abs() < 60);
    let date = lab
        .ask_trello("/members/me")
        .await
        .header("date")
        .unwrap()
        .to_owned();
    let shown = httpdate::parse_http_date(&date).unwrap();
    assert!(shown < std::time::SystemTime::now() - Duration::from_hours(47));
}

#[tokio::test]
async fn handles_work_from_any_thread_and_end_with_the_sandbox() {
    let lab = Lab::new().await;
    let trello = lab.trello().clone();
    let board = std::thread::spawn(move || trello.create_board(NewBoard::named("A")));
    let board = board.join().unwrap();
    let (trello, docspace) = (lab.trello().clone(), lab.docspace().clone());
    assert_eq!(trello.board(&board).unwrap().name, "A");
    let Lab { sandbox, client } = lab;
    drop(sandbox);
    for url in [trello.url(), docspace.url()] {
        // The task that holds the socket ends in its own time.
        while client.get(&url).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
