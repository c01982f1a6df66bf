//! What Prometheus reads: a service tells in numbers what it did and what it waits for, each of them documented, and nobody by name.

use std::time::Duration;

use boardroom::api::{Caller, Options, client, send};
use boardroom::sandbox::Letter;

use crate::house::{House, Service, eventually, free_port};
use crate::prometheus::{documented, promtool, rows};

const SCRAPE: Duration = Duration::from_secs(10);

/// A service whose admin listener is asked.
struct Watched {
    service: Service,
    admin: u16,
}

impl Watched {
    /// The text; a scrape that takes longer than Prometheus waits fails.
    async fn scrape(&self) -> String {
        let options = Options {
            timeout: SCRAPE,
            ..Options::default()
        };
        let url = format!("http://127.0.0.1:{}/metrics", self.admin);
        let request = client(&options).unwrap().get(url);
        let reply = send(request, &Caller::default()).await.unwrap();
        assert_eq!(reply.status, 200);
        String::from_utf8(reply.body).unwrap()
    }

    /// The value of one series.
    async fn value(&self, series: &str) -> Option<f64> {
        value(&self.scrape().await, series)
    }

    async fn becomes(&self, series: &str, expected: f64) {
        eventually(&format!("{series} is {expected}"), async || {
            self.value(series).await == Some(expected)
        })
        .await;
    }
}

fn value(exposition: &str, series: &str) -> Option<f64> {
    let mut lines = exposition.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

impl House {
    /// Lets the next start have an admin listener; says where.
    fn with_admin(&mut self) -> u16 {
        let port = free_port();
        self.set("BOARDROOM_ADMIN_LISTEN", &format!("127.0.0.1:{port}"));
        port
    }
}

/// A board has its room, and nothing else is to be done.
fn all_is_well(well: &str) {
    for (series, expected) in [
        ("boardroom_room_changes_total{change=\"created\"}", 1.0),
        ("boardroom_deliveries_total{outcome=\"refused\"}", 0.0),
        (
            "boardroom_service_requests_total{service=\"docspace\",method=\"POST\",route=\"/api/2.0/files/rooms\",status=\"200\"}",
            1.0,
        ),
        ("boardroom_delivery_to_room_seconds_count", 1.0),
        (
            "boardroom_lane_paused{lane=\"docspace\",kind=\"service\"}",
            0.0,
        ),
        ("boardroom_webhooks{state=\"refused\"}", 0.0),
        ("boardroom_leader", 1.0),
        ("boardroom_ready", 1.0),
        ("boardroom_database_up", 1.0),
        ("boardroom_twin_boards", 0.0),
        ("boardroom_sweep_interval_seconds", 300.0),
    ] {
        assert_eq!(value(well, series), Some(expected), "{series}\n{well}");
    }
    for series in [
        "boardroom_deliveries_total{outcome=\"stored\"}",
        "boardroom_acknowledgement_seconds_count",
        "boardroom_acknowledgement_seconds_bucket{le=\"10.0\"}",
        "boardroom_sweeps_total{result=\"complete\"}",
        "boardroom_audits_total{result=\"complete\"}",
        "boardroom_sweep_last_success_timestamp_seconds",
        "boardroom_webhooks{state=\"healthy\"}",
        "boardroom_trello_token_expiry_timestamp_seconds",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    ] {
        assert!(value(well, series) > Some(0.0), "{series}\n{well}");
    }
}

/// Boards wait for DocSpace, to which no connection comes to be.
fn docspace_is_away(ill: &str) {
    let since = "boardroom_lane_paused_since_timestamp_seconds{lane=\"docspace\",kind=\"service\",code=\"docspace_unreachable\"}";
    assert!(value(ill, since) > Some(1.7e9), "{ill}");
    let unanswered = "boardroom_service_requests_total{service=\"docspace\",method=\"GET\",route=\"/api/2.0/files/rooms\",status=\"none\"}";
    assert!(value(ill, unanswered) >= Some(1.0), "{ill}");
}

#[tokio::test]
async fn what_it_did_and_waits_for_is_told_to_prometheus_and_all_of_it_is_documented() {
    let mut house = House::new().await;
    let soon = house.trello.now() + Duration::from_hours(24);
    house.trello.set_token_expiry(Some(soon));
    let admin = house.with_admin();
    let service = house.start().await;
    let watched = Watched { service, admin };
    let board = house.board("Trade fair");
    house.status(&board, "mirrored").await;
    watched
        .becomes("boardroom_boards{status=\"mirrored\",reason=\"\"}", 1.0)
        .await;
    watched
        .becomes("boardroom_concerns{code=\"trello_token_expires\"}", 1.0)
        .await;
    let well = watched.scrape().await;
    all_is_well(&well);
    for secret in [
        board.to_string().as_str(),
        &house.trello.token(),
        "Trade fair",
        "route=\"other\"",
    ] {
        assert!(!well.contains(secret), "{secret}\n{well}");
    }

    house.docspace.down().await.unwrap();
    let late = house.board("Office move");
    house.status(&late, "waiting docspace").await;
    watched
        .becomes(
            "boardroom_lane_paused{lane=\"docspace\",kind=\"service\"}",
            1.0,
        )
        .await;
    let ill = watched.scrape().await;
    docspace_is_away(&ill);
    let readme = include_str!("../../README.md");
    assert_eq!(
        rows(&ill),
        documented(readme),
        "the table of the README is another"
    );
    let (content, said) = promtool(&["check", "metrics"], &ill);
    assert!(content && said.is_empty(), "{said}");

    house.docspace.up().await.unwrap();
    watched
        .becomes("boardroom_room_changes_total{change=\"created\"}", 2.0)
        .await;
    watched
        .becomes(
            "boardroom_lane_paused{lane=\"docspace\",kind=\"service\"}",
            0.0,
        )
        .await;
    watched.service.stop().await;
}

#[tokio::test]
async fn while_its_database_is_away_prometheus_is_told_so_at_once() {
    let mut house = House::new().await;
    let nobody = free_port();
    let url = format!("postgres://ann@127.0.0.1:{nobody}/rooms?sslmode=disable");
    house.set("BOARDROOM_DATABASE_URL", &url);
    let admin = house.with_admin();
    let mut service = house.spawn();
    service.logged("the database cannot be reached").await;
    let watched = Watched { service, admin };
    let board = house.silent("Too early");
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board);
    let letter = Letter::new(&house.callback(), body.unwrap());
    assert_eq!(house.trello.post(letter).await.unwrap().status, 503);
    let text = watched.scrape().await;
    for (series, expected) in [
        ("boardroom_database_up", Some(0.0)),
        ("boardroom_ready", Some(0.0)),
        ("boardroom_leader", Some(0.0)),
        ("boardroom_inbox_refusals_total{reason=\"shut\"}", Some(1.0)),
        (
            "boardroom_deliveries_total{outcome=\"unstored\"}",
            Some(1.0),
        ),
        ("boardroom_queue_due", None),
    ] {
        assert_eq!(value(&text, series), expected, "{series}\n{text}");
    }
}
