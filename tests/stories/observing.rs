//! Somebody looks on: one trace leads from the delivery to the room, and each line of the log tells what it belongs to.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::Value;

use crate::hearer::{Hearer, Reply};
use crate::house::{House, Service, eventually};

const KEY: &str = "collector-key-0123456789";

impl House {
    /// One whose traces somebody collects.
    async fn traced() -> (Self, Hearer) {
        let (mut house, hearer) = (Self::new().await, Hearer::start().await);
        house.set("OTEL_EXPORTER_OTLP_ENDPOINT", &hearer.base());
        house.set(
            "OTEL_EXPORTER_OTLP_HEADERS",
            &format!("authorization=Bearer%20{KEY}"),
        );
        house.set("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=tests");
        house.set("OTEL_BSP_SCHEDULE_DELAY", "100");
        house.set("BOARDROOM_LOG", "trace");
        (house, hearer)
    }
}

impl Hearer {
    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.heard().into_iter().map(|heard| heard.body);
        bodies
            .map(|body| ExportTraceServiceRequest::decode(body).unwrap())
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self
            .requests()
            .into_iter()
            .flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Waits for a span.
    async fn span(&self, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
        let find = || self.spans().into_iter().find(|span| is_it(span));
        eventually(what, || async { find().is_some() }).await;
        find().unwrap()
    }
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        Any::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The line of the log that says so.
fn line(service: &Service, words: &str) -> Value {
    let log = service.log();
    let mut lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["message"] == words).unwrap()
}

fn names(line: &Value) -> BTreeSet<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn hex(id: &[u8]) -> String {
    id.iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

const CREATE: &str = "POST /api/2.0/files/rooms";

#[tokio::test]
async fn one_trace_leads_from_the_delivery_to_the_room() {
    let (mut house, hearer) = House::traced().await;
    let mut service = house.start().await;
    let board = house.board("Product launch");
    house.status(&board, "mirrored").await;
    let create = hearer
        .span("the create is told", |span| span.name == CREATE)
        .await;
    assert_eq!(create.kind, SpanKind::Client as i32);
    assert_eq!(
        text(&create.attributes, "http.response.status_code").as_deref(),
        Some("200")
    );
    let look = hearer
        .span("the look is told", |span| {
            span.span_id == create.parent_span_id
        })
        .await;
    assert_eq!(
        (look.name.as_str(), look.kind),
        ("look", SpanKind::Consumer as i32)
    );
    assert_eq!(text(&look.attributes, "board.id"), Some(board.to_string()));
    let delivery = hearer
        .span("the delivery is told", |span| {
            span.span_id == look.parent_span_id
        })
        .await;
    assert_eq!(
        (delivery.name.as_str(), delivery.kind),
        ("POST /webhooks/trello", SpanKind::Server as i32)
    );
    assert_eq!(
        text(&delivery.attributes, "http.response.status_code").as_deref(),
        Some("200")
    );
    assert!(delivery.parent_span_id.is_empty());
    assert!(
        [&create, &look]
            .iter()
            .all(|span| span.trace_id == delivery.trace_id)
    );
    hearer
        .span("reads of Trello are told by their routes", |span| {
            span.name == "GET /1/boards/{id}"
        })
        .await;
    hearer
        .span("the token's own routes too", |span| {
            span.name == "GET /1/tokens/{id}/webhooks"
        })
        .await;
    service.logged("room created").await;
    assert_lines(&service, &board.to_string(), &hex(&look.trace_id));
    assert_nothing_secret_is_told(&house, &hearer, &service.stop().await);
}

/// Their fields have these names, which scripts rest on.
fn assert_lines(service: &Service, board: &str, trace: &str) {
    let stored = line(service, "delivery stored");
    let expected = [
        "timestamp",
        "level",
        "message",
        "board.id",
        "kind",
        "action",
        "request.id",
        "trace.id",
        "target",
    ];
    assert_eq!(names(&stored), BTreeSet::from(expected));
    let created = line(service, "room created");
    let expected = [
        "timestamp",
        "level",
        "message",
        "board.id",
        "room.id",
        "since_due_ms",
        "trace.id",
        "target",
    ];
    assert_eq!(names(&created), BTreeSet::from(expected));
    assert_eq!(
        (&created["board.id"], &created["trace.id"]),
        (&board.into(), &trace.into())
    );
}

fn assert_nothing_secret_is_told(house: &House, hearer: &Hearer, log: &str) {
    assert!(!log.contains(KEY), "the collector's key is in the log");
    let secrets = [
        "TRELLO_API_KEY",
        "TRELLO_TOKEN",
        "TRELLO_API_SECRET",
        "ONLYOFFICE_API_KEY",
    ];
    for heard in hearer.heard() {
        assert_eq!(heard.header("authorization"), format!("Bearer {KEY}"));
        let body = String::from_utf8_lossy(&heard.body);
        for secret in secrets.map(|name| house.setting(name)) {
            assert!(
                !body.contains(&secret) && !log.contains(&secret),
                "{secret}"
            );
        }
        assert!(
            !body.contains("Product launch"),
            "names of boards stay here"
        );
    }
    let resource = hearer
        .requests()
        .remove(0)
        .resource_spans
        .remove(0)
        .resource
        .unwrap();
    assert_eq!(
        text(&resource.attributes, "service.name").as_deref(),
        Some("boardroom")
    );
    assert_eq!(
        text(&resource.attributes, "deployment.environment").as_deref(),
        Some("tests")
    );
    for request in house.docspace.requests() {
        let told = request.call.headers.contains_key("traceparent");
        assert!(!told, "DocSpace is nobody's to trace");
    }
}

#[tokio::test]
async fn what_is_not_sent_yet_is_sent_at_the_stop() {
    let (mut house, hearer) = House::traced().await;
    house.set("OTEL_BSP_SCHEDULE_DELAY", "600000");
    house.set("OTEL_SERVICE_NAME", "rooms");
    let service = house.start().await;
    let board = house.board("Product launch");
    house.status(&board, "mirrored").await;
    service.stop().await;
    assert!(hearer.spans().iter().any(|span| span.name == CREATE));
    let resource = hearer
        .requests()
        .remove(0)
        .resource_spans
        .remove(0)
        .resource
        .unwrap();
    assert_eq!(
        text(&resource.attributes, "service.name").as_deref(),
        Some("rooms")
    );
}

#[tokio::test]
async fn a_collector_that_is_away_disturbs_nothing_and_is_told_of_once() {
    let (mut house, hearer) = House::traced().await;
    hearer.answer_with(&[Reply::Status(503), Reply::Endless(503), Reply::Status(401)]);
    let mut service = house.start().await;
    service
        .logged("traces are lost: the collector answers 503")
        .await;
    house.board("Meanwhile");
    house.rooms(1).await;
    service.logged("the collector takes traces again").await;
    let log = service.stop().await;
    assert_eq!(log.matches("traces are lost").count(), 1, "{log}");
    // Nor does one that is not there at all.
    house.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let mut service = house.start().await;
    house.board("Later");
    house.rooms(2).await;
    service
        .logged("traces are lost: the collector cannot be reached")
        .await;
    service.stop().await;
}

#[tokio::test]
async fn without_a_collector_lines_have_their_request_and_nothing_is_traced() {
    let (mut house, hearer) = House::traced().await;
    house.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let mut service = house.start().await;
    service.logged("a protocol other than http/protobuf").await;
    let board = house.board("Product launch");
    house.status(&board, "mirrored").await;
    let stored = line(&service, "delivery stored");
    assert!(
        stored["request.id"].is_string() && stored["board.id"] == board.to_string(),
        "{stored}"
    );
    assert!(stored["trace.id"].is_null(), "{stored}");
    assert_eq!(
        house
            .count("SELECT count(*) FROM board WHERE trace IS NOT NULL")
            .await,
        0
    );
    assert!(hearer.heard().is_empty());
}
