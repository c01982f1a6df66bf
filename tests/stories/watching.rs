//! The pages as a browser without a script sees them, and those who watch. In a real browser they are tested in `tests/browser`.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, NewBoard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{House, eventually, free_port};
use crate::visiting::TOKEN;

/// So many may watch at the same time.
const SEATS: usize = 100;

/// Begins to watch, as a browser does: the connection, and whether one may.
async fn watch(port: u16) -> (TcpStream, bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    let is_let_in = &head == b"HTTP/1.1 200";
    (stream, is_let_in)
}

#[tokio::test]
async fn so_many_may_watch_and_the_service_ends_all_the_same() {
    let mut house = House::new().await;
    house.administered();
    let address = house.setting("BOARDROOM_ADMIN_LISTEN");
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let service = house.start().await;
    let mut watching = Vec::new();
    for _ in 0..SEATS {
        let (stream, is_let_in) = watch(port).await;
        assert!(is_let_in);
        watching.push(stream);
    }
    assert!(!watch(port).await.1, "there is no seat left");
    watching.pop();
    eventually("a seat that was left is free", || async {
        watch(port).await.1
    })
    .await;

    // All of them are told when something happens.
    house.board("Launch");
    let mut told = String::new();
    while !told.contains("event: changed") {
        let mut some = [0; 1024];
        let length = watching[0].read(&mut some).await.unwrap();
        assert!(length > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&some[..length]));
    }
    service.stop().await;
}

#[tokio::test]
async fn the_files_of_the_pages_are_kept_by_browsers_until_they_change() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let login = visitor.get("/login").await.text;
    for name in ["page.css", "page.js", "icon.svg"] {
        let (_, rest) = login.split_once(&format!("\"/assets/{name}?")).unwrap();
        let (word, _) = rest.split_once('"').unwrap();
        let file = visitor.get(&format!("/assets/{name}?{word}")).await;
        assert_eq!(file.status, 200);
        assert!(
            file.headers["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let tag = file.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(
            tag,
            format!("\"{word}\""),
            "the address changes with the file"
        );
        let again = visitor
            .with("if-none-match", tag)
            .get(&format!("/assets/{name}"))
            .await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        // The page of a newer service may ask an older one: the old file must not be kept under the new word.
        for other in ["?0123456789abcdef", "?", ""] {
            let file = visitor.get(&format!("/assets/{name}{other}")).await;
            assert_eq!(file.status, 200);
            assert_eq!(file.headers["cache-control"], "no-store", "{name}{other}");
        }
    }
    assert_eq!(visitor.get("/assets/secrets.txt").await.status, 404);
    // Nothing else of the page is seen by whoever is not in, and nothing of it is inline.
    assert_eq!(visitor.get("/live").await.status, 303);
    let page = visitor.with_token().get("/").await.text;
    for inline in ["<style", " style=", " onclick=", "<script>"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn while_the_database_is_away_the_page_says_so() {
    let mut house = House::new().await;
    let visitor = house.administered().with_token();
    let nobody = free_port();
    let url = format!("postgres://ann:hidden-password@127.0.0.1:{nobody}/rooms?sslmode=disable");
    house.set("BOARDROOM_DATABASE_URL", &url);
    let mut service = house.spawn();
    service.logged("the database cannot be reached").await;
    let page = visitor.get("/").await;
    assert_eq!(page.status, 200);
    for said in [
        "No delivery can be stored: the database",
        "no board can be shown",
    ] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let board = visitor.get("/boards/640000000000000000000001").await;
    assert_eq!(board.status, 503);
    assert!(board.text.contains("The database does not answer."));
    assert_eq!(visitor.post("/retry", None).await.status, 503);
    assert!(!page.text.contains("hidden-password"));
    service.stop().await;
}

#[tokio::test]
async fn what_was_counted_outlives_the_service_and_names_stay_text() {
    let mut house = House::new().await;
    let visitor = house.administered().with_token();
    let service = house.start().await;
    let name = "<b onmouseover=\"x\">&amp;\u{202e}'";
    let board = NewBoard::named(name).in_workspace(&house.workspace);
    let board = house.trello.create_board(board);
    house.status(&board, "mirrored").await;
    service.stop().await;
    let rooms = "SELECT CAST(sum(rooms) AS BIGINT) FROM figure WHERE width = 60000";
    assert_eq!(house.count(rooms).await, 1);

    let service = house.start().await;
    for path in ["/", "/?span=day", "/?span=week"] {
        let page = visitor.get(path).await.text;
        assert!(
            page.contains("<span class=\"plot-sum\">1</span>"),
            "{path}: {page}"
        );
        assert!(
            page.contains("&#60;b onmouseover=&#34;x&#34;&#62;&#38;amp; &#39;"),
            "{page}"
        );
    }
    let page = visitor.get(&format!("/boards/{board}")).await.text;
    assert!(
        !page.contains("<b ") && !page.contains('\u{202e}'),
        "{page}"
    );
    let found = visitor
        .get("/?q=%3Cb+onmouseover&status=mirrored&before=nonsense")
        .await
        .text;
    assert!(found.contains(&format!("/boards/{board}")));
    let none = visitor.get("/?q=%22%3E%3Cscript%3E&span=century").await;
    assert_eq!(
        none.status, 200,
        "nonsense in the address shows the page as it is without"
    );
    service.stop().await;
}

/// What all see is read once for all of them, and is a moment old; but not for whoever has just done something.
#[tokio::test]
async fn whoever_did_something_sees_how_it_is_afterwards() {
    let mut house = House::new().await;
    let visitor = house.administered().with_token();
    let _service = house.start().await;
    let page = visitor.get("/").await.text;
    assert!(!page.contains("1 board failed."), "{page}");
    let refused = Answer::exception(400, "System.ArgumentException", "no");
    let create = Fault::on("POST", "/api/2.0/files/rooms", Effect::Answer(refused));
    house.docspace.fail(create);
    let board = house.board("Launch");
    house.status(&board, "failed docspace_rejected").await;
    let answer = visitor.post("/sweep", None).await;
    let place = answer.headers["location"].to_str().unwrap();
    let page = visitor.get(place).await.text;
    assert!(page.contains("1 board failed."), "{page}");
}

#[tokio::test]
async fn boards_that_have_waited_for_long_are_told_of_and_when_the_rounds_were_made_is_kept() {
    let mut house = House::new().await;
    let visitor = house.administered().with_token();
    let _service = house.start().await;
    let rounds = "SELECT count(*) FROM meta WHERE name IN ('swept_at', 'audited_at')";
    eventually("both rounds were made", || async {
        house.count(rounds).await == 2
    })
    .await;
    let page = visitor.get("/").await.text;
    assert!(page.contains("All is ready for the first board."), "{page}");
    let slow = Effect::DelayBefore(Duration::from_secs(20));
    let create = Fault::on("POST", "/api/2.0/files/rooms", slow);
    house.docspace.fail(create);
    let board = house.board("Launch");
    let looked_at = format!(
        "SELECT count(*) FROM board WHERE id = '{board}' AND due_at IS NOT NULL AND intent_at IS NOT NULL"
    );
    eventually("it is looked at", || async {
        house.count(&looked_at).await == 1
    })
    .await;
    house.age(Duration::from_mins(11)).await;
    // What is shown may be a moment old.
    eventually("the page says so", || async {
        let page = visitor.get("/").await.text;
        page.contains("Boards have been waiting to be looked at since")
    })
    .await;
    let status = visitor.get("/api/v1/status").await.text;
    assert!(status.contains(r#""state":"queue_slow""#), "{status}");
}

#[tokio::test]
async fn the_inbox_of_a_member_is_offered_no_room() {
    let mut house = House::new().await;
    house.set("BOARDROOM_PERSONAL_BOARDS", "true");
    let visitor = house.administered().with_token();
    let _service = house.start().await;
    let inbox = house.trello.inbox();
    house.status(&inbox, "ignored inbox").await;
    let page = visitor.get(&format!("/boards/{inbox}")).await.text;
    assert!(!page.contains("/mirror\""), "{page}");
    let answer = visitor.post(&format!("/boards/{inbox}/mirror"), None).await;
    let place = answer.headers["location"].to_str().unwrap();
    assert!(place.contains("done=inbox"), "{place}");
    house.status(&inbox, "ignored inbox").await;
    house.rooms(0).await;
}

#[tokio::test]
async fn the_brake_is_let_go_with_a_button_and_each_button_says_what_it_did() {
    let mut house = House::new().await;
    house.set("BOARDROOM_BRAKE", "1/10m");
    let visitor = house.administered().with_token();
    let _service = house.start().await;
    let boards = ["One", "Two", "Three"].map(|name| house.board(name));
    house.rooms(1).await;
    let braked = "SELECT id FROM board WHERE status = 'waiting' AND reason = 'brake'";
    let waiting = async || house.storage.all::<String>(braked).await.unwrap();
    eventually("two boards wait", || async { waiting().await.len() == 2 }).await;
    // What is shown may be a moment old.
    eventually("the page says so", || async {
        let page = visitor.get("/?status=waiting/brake").await.text;
        page.contains(": 2 boards wait for your word.") && page.contains("action=\"/release\"")
    })
    .await;
    let tried = format!("/boards/{}/retry", waiting().await[0]);
    let places = [
        (tried.as_str(), "done=held"),
        ("/release", "/?done=released&count=2"),
        ("/sweep", "/?done=swept"),
    ];
    for (deed, place) in places {
        let answer = visitor.post(deed, None).await;
        assert_eq!(answer.status, 303, "{deed}");
        let location = answer.headers["location"].to_str().unwrap();
        assert!(location.contains(place), "{deed}: {location}");
        let led = visitor.with("sec-fetch-site", "same-origin");
        let page = led.get(location).await.text;
        assert!(page.contains("id=\"done\""), "{page}");
        // A link from elsewhere tells of what nobody did.
        let page = visitor
            .with("sec-fetch-site", "cross-site")
            .get(location)
            .await;
        assert!(!page.text.contains("id=\"done\""));
    }
    house.rooms(boards.len()).await;
    assert_eq!(
        visitor.post("/boards/nonsense/retry", None).await.status,
        404
    );
}

#[tokio::test]
async fn a_workspace_that_could_not_be_listed_at_first_is_named_when_it_is() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let visitor = house.administered();
    let boards = format!("/1/organizations/{}/boards", house.workspace);
    let away = Effect::Answer(Answer::html(503));
    house.trello.fail(Fault::on("GET", &boards, away).once());
    let _service = house.start().await;
    eventually("the page names it", || async {
        let page = visitor.with_token().get("/").await.text;
        page.contains("Sales Team")
    })
    .await;
    assert!(house.trello.requests_to("GET", &boards) > 1);
}
