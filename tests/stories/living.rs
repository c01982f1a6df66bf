//! The life of the process: starting, probes, a database that cannot be written, limits, stopping.

use std::time::Duration;

use boardroom::api::{Caller, Options, client, send};
use boardroom::sandbox::{Effect, Fault, Letter};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{House, SOON, eventually};
use crate::withstanding::HEAD;

async fn ask(house: &House, method: reqwest::Method, path: &str) -> u16 {
    let client = client(&Options {
        timeout: SOON,
        ..Options::default()
    })
    .unwrap();
    send(client.request(method, house.url(path)), &Caller::default())
        .await
        .map_or(0, |reply| reply.status)
}

#[tokio::test]
async fn it_answers_from_the_first_moment_while_trello_hangs() {
    let mut house = House::new().await;
    house.trello.fail(Fault::new(Effect::Hang));
    let mut service = house.spawn();
    service.logged("boardroom serves").await;
    for path in ["/webhooks/trello", "/livez", "/healthz", "/readyz"] {
        assert_eq!(
            ask(&house, reqwest::Method::HEAD, path).await,
            200,
            "{path}"
        );
        assert_eq!(ask(&house, reqwest::Method::GET, path).await, 200, "{path}");
    }
    assert_eq!(
        ask(&house, reqwest::Method::PUT, "/webhooks/trello").await,
        405
    );
    assert_eq!(ask(&house, reqwest::Method::GET, "/elsewhere").await, 404);
    service.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_not_ready_and_comes_back() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let everything = "BEGIN; LOCK TABLE board, delivery, history, meta IN ACCESS EXCLUSIVE MODE";
    let other = house.storage.hold("BEGIN EXCLUSIVE", everything).await;
    eventually("it is not ready", || async {
        ask(&house, reqwest::Method::GET, "/readyz").await == 503
    })
    .await;
    assert_eq!(ask(&house, reqwest::Method::GET, "/livez").await, 200);
    let board = house.silent("Later");
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    let refused = house
        .trello
        .post(Letter::new(&house.callback(), body.clone()))
        .await
        .unwrap();
    assert_eq!(refused.status, 503);
    other.end().await;
    eventually("it is ready again", || async {
        ask(&house, reqwest::Method::GET, "/readyz").await == 200
    })
    .await;
    // For a second after a failure deliveries are refused unasked; Trello brings them again.
    eventually("it is taken", || async {
        let letter = Letter::new(&house.callback(), body.clone());
        house.trello.post(letter).await.unwrap().status == 200
    })
    .await;
    house.rooms(1).await;
}

#[tokio::test]
async fn it_keeps_to_its_limits() {
    let mut house = House::new().await;
    house.set("BOARDROOM_TRELLO_RATE", "20/1s");
    house.docspace.set_create_time(Duration::from_millis(5));
    let _service = house.start().await;
    for number in 0..60 {
        house.board(&format!("Board {number}"));
    }
    house.rooms(60).await;
    let peak = house.trello.peak_requests_in(Duration::from_secs(1));
    assert!(peak <= 20, "{peak} requests within a second");
    let writes = house.docspace.peak_in_flight_writes();
    assert!(writes <= 4, "{writes} writes in flight");
}

#[tokio::test]
async fn restarts_do_not_stretch_the_budget() {
    let mut house = House::new().await;
    house.set("BOARDROOM_TRELLO_RATE", "27/3s");
    for number in 0..60 {
        house.silent(&format!("Board {number}"));
    }
    for requests in [10, 25, 40] {
        house.let_leases_run_out().await;
        let service = house.spawn();
        let made = |trello: &boardroom::sandbox::Trello| trello.requests().len() >= requests;
        house.trello.wait_until(made, SOON).await.unwrap();
        service.kill();
    }
    house.let_leases_run_out().await;
    let _service = house.spawn();
    house
        .trello
        .wait_until(|trello| trello.requests().len() >= 70, SOON)
        .await
        .unwrap();
    let peak = house.trello.peak_requests_in(Duration::from_secs(3));
    assert!(peak <= 27, "{peak} requests within three seconds");
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_with_what_it_had_begun() {
    let mut house = House::new().await;
    let service = house.start().await;
    let slow = house.docspace.fail(
        Fault::on(
            "POST",
            "/api/2.0/files/rooms",
            Effect::DelayBefore(Duration::from_millis(500)),
        )
        .once(),
    );
    let board = house.board("Last");
    house
        .docspace
        .wait_until(|docspace| docspace.struck(slow) > 0, SOON)
        .await
        .unwrap();
    let log = service.stop().await;
    assert!(log.contains("stopping"), "{log}");
    house.rooms(1).await;
    assert_eq!(
        house
            .count("SELECT count(*) FROM board WHERE lease_until IS NOT NULL")
            .await,
        0,
        "no lease is left"
    );
    house.status(&board, "mirrored").await;
    assert_eq!(house.trello.webhooks().len(), 2, "webhooks stay");
}

#[tokio::test]
async fn what_does_not_end_in_time_is_dropped_and_a_second_signal_ends_it_at_once() {
    for (grace, second, code) in [("2s", false, 0), ("25s", true, 1)] {
        let mut house = House::new().await;
        house.set("BOARDROOM_GRACE", grace);
        let mut service = house.start().await;
        let hang = house
            .docspace
            .fail(Fault::on("POST", "/api/2.0/files/rooms", Effect::Hang));
        let board = house.board("Stuck");
        house
            .docspace
            .wait_until(|docspace| docspace.struck(hang) > 0, SOON)
            .await
            .unwrap();
        service.signal("TERM");
        service.logged("stopping").await;
        if second {
            service.signal("TERM");
        }
        assert_eq!(service.ended().await.code(), Some(code));
        house.docspace.clear(hang);
        let _service = house.start().await;
        house.status(&board, "waiting confirmation").await;
    }
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_does_not_make_a_stop_an_unclean_one() {
    let mut house = House::new().await;
    house.set("BOARDROOM_GRACE", "2s");
    let mut service = house.start().await;
    let mut client = TcpStream::connect(("127.0.0.1", house.port)).await.unwrap();
    let half = format!("{HEAD}Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    client.write_all(half.as_bytes()).await.unwrap();
    // Somebody waits for what never comes.
    client.read_exact(&mut [0; 12]).await.unwrap();
    service.signal("TERM");
    assert_eq!(service.ended().await.code(), Some(0));
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready_and_still_takes_deliveries() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DRAIN", "3s");
    let mut service = house.start().await;
    service.signal("TERM");
    eventually("it is not ready", || async {
        ask(&house, reqwest::Method::GET, "/readyz").await == 503
    })
    .await;
    house.board("At the last moment");
    house.rooms(1).await;
    assert!(service.ended().await.success());
}

#[tokio::test]
async fn the_log_of_a_start_beside_another_speaks_of_boards_and_not_of_the_driver() {
    let mut house = House::new().await;
    house.half_made().await;
    house.set("BOARDROOM_LOG", "info");
    let mut service = house.spawn();
    service.logged("boardroom serves").await;
    let log = service.stop().await;
    assert!(!log.contains("sqlx"), "{log}");
}
