//! `check` as a whole: what is in order, the database, the configuration, several failures at once, and what it never does.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, Role};

use crate::{Lab, deserted, front};

#[tokio::test]
async fn a_misspelt_setting_is_warned_of() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_LISTN", "127.0.0.1:8080");
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    let words = ["BOARDROOM_LISTN", "BOARDROOM_LISTEN?"];
    check.found("warning", "variable", &words);
}

#[tokio::test]
async fn whether_traces_go_somewhere_is_said_to_whoever_wants_them_and_no_address_is_shown() {
    let mut lab = Lab::new().await;
    lab.set(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://user:opensesame@127.0.0.1:9",
    );
    let check = lab.run(&["check"]).await;
    check.found("ok", "traces", &["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    lab.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let grpc = lab.run(&["check"]).await;
    let fix = "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf";
    grpc.found("warning", "traces", &["nobody gets them", fix]);
    grpc.failed_only(&[]);
    lab.set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    lab.set("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318/opensesame");
    let wrong = lab.run(&["check"]).await;
    let fix = "a URL such as http://localhost:4318";
    wrong.found("warning", "traces", &["no URL", fix]);
    let of_traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    lab.set(of_traces, "collector:4318/opensesame");
    let wrong_of_traces = lab.run(&["check"]).await;
    wrong_of_traces.found("warning", "traces", &["no URL", of_traces]);
    lab.set(of_traces, "http://user:opensesame@127.0.0.1:9");
    let check_of_traces = lab.run(&["check"]).await;
    check_of_traces.found("ok", "traces", &[of_traces]);
    for check in [check, grpc, wrong, wrong_of_traces, check_of_traces] {
        assert!(!check.stdout.contains("opensesame"), "{check:?}");
    }
}

#[tokio::test]
async fn who_is_told_how_it_goes_is_said_without_telling_them_anything() {
    let mut lab = Lab::new().await;
    let nobody = format!("http://{}/opensesame", deserted());
    lab.set("BOARDROOM_NOTIFY_URL", &nobody);
    lab.set("BOARDROOM_HEARTBEAT_URL", &nobody);
    lab.set("BOARDROOM_SWEEP_EVERY", "10s");
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found(
        "ok",
        "notices",
        &["127.0.0.1", "not signed", "boardroom notify"],
    );
    check.found("ok", "heartbeat", &["127.0.0.1", "while all is well"]);
    check.found("warning", "sweeps", &["is 10s", "30s or more"]);
    assert!(!check.stdout.contains("opensesame"), "{check:?}");
}

#[tokio::test]
async fn everything_that_is_in_order_is_said_line_by_line() {
    let mut lab = Lab::new().await;
    lab.trello().add_workspace("Sales");
    lab.publish(front(200, &[]).await);
    let check = lab.run(&["check"]).await;
    assert_eq!((check.code, check.stderr.as_str()), (0, ""), "{check:?}");
    let subjects: Vec<_> = check
        .findings()
        .into_iter()
        .map(|line| (line.verdict, line.subject))
        .collect();
    let expected = [
        "configuration",
        "database",
        "Trello",
        "Trello token",
        "token expiry",
        "token scope",
        "workspace",
        "clock",
        "public URL",
        "DocSpace",
        "DocSpace version",
        "DocSpace key",
        "key expiry",
        "key scopes",
        "right to create",
    ];
    let expected = expected.map(|subject| ("ok".to_owned(), subject.to_owned()));
    assert_eq!(subjects, expected);
    assert!(check.stdout.ends_with("\nnothing failed\n"));
    assert!(!check.stdout.contains('\u{1b}'), "no colours in a pipe");
    check.found("ok", "Trello token", &["@adaadmin"]);
    check.found("ok", "workspace", &["Sales"]);
    check.found("ok", "DocSpace version", &["3.7.2"]);
    let made = lab
        .storage
        .either("can be made", "the first start makes its tables");
    check.found("ok", "database", &[made]);
}

#[tokio::test]
async fn the_running_service_is_a_public_url_that_is_in_order() {
    let mut lab = Lab::new().await;
    let service = lab.serve().await;
    lab.publish(format!("http://{}", service.address));
    let check = lab.run(&["check"]).await;
    check.found("ok", "public URL", &["/webhooks/trello answers 200"]);
    check.found("ok", "database", &["can be written"]);
    check.failed_only(&[]);
}

#[tokio::test]
async fn nothing_is_made_or_changed_anywhere() {
    let mut lab = Lab::new().await;
    let sales = lab.trello().add_workspace("Sales");
    let us = lab.trello().member();
    lab.trello()
        .set_workspace_role(&sales, &us, Some(Role::Normal));
    lab.set("BOARDROOM_WORKSPACES", "Sales,Marketing");
    lab.publish(front(200, &[]).await);
    lab.run(&["check"]).await;
    let requests = [lab.trello().requests(), lab.docspace().requests()].concat();
    assert!(requests.len() > 6);
    for request in requests {
        assert!(request.call.reads(), "{}", request.line());
    }
    assert!(lab.trello().webhooks().is_empty());
    assert!(lab.docspace().rooms().is_empty());
}

#[tokio::test]
async fn several_failures_are_told_at_once_and_each_service_for_itself() {
    let mut lab = Lab::new().await;
    lab.publish(format!("http://{}", deserted()));
    lab.docspace().revoke_key();
    lab.trello().down().await.unwrap();
    std::fs::write(lab.path("file"), "").unwrap();
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://file/boardroom.db");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["database", "Trello", "public URL", "DocSpace key"]);
    check.found("ok", "DocSpace version", &["3.7.2"]);
    for subject in [
        "Trello token",
        "token expiry",
        "token scope",
        "workspace",
        "clock",
        "key expiry",
        "key scopes",
        "right to create",
    ] {
        check.found("-", subject, &["not checked"]);
    }
    assert!(check.stdout.ends_with("\n4 failed\n"), "{}", check.stdout);
}

#[tokio::test]
async fn wrong_configuration_is_told_all_at_once_and_nothing_is_asked() {
    let mut lab = Lab::new().await;
    lab.unset("TRELLO_TOKEN");
    lab.set("BOARDROOM_SWEEP_EVERY", "often");
    lab.set("BOARDROOM_PUBLIC_URL", "https://boardroom.example.com");
    let check = lab.run(&["check"]).await;
    assert_eq!((check.code, check.stdout.as_str()), (78, ""));
    for key in ["trello_token", "sweep_every", "trello_api_secret"] {
        assert!(check.stderr.contains(key), "{key}: {}", check.stderr);
    }
    assert!(lab.trello().requests().is_empty());
}

#[tokio::test]
async fn no_secret_is_shown_however_much_is_logged() {
    let mut lab = Lab::new().await;
    lab.trello().add_workspace("Sales");
    lab.publish(front(200, &[]).await);
    for level in ["debug", "trace"] {
        lab.set("BOARDROOM_LOG", level);
        let check = lab.run(&["check"]).await;
        assert_eq!(check.code, 0);
        assert!(check.stderr.contains("Trello answered"), "it is logged");
        assert_eq!(check.findings().len(), 15, "results stay apart from logs");
    }
}

#[tokio::test]
async fn no_secret_is_shown_when_a_server_repeats_what_it_was_sent() {
    let lab = Lab::new().await;
    let path = format!("/1/tokens/{}", lab.trello().token());
    let echo = Answer::text(404, &format!("Cannot GET {path}"));
    lab.trello()
        .fail(Fault::on("GET", "/1/tokens/", Effect::Answer(echo)));
    let header = format!("Authorization: Bearer {}", lab.docspace().api_key());
    let echo = Answer::text(200, &header);
    lab.docspace().fail(Fault::new(Effect::Answer(echo)));
    let check = lab.run(&["check"]).await;
    check.found("-", "token expiry", &["not told"]);
    check.found("FAILED", "DocSpace", &["[redacted]", "ONLYOFFICE_API_HOST"]);
}

#[tokio::test]
async fn a_warning_is_no_failure() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_ROOM_PRIVATE", "true");
    lab.trello()
        .set_clock_skew(jiff::SignedDuration::from_secs(-90));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    let words = ["BOARDROOM_ROOM_PRIVATE=false", "end-to-end encrypted"];
    check.found("warning", "private rooms", &words);
    check.found("warning", "public URL", &["sweeps alone, every 5 min"]);
    check.found("warning", "clock", &["ahead of Trello's", "NTP"]);
    check.found("warning", "workspace", &["none"]);
    assert!(check.stdout.ends_with("\nnothing failed, 4 warnings\n"));
}

#[tokio::test]
async fn lines_end_before_column_80() {
    let mut lab = Lab::new().await;
    lab.publish(format!("http://{}", deserted()));
    lab.trello().revoke_token();
    lab.docspace().set_redirect_to_https(true);
    let check = lab.run(&["check"]).await;
    for line in check.stdout.lines() {
        // What will be copied stays whole.
        let fits = line.chars().count() <= 80 || line.contains("://");
        assert!(fits, "{line}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_holds_nobody_up_for_long() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_DOCSPACE_TIMEOUT", "1s");
    lab.docspace().fail(Fault::new(Effect::Hang));
    let begun = tokio::time::Instant::now();
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    check.found("FAILED", "DocSpace", &["the time is up"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
