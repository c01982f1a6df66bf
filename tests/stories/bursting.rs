//! Many boards at once: they are read together, each gets its one room, and what is wrong with one of them holds up no other.

use std::time::Duration;

use boardroom::sandbox::{Answer, BoardId, Effect, Exchange, Fault, Trello};

use crate::house::{House, SOON, eventually};

const ROOMS: &str = "/api/2.0/files/rooms";

/// How long a read takes on the way to the real Trello and back.
const AWAY: Duration = Duration::from_millis(100);

impl House {
    /// A board is looked at once more when its webhook comes; here those looks would only be counted with the others.
    fn without_webhooks_of_boards(&mut self) {
        self.set("BOARDROOM_FOLLOW", "sweep");
    }

    /// Boards that nobody told of, yet.
    fn silent_boards(&self, count: usize) -> Vec<BoardId> {
        (0..count)
            .map(|number| self.silent(&format!("Board {number}")))
            .collect()
    }

    /// Makes boards due in one moment, as a sweep does.
    async fn make_due(&self, boards: &[BoardId]) {
        let rows: Vec<_> = boards
            .iter()
            .map(|board| format!("('{board}', 'pending', 0, 0)"))
            .collect();
        self.storage
            .execute(&format!(
                "INSERT INTO board (id, status, since, due_at) VALUES {}
                 ON CONFLICT (id) DO UPDATE SET due_at = 0, hints = board.hints + 1",
                rows.join(", ")
            ))
            .await;
    }

    /// Requests that read boards: how many boards each.
    fn reads(&self) -> Vec<usize> {
        let boards = |exchange: &Exchange| match exchange.call.path.as_str() {
            "/1/batch" => Some(exchange.call.parameter("urls")?.split(',').count()),
            path => path.starts_with("/1/boards/").then_some(1),
        };
        self.trello.requests().iter().filter_map(boards).collect()
    }

    /// Control reads since the first batch; the guardian asks for the token as well, when it begins.
    fn control_reads(&self) -> usize {
        let control = format!("/1/tokens/{}", self.trello.token());
        let requests = self.trello.requests();
        let paths = requests.iter().map(|exchange| &exchange.call.path);
        let since = paths.skip_while(|path| *path != "/1/batch");
        since.filter(|path| **path == control).count()
    }

    async fn all_mirrored(&self, boards: &[BoardId]) {
        for board in boards {
            self.status(board, "mirrored").await;
        }
    }
}

#[tokio::test]
async fn a_burst_of_new_boards_is_read_by_tens() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let away = Effect::DelayBefore(AWAY);
    house
        .trello
        .fail(Fault::new(away).method("GET").path_prefix("/1/b"));
    house.trello.forget_requests();
    house.docspace.forget_requests();
    let boards: Vec<_> = (0..100)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    house.rooms(100).await;
    house.all_mirrored(&boards).await;
    let reads = house.reads();
    assert!(reads.len() <= 100 / 10 + 8, "{reads:?}");
    assert_eq!(house.docspace.requests_to("POST", ROOMS), 100);
    let requests = house.docspace.requests();
    let mut look_ups = requests
        .iter()
        .filter(|exchange| exchange.call.parameter("tags").is_some());
    assert_eq!(look_ups.next().map(Exchange::line), None);
}

#[tokio::test]
async fn boards_that_a_sweep_finds_are_read_in_full_tens() {
    let mut house = House::new().await;
    house.without_webhooks_of_boards();
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    house.trello.forget_requests();
    let boards = house.silent_boards(30);
    house.rooms(30).await;
    house.all_mirrored(&boards).await;
    // A sweep may fall between the first and the last of them.
    let reads = house.reads();
    assert!(reads.len() <= 5, "{reads:?}");
}

#[tokio::test]
async fn a_board_that_may_not_be_seen_spoils_no_other_of_its_ten() {
    let mut house = House::new().await;
    house.without_webhooks_of_boards();
    let _service = house.start().await;
    let boards = house.silent_boards(10);
    let hidden = &boards[4];
    house.trello.hide(hidden);
    house.trello.forget_requests();
    house.make_due(&boards).await;
    house.rooms(9).await;
    house.status(hidden, "pending board_not_visible").await;
    assert_eq!((house.reads(), house.control_reads()), (vec![10], 1));
    let failures = format!("SELECT failures FROM board WHERE id = '{hidden}'");
    assert_eq!(house.count(&failures).await, 1);
    house.age(Duration::from_mins(11)).await;
    house.status(hidden, "failed board_not_visible").await;
    // Of those that have rooms, one hidden and one deleted are told apart from the others, with one control read.
    let seen: Vec<_> = boards
        .iter()
        .filter(|board| *board != hidden)
        .cloned()
        .collect();
    house.all_mirrored(&seen).await;
    // A look that is still in hand holds a place, and then not all nine are read in one turn.
    let held = "SELECT count(*) FROM board WHERE lease_until IS NOT NULL OR due_at <= 0";
    eventually("nothing is in hand", || async {
        house.count(held).await == 0
    })
    .await;
    house.trello.hide(&seen[0]);
    house.trello.delete(&seen[8]);
    house.trello.forget_requests();
    house.make_due(&seen).await;
    house.status(&seen[0], "mirrored not_visible").await;
    house.status(&seen[8], "waiting deletion").await;
    // What is mirrored already may not have been read yet.
    eventually("all nine were read", || async {
        house.reads().iter().sum::<usize>() == 9
    })
    .await;
    house.all_mirrored(&seen[1..8]).await;
    assert_eq!((house.reads(), house.control_reads()), (vec![9], 1));
}

#[tokio::test]
async fn a_board_that_cannot_be_understood_spoils_no_other_of_its_ten() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let boards = house.silent_boards(10);
    let odd = house
        .trello
        .fail(Fault::new(Effect::NotJson).path(&format!("/1/boards/{}", boards[7])));
    house.make_due(&boards).await;
    house.rooms(9).await;
    house
        .status(&boards[7], "pending trello_unintelligible")
        .await;
    house.trello.clear(odd);
    house.age(Duration::from_mins(16)).await;
    house.rooms(10).await;
}

#[tokio::test]
async fn ten_boards_of_which_none_could_be_read_are_read_alone_and_get_their_rooms() {
    let refusals = [
        Answer::html(503),
        Answer::text(400, "invalid value for urls"),
        Answer::text(404, "Cannot GET /1/batch"),
    ];
    for refusal in refusals {
        let what = format!("{}", refusal.status);
        let mut house = House::new().await;
        house.without_webhooks_of_boards();
        let _service = house.start().await;
        let boards = house.silent_boards(10);
        house
            .trello
            .fail(Fault::on("GET", "/1/batch", Effect::Answer(refusal)));
        house.trello.forget_requests();
        house.make_due(&boards).await;
        house.rooms(10).await;
        house.all_mirrored(&boards).await;
        let reads = house.reads();
        assert_eq!(reads[0], 10, "{what}: {reads:?}");
        assert_eq!(reads[1..], [1; 10], "{what}");
        assert_eq!(house.control_reads(), 1, "{what}");
    }
}

#[tokio::test]
async fn boards_wait_for_trello_together_and_ask_it_once() {
    let mut house = House::new().await;
    house.without_webhooks_of_boards();
    let _service = house.start().await;
    // Nobody else is to meet the illness first: the guardian's first round ends with the token.
    let token = format!("/1/tokens/{}", house.trello.token());
    let is_asked = |trello: &Trello| {
        let requests = trello.requests();
        let mut asked = requests
            .iter()
            .filter(|exchange| exchange.call.path == token);
        asked.any(|exchange| exchange.answer.is_some())
    };
    house.trello.wait_until(is_asked, SOON).await.unwrap();
    let boards = house.silent_boards(20);
    let ill = house
        .trello
        .fail(Fault::new(Effect::Answer(Answer::html(503))));
    house.trello.forget_requests();
    house.make_due(&boards[..10]).await;
    for board in &boards[..10] {
        house.status(board, "waiting trello").await;
    }
    house.make_due(&boards[10..]).await;
    for board in &boards[10..] {
        house.status(board, "waiting trello").await;
    }
    assert_eq!(
        house.reads(),
        [10],
        "nobody is asked who is known to be away"
    );
    let to_blame = "SELECT max(failures) FROM board";
    assert_eq!(house.count(to_blame).await, 0);
    house.trello.clear(ill);
    house.rooms(20).await;
}

#[tokio::test]
async fn one_create_that_hangs_holds_up_no_burst() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "60s");
    let _service = house.start().await;
    house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::Hang).about("Stuck"));
    house.board("Stuck");
    for number in 0..40 {
        house.board(&format!("Board {number}"));
    }
    house.rooms(40).await;
    assert_eq!(house.docspace.writes_in_flight(), 1, "it still hangs");
}

#[tokio::test]
async fn looks_that_hang_leave_room_for_others() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "60s");
    let _service = house.start().await;
    let boards = house.silent_boards(15);
    house.make_due(&boards).await;
    house.rooms(15).await;
    house.all_mirrored(&boards).await;
    let path = format!("{ROOMS}/");
    let hang = house
        .docspace
        .fail(Fault::on("GET", &path, Effect::Hang).times(15));
    house.make_due(&boards).await;
    house
        .docspace
        .wait_until(|docspace| docspace.struck(hang) == 15, SOON)
        .await
        .unwrap();
    house.board("Not to be held up");
    house.rooms(16).await;
}

#[tokio::test]
async fn a_board_that_waits_to_be_read_stays_ours() {
    let mut house = House::new().await;
    // A lease is of two such calls and a minute, and is prolonged after a sixth of that.
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "1s");
    house.set("BOARDROOM_TRELLO_TIMEOUT", "1m");
    let _service = house.start().await;
    let boards = house.silent_boards(10);
    let slow = Fault::on("GET", "/1/batch", Effect::DelayBefore(SOON / 2));
    house.trello.fail(slow);
    house.make_due(&boards).await;
    let lease = "SELECT min(lease_until) FROM board WHERE lease_until IS NOT NULL";
    eventually("they are taken", || async { house.count(lease).await > 0 }).await;
    let first = house.count(lease).await;
    eventually("their leases are prolonged", || async {
        house.count(lease).await >= first + 5_000
    })
    .await;
    let taken = "SELECT max(attempt) FROM board";
    assert_eq!(house.count(taken).await, 1, "nobody else took one");
    house.rooms(10).await;
}

#[tokio::test]
async fn a_stop_waits_for_no_read() {
    let mut house = House::new().await;
    let service = house.start().await;
    let boards = house.silent_boards(10);
    let hang = house.trello.fail(Fault::new(Effect::Hang));
    house.make_due(&boards).await;
    let asked = |trello: &Trello| trello.requests_to("GET", "/1/batch") > 0;
    house.trello.wait_until(asked, SOON).await.unwrap();
    service.stop().await;
    let held = "SELECT count(*) FROM board WHERE lease_until IS NOT NULL";
    assert_eq!(house.count(held).await, 0, "what was read is given back");
    house.trello.clear(hang);
    let _service = house.start().await;
    house.rooms(10).await;
}

#[tokio::test]
async fn thousands_that_wait_are_woken_by_and_by_and_a_new_board_has_its_turn() {
    let mut house = House::new().await;
    let _service = house.start().await;
    // Held by somebody else, so that nobody looks at them here.
    let waiting = house.storage.either(
        "WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < 2500)
         INSERT INTO board (id, status, reason, since, lease_until)
             SELECT printf('%024x', n), 'waiting', 'docspace.create', 0, (unixepoch() + 3600) * 1000 FROM number",
        "INSERT INTO board (id, status, reason, since, lease_until)
             SELECT lpad(to_hex(n), 24, '0'), 'waiting', 'docspace.create', 0,
                 CAST(extract(epoch FROM now()) + 3600 AS BIGINT) * 1000 FROM generate_series(1, 2500) AS n",
    );
    house.storage.execute(waiting).await;
    let woken =
        "SELECT count(*) FROM board WHERE reason = 'docspace.create' AND due_at IS NOT NULL";
    eventually("some are woken", || async { house.count(woken).await > 0 }).await;
    house.board("In between");
    house.rooms(1).await;
    eventually("all are woken", || async {
        house.count(woken).await == 2500
    })
    .await;
    let at_once = "SELECT max(woken) FROM (SELECT count(*) AS woken FROM board WHERE reason = 'docspace.create' GROUP BY due_at) AS steps";
    assert_eq!(house.count(at_once).await, 1000);
}
