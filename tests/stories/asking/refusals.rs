//! What the API refuses: in one form, with stable codes and words of our own.

use reqwest::Method;

use crate::asking::Reader;
use crate::house::House;

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
