//! What sweep, audit, guardian and brake write down, and what follows from it.

use std::time::Duration;

use boardroom::model::board::{Board, BoardKind, Drift, RoomRecord, Told};
use boardroom::model::failure::Code;
use boardroom::model::id::{BoardId, RoomId, WebhookId};
use boardroom::model::lane::Lane;
use boardroom::model::status::{Apart, Ignored, Status, Waiting};
use boardroom::store::{Passage, Settlement, Shown};

use crate::{Kept, board, empty, room, settled, workspace};

const PER: Duration = Duration::from_mins(10);

impl Kept {
    /// A board of the workspace with a room, settled.
    async fn mirrored(&self, number: u32, status: Status) -> BoardId {
        self.bind_room(number, i64::from(number)).await;
        self.settle_as(
            number,
            status,
            RoomRecord {
                id: RoomId(i64::from(number)),
                ..room(i64::from(number))
            },
        )
        .await;
        board(number)
    }

    async fn settle_as(&self, number: u32, status: Status, room: RoomRecord) {
        let claim = self.take(number, crate::LEASE).await.unwrap();
        let settlement = Settlement {
            seen: Some(Board {
                id: board(number),
                name: "a: b".into(),
                short_link: None,
                workspace: Some(workspace()),
                closed: false,
                kind: BoardKind::Ordinary,
            }),
            room: Some(room),
            ..settled(&claim, status)
        };
        self.settle(claim.fence, &settlement).await.unwrap();
    }

    async fn due(&self) -> Vec<BoardId> {
        let mut due: Vec<_> = self
            .claim(100)
            .await
            .iter()
            .map(|claim| claim.fence.board)
            .collect();
        due.sort_unstable();
        due
    }
}

fn hook(number: u32) -> WebhookId {
    format!("7000000000000000{number:08x}").parse().unwrap()
}

fn shown(number: u32) -> Shown {
    Shown {
        room: RoomId(i64::from(number)),
        title: "a_ b".into(),
        archived: false,
        tagged: true,
    }
}

#[tokio::test]
async fn a_list_that_lacks_a_board_makes_it_due_once() {
    let kept = empty().await;
    let (one, two) = (
        kept.mirrored(1, Status::Mirrored(None)).await,
        kept.mirrored(2, Status::Mirrored(None)).await,
    );
    let here = Some(workspace());
    assert_eq!(kept.listed(here, &[one, two]).await.unwrap(), 0);
    assert_eq!(kept.listed(None, &[]).await.unwrap(), 0, "another list");
    assert_eq!(kept.listed(here, &[two]).await.unwrap(), 1);
    assert_eq!(kept.due().await, [one]);
    assert_eq!(kept.listed(here, &[two]).await.unwrap(), 0, "it is known");
    let missing = kept.record(one).await.unwrap().unwrap();
    assert!(missing.missing_at.is_some());
    kept.listed(here, &[one, two]).await.unwrap();
    let back = kept.record(one).await.unwrap().unwrap();
    assert_eq!(back.missing_at, None);
}

#[tokio::test]
async fn a_board_that_is_gone_is_doubtful_until_a_sweep_has_missed_it() {
    let kept = empty().await;
    let one = kept.mirrored(1, Status::Mirrored(None)).await;
    let claim = kept.take(1, crate::LEASE).await.unwrap();
    let gone = settled(&claim, Status::Waiting(Waiting::Deletion));
    kept.settle(claim.fence, &gone).await.unwrap();
    assert_eq!(kept.doubtful().await.unwrap(), [one]);
    kept.unlisted(&[one]).await.unwrap();
    assert!(kept.doubtful().await.unwrap().is_empty());
    assert_eq!(kept.due().await, [one]);
    let record = kept.record(one).await.unwrap().unwrap();
    assert!(record.gone_at.is_some() && record.missing_at.is_some());
}

#[tokio::test]
async fn rooms_that_differ_from_what_was_left_are_news_and_known_drift_is_none() {
    let kept = empty().await;
    for number in 1..=4 {
        kept.mirrored(number, Status::Mirrored(None)).await;
    }
    let all = [1, 2, 3, 4].map(shown);
    assert_eq!(kept.compare_rooms(&all).await.unwrap(), 0);
    let mut changed = all.clone();
    changed[0].title = "Theirs".into();
    changed[1].archived = true;
    changed[2].tagged = false;
    assert_eq!(kept.compare_rooms(&changed).await.unwrap(), 3);
    assert_eq!(kept.due().await, [1, 2, 3].map(board));
    assert_eq!(
        kept.compare_rooms(&changed[..3]).await.unwrap(),
        1,
        "the fourth is gone"
    );
    let theirs = RoomRecord {
        drift: Some(Drift {
            title: Some("Theirs".into()),
            ..Drift::default()
        }),
        ..room(1)
    };
    kept.hand_back(boardroom::store::Whose::Holders("test"))
        .await
        .unwrap();
    kept.settle_as(1, Status::Mirrored(Some(Apart::Drift)), theirs)
        .await;
    let known = &changed[..1];
    let before = kept.record(board(1)).await.unwrap().unwrap();
    kept.compare_rooms(known).await.unwrap();
    assert_eq!(kept.record(board(1)).await.unwrap().unwrap(), before);
    assert!(!kept.due().await.contains(&board(1)));
}

#[tokio::test]
async fn twins_stay_reported_until_they_are_gone() {
    let kept = empty().await;
    let twins = [(board(1), RoomId(7)), (board(1), RoomId(8))];
    assert_eq!(
        kept.set_twins(&twins).await.unwrap(),
        [RoomId(7), RoomId(8)]
    );
    assert!(kept.set_twins(&twins).await.unwrap().is_empty());
    assert!(kept.set_twins(&twins[..1]).await.unwrap().is_empty());
    assert_eq!(kept.set_twins(&twins).await.unwrap(), [RoomId(8)]);
}

#[tokio::test]
async fn followed_boards_want_a_webhook_and_others_do_not() {
    let kept = empty().await;
    let followed = kept.mirrored(1, Status::Mirrored(Some(Apart::Drift))).await;
    let waiting = kept.mirrored(2, Status::Waiting(Waiting::Operation)).await;
    let hidden = kept
        .mirrored(3, Status::Mirrored(Some(Apart::NotVisible)))
        .await;
    let ignored = kept.mirrored(4, Status::Ignored(Ignored::Told)).await;
    assert_eq!(kept.unhooked(10).await.unwrap(), [waiting, followed]);
    let all = [followed, waiting, hidden, ignored];
    let hooks: Vec<_> = (1..)
        .zip(all)
        .map(|(n, board)| (board, Some(hook(n))))
        .collect();
    kept.set_hooks(&hooks).await.unwrap();
    assert!(kept.unhooked(10).await.unwrap().is_empty());
    assert_eq!(kept.hooks().await.unwrap().len(), 4);
    let over = kept.overhooked(true).await.unwrap();
    assert_eq!(over, [(hidden, hook(3)), (ignored, hook(4))]);
    assert_eq!(kept.overhooked(false).await.unwrap().len(), 4);
    kept.set_hooks(&[(hidden, None)]).await.unwrap();
    assert_eq!(kept.overhooked(true).await.unwrap(), [(ignored, hook(4))]);
    kept.watch(&[followed.into()]).await.unwrap();
    assert!(kept.watches(followed.into()).await.unwrap());
    kept.unwatch(&[followed.into()]).await.unwrap();
    assert!(!kept.watches(followed.into()).await.unwrap());
}

#[tokio::test]
async fn a_brake_counts_boards_and_a_person_lets_it_go() {
    let kept = empty().await;
    let pass = async |number| {
        let brake = Lane::CreateBrake;
        kept.pass_brake(brake, board(number), 2, PER).await.unwrap()
    };
    assert_eq!(pass(1).await, Passage::Passed);
    assert_eq!(pass(1).await, Passage::Passed, "one board counts once");
    assert_eq!(pass(2).await, Passage::Passed);
    assert_eq!(pass(3).await, Passage::Held);
    assert_eq!(pass(2).await, Passage::Passed);
    let archive = kept.pass_brake(Lane::ArchiveBrake, board(3), 2, PER);
    assert_eq!(
        archive.await.unwrap(),
        Passage::Passed,
        "each counts its own"
    );
    kept.hint(&[board(3)]).await.unwrap();
    let claim = kept.take(3, crate::LEASE).await.unwrap();
    let held = settled(&claim, Status::Waiting(Waiting::Brake));
    kept.settle(claim.fence, &held).await.unwrap();
    assert_eq!(kept.release().await.unwrap(), 1);
    let record = kept.record(board(3)).await.unwrap().unwrap();
    assert_eq!(record.told, Some(Told::Release));
    assert_eq!(kept.due().await, [board(3)]);
    assert_eq!(pass(3).await, Passage::Passed, "counting begins anew");
}

#[tokio::test]
async fn a_word_that_is_said_during_a_look_is_not_taken_for_obeyed() {
    let kept = empty().await;
    kept.hint(&[board(1)]).await.unwrap();
    let claim = kept.take(1, crate::LEASE).await.unwrap();
    kept.tell(board(1), Told::Apply).await.unwrap();
    let settlement = settled(&claim, Status::Mirrored(None));
    kept.settle(claim.fence, &settlement).await.unwrap();
    let record = kept.record(board(1)).await.unwrap().unwrap();
    assert_eq!(record.told, Some(Told::Apply));
    let claim = kept.claim(1).await.pop().expect("it is due again");
    let settlement = settled(&claim, Status::Mirrored(None));
    kept.settle(claim.fence, &settlement).await.unwrap();
    let record = kept.record(board(1)).await.unwrap().unwrap();
    assert_eq!(record.told, None);
}

#[tokio::test]
async fn concerns_are_replaced_by_what_holds_now_and_keep_their_beginning() {
    let kept = empty().await;
    let code = Code::WorkspaceAdminLost;
    let of = |names: &[&str]| -> Vec<_> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), "no admin".to_owned()))
            .collect()
    };
    kept.set_concerns(code, &of(&["Sales", "Design"]))
        .await
        .unwrap();
    let before = kept.concerns().await.unwrap();
    assert_eq!(before.len(), 2);
    kept.set_concerns(code, &of(&["Sales"])).await.unwrap();
    let after = kept.concerns().await.unwrap();
    let sales = before
        .into_iter()
        .find(|concern| concern.subject == "Sales");
    assert_eq!(after, [sales.unwrap()]);
    kept.set_concerns(Code::WebhookFailing, &[]).await.unwrap();
    assert_eq!(
        kept.concerns().await.unwrap().len(),
        1,
        "another code's are its own"
    );
}

#[tokio::test]
async fn boards_are_looked_at_again_when_their_workspaces_change() {
    let kept = empty().await;
    let inside = kept.mirrored(1, Status::Mirrored(None)).await;
    let left = Status::Mirrored(Some(Apart::OutsideWorkspaces));
    let back = kept.mirrored(2, left).await;
    assert_eq!(kept.rescope(&[workspace()], true, false).await.unwrap(), 1);
    assert_eq!(kept.due().await, [back]);
    assert_eq!(kept.rescope(&[], true, false).await.unwrap(), 1);
    assert_eq!(kept.due().await, [inside]);
}

#[tokio::test]
async fn records_come_in_pages_in_the_order_of_their_ids() {
    let kept = empty().await;
    kept.hint(&[board(3), board(1), board(2)]).await.unwrap();
    let ids = async |after, most| -> Vec<BoardId> {
        let page = kept.records(after, most).await.unwrap();
        page.iter().map(|record| record.id).collect()
    };
    assert_eq!(ids(None, 2).await, [board(1), board(2)]);
    assert_eq!(ids(Some(board(2)), 2).await, [board(3)]);
    assert!(ids(Some(board(3)), 2).await.is_empty());
}
