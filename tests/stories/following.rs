//! The room follows its board: renamed, archived, restored, whatever the order, and kept when the board is out of sight.

use std::time::{Duration, Instant};

use boardroom::sandbox::{Answer, BoardId, Effect, Fault, Operations, Room};

use crate::house::{House, SOON, eventually};

const ROOMS: &str = "/api/2.0/files/rooms";

impl House {
    /// A mirrored board that has its own webhook.
    pub(crate) async fn mirrored(&self, name: &str) -> BoardId {
        let board = self.board(name);
        self.status(&board, "mirrored").await;
        let hooked = |trello: &boardroom::sandbox::Trello| !trello.webhooks_on(&board).is_empty();
        self.trello.wait_until(hooked, SOON).await.unwrap();
        self.status(&board, "mirrored").await;
        board
    }

    /// The only room of a board.
    pub(crate) fn room_of(&self, board: &str) -> Room {
        let mut rooms = self.docspace.rooms_tagged(&format!("Trello board {board}"));
        assert_eq!(rooms.len(), 1, "{rooms:?}");
        rooms.remove(0)
    }

    /// Waits until the room of a board is so.
    pub(crate) async fn room_is(&self, board: &str, title: &str, archived: bool) {
        let tag = format!("Trello board {board}");
        let is_so = |docspace: &boardroom::sandbox::DocSpace| {
            docspace
                .rooms_tagged(&tag)
                .iter()
                .any(|room| room.title == title && room.archived == archived)
        };
        let waited = self.docspace.wait_until(is_so, SOON).await;
        waited.unwrap_or_else(|_| panic!("{title} {archived}: {:?}", self.room_of(board)));
    }
}

#[tokio::test]
async fn a_renamed_board_renames_its_room_within_a_second() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    let begun = Instant::now();
    house.trello.rename(&board, "Q3: Lift-off 🚀");
    house.room_is(&board, "Q3_ Lift-off __", false).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "soon, that is");
    house.status(&board, "mirrored").await;
    let writes = house.docspace.requests_to("PUT", ROOMS);
    house.trello.describe(&board, "no matter");
    house.trello.rename(&board, "Q3* Lift-off 🚀");
    let name = format!("SELECT count(*) FROM board WHERE id = '{board}' AND name LIKE 'Q3*%'");
    eventually("it was looked at", || async {
        house.count(&name).await == 1
    })
    .await;
    // DocSpace would store this title as it is already.
    assert_eq!(house.docspace.requests_to("PUT", ROOMS), writes);
}

#[tokio::test]
async fn a_closed_board_archives_its_room_and_a_reopened_one_restores_it() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    house.trello.close(&board);
    house.room_is(&board, "Launch", true).await;
    house.status(&board, "mirrored").await;
    house.trello.reopen(&board);
    house.room_is(&board, "Launch", false).await;
    house.status(&board, "mirrored").await;
    let shown = house
        .docspace
        .requests()
        .iter()
        .filter(|exchange| exchange.call.path.ends_with("archive"))
        .map(|exchange| exchange.json().unwrap()["deleteAfter"].clone())
        .collect::<Vec<_>>();
    assert_eq!(shown, [false, false]);
}

#[tokio::test]
async fn an_archive_that_takes_its_time_is_confirmed_across_restarts() {
    let mut house = House::new().await;
    house
        .docspace
        .set_operations(Operations::After(Duration::from_secs(4)));
    let service = house.start().await;
    let board = house.mirrored("Slow").await;
    house.trello.close(&board);
    house.status(&board, "waiting operation").await;
    service.kill();
    let _service = house.start().await;
    house.room_is(&board, "Slow", true).await;
    house.status(&board, "mirrored").await;
    let asked = house
        .docspace
        .requests()
        .iter()
        .filter(|exchange| exchange.call.path.ends_with("/archive"))
        .count();
    assert_eq!(asked, 1, "it is waited for, not asked for again");
}

#[tokio::test]
async fn a_board_reopened_while_its_room_is_being_archived_ends_with_an_open_room() {
    let mut house = House::new().await;
    house
        .docspace
        .set_operations(Operations::After(Duration::from_secs(2)));
    let _service = house.start().await;
    let board = house.mirrored("Wavering").await;
    house.trello.close(&board);
    house.status(&board, "waiting operation").await;
    house.trello.reopen(&board);
    house.room_is(&board, "Wavering", true).await;
    house.room_is(&board, "Wavering", false).await;
    house.status(&board, "mirrored").await;
    assert!(!house.room_of(&board).archived);
}

#[tokio::test]
async fn closed_renamed_and_reopened_at_any_speed_it_ends_right() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Zero").await;
    house.trello.close(&board);
    house.trello.rename(&board, "One");
    house.trello.reopen(&board);
    house.trello.close(&board);
    house.room_is(&board, "One", true).await;
    house.status(&board, "mirrored").await;
    // In the archive a room refuses a new title.
    house.trello.rename(&board, "Two");
    house.room_is(&board, "Two", true).await;
    house.status(&board, "mirrored").await;
    house.trello.reopen(&board);
    house.trello.rename(&board, "Three");
    house.room_is(&board, "Three", false).await;
}

#[tokio::test]
async fn a_grace_period_is_kept_and_reopening_ends_it() {
    let mut house = House::new().await;
    house.set("BOARDROOM_ARCHIVE_AFTER", "1h");
    let _service = house.start().await;
    let (one, two) = (house.mirrored("One").await, house.mirrored("Two").await);
    for board in [&one, &two] {
        house.trello.close(board);
        house.status(board, "waiting grace").await;
    }
    house.trello.reopen(&one);
    house.status(&one, "mirrored").await;
    house.age(Duration::from_hours(1)).await;
    house.room_is(&two, "Two", true).await;
    house.status(&two, "mirrored").await;
    assert!(!house.room_of(&one).archived);
}

#[tokio::test]
async fn a_deleted_boards_room_is_archived_once_that_is_certain() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    let board = house.mirrored("Doomed").await;
    house.trello.delete(&board);
    house.status(&board, "waiting deletion").await;
    assert!(!house.room_of(&board).archived);
    house.age(Duration::from_mins(11)).await;
    house.status(&board, "mirrored board_deleted").await;
    house.room_is(&board, "Doomed", true).await;
    let gone = |trello: &boardroom::sandbox::Trello| trello.webhooks_on(&board).is_empty();
    house.trello.wait_until(gone, SOON).await.unwrap();
}

#[tokio::test]
async fn a_deleted_boards_room_is_kept_where_a_person_wants_that() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    house.set("BOARDROOM_DELETED_AFTER", "1s");
    house.set("BOARDROOM_ON_BOARD_DELETED", "keep");
    let _service = house.start().await;
    let board = house.mirrored("Kept").await;
    house.trello.delete(&board);
    house.status(&board, "mirrored board_deleted").await;
    assert!(!house.room_of(&board).archived);
}

#[tokio::test]
async fn a_board_that_hides_or_leaves_keeps_its_room_and_is_followed_again_when_it_is_back() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let elsewhere = house.trello.add_foreign_workspace("Elsewhere");
    let _service = house.start().await;
    let (shy, restless) = (
        house.mirrored("Shy").await,
        house.mirrored("Restless").await,
    );
    house.trello.hide(&shy);
    house.trello.add_our_member(&restless);
    house.trello.move_board(&restless, Some(&elsewhere));
    house.status(&shy, "mirrored not_visible").await;
    house.status(&restless, "mirrored outside_workspaces").await;
    for board in [&shy, &restless] {
        house.trello.close(board);
        let unhooked = |trello: &boardroom::sandbox::Trello| trello.webhooks_on(board).is_empty();
        house.trello.wait_until(unhooked, SOON).await.unwrap();
        assert!(!house.room_of(board).archived, "it is kept");
    }
    house.trello.show(&shy);
    house.trello.move_board(&restless, Some(&house.workspace));
    house.room_is(&shy, "Shy", true).await;
    house.room_is(&restless, "Restless", true).await;
}

#[tokio::test]
async fn an_empty_or_shrunken_list_archives_nothing() {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    house.set("BOARDROOM_DELETED_AFTER", "1s");
    let _service = house.start().await;
    let boards = [house.mirrored("One").await, house.mirrored("Two").await];
    let nothing = boardroom::sandbox::Answer::json(200, &serde_json::json!([]));
    let path = format!("/1/organizations/{}/boards", house.workspace);
    let fault = Fault::new(Effect::Answer(nothing)).path(&path);
    let fault = house.trello.fail(fault);
    house
        .trello
        .wait_until(|trello| trello.struck(fault) > 3, SOON)
        .await
        .unwrap();
    for board in &boards {
        house.status(board, "mirrored").await;
        assert!(!house.room_of(board).archived);
    }
}

#[tokio::test]
async fn without_webhooks_on_boards_the_sweep_brings_what_changes() {
    let mut house = House::new().await;
    house.set("BOARDROOM_FOLLOW", "sweep");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let _service = house.start().await;
    let board = house.board("Quiet");
    house.status(&board, "mirrored").await;
    house.trello.rename(&board, "Renamed");
    house.trello.close(&board);
    house.room_is(&board, "Renamed", true).await;
    assert!(house.trello.webhooks_on(&board).is_empty());
}

#[tokio::test]
async fn an_unanswered_rename_is_ours_when_it_comes_true() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "1s");
    let _service = house.start().await;
    let board = house.mirrored("Before").await;
    let lost = Fault::on("PUT", ROOMS, Effect::DropAfter)
        .about("After")
        .once();
    let lost = house.docspace.fail(lost);
    house.trello.rename(&board, "After");
    house
        .docspace
        .wait_until(|docspace| docspace.struck(lost) > 0, SOON)
        .await
        .unwrap();
    house.room_is(&board, "After", false).await;
    house.status(&board, "mirrored").await;
    house.trello.rename(&board, "Later");
    house.room_is(&board, "Later", false).await;
}

#[tokio::test]
async fn a_restore_waits_at_a_full_plan_and_goes_on_when_there_is_room() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Back").await;
    house.trello.close(&board);
    house.room_is(&board, "Back", true).await;
    house.docspace.set_quota(Some(0));
    house.trello.reopen(&board);
    house.status(&board, "waiting operation").await;
    // Half a minute goes by, in which DocSpace does nothing.
    house.age(Duration::from_secs(31)).await;
    house.status(&board, "waiting docspace.restore").await;
    house.docspace.set_quota(None);
    house.age(Duration::from_secs(31)).await;
    house.room_is(&board, "Back", false).await;
    house.status(&board, "mirrored").await;
}

#[tokio::test]
async fn an_archive_that_came_true_behind_an_error_is_ours() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    let failed = Effect::AnswerAfter(Answer::internal_error());
    let fault = house.docspace.fail(Fault::on("PUT", ROOMS, failed).once());
    house.trello.close(&board);
    house.room_is(&board, "Launch", true).await;
    assert_eq!(house.docspace.struck(fault), 1);
    house.trello.reopen(&board);
    house.room_is(&board, "Launch", false).await;
    house.status(&board, "mirrored").await;
}

#[tokio::test]
async fn an_archive_that_failed_is_asked_for_again_soon() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    let failed = Effect::Answer(Answer::internal_error());
    house.docspace.fail(Fault::on("PUT", ROOMS, failed).once());
    let begun = Instant::now();
    house.trello.close(&board);
    house.room_is(&board, "Launch", true).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "soon, that is");
    house.status(&board, "mirrored").await;
}
