//! `plan` and `apply`: what would change is shown and changes nothing; what is shown is done, and then there is nothing left.

use boardroom::sandbox::{BoardId, Effect, Fault, HandMadeRoom, NewBoard};
use jiff::SignedDuration;
use serde_json::Value;

use crate::{Finished, Lab};

impl Lab {
    /// A board that was there long before anybody looked.
    fn old_board(&self, name: &str) -> BoardId {
        let old = self.trello().now() - SignedDuration::from_hours(1000);
        let new = NewBoard::named(name).created_at(old);
        self.trello().create_board(new)
    }

    fn new_board(&self, name: &str) -> BoardId {
        self.trello().create_board(NewBoard::named(name).silently())
    }

    /// How often anything was written in DocSpace.
    fn writes(&self) -> usize {
        let all = self.docspace().requests();
        all.iter()
            .filter(|exchange| exchange.call.method != "GET")
            .count()
    }
}

impl Finished {
    /// The changes of `--json`, each as `change name from to`.
    fn changes(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        self.stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|line| {
                ["change", "name", "from", "to"]
                    .map(|member| text(&line[member]))
                    .join(" ")
            })
            .collect()
    }
}

#[tokio::test]
async fn before_there_is_a_database_a_plan_shows_what_would_come_and_makes_none() {
    let lab = Lab::new().await;
    lab.old_board("Old");
    lab.new_board("New: one");
    let plan = lab.run(&["plan", "--json"]).await;
    assert_eq!(plan.code, 2, "{plan:?}");
    assert_eq!(plan.changes(), ["create New: one - New: one"]);
    let all = lab.run(&["plan", "--existing"]).await;
    assert_eq!(all.code, 2);
    for words in [
        "+ create   Old ",
        "+ create   New: one ",
        "2 rooms would be made.",
    ] {
        assert!(all.stdout.contains(words), "{}", all.stdout);
    }
    assert!(!lab.path("data").exists(), "a plan reads only");
    assert_eq!(lab.writes(), 0);
}

#[tokio::test]
async fn what_is_shown_is_done_and_then_there_is_nothing_left() {
    let lab = Lab::new().await;
    let (one, two) = (lab.new_board("One"), lab.new_board("Two"));
    let asked = lab.run(&["apply"]).await;
    assert_eq!(
        (asked.code, lab.writes()),
        (64, 0),
        "there is nobody to ask"
    );
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    let done = lab.run(&["apply", "--yes"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stdout.contains("2 boards are done."),
        "{}",
        done.stdout
    );
    assert_eq!(lab.docspace().room_count(), 2);
    let nothing = lab.run(&["plan"]).await;
    assert_eq!((nothing.code, &*nothing.stdout), (0, "Nothing to do.\n"));
    lab.trello().rename(&one, "One, renamed");
    lab.trello().close(&one);
    lab.trello().close(&two);
    let plan = lab.run(&["plan", "--json"]).await;
    let mut changes = plan.changes();
    changes.sort();
    let expected = [
        "archive One, renamed active archived",
        "archive Two active archived",
        "rename One, renamed One One, renamed",
    ];
    assert_eq!(changes, expected);
    assert_eq!(lab.run(&["apply", "--yes"]).await.code, 0);
    let rooms = lab.docspace().rooms();
    assert!(rooms.iter().all(|room| room.archived));
    assert!(rooms.iter().any(|room| room.title == "One, renamed"));
    assert_eq!(lab.run(&["plan"]).await.code, 0);
}

#[tokio::test]
async fn drift_is_shown_and_left_alone_until_the_board_is_named() {
    let lab = Lab::new().await;
    let (board, other) = (lab.new_board("Ours"), lab.new_board("Other"));
    lab.run(&["apply", "--yes"]).await;
    let room = |board: &BoardId| {
        let tag = format!("Trello board {board}");
        lab.docspace().rooms_tagged(&tag).remove(0)
    };
    lab.docspace().rename_room(room(&board).id, "Theirs");
    lab.docspace().archive_room(room(&other).id);
    let plan = lab.run(&["plan"]).await;
    assert_eq!(plan.code, 0, "{plan:?}");
    for words in [
        "! drift    Ours ",
        "is “Theirs” by hand, not “Ours”",
        "2 things were done by hand",
    ] {
        assert!(plan.stdout.contains(words), "{}", plan.stdout);
    }
    // What else there is to do is done, and what people did stays all the same.
    lab.trello().close(&board);
    let closed = lab.run(&["apply", "--yes"]).await;
    assert_eq!(closed.code, 0, "{closed:?}");
    let left = room(&board);
    assert_eq!((left.title.as_str(), left.archived), ("Theirs", true));
    lab.trello().reopen(&board);
    lab.run(&["apply", "--yes"]).await;
    assert_eq!(room(&board).title, "Theirs");
    let named = lab.run(&["plan", "--json", "Ours"]).await;
    assert_eq!(named.changes(), ["rename Ours Theirs Ours"]);
    assert_eq!(named.code, 2);
    assert_eq!(lab.run(&["apply", "--yes", &board, &other]).await.code, 0);
    assert_eq!(
        (room(&board).title.as_str(), room(&other).archived),
        ("Ours", false)
    );
    assert_eq!(lab.run(&["plan"]).await.stdout, "Nothing to do.\n");
}

#[tokio::test]
async fn a_plan_for_one_board_reads_no_list_of_boards_and_no_room_of_others() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_SINCE", "2020-01-01T00:00:00Z");
    let board = lab.new_board("One");
    lab.new_board("Two");
    assert_eq!(lab.run(&["apply", "--yes"]).await.code, 0);
    lab.trello().rename(&board, "One, renamed");
    lab.trello().forget_requests();
    lab.docspace().forget_requests();
    let plan = lab.run(&["plan", "--json", &board]).await;
    assert_eq!(plan.changes(), ["rename One, renamed One One, renamed"]);
    let asked = lab.trello().requests();
    assert!(asked.iter().all(|one| !one.call.path.ends_with("/boards")));
    let is_of_board = |(_, value): &(String, String)| value.contains(&*board);
    let asked = lab.docspace().requests();
    let is_bounded = asked
        .iter()
        .all(|one| one.call.query.iter().any(is_of_board));
    assert!(!asked.is_empty() && is_bounded, "{asked:?}");
}

#[tokio::test]
async fn rooms_that_another_database_knew_are_taken_as_they_are() {
    let mut lab = Lab::new().await;
    let board = lab.new_board("Here: and there");
    lab.run(&["apply", "--yes"]).await;
    let renamed = lab.old_board("Renamed");
    let room = HandMadeRoom::titled("Before").tag("Trello integration");
    lab.docspace()
        .create_room(room.tag(&format!("Trello board {renamed}")));
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://another.db");
    let plan = lab.run(&["plan", "--json"]).await;
    assert_eq!(plan.changes(), ["drift Renamed Before Renamed"]);
    assert_eq!(plan.code, 0, "{board} has its room");
    let named = lab.run(&["apply", "--yes", &renamed]).await;
    assert_eq!(named.code, 0, "{named:?}");
    let rooms = lab.docspace().rooms();
    assert_eq!(rooms.len(), 2, "{rooms:?}");
    assert!(rooms.iter().any(|room| room.title == "Renamed"));
}

#[tokio::test]
async fn a_plan_and_a_service_agree_and_apply_works_beside_it() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_SWEEP_EVERY", "1h");
    let old = lab.old_board("Old");
    let _service = lab.serve().await;
    let taken_in =
        |trello: &boardroom::sandbox::Trello| trello.requests_to("GET", "/1/members/me/boards") > 0;
    lab.trello()
        .wait_until(taken_in, crate::SOON)
        .await
        .unwrap();
    let quiet = lab.run(&["plan"]).await;
    assert_eq!(quiet.code, 0, "{quiet:?}");
    let done = lab.run(&["apply", "--yes", "--existing"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(lab.docspace().room_count(), 1);
    lab.trello().rename(&old, "Old, renamed");
    let done = lab.run(&["apply", "--yes"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(lab.docspace().rooms()[0].title, "Old, renamed");
}

#[tokio::test]
async fn templates_and_boards_that_cannot_be_seen_are_in_no_plan() {
    let lab = Lab::new().await;
    lab.trello()
        .create_board(NewBoard::named("Form").template().silently());
    let hidden = lab.new_board("Hidden");
    lab.run(&["apply", "--yes"]).await;
    assert_eq!(lab.docspace().room_count(), 1);
    lab.trello().hide(&hidden);
    lab.trello().rename(&hidden, "Unseen");
    assert_eq!(lab.run(&["plan"]).await.stdout, "Nothing to do.\n");
    lab.trello().delete(&hidden);
    assert_eq!(lab.run(&["plan"]).await.stdout, "Nothing to do.\n");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_board_by_board() {
    let lab = Lab::new().await;
    lab.new_board("One");
    lab.new_board("Two");
    lab.docspace().set_quota(Some(1));
    let some = lab.run(&["apply", "--yes"]).await;
    assert_eq!(some.code, 1, "{some:?}");
    assert!(
        some.stdout.contains("1 board is done, 1 not."),
        "{}",
        some.stdout
    );
    assert!(some.stderr.contains("no room left"), "{}", some.stderr);
    let unknown = lab.run(&["plan", "Nowhere"]).await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("Nowhere: this is no board"),
        "{}",
        unknown.stderr
    );
    lab.trello().revoke_token();
    let revoked = lab.run(&["plan"]).await;
    assert_eq!(revoked.code, 1);
    assert!(
        revoked.stderr.contains("TRELLO_TOKEN"),
        "{}",
        revoked.stderr
    );
}

#[tokio::test]
async fn what_is_not_understood_of_one_board_keeps_no_other_from_its_plan() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_SINCE", "2020-01-01T00:00:00Z");
    let (cursed, well) = (lab.new_board("Cursed"), lab.new_board("Well"));
    lab.run(&["apply", "--yes"]).await;
    lab.trello().rename(&well, "Better");
    let path = format!("/1/boards/{cursed}");
    lab.trello().fail(Fault::on("GET", &path, Effect::NotJson));
    let both = lab.run(&["plan", "--json", &cursed, &well]).await;
    assert_eq!(both.changes(), ["rename Better Well Better"], "{both:?}");
    let untold = format!("about board {cursed} is not known");
    for arguments in [
        &["plan", "--json", &cursed, &well][..],
        &["plan", "--json", &cursed],
        &["apply", "--yes", &cursed, &well],
        &["apply", "--yes", &cursed],
    ] {
        let run = lab.run(arguments).await;
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(run.stderr.matches(&untold).count(), 1, "{run:?}");
        assert!(run.stderr.contains("BOARDROOM_TRELLO_API_URL"), "{run:?}");
    }
    assert!(
        lab.run(&["plan", "--json", &well])
            .await
            .changes()
            .is_empty()
    );
}
