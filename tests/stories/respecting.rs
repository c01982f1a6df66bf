//! What people do to rooms by hand stays, is shown, and ends when the two agree again.

use std::time::Duration;

use boardroom::sandbox::{BoardId, HandMadeRoom};

use crate::house::{House, SOON, eventually};

impl House {
    /// A service that looks over all rooms every second.
    async fn attentive() -> Self {
        let mut house = Self::new().await;
        house.set("BOARDROOM_AUDIT_EVERY", "1s");
        house
    }

    /// What the database says of drift, as JSON.
    async fn drift(&self, board: &BoardId, wanted: &str) {
        let query =
            format!("SELECT count(*) FROM board WHERE id = '{board}' AND drift = '{wanted}'");
        eventually(&format!("the drift is {wanted}"), || async {
            self.count(&query).await == 1
        })
        .await;
    }

    /// Waits until nobody looks at a board.
    async fn rested(&self, board: &BoardId) {
        let query = format!(
            "SELECT count(*) FROM board WHERE id = '{board}' AND due_at IS NULL AND lease_until IS NULL"
        );
        eventually("the look has ended", || async {
            self.count(&query).await == 1
        })
        .await;
    }

    async fn seen_as(&self, board: &BoardId, name: &str) {
        let query = format!(
            "SELECT count(*) FROM board WHERE id = '{board}' AND name = '{name}' AND due_at IS NULL"
        );
        eventually(&format!("it is seen as {name}"), || async {
            self.count(&query).await == 1
        })
        .await;
    }
}

#[tokio::test]
async fn a_room_renamed_by_hand_stays_so_until_the_two_agree_and_follows_from_then_on() {
    let mut house = House::attentive().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    let room = house.room_of(&board).id;
    house.docspace.rename_room(room, "Theirs");
    house.status(&board, "mirrored drift").await;
    house.drift(&board, r#"{"title":"Theirs"}"#).await;
    house.trello.rename(&board, "Lift-off");
    house.seen_as(&board, "Lift-off").await;
    assert_eq!(house.room_of(&board).title, "Theirs");
    // Other things follow all the same.
    house.trello.close(&board);
    house.room_is(&board, "Theirs", true).await;
    house.trello.reopen(&board);
    house.room_is(&board, "Theirs", false).await;
    house.trello.rename(&board, "Theirs");
    house.status(&board, "mirrored").await;
    house.trello.rename(&board, "Ours again");
    house.room_is(&board, "Ours again", false).await;
}

#[tokio::test]
async fn a_room_archived_by_hand_stays_so_and_follows_once_its_board_is_closed_too() {
    let mut house = House::attentive().await;
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    house.docspace.archive_room(house.room_of(&board).id);
    house.drift(&board, r#"{"archived":true}"#).await;
    house.trello.rename(&board, "Lift-off");
    house
        .drift(&board, r#"{"title":"Launch","archived":true}"#)
        .await;
    house.trello.rename(&board, "Launch");
    house.trello.close(&board);
    house.status(&board, "mirrored").await;
    house.trello.reopen(&board);
    house.room_is(&board, "Launch", false).await;
}

#[tokio::test]
async fn a_tag_taken_off_is_drift_and_peoples_own_tags_are_never_lost() {
    let mut house = House::attentive().await;
    let service = house.start().await;
    let board = house.mirrored("Launch").await;
    let room = house.room_of(&board).id;
    house.docspace.tag_room(room, "Quarterly");
    house.docspace.untag_room(room, "Trello integration");
    house.drift(&board, r#"{"untagged":true}"#).await;
    house.trello.rename(&board, "Lift-off");
    house.room_is(&board, "Lift-off", false).await;
    service.stop().await;
    house.set("BOARDROOM_ON_DRIFT", "restore");
    let _service = house.start().await;
    house.status(&board, "mirrored").await;
    let mut tags = house.room_of(&board).tags;
    tags.sort();
    let ours = format!("Trello board {board}");
    assert_eq!(tags, ["Quarterly", &ours, "Trello integration"]);
}

#[tokio::test]
async fn a_room_deleted_by_hand_is_shown_and_not_made_again() {
    let mut house = House::attentive().await;
    house.set("BOARDROOM_ON_DRIFT", "restore");
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    house.docspace.delete_room(house.room_of(&board).id);
    house.drift(&board, r#"{"deleted":true}"#).await;
    house.trello.rename(&board, "Lift-off");
    house.trello.close(&board);
    house.trello.reopen(&board);
    house.seen_as(&board, "Lift-off").await;
    assert_eq!(house.docspace.room_count(), 0);
}

#[tokio::test]
async fn where_a_person_wants_it_what_is_done_by_hand_is_undone() {
    let mut house = House::attentive().await;
    house.set("BOARDROOM_ON_DRIFT", "restore");
    let _service = house.start().await;
    let board = house.mirrored("Launch").await;
    let room = house.room_of(&board).id;
    house.docspace.rename_room(room, "Theirs");
    house.room_is(&board, "Launch", false).await;
    house.rested(&board).await;
    house.docspace.archive_room(room);
    house.room_is(&board, "Launch", false).await;
    house.rested(&board).await;
    // Both at once: it comes out of the archive for its title.
    house.docspace.rename_room(room, "Theirs");
    house.docspace.archive_room(room);
    house.room_is(&board, "Launch", false).await;
    house.status(&board, "mirrored").await;
}

#[tokio::test]
async fn a_restored_backup_is_brought_up_to_date_before_anything_is_created() {
    let mut house = House::new().await;
    let service = house.start().await;
    let (old, later) = (house.mirrored("Old").await, house.mirrored("Later").await);
    service.stop().await;
    house.storage.back_up().await;
    let service = house.start().await;
    let young = house.mirrored("Young").await;
    house.trello.rename(&old, "Old, renamed");
    house.room_is(&old, "Old, renamed", false).await;
    house.trello.close(&later);
    house.room_is(&later, "Later", true).await;
    house.status(&later, "mirrored").await;
    service.stop().await;
    house.storage.put_back().await;
    house.docspace.forget_requests();
    let _service = house.start().await;
    for board in [&old, &later, &young] {
        house.status(board, "mirrored").await;
    }
    assert_eq!(house.docspace.requests_to("POST", "/"), 0);
    house.rooms(3).await;
    // And from there on they follow.
    house.trello.reopen(&later);
    house.trello.rename(&old, "Old once more");
    house.room_is(&later, "Later", false).await;
    house.room_is(&old, "Old once more", false).await;
}

#[tokio::test]
async fn twins_are_reported_until_one_is_gone_and_neither_is_touched() {
    let mut house = House::attentive().await;
    let mut service = house.start().await;
    let board = house.mirrored("Launch").await;
    let first = house.room_of(&board).id;
    let twin = HandMadeRoom::titled("Launch too").tag("Trello integration");
    let twin = house
        .docspace
        .create_room(twin.tag(&format!("Trello board {board}")));
    service
        .logged("another room carries this board's tag")
        .await;
    let known = format!("SELECT count(*) FROM twin WHERE board = '{board}' AND room_id = {twin}");
    assert_eq!(house.count(&known).await, 1);
    house.trello.rename(&board, "Lift-off");
    let renamed = |docspace: &boardroom::sandbox::DocSpace| {
        docspace
            .room(first)
            .is_some_and(|room| room.title == "Lift-off")
    };
    house.docspace.wait_until(renamed, SOON).await.unwrap();
    assert_eq!(house.docspace.room(twin).unwrap().title, "Launch too");
    house
        .docspace
        .untag_room(twin, &format!("Trello board {board}"));
    eventually("it is reported no more", || async {
        house.count(&known).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_new_boards_waits_for_a_person() {
    let mut house = House::new().await;
    house.set("BOARDROOM_BRAKE", "3/10m");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    let service = house.start().await;
    for number in 0..8 {
        house.board(&format!("Board {number}"));
    }
    let waiting = "SELECT count(*) FROM board WHERE status = 'waiting' AND reason = 'brake'";
    eventually("five wait", || async { house.count(waiting).await == 5 }).await;
    house.rooms(3).await;
    let lane = "SELECT count(*) FROM lane WHERE name = 'brake.create' AND code = 'brake_on'";
    assert_eq!(house.count(lane).await, 1);
    service.kill();
    let _service = house.start().await;
    eventually("five wait still", || async {
        house.count(waiting).await == 5
    })
    .await;
    house.rooms(3).await;
    let mut release = house.command(&["release"]);
    let output = tokio::task::spawn_blocking(move || release.output().unwrap());
    let output = String::from_utf8(output.await.unwrap().stdout).unwrap();
    assert!(output.contains("5 boards go on"), "{output}");
    house.rooms(8).await;
    assert_eq!(house.count(lane).await, 0);
}

#[tokio::test]
async fn a_flood_of_closed_boards_waits_for_a_person() {
    let mut house = House::new().await;
    let service = house.start().await;
    let mut boards = Vec::new();
    for number in 0..6 {
        boards.push(house.mirrored(&format!("Board {number}")).await);
    }
    service.stop().await;
    house.set("BOARDROOM_BRAKE", "2/10m");
    let _service = house.start().await;
    for board in &boards {
        house.trello.close(board);
    }
    let waiting = "SELECT count(*) FROM board WHERE status = 'waiting' AND reason = 'brake'";
    eventually("four wait", || async { house.count(waiting).await == 4 }).await;
    let two = |docspace: &boardroom::sandbox::DocSpace| {
        docspace.rooms().iter().filter(|room| room.archived).count() == 2
    };
    house.docspace.wait_until(two, SOON).await.unwrap();
    // A reopened board needs no leave.
    let parked = boards
        .iter()
        .find(|board| !house.room_of(board).archived)
        .unwrap();
    house.trello.reopen(parked);
    house.status(parked, "mirrored").await;
    house.age(Duration::from_secs(1)).await;
}
