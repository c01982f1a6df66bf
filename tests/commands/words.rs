//! `retry`, `release` and `ignore`: a person's word, with and without a running service.

use std::collections::HashMap;
use std::time::Duration;

use boardroom::model::board::Told;
use boardroom::model::failure::{Code, Failure};
use boardroom::model::lane::Lane;
use boardroom::model::status::{Ignored, Status, Waiting};
use boardroom::model::time::Timestamp;

use crate::Lab;
use crate::boards::{Left, id, pause};

#[tokio::test]
async fn all_that_failed_or_waits_is_tried_again_and_a_brake_stays() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    let boards = [
        Left::at(1, "Cursed", Status::Failed(Code::DocSpaceRejected)),
        Left::at(2, "Ill", Status::Pending(Some(Code::DocSpaceUnavailable))),
        Left::at(3, "Full", Status::Waiting(Waiting::Lane(Lane::Create))),
        Left::at(4, "Flood", Status::Waiting(Waiting::Brake)),
        Left::at(5, "Old", Status::Ignored(Ignored::ExistedBefore)),
    ];
    for board in boards {
        board.keep(&store).await;
    }
    let lanes = [Lane::Create, Lane::CreateBrake];
    for (lane, code) in lanes
        .into_iter()
        .zip([Code::DocSpaceQuotaFull, Code::BrakeOn])
    {
        pause(&*store, lane, &Failure::new(code, "402")).await;
    }
    lab.forget_credentials();
    let run = lab.run(&["retry", "--all"]).await;
    run.printed(&[
        "3 boards and 1 paused lane (docspace.create) are tried again: a running service does so now",
        "1 board waits for a person who lets the brake go: boardroom release",
    ]);
    let now = Timestamp::now();
    for number in 1..=5 {
        let standing = store.standing(id(number)).await.unwrap().unwrap();
        let is_due = standing.next.is_some_and(|next| next <= now);
        assert_eq!(is_due, number <= 3, "{standing:?}");
        assert_eq!(standing.failures, 0);
    }
    let untils = store.lanes().await.unwrap().lanes;
    let untils = untils
        .iter()
        .map(|(lane, pause)| (*lane, pause.until.0 == 0));
    let expected = HashMap::from([(Lane::Create, true), (Lane::CreateBrake, false)]);
    assert_eq!(untils.collect::<HashMap<_, _>>(), expected);
    store.close().await;
}

#[tokio::test]
async fn boards_that_are_named_are_tried_again_and_an_unknown_one_stops_no_other() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    for (number, name) in [(1, "Cursed"), (2, "Ill")] {
        Left::at(number, name, Status::Failed(Code::DocSpaceRejected))
            .keep(&store)
            .await;
    }
    let run = lab
        .run(&["retry", "Cursed", "Curse", &id(1).to_string()])
        .await;
    assert_eq!(run.code, 1);
    let said = "1 board is tried again: a running service does so now\n";
    assert_eq!(run.stdout, said);
    assert!(
        run.stderr
            .contains("Curse: the database knows no such board"),
        "{}",
        run.stderr
    );
    let told = lab.run(&["explain", "Cursed"]).await;
    assert!(
        told.stdout.contains("told          to try again"),
        "{}",
        told.stdout
    );
    let ill = store.standing(id(2)).await.unwrap().unwrap();
    assert_eq!(ill.failures, 1);
    store.close().await;
    for wrong in [&["retry"][..], &["retry", "--all", "Cursed"]] {
        assert_eq!(lab.run(wrong).await.code, 64, "{wrong:?}");
    }
}

#[tokio::test]
async fn there_may_be_nothing_to_try_again() {
    let lab = Lab::new().await;
    lab.store().await.close().await;
    lab.run(&["retry", "--all"])
        .await
        .printed(&["nothing failed or waits: there is nothing to try again"]);
}

#[tokio::test]
async fn a_brake_is_let_go() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    for number in 1..=2 {
        Left::at(number, "Flood", Status::Waiting(Waiting::Brake))
            .keep(&store)
            .await;
    }
    let on = Failure::new(Code::BrakeOn, "");
    pause(&*store, Lane::CreateBrake, &on).await;
    lab.forget_credentials();
    lab.run(&["release"])
        .await
        .printed(&["the brake is off; 2 boards go on: a running service sees to them now"]);
    assert!(store.lanes().await.unwrap().lanes.is_empty());
    let record = store.record(id(1)).await.unwrap().unwrap();
    assert_eq!(record.told, Some(Told::Release));
    store.close().await;
    let other = Lab::new().await;
    other.store().await.close().await;
    other
        .run(&["release"])
        .await
        .printed(&["no brake is on, and no board waits for one"]);
}

#[tokio::test]
async fn boards_are_ignored_by_name_and_unknown_ones_by_id() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    Left::at(1, "Launch", Status::Mirrored(None))
        .with_room(7)
        .keep(&store)
        .await;
    Left::at(2, "New", Status::Pending(None)).keep(&store).await;
    lab.forget_credentials();
    let unknown = id(9).to_string();
    let run = lab.run(&["ignore", "Launch", "New", &unknown]).await;
    run.printed(&[
        "Launch: it is ignored from now on; its room 7 is kept as it is",
        "New: it is ignored from now on, and gets no room",
        &format!("{unknown}: it is not known yet; it will be ignored"),
    ]);
    for number in [1, 2, 9] {
        let record = store.record(id(number)).await.unwrap().unwrap();
        assert_eq!(record.told, Some(Told::Ignore));
    }
    store.close().await;
    lab.run(&["ignore", "Nowhere"])
        .await
        .failed_with(&["Nowhere: the database knows no such board"]);
    lab.run(&["ignore", "https://trello.com/b/aBcD1234"])
        .await
        .failed_with(&["knows no such board"]);
}

#[tokio::test]
async fn a_running_service_tries_again_what_a_person_names() {
    let lab = Lab::new().await;
    let _service = lab.serve().await;
    let docspace = lab.docspace();
    docspace.set_quota(Some(0));
    let board = lab.board("Launch");
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["no room left"]);
    docspace.set_quota(None);
    let run = lab.run(&["retry", "Launch"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    docspace
        .wait_until(|docspace| docspace.room_count() == 1, crate::SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_that_another_process_writes_to_is_read_at_once_and_written_after_it() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    Left::at(1, "Cursed", Status::Failed(Code::DocSpaceRejected))
        .keep(&store)
        .await;
    store.close().await;
    let writing = "BEGIN; LOCK TABLE board IN SHARE ROW EXCLUSIVE MODE";
    let other = lab.storage.hold("BEGIN IMMEDIATE", writing).await;
    let read = lab.run(&["boards"]).await;
    assert!(read.stdout.contains("Cursed"), "{read:?}");
    let read = lab.run(&["explain", "Cursed"]).await;
    assert_eq!(read.code, 0, "{read:?}");
    // A moment, as a service needs it for a transaction.
    let moment = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.end().await;
    };
    let (written, ()) = tokio::join!(lab.run(&["retry", "Cursed"]), moment);
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
}
