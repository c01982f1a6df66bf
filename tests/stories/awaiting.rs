//! A database server that is away when the service starts.

use std::time::{Duration, Instant};

use boardroom::api::{Caller, Options, client, send};
use boardroom::sandbox::{Letter, Signing};
use tokio::net::TcpSocket;

use crate::house::{House, SOON};

const PASSWORD: &str = "hidden-password";
/// What nothing takes that waits for no time to run out.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A port at which nobody listens; kept from others while it lives.
fn deserted() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

async fn ask(house: &House, method: reqwest::Method, path: &str) -> (u16, String) {
    let options = Options {
        timeout: SOON,
        ..Options::default()
    };
    let request = client(&options).unwrap().request(method, house.url(path));
    let reply = send(request, &Caller::default()).await.unwrap();
    (reply.status, String::from_utf8(reply.body).unwrap())
}

#[tokio::test]
async fn while_its_database_is_away_it_answers_and_refuses_and_can_be_stopped() {
    let mut house = House::new().await;
    let (_kept, port) = deserted();
    let url = format!("postgres://ann:{PASSWORD}@127.0.0.1:{port}/rooms?sslmode=disable");
    house.set("BOARDROOM_DATABASE_URL", &url);
    let mut service = house.spawn();
    service.logged("the database cannot be reached").await;

    for method in [reqwest::Method::HEAD, reqwest::Method::GET] {
        for path in ["/webhooks/trello", "/livez"] {
            assert_eq!(ask(&house, method.clone(), path).await.0, 200, "{path}");
        }
    }
    let not_ready = ask(&house, reqwest::Method::GET, "/readyz").await;
    assert_eq!(not_ready, (503, "the database does not answer\n".into()));

    let board = house.silent("Too early");
    let compose = |kind| {
        let body = house.trello.compose(&house.workspace, kind, &board);
        Letter::new(&house.callback(), body.unwrap())
    };
    let forged = Signing::WithSecret("another".into());
    let letters = [
        (compose("addToOrganizationBoard"), 503),
        (compose("updateCard"), 200),
        (compose("addToOrganizationBoard").signing(forged), 401),
    ];
    for (letter, status) in letters {
        let begun = Instant::now();
        let receipt = house.trello.post(letter).await.unwrap();
        assert_eq!(receipt.status, status, "{receipt:?}");
        assert!(begun.elapsed() < AT_ONCE);
    }
    assert!(house.trello.requests().is_empty());
    assert!(house.docspace.requests().is_empty());

    let begun = Instant::now();
    let log = service.stop().await;
    assert!(begun.elapsed() < AT_ONCE, "{log}");
    // Once for the reason, however often it was tried.
    let told = log.matches("the database cannot be reached").count();
    assert!(told == 1 && !log.contains(PASSWORD), "{log}");
}
