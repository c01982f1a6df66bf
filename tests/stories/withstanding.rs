//! What strangers may do to the public side without sending anything wrong: be slow, and be many. A board is served all the while.

use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::house::{House, SOON, Service};

/// The longest that a slow client may stay.
const LONGEST: Duration = Duration::from_secs(45);
pub(crate) const HEAD: &str =
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
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
}

/// Sends bytes over a connection of their own, and reads to its end.
pub(crate) async fn send(port: u16, bytes: &[u8]) -> Answer {
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

pub(crate) async fn get(port: u16, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    send(port, request.as_bytes()).await
}

/// What is left when all is over: it lives, it serves, and it has not said much.
pub(crate) async fn is_well(house: &House, service: &mut Service, begun: Instant) {
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
    let most = 4 * (begun.elapsed().as_secs() + 2);
    assert!(warnings as u64 <= most, "{warnings} of at most {most}");
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

#[tokio::test]
async fn a_thousand_unfinished_bodies_take_less_memory_than_a_container_is_given() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut house = House::new().await;
    let mut service = house.start().await;
    let begun = Instant::now();
    let long_head = format!("{HEAD}X-Long: {}\r\n", "x".repeat(12_000));
    let unfinished = [
        format!("{HEAD}Content-Length: 16000\r\n\r\n{}", "x".repeat(15_000)),
        format!("{HEAD}Content-Length: 65000\r\n\r\n{}", "x".repeat(60_000)),
        format!(
            "{HEAD}Content-Length: 900000\r\n\r\n{}",
            "x".repeat(800_000)
        ),
        format!(
            "{long_head}Content-Length: 65000\r\n\r\n{}",
            "x".repeat(60_000)
        ),
        format!(
            "{HEAD}Transfer-Encoding: chunked\r\n\r\nfa00\r\n{}",
            "x".repeat(60_000)
        ),
    ];
    let mut clients = JoinSet::new();
    for number in 0..1_020 {
        let (sent, port) = (unfinished[number % unfinished.len()].clone(), house.port);
        clients.spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (mut reading, mut writing) = stream.split();
            let cut = async { while let Ok(1..) = reading.read(&mut [0; 1024]).await {} };
            // It is cut while it still sends, or after it has sent all.
            let _ = tokio::join!(writing.write_all(sent.as_bytes()), cut);
        });
    }
    house.board("Served");
    house.rooms(1).await;
    while let Some(cut) = timeout(LONGEST, clients.join_next())
        .await
        .expect("all are cut")
    {
        cut.unwrap();
    }
    // `config/kubernetes` gives 128 MiB, which the text of the program has to share.
    let most = memory(&service, "VmHWM:");
    assert!(most < 112 << 10, "{most} kB at most");
    is_well(&house, &mut service, begun).await;
}

/// The memory of the process, in kB.
fn resident(service: &Service) -> usize {
    memory(service, "VmRSS:")
}

/// One line of what the system says about the memory of the process, in kB.
fn memory(service: &Service, named: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(named)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sends bytes, says that no more come, and reads to the end.
async fn send_and_say_no_more(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    let read = timeout(SOON, stream.read_to_string(&mut said)).await;
    read.expect("an answer or an end").unwrap();
    said
}

#[tokio::test]
async fn who_says_no_more_after_whole_requests_is_answered_and_a_delivery_is_stored() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let ask = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
    let said = send_and_say_no_more(house.port, ask.as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 200 ").count(), 20, "{said}");

    let board = house.silent("Launch");
    let trello = &house.trello;
    let body = trello.compose(&house.workspace, "addToOrganizationBoard", &board);
    let body = body.unwrap();
    let signature = boardroom::sandbox::sign(&trello.secret(), body.as_bytes(), &house.callback());
    let delivery = format!(
        "POST /webhooks/trello HTTP/1.1\r\nHost: x\r\nX-Trello-Webhook: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let said = send_and_say_no_more(house.port, delivery.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    house.rooms(1).await;
}

#[tokio::test]
async fn who_sends_too_much_slowly_is_told_that_it_is_too_much() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let announced = format!("{HEAD}Content-Length: 5000000\r\n\r\n{}", "x".repeat(40));
    let grown = format!(
        "{HEAD}Transfer-Encoding: chunked\r\n\r\n180000\r\n{}",
        "x".repeat(0x11_0000)
    );
    // Neither ever comes to its end.
    let (announced, grown) = tokio::join!(
        send(house.port, announced.as_bytes()),
        send(house.port, grown.as_bytes())
    );
    assert_eq!(announced.status, Some(413), "{announced:?}");
    assert_eq!(grown.status, Some(413), "{grown:?}");
}

#[tokio::test]
async fn who_asks_whether_to_send_what_nobody_wants_is_told_no_without_sending() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let unsigned = "POST /webhooks/trello HTTP/1.1\r\nHost: x\r\n";
    for (head, length, status) in [(unsigned, 2_000, 401), (HEAD, 2_000_000, 413)] {
        let asked = format!("{head}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
        let answer = send(house.port, asked.as_bytes()).await;
        assert_eq!(answer.status, Some(status), "{answer:?}");
    }
    // Who was told to go on gets to read the answer, as if it had not asked.
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000)).repeat(40);
    let grown = format!(
        "{HEAD}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{piece}0\r\n\r\n"
    );
    let answer = send(house.port, grown.as_bytes()).await;
    assert!(answer.text.contains("HTTP/1.1 413 "), "{answer:?}");
}
