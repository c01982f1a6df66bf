//! What strangers may do to the public side: be slow, be many, send nonsense. A board is served all the while.

use std::time::{Duration, Instant};

use boardroom::sandbox::{Letter, sign};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::house::{House, SOON, Service, eventually};

/// The longest that a slow client may stay.
const LONGEST: Duration = Duration::from_secs(45);
const HEAD: &str =
    "POST /webhooks/trello HTTP/1.1\r\nHost: x\r\nX-Trello-Webhook: c2lnbmF0dXJl\r\n";

/// The ways to be slow.
#[derive(Debug, Clone, Copy)]
enum Slow {
    SendsNothing,
    SendsHalfAHead,
    SendsAByteASecond,
    SendsHalfABody,
    NeverReads,
}

impl Slow {
    const ALL: [Self; 5] = [
        Self::SendsNothing,
        Self::SendsHalfAHead,
        Self::SendsAByteASecond,
        Self::SendsHalfABody,
        Self::NeverReads,
    ];

    /// Is slow until it is cut.
    async fn until_cut(self, mut stream: TcpStream) {
        match self {
            Self::SendsNothing => {}
            Self::SendsHalfAHead => stream.write_all(HEAD.as_bytes()).await.unwrap(),
            Self::SendsHalfABody => {
                let half = format!("{HEAD}Content-Length: 2000\r\n\r\n{}", "x".repeat(1_000));
                stream.write_all(half.as_bytes()).await.unwrap();
            }
            Self::SendsAByteASecond => {
                for byte in HEAD.bytes().cycle() {
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                        () = end(&mut stream) => return,
                    }
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
            }
            Self::NeverReads => {
                // The id comes back with the answer.
                let id = "x".repeat(4_000);
                let request =
                    format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\n\r\n");
                // Once no answer is taken any more, no request is either.
                while stream.write_all(request.as_bytes()).await.is_ok() {}
                return;
            }
        }
        end(&mut stream).await;
    }
}

/// Waits until the other side closes.
async fn end(stream: &mut TcpStream) {
    while let Ok(1..) = stream.read(&mut [0; 1024]).await {}
}

/// A connection with little room for answers.
async fn connect(port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = ([127, 0, 0, 1], port).into();
    socket.connect(address).await.unwrap()
}

/// What came back: the status, none if it was closed without an answer, and all that was said.
#[derive(Debug)]
struct Answer {
    status: Option<u16>,
    text: String,
}

/// Sends bytes over a connection of their own, and reads to its end.
async fn send(port: u16, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut said = Vec::new();
    let exchanged = timeout(SOON, async {
        // Both at once: it may be refused before it is sent whole. That the other side hangs up is an answer as well.
        let _ = tokio::join!(writing.write_all(bytes), reading.read_to_end(&mut said));
    });
    exchanged.await.expect("an answer or an end");
    let text = String::from_utf8_lossy(&said).into_owned();
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .map(|rest| rest[..3].parse().unwrap());
    Answer { status, text }
}

async fn get(port: u16, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    send(port, request.as_bytes()).await
}

/// What is left when all is over: it lives, it serves, and it has not said much.
async fn is_well(house: &House, service: &mut Service, begun: Instant) {
    service.must_live();
    assert_eq!(get(house.port, "/livez").await.status, Some(200));
    assert_eq!(get(house.port, "/readyz").await.status, Some(200));
    let rooms = house.docspace.room_count();
    house.board("Afterwards");
    house.rooms(rooms + 1).await;
    let log = service.log();
    assert!(!log.contains("panicked"), "{log}");
    // Of each kind one a second at most; there are few kinds.
    let warnings = log
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"))
        .count();
    let most = 4 * (begun.elapsed().as_secs() as usize + 2);
    assert!(warnings <= most, "{warnings} of at most {most}");
}

#[tokio::test]
async fn slow_clients_of_five_kinds_are_cut_while_a_board_is_served() {
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..300 {
        let (kind, port) = (Slow::ALL[number % 5], house.port);
        clients.spawn(async move {
            let cut = kind.until_cut(connect(port).await);
            let cut = timeout(LONGEST, cut).await;
            assert!(cut.is_ok(), "a client that {kind:?} was never cut");
            (kind, begun.elapsed())
        });
    }
    house.board("Served");
    house.rooms(1).await;
    assert!(
        clients.try_join_next().is_none(),
        "none was cut before that"
    );
    while let Some(cut) = timeout(LONGEST, clients.join_next())
        .await
        .expect("all are cut")
    {
        let (kind, after) = cut.unwrap();
        assert!(after < LONGEST, "{kind:?} after {after:?}");
        assert!(after > Duration::from_secs(5), "{kind:?} after {after:?}");
    }
    is_well(&house, &mut service, begun).await;
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_keep_nobody_out_and_take_little_memory() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let before = resident(&service);
    let mut held = Vec::new();
    let part = "x".repeat(60_000);
    for number in 0..1_500 {
        let mut stream = connect(house.port).await;
        let sent = match number % 3 {
            0 => "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            1 => HEAD.to_owned(),
            _ => format!("{HEAD}Content-Length: 1048576\r\n\r\n{part}"),
        };
        let _ = stream.write_all(sent.as_bytes()).await;
        held.push(stream);
        if number % 100 == 99 {
            let asked = Instant::now();
            assert_eq!(
                get(house.port, "/readyz").await.status,
                Some(200),
                "{number}"
            );
            assert!(
                asked.elapsed() < Duration::from_secs(1),
                "a probe waits no longer"
            );
        }
    }
    house.board("Served");
    house.rooms(1).await;
    let after = resident(&service);
    assert!(
        after < before + (64 << 10),
        "{before} kB before, {after} kB with them"
    );
    service.logged("all connections are taken").await;
    drop(held);
    is_well(&house, &mut service, begun).await;
}

/// The memory of the process, in kB.
fn resident(service: &Service) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

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

#[tokio::test]
async fn what_is_no_proper_request_is_refused_and_what_follows_it_is_not_taken_for_one() {
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let long = "x".repeat(70_000);
    let many: String = (0..200).map(|number| format!("A{number}: b\r\n")).collect();
    let smuggled = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let posted = |headers: &str, body: &str| format!("{HEAD}{headers}\r\n\r\n{body}{smuggled}");
    let table: [(&str, String, &[u16]); 17] = [
        (
            "both lengths",
            posted(
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "0\r\n\r\n",
            ),
            &[400, 401],
        ),
        (
            "two lengths",
            posted("Content-Length: 5\r\nContent-Length: 6", "12345"),
            &[400],
        ),
        (
            "a list of lengths",
            posted("Content-Length: 5, 6", "12345"),
            &[400],
        ),
        (
            "a negative length",
            posted("Content-Length: -1", ""),
            &[400],
        ),
        (
            "a signed length",
            posted("Content-Length: +5", "12345"),
            &[400],
        ),
        (
            "an unknown coding",
            posted("Transfer-Encoding: chunkedx", "0\r\n\r\n"),
            &[400],
        ),
        (
            "chunked, but not last",
            posted("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
            &[400],
        ),
        (
            "junk for chunks",
            posted("Transfer-Encoding: chunked", "zz\r\nnonsense\r\n0\r\n\r\n"),
            &[400, 401],
        ),
        (
            "an endless chunk",
            posted("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n"),
            &[400, 401],
        ),
        (
            "a folded header",
            posted("A: b\r\n c: d\r\nContent-Length: 0", ""),
            &[400],
        ),
        (
            "a blank before the colon",
            posted("Content-Length : 0", ""),
            &[400],
        ),
        (
            "a long address",
            format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
            &[414, 431],
        ),
        (
            "a long header",
            format!("GET /livez HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"),
            &[431],
        ),
        (
            "many headers",
            format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
            &[431],
        ),
        (
            "another version",
            "GET /livez HTTP/9.9\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}".to_owned(),
            &[400],
        ),
    ];
    for (what, request, expected) in &table {
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
