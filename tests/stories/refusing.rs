//! What is refused on the public side: mutations of deliveries, what is no proper request, and deliveries from elsewhere.

use std::time::Instant;

use boardroom::sandbox::{Letter, sign};

use crate::house::{House, Service, eventually};
use crate::withstanding::{HEAD, get, is_well, send};

#[tokio::test]
async fn three_thousand_mutations_of_a_delivery_are_refused_and_leave_nothing() {
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let board = house.silent("Never told of");
    // No sweep can find this one.
    let nowhere = "5f5f5f5f5f5f5f5f5f5f5f5f";
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap()
        .replace(&*board, nowhere);
    let good = sign(&house.trello.secret(), body.as_bytes(), &house.callback());
    let told = |service: &Service| service.log().matches("delivery stored").count();
    assert_eq!(told(&service), 0);
    let mut chance = fastrand::Rng::with_seed(0xb0a2d);
    for number in 0..3_000 {
        let (mut sent, mut signature) = (body.clone().into_bytes(), good.clone().into_bytes());
        let mut head = HEAD.replace("c2lnbmF0dXJl", "SIGNATURE").into_bytes();
        match number % 3 {
            0 => mutate(&mut sent, &mut chance),
            1 => mutate(&mut signature, &mut chance),
            _ => {
                // In a head that was changed the right signature might still be right.
                signature[0] ^= 1;
                mutate(&mut head, &mut chance);
            }
        }
        let head = replaced(&head, b"SIGNATURE", &signature);
        let end = format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            sent.len()
        );
        let request = [&head[..], end.as_bytes(), &sent].concat();
        let answer = send(house.port, &request).await;
        let refused = answer
            .status
            .is_none_or(|status| (400..500).contains(&status));
        assert!(refused, "number {number}: {answer:?}");
        assert_eq!(
            told(&service),
            0,
            "number {number}: {answer:?}, {:?}",
            String::from_utf8_lossy(&request)
        );
    }
    assert_eq!(house.count("SELECT count(*) FROM delivery").await, 0);
    let known = format!("SELECT count(*) FROM board WHERE id = '{nowhere}'");
    assert_eq!(house.count(&known).await, 0);
    let proper = format!(
        "{}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        HEAD.replace("c2lnbmF0dXJl", &good),
        body.len()
    );
    let answer = send(house.port, proper.as_bytes()).await;
    assert_eq!(
        answer.status,
        Some(200),
        "it was the change that was refused"
    );
    is_well(&house, &mut service, begun).await;
}

/// Changes something, in one of the ways in which bytes go wrong.
fn mutate(bytes: &mut Vec<u8>, chance: &mut fastrand::Rng) {
    let before = bytes.clone();
    while *bytes == before {
        let at = chance.usize(..bytes.len());
        match chance.u8(..6) {
            0 => bytes[at] ^= 1 << chance.u8(..8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, chance.u8(..)),
            3 => {
                bytes.remove(at);
            }
            4 => bytes.extend(before[at..].iter()),
            _ => bytes[at..].fill(chance.u8(..)),
        }
    }
}

fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    match bytes.windows(what.len()).position(|window| window == what) {
        Some(at) => [&bytes[..at], by, &bytes[at + what.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

/// Heads that go wrong after their first lines, the bodies that come with them, and what is answered if anything is. Where the right
/// signature is looked for first, it is missed.
const IMPROPER: [(&str, &str, &[u16]); 11] = [
    (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n",
        &[400, 401],
    ),
    ("Content-Length: 5\r\nContent-Length: 6", "12345", &[400]),
    ("Content-Length: 5, 6", "12345", &[400]),
    ("Content-Length: -1", "", &[400]),
    ("Content-Length: +5", "12345", &[400]),
    ("Transfer-Encoding: chunkedx", "0\r\n\r\n", &[400]),
    ("Transfer-Encoding: chunked, identity", "0\r\n\r\n", &[400]),
    (
        "Transfer-Encoding: chunked",
        "zz\r\nnonsense\r\n0\r\n\r\n",
        &[400, 401],
    ),
    (
        "Transfer-Encoding: chunked",
        "ffffffffffffffffff\r\n",
        &[400, 401],
    ),
    ("A: b\r\n c: d\r\nContent-Length: 0", "", &[400]),
    ("Content-Length : 0", "", &[400]),
];

/// Whole requests likewise.
fn impossible() -> [(String, &'static [u16]); 6] {
    let long = "x".repeat(70_000);
    let many = "A: b\r\n".repeat(200);
    [
        (
            format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
            &[414, 431],
        ),
        (
            format!("GET /livez HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"),
            &[431],
        ),
        (
            format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
            &[431],
        ),
        ("GET /livez HTTP/9.9\r\n\r\n".to_owned(), &[400]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[400]),
        (
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}".to_owned(),
            &[400],
        ),
    ]
}

#[tokio::test]
async fn what_is_no_proper_request_is_refused_and_what_follows_it_is_not_taken_for_one() {
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let smuggled = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let improper = IMPROPER.map(|(head, body, expected)| {
        let request = format!("{HEAD}{head}\r\n\r\n{body}{smuggled}");
        (request, expected)
    });
    for (request, expected) in improper.iter().chain(&impossible()) {
        let what = &request[..request.len().min(200)];
        let answer = send(house.port, request.as_bytes()).await;
        assert!(
            answer
                .status
                .is_none_or(|status| expected.contains(&status)),
            "{what}: {answer:?}"
        );
        assert!(
            answer.text.matches("HTTP/1.1").count() <= 1,
            "{what}: {answer:?}"
        );
        assert!(
            answer.status.is_none() || answer.text.ends_with("\r\n\r\n"),
            "without a word: {answer:?}"
        );
    }
    let mut chance = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let junk: Vec<u8> = (0..chance.usize(1..2_000)).map(|_| chance.u8(..)).collect();
        let answer = send(house.port, &junk).await;
        assert!(
            answer.status.is_none_or(|status| status == 400),
            "{answer:?}"
        );
    }
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "NONSENSE"] {
        let request =
            format!("{method} /webhooks/trello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(
            send(house.port, request.as_bytes()).await.status,
            Some(405),
            "{method}"
        );
    }
    for length in [(1 << 20) + 1, 5 << 20] {
        let body = "x".repeat(length);
        let request = format!("{HEAD}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        assert_eq!(
            send(house.port, request.as_bytes()).await.status,
            Some(413),
            "{length}"
        );
    }
    is_well(&house, &mut service, begun).await;
}

#[tokio::test]
async fn deliveries_are_taken_from_chosen_addresses_alone_and_only_a_trusted_proxy_is_believed() {
    let mut house = House::new().await;
    house.set("BOARDROOM_TRELLO_SOURCES", "104.192.142.240/28");
    let mut service = house.start().await;
    let board = house.silent("From Trello");
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    let signature = sign(&house.trello.secret(), body.as_bytes(), &house.callback());
    let request = format!(
        "POST /webhooks/trello HTTP/1.1\r\nHost: x\r\nX-Trello-Webhook: {signature}\r\nX-Forwarded-For: 192.0.2.1, 104.192.142.244\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let refused = send(house.port, request.as_bytes()).await;
    assert_eq!(refused.status, Some(403));
    assert!(
        refused.text.ends_with("\r\n\r\n"),
        "without a word: {refused:?}"
    );
    service
        .logged("127.0.0.1 is in no range of BOARDROOM_TRELLO_SOURCES")
        .await;
    let receipt = house
        .trello
        .post(Letter::new(&house.callback(), body.clone()))
        .await
        .unwrap();
    assert_eq!(receipt.status, 403);
    for path in ["/livez", "/readyz", "/webhooks/trello"] {
        assert_eq!(get(house.port, path).await.status, Some(200), "{path}");
    }
    assert_eq!(house.docspace.room_count(), 0);
    service.stop().await;

    house.set("BOARDROOM_TRUSTED_PROXIES", "127.0.0.0/8");
    let service = house.start().await;
    assert_eq!(send(house.port, request.as_bytes()).await.status, Some(200));
    house.rooms(1).await;
    let elsewhere = request.replace("104.192.142.244", "104.192.142.1");
    assert_eq!(
        send(house.port, elsewhere.as_bytes()).await.status,
        Some(403)
    );
    eventually("it is told", || async {
        service.log().contains("104.192.142.1 is in no range")
    })
    .await;
}
