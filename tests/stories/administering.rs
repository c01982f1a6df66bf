//! The admin listener: who may come in, and what never gets through.

use std::time::{Duration, Instant};

use crate::house::{House, SOON, Service, free_port};
use crate::visiting::{TOKEN, Visitor};

impl House {
    /// Opens an admin listener with a token, from the next start on.
    pub(crate) fn administered(&mut self) -> Visitor {
        let port = free_port();
        self.set("BOARDROOM_ADMIN_LISTEN", &format!("127.0.0.1:{port}"));
        self.set("BOARDROOM_ADMIN_TOKEN", TOKEN);
        Visitor::at(port)
    }

    /// Starts the service and waits until its admin listener is there.
    async fn open(&mut self) -> Service {
        let mut service = self.spawn();
        service.logged("status page, API and metrics").await;
        service
    }

    /// Runs the service to its end: its exit code, and what it said.
    async fn refused(&self) -> (i32, String) {
        let mut serve = tokio::process::Command::from(self.command(&["serve"]));
        let ended = tokio::time::timeout(SOON, serve.output())
            .await
            .unwrap()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code().unwrap(), said)
    }
}

#[tokio::test]
async fn who_has_the_token_comes_in_and_a_wrong_one_is_told_so_after_a_while() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let service = house.open().await;
    for path in ["/api/v1/status", "/api/v1/no-such", "/metrics"] {
        let refused = visitor.get(path).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (401, "unauthorized")
        );
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        let begun = Instant::now();
        let refused = visitor
            .with("authorization", format!("Bearer {TOKEN}x"))
            .get(path)
            .await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (401, "token_wrong")
        );
        assert!(
            begun.elapsed() >= Duration::from_secs(1),
            "guessing is slow"
        );
    }
    let begun = Instant::now();
    assert_eq!(visitor.with_token().get("/metrics").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    // No address takes the token.
    assert_eq!(
        visitor
            .get(&format!("/api/v1/status?token={TOKEN}"))
            .await
            .status,
        401
    );
    assert_eq!(visitor.get(&format!("/?token={TOKEN}")).await.status, 303);
    let lost = visitor.with_token().get("/api/v1/no-such").await;
    assert_eq!((lost.status, lost.code().as_str()), (404, "not_found"));
    assert_eq!(visitor.with_token().get("/no-such").await.status, 404);
    let log = service.stop().await;
    assert!(log.contains("wrong admin token"), "{log}");
}

#[tokio::test]
async fn who_guesses_is_soon_not_listened_to_any_more_and_others_are() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let service = house.open().await;
    let right = visitor.log_in(TOKEN).await;
    let session = right.header("set-cookie").split(';').next().unwrap();
    let inside = visitor.with("cookie", session);
    let guesses = (0..40).map(|_| {
        let guesser = visitor.with("authorization", "Bearer a-wrong-token-0123");
        async move { guesser.get("/api/v1/status").await.status }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let compared = answers.iter().filter(|status| **status == 401).count();
    assert!((10..15).contains(&compared), "{answers:?}");
    assert!(answers.iter().all(|status| [401, 429].contains(status)));
    // From here not even the right one is: an answer to a guess says nothing.
    let barred = visitor.with_token().get("/api/v1/status").await;
    assert_eq!(
        (barred.status, barred.code().as_str()),
        (429, "too_many_attempts")
    );
    assert_eq!(visitor.log_in(TOKEN).await.status, 429);
    assert_eq!(inside.get("/").await.status, 200);
    let elsewhere = visitor.from([127, 0, 0, 2]).with_token();
    let metrics = elsewhere.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let wrong = format!("boardroom_admin_tokens_total{{outcome=\"wrong\"}} {compared}");
    assert!(metrics.text.contains(&wrong), "{}", metrics.text);
    let log = service.stop().await;
    assert!(
        log.contains("127.0.0.1") && log.contains("somebody logged in"),
        "{log}"
    );
}

#[tokio::test]
async fn before_the_token_nobody_brings_much() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.open().await;
    let long = visitor.log_in(&"x".repeat(5_000)).await;
    assert_eq!(long.status, 400, "it is not read to its end");
    assert!(long.text.contains("Give the token."));
    assert_eq!(visitor.log_in(TOKEN).await.status, 303);
}

#[tokio::test]
async fn a_session_lasts_over_a_restart_until_somebody_logs_out() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let service = house.open().await;
    let sent = visitor.get("/").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/login"));
    assert_eq!(visitor.get("/login").await.status, 200);
    let wrong = visitor.log_in("another-token-0123").await;
    assert!(
        wrong.status == 401 && wrong.headers.get("set-cookie").is_none(),
        "{wrong:?}"
    );
    let right = visitor.log_in(TOKEN).await;
    assert_eq!((right.status, right.header("location")), (303, "/"));
    let cookie = right.header("set-cookie").to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(
        !cookie.contains("Secure"),
        "it came by plain http: {cookie}"
    );
    let by_https = visitor
        .with("x-forwarded-proto", "https")
        .log_in(TOKEN)
        .await;
    assert!(by_https.header("set-cookie").ends_with("; Secure"));

    let value = cookie.split(';').next().unwrap();
    let inside = visitor.with("cookie", value);
    assert_eq!(inside.get("/").await.status, 200);
    assert_eq!(inside.get("/api/v1/openapi.json").await.status, 200);
    let mut log = service.stop().await;
    let service = house.open().await;
    assert_eq!(
        inside.get("/").await.status,
        200,
        "a restart ends no session"
    );
    let out = inside.post("/logout", None).await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(inside.get("/").await.status, 303, "it is over");
    log += &service.stop().await;
    let secret = value.split_once('=').unwrap().1;
    assert!(
        !log.contains(TOKEN) && !log.contains(secret),
        "at debug level"
    );
}

#[tokio::test]
async fn other_sites_and_other_hosts_are_refused_and_every_answer_binds_the_browser() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let mut service = house.open().await;
    service.logged("boardroom serves").await;
    let inside = visitor.with_token();
    let host = format!("127.0.0.1:{}", visitor.port);
    for (name, value) in [
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
    ] {
        for path in ["/api/v1/sweep", "/login", "/logout"] {
            let refused = inside.with(name, value.clone()).post(path, None).await;
            assert_eq!(refused.status, 403, "{name}: {value}");
            if path.starts_with("/api") {
                assert_eq!(refused.code(), "cross_site");
            } else {
                assert!(refused.header("content-type").starts_with("text/html"));
                assert!(refused.text.contains("Another site sent this request."));
            }
        }
    }
    let own = inside.with("origin", format!("http://{host}"));
    assert_eq!(own.post("/api/v1/sweep", None).await.status, 202);
    for (name, status) in [
        ("evil.example", 403),
        ("evil.example:8081", 403),
        ("10.0.0.1:8081", 403),
        ("localhost:9000", 200),
        ("[::1]:8081", 200),
    ] {
        let answer = inside.with("host", name).get("/login").await;
        assert_eq!(answer.status, status, "{name}");
        if status == 403 {
            assert!(answer.text.contains("<h1>This did not work</h1>"));
            let answer = inside.with("host", name).get("/api/v1/status").await;
            assert_eq!(answer.code(), "host_refused");
        }
    }
    for path in ["/login", "/", "/no-such", "/api/v1/status", "/metrics"] {
        let answer = visitor.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn nothing_of_it_is_on_the_public_listener() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let mut service = house.open().await;
    service.logged("boardroom serves").await;
    let outside = Visitor::at(house.port).with_token();
    for path in [
        "/",
        "/login",
        "/metrics",
        "/api/v1/status",
        "/api/v1/openapi.json",
    ] {
        assert_eq!(outside.get(path).await.status, 404, "{path}");
    }
    assert_eq!(outside.post("/api/v1/release", None).await.status, 404);
    assert_eq!(outside.post("/login", Some("token=x")).await.status, 404);
    let inside = visitor.with_token();
    for path in ["/livez", "/readyz", "/webhooks/trello"] {
        assert_eq!(inside.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn without_a_token_everybody_on_this_machine_comes_in_and_nobody_else() {
    let mut house = House::new().await;
    let visitor = house.administered();
    house.set("BOARDROOM_ADMIN_TOKEN", "");
    {
        let _service = house.open().await;
        assert_eq!(visitor.get("/").await.status, 200);
        assert_eq!(visitor.get("/metrics").await.status, 200);
        let form = visitor.get("/login").await;
        assert_eq!((form.status, form.header("location")), (303, "/"));
    }
    house.set(
        "BOARDROOM_ADMIN_LISTEN",
        &format!("0.0.0.0:{}", visitor.port),
    );
    let (code, said) = house.refused().await;
    assert!(
        code == 78 && said.contains("BOARDROOM_ADMIN_TOKEN"),
        "{code}: {said}"
    );
    house.set("BOARDROOM_ADMIN_TOKEN", "too-short-123");
    let (code, said) = house.refused().await;
    assert!(
        code == 78 && said.contains("16 characters"),
        "{code}: {said}"
    );
    assert!(!said.contains("too-short-123"), "{said}");
    house.set("BOARDROOM_ADMIN_TOKEN", TOKEN);
    let _service = house.open().await;
    assert_eq!(visitor.get("/metrics").await.status, 401);
    let elsewhere = visitor.with_token().with("host", "boardroom.internal:8081");
    assert_eq!(
        elsewhere.get("/metrics").await.status,
        200,
        "off loopback the token decides"
    );
}

#[tokio::test]
async fn an_address_that_is_taken_matters_when_somebody_wrote_it() {
    let mut house = House::new().await;
    // Somebody has it: this test, or whoever had it before.
    let taken = std::net::TcpListener::bind("127.0.0.1:8081");
    house.set("BOARDROOM_ADMIN_LISTEN", "");
    let mut service = house.spawn();
    service
        .logged("runs without status page, API and metrics")
        .await;
    service.logged("boardroom serves").await;
    service.stop().await;

    house.set("BOARDROOM_ADMIN_LISTEN", "127.0.0.1:8081");
    let (code, said) = house.refused().await;
    assert_eq!(code, 1, "{said}");
    for words in ["127.0.0.1:8081", "BOARDROOM_ADMIN_LISTEN", "in use"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    drop(taken);

    house.set("BOARDROOM_ADMIN_LISTEN", "off");
    let mut service = house.spawn();
    service.logged("boardroom serves").await;
    let log = service.stop().await;
    assert!(!log.contains("status page"), "{log}");
}

#[tokio::test]
async fn while_the_database_is_away_it_says_so() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let nobody = free_port();
    let url = format!("postgres://ann:hidden-password@127.0.0.1:{nobody}/rooms?sslmode=disable");
    house.set("BOARDROOM_DATABASE_URL", &url);
    let mut service = house.open().await;
    service.logged("the database cannot be reached").await;
    let inside = visitor.with_token();
    for path in ["/api/v1/status", "/api/v1/boards", "/api/v1/boards/Launch"] {
        let answer = inside.get(path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "database_away"),
            "{path}"
        );
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.text.contains("hidden-password") && !answer.text.contains("ann"));
    }
    assert_eq!(
        inside.post("/api/v1/release", None).await.code(),
        "database_away"
    );
    assert_eq!(visitor.log_in(TOKEN).await.status, 303);
    service.stop().await;
}
