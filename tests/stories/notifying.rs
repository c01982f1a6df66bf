//! People are told once of what is out of order and once when it is over, and somebody elsewhere hears every minute that all is well.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, Role};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::hearer::{Hearer, Reply};
use crate::house::{House, SOON, Service, eventually, within};

const ROOMS: &str = "/api/2.0/files/rooms";
const SECRET: &str = "a-secret-that-signs-notices";
/// What is over is told after a quiet while.
const OVER: Duration = Duration::from_mins(1);

impl House {
    /// One that tells a receiver.
    async fn telling() -> (Self, Hearer) {
        let (mut house, hearer) = (Self::new().await, Hearer::start().await);
        house.set("BOARDROOM_NOTIFY_URL", &hearer.url());
        house.set("BOARDROOM_NOTIFY_SECRET", SECRET);
        house.set("BOARDROOM_SWEEP_EVERY", "1s");
        (house, hearer)
    }

    /// Lets whatever is paused have been so for longer.
    async fn age_lanes(&self, minutes: u64) {
        let ms = Duration::from_mins(minutes).as_millis();
        let age = format!("UPDATE lane SET since = since - {ms}");
        self.storage.execute(&age).await;
    }

    async fn notices_waiting(&self, count: i64) {
        eventually(&format!("{count} notices wait"), || async {
            self.count("SELECT count(*) FROM notice").await == count
        })
        .await;
    }
}

impl Hearer {
    /// Waits until a cause was told in a state; answers the notice.
    async fn told(&self, cause: &str, state: &str) -> Value {
        let find = || {
            let notices = self.notices().into_iter();
            notices
                .rev()
                .find(|one| one["cause"] == cause && one["state"] == state)
        };
        within(OVER, &format!("{cause} is {state}"), || async {
            find().is_some()
        })
        .await;
        find().unwrap()
    }

    fn notices(&self) -> Vec<Value> {
        let bodies = self.heard().into_iter().map(|heard| heard.body);
        bodies
            .map(|body| serde_json::from_slice(&body).unwrap())
            .collect()
    }

    fn count(&self, cause: &str) -> usize {
        self.notices()
            .iter()
            .filter(|one| one["cause"] == cause)
            .count()
    }
}

fn text(notice: &Value) -> &str {
    notice["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_full_plan_and_a_long_pause_are_told_once_signed_and_when_they_are_over() {
    let (mut house, hearer) = House::telling().await;
    let service = house.start().await;
    house.docspace.set_quota(Some(0));
    let board = house.board("Too many");
    let full = hearer.told("plan_full", "firing").await;
    assert!(
        text(&full).contains("The plan of this DocSpace has no room left"),
        "{full}"
    );
    assert_eq!(full["details"]["code"], "docspace_quota_full");
    house.docspace.set_quota(None);
    let over = hearer.told("plan_full", "resolved").await;
    assert_eq!(
        (&over["since"], &over["instance"]),
        (&full["since"], &full["instance"])
    );
    house.status(&board, "mirrored").await;
    house.docspace.down().await.unwrap();
    let board = house.board("Meanwhile");
    house.status(&board, "waiting docspace").await;
    assert_eq!(
        hearer.count("lane_paused/docspace"),
        0,
        "it may go on by itself"
    );
    house.age_lanes(6).await;
    let paused = hearer.told("lane_paused/docspace", "firing").await;
    assert!(
        text(&paused).contains("Boards wait and nothing is lost"),
        "{paused}"
    );
    house.docspace.up().await.unwrap();
    hearer.told("lane_paused/docspace", "resolved").await;
    house.status(&board, "mirrored").await;
    assert_eq!(
        (
            hearer.count("plan_full"),
            hearer.count("lane_paused/docspace")
        ),
        (2, 2)
    );
    for heard in hearer.heard() {
        heard.must_be_signed_with(SECRET);
    }
    assert_secret_is_not_in(&service.stop().await, &hearer);
}

/// At debug level, too.
fn assert_secret_is_not_in(log: &str, hearer: &Hearer) {
    assert!(log.contains("people are told"), "{log}");
    for secret in [SECRET, hearer.path(), hearer.url().as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn many_boards_that_fail_are_one_notice_and_their_names_are_text() {
    let (mut house, hearer) = House::telling().await;
    let _service = house.start().await;
    let refused = Effect::Answer(Answer::exception(400, "System.ArgumentException", "no"));
    let fault = house.docspace.fail(Fault::on("POST", ROOMS, refused));
    for name in ["<!channel> `x`", "& @all", "Plain", "Fourth", "Fifth"] {
        let board = house.silent(name);
        house.status(&board, "failed docspace_rejected").await;
    }
    let cause = "boards_failed/docspace_rejected";
    let failed = hearer.told(cause, "firing").await;
    assert_eq!(failed["details"]["boards"], 5, "{failed}");
    let said = text(&failed);
    assert!(
        said.contains("5 boards have failed") && said.contains("and 2 more"),
        "{said}"
    );
    assert!(!said.contains("<!channel>"), "{said}");
    house.docspace.clear(fault);
    let retried = house.command(&["retry", "--all"]).output().unwrap();
    assert!(retried.status.success());
    house.rooms(5).await;
    hearer.told(cause, "resolved").await;
    assert_eq!(hearer.count(cause), 2);
}

#[tokio::test]
async fn a_receiver_that_is_down_refuses_redirects_or_talks_without_end_gets_it_once_it_listens() {
    let (mut house, hearer) = House::telling().await;
    let answers = [
        Reply::Status(500),
        Reply::Redirect,
        Reply::Status(410),
        Reply::Endless(503),
    ];
    hearer.answer_with(&answers);
    let expires = house.trello.now() + SignedDuration::from_hours(100);
    house.trello.set_token_expiry(Some(expires));
    let mut service = house.start().await;
    service.logged("a notice was not taken").await;
    // A mirror does not wait for it.
    house.board("Meanwhile");
    house.rooms(1).await;
    let shown = "SELECT count(*) FROM concern WHERE code = 'notice_undelivered'";
    eventually("it is shown", || async { house.count(shown).await == 1 }).await;
    // Neither does a restart lose it, nor does anybody wait for hours.
    service.stop().await;
    house.let_leases_run_out().await;
    let mut service = house.spawn();
    for tries in 2..=5 {
        let soon = "UPDATE notice SET next_at = 0";
        within(OVER, &format!("it is tried {tries} times"), || async {
            house.storage.execute(soon).await;
            hearer.heard().len() >= tries
        })
        .await;
    }
    house.notices_waiting(0).await;
    eventually("it is shown no more", || async {
        house.count(shown).await == 0
    })
    .await;
    service.logged("notices are taken again").await;
    let heard = hearer.heard();
    let number = |at: usize| heard[at].header("x-boardroom-notice");
    assert_eq!(heard.len(), 5);
    assert!((1..5).all(|at| number(at) == number(0) && heard[at].body == heard[0].body));
}

#[tokio::test]
async fn a_webhook_that_was_dead_and_a_brake_are_told_of() {
    let (mut house, hearer) = House::telling().await;
    house.set("BOARDROOM_BRAKE", "1/1h");
    let _service = house.start().await;
    let hook = house.trello.webhooks_on(&house.workspace)[0].id.clone();
    house.trello.edit_webhook(&hook, |hook| hook.active = false);
    let dead = hearer.told("webhook_dead", "firing").await;
    assert!(text(&dead).contains("`Sales Team`"), "{dead}");
    for name in ["First", "Second"] {
        house.board(name);
    }
    let brake = hearer.told("brake_on/brake.create", "firing").await;
    assert!(text(&brake).contains("boardroom release"), "{brake}");
    let released = house.command(&["release"]).output().unwrap();
    assert!(released.status.success());
    hearer.told("brake_on/brake.create", "resolved").await;
}

#[tokio::test]
async fn a_workspace_in_which_the_member_is_no_admin_any_more_is_told_of_when_that_lasts() {
    let (mut house, hearer) = House::telling().await;
    let _service = house.start().await;
    let (us, cause) = (house.trello.member(), "workspace_admin_lost");
    let role = |role| {
        let workspace = &house.workspace;
        house.trello.set_workspace_role(workspace, &us, Some(role));
    };
    role(Role::Normal);
    let known = format!("SELECT count(*) FROM concern WHERE code = '{cause}'");
    eventually("it is known", || async { house.count(&known).await == 1 }).await;
    // One list may be wrong.
    let ms = Duration::from_mins(6).as_millis();
    let age = format!("UPDATE concern SET since = since - {ms}");
    house.storage.execute(&age).await;
    let told = hearer.told(cause, "firing").await;
    assert!(text(&told).contains("`Sales Team`"), "{told}");
    let moment = |name: &str| told[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let lasted = moment("at").duration_since(moment("since"));
    assert!(lasted >= SignedDuration::from_mins(5), "{told}");
    role(Role::Admin);
    hearer.told(cause, "resolved").await;
    assert_eq!(hearer.count(cause), 2);
}

#[tokio::test]
async fn a_test_notice_says_whether_the_address_is_right() {
    let (mut house, hearer) = House::telling().await;
    for variable in ["TRELLO_API_KEY", "TRELLO_TOKEN", "ONLYOFFICE_API_HOST"] {
        house.set(variable, "");
    }
    let notify = |house: &House| {
        let mut command = house.command(&["notify"]);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let taken = notify(&house).await.unwrap();
    let said = String::from_utf8(taken.stdout).unwrap();
    assert_eq!(
        said,
        "127.0.0.1 took the test notice (200); it was signed\n"
    );
    let heard = hearer.heard().remove(0);
    heard.must_be_signed_with(SECRET);
    assert_eq!(hearer.notices()[0]["kind"], "test");
    hearer.answer_with(&[Reply::Status(404)]);
    let refused = notify(&house).await.unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("it answers 404") && said.contains("make a new incoming webhook"),
        "{said}"
    );
    assert!(!said.contains(hearer.path()), "{said}");
    house.set("BOARDROOM_NOTIFY_URL", "");
    let unset = notify(&house).await.unwrap();
    assert_eq!(unset.status.code(), Some(78));
}

#[tokio::test]
async fn the_heart_beats_while_all_is_well_and_the_leaders_alone() {
    let (mut house, hearer) = House::telling().await;
    house.set("BOARDROOM_NOTIFY_URL", "");
    house.set("BOARDROOM_HEARTBEAT_URL", &hearer.url());
    let mut leader: Service = house.start().await;
    within(SOON, "the heart beats", || async {
        hearer.heard().len() == 1
    })
    .await;
    assert_eq!(hearer.heard()[0].method, "GET");
    leader.logged("all is well").await;
    leader.stop().await;
    // A second one begins while the brake is on: it never beats.
    let now = house.storage.either(
        "unixepoch() * 1000",
        "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)",
    );
    let brake = format!(
        "INSERT INTO lane (name, code, detail, since, until, failures) VALUES ('brake.create', 'brake_on', 'x', {now}, {now}, 1)"
    );
    house.storage.execute(&brake).await;
    house.let_leases_run_out().await;
    let mut held = house.spawn();
    held.logged("boards are held up: brake_on/brake.create")
        .await;
    held.logged("swept").await;
    assert_eq!(hearer.heard().len(), 1);
    let released = house.command(&["release"]).output().unwrap();
    assert!(released.status.success());
    within(SOON, "it beats again", || async {
        hearer.heard().len() == 2
    })
    .await;
    let log = held.stop().await;
    assert!(!log.contains(hearer.path()), "the address is in the log");
}
