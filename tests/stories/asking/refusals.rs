//! What the API refuses: in one form, with stable codes and words of our own.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::asking::Reader;
use crate::house::{House, SOON};
use crate::visiting::TOKEN;

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_a_code_of_its_own() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let twin = house.board("Launch");
    house.status(&twin, "mirrored").await;
    let unclear = reader.post("/boards/Launch/retry", None).await;
    assert_eq!(
        (unclear.status, unclear.code().as_str()),
        (409, "board_ambiguous")
    );
    assert_eq!(
        unclear.json()["error"]["candidates"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let table = [
        ("/boards/Nobody/retry", None, 404, "board_unknown"),
        ("/boards/Nobody/ignore", None, 404, "board_unknown"),
        ("/boards/%20/retry", None, 400, "board_unclear"),
        ("/retry", Some("{"), 400, "malformed"),
        ("/retry", Some("{}"), 400, "malformed"),
        (
            "/retry",
            Some("{\"all\":true,\"boards\":[\"x\"]}"),
            400,
            "malformed",
        ),
        (
            "/retry",
            Some("{\"boards\":[\"Nobody\"]}"),
            404,
            "board_unknown",
        ),
    ];
    for (path, body, status, code) in table {
        let refused = reader.post(path, body).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{path} {body:?}"
        );
    }
}

#[tokio::test]
async fn a_body_or_a_method_that_is_not_taken_is_named() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let inside = visitor.with_token();
    let plain = inside.post("/api/v1/retry", Some("{\"all\":true}")).await;
    assert_eq!((plain.status, plain.code().as_str()), (415, "not_json"));
    let long = format!("{{\"boards\":[\"{}\"]}}", "x".repeat(300_000));
    let long = inside
        .with("content-type", "application/json")
        .post("/api/v1/retry", Some(&long))
        .await;
    assert_eq!((long.status, long.code().as_str()), (413, "too_large"));
    let page = inside.send(Method::DELETE, "/", None).await;
    assert_eq!(page.status, 405);
    assert!(page.text.contains("<h1>This did not work</h1>"), "{page:?}");
    for path in ["", "/history", "/retry", "/ignore"] {
        let method = match path {
            "" | "/history" => Method::GET,
            _ => Method::POST,
        };
        let path = format!("/api/v1/boards/%FF{path}");
        let wrong = inside.send(method, &path, None).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (400, "malformed"));
    }
    assert_eq!(inside.get("/boards/%FF").await.status, 404);
    assert_eq!(inside.post("/boards/%FF/retry", None).await.status, 404);
    let wrong = inside.send(Method::DELETE, "/api/v1/boards", None).await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (405, "method_not_allowed")
    );
}

/// No refusal says how a library would have put it.
fn in_our_own_words(text: &str) {
    for library in ["deserialize", "expected", "invalid", "serde", "Failed"] {
        assert!(!text.contains(library), "{text}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    for (path, words) in [
        ("/boards?page=2", "`page` is no parameter of this address"),
        ("/boards?limit=many", "`limit` is no whole number: give one"),
        ("/boards?limit=", "`limit` is no whole number"),
        ("/boards?limit=-1", "`limit` is not from 1 to 500"),
        ("/boards?limit=99999999999999999999", "`limit` is not from"),
        ("/boards?limit=1&limit=2", "`limit` is given more than once"),
        ("/boards?cursor=%FF", "`cursor` is none of this list"),
        ("/boards?status=%00", "`status` is one that no board has"),
        (
            "/boards/x/history?cursor=-1",
            "`cursor` is none of this list",
        ),
        ("/boards/x/history?before=1", "`limit` and `cursor` may be"),
        ("/boards/%FF", "not percent-encoded UTF-8"),
    ] {
        let refused = reader.get(path).await;
        assert_eq!(refused.status, 400, "{path}: {refused:?}");
        assert!(refused.text.contains(words), "{path}: {refused:?}");
        in_our_own_words(&refused.text);
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_named() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    for (body, words) in [
        ("", "there is no body"),
        ("{\"all\":", "the body ends before its JSON does"),
        ("{'all':true}", "no JSON from line 1, column 2 on"),
        ("[]", "the body is a list"),
        ("{\"al\":true}", "`al` is no member of this body: `all` and"),
        ("{\"all\":1}", "`all` is a number: give true or false"),
        (
            "{\"boards\":{}}",
            "`boards` is an object: give a list of texts",
        ),
        (
            "{\"boards\":[\"x\",7]}",
            "`boards[1]` is a number: give a text",
        ),
    ] {
        let refused = reader.post("/retry", Some(body)).await;
        let found = (refused.status, refused.code());
        assert_eq!(found, (400, "malformed".to_owned()), "{body}");
        assert!(refused.text.contains(words), "{body}: {refused:?}");
        in_our_own_words(&refused.text);
    }
    let many = json!({ "boards": vec!["x"; 1_001] }).to_string();
    let many = reader.post("/retry", Some(&many)).await;
    assert_eq!((many.status, many.code().as_str()), (413, "too_large"));
    assert!(many.text.contains("1001"), "{many:?}");
    let one = json!({ "boards": [house.trello.inbox().to_string(), "Nobody"] }).to_string();
    house.status(&house.trello.inbox(), "ignored inbox").await;
    let one = reader.post("/retry", Some(&one)).await;
    assert_eq!(one.code(), "board_unknown");
    assert!(one.text.contains("`boards[1]`: the database"), "{one:?}");
}

/// What is answered to a request of which not all is sent, and the connection as it is then.
async fn unfinished(port: u16, line: &str, rest: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n{rest}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 4_096]);
    while !is_whole(&String::from_utf8_lossy(&answer)) {
        let read = timeout(SOON, stream.read(&mut piece)).await.unwrap();
        let read = read.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    (String::from_utf8(answer).unwrap(), stream)
}

/// Whether an answer is as long as it says.
fn is_whole(answer: &str) -> bool {
    answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "));
        length.unwrap().parse() == Ok(body.len())
    })
}

#[tokio::test]
async fn a_body_that_says_how_long_it_is_need_not_be_sent_to_be_refused() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    for (head, path) in [
        ("POST", "/api/v1/retry"),
        ("PUT", "/api/v1/boards/x/room"),
        ("POST", "/api/v1/release"),
    ] {
        let head = format!("{head} {path}");
        let (answer, _) = unfinished(visitor.port, &head, "content-length: 262145\r\n\r\n{").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("\"too_large\""), "{answer}");
        let asked = "content-length: 9000000000\r\nexpect: 100-continue\r\n\r\n";
        let (answer, _) = unfinished(visitor.port, &head, asked).await;
        assert!(
            answer.starts_with("HTTP/1.1 413 "),
            "it is not told to go on: {answer}"
        );
    }
}

#[tokio::test]
async fn who_does_not_come_to_the_end_of_a_body_is_told_so_and_let_go() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let half = "content-length: 20\r\n\r\n{\"all\":";
    let endless = "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n";
    let (one, other, outside) = tokio::join!(
        unfinished(visitor.port, "POST /api/v1/retry", half),
        unfinished(visitor.port, "POST /api/v1/sweep", endless),
        unfinished(visitor.port, "POST /login", half),
    );
    for (answer, _) in [&one, &other] {
        assert!(answer.contains("\"body_late\""), "{answer}");
    }
    for (answer, mut stream) in [one, other, outside] {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let more = timeout(SOON, stream.read(&mut [0; 8])).await.unwrap();
        assert!(!matches!(more, Ok(1..)), "the connection is over");
    }
}

#[tokio::test]
async fn an_address_or_a_method_that_is_not_there_is_refused_in_the_same_form() {
    let mut house = House::new().await;
    let inside = house.administered().with_token();
    let _service = house.start().await;
    for (method, path, status, code) in [
        (Method::GET, "/api/v1", 404, "not_found"),
        (Method::GET, "/api/v1/", 404, "not_found"),
        (Method::GET, "/api/v2/status", 404, "not_found"),
        (Method::GET, "/api/v1/boards/x/rooms", 404, "not_found"),
        (Method::PUT, "/api/v1/status", 405, "method_not_allowed"),
        (Method::GET, "/api/v1/retry", 405, "method_not_allowed"),
        (
            Method::POST,
            "/api/v1/boards/x/room",
            405,
            "method_not_allowed",
        ),
        (
            Method::DELETE,
            "/api/v1/openapi.json",
            405,
            "method_not_allowed",
        ),
    ] {
        let refused = inside.send(method.clone(), path, None).await;
        let found = (refused.status, refused.code());
        assert_eq!(found, (status, code.to_owned()), "{method} {path}");
        assert_eq!(refused.headers["content-type"], "application/json");
        if status == 405 {
            assert!(
                refused.headers.contains_key("allow"),
                "{method} {path}: {refused:?}"
            );
        }
    }
}
