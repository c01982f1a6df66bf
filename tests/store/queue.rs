//! The queue: due times, leases, fences, intentions.

use std::time::Duration;

use boardroom::model::board::{Answer, Told};
use boardroom::model::failure::Code;
use boardroom::model::lane::Lane;
use boardroom::model::status::{Status, Waiting};
use boardroom::model::time::Timestamp;
use boardroom::store::{Bound, Held, NewIntention, Settled, Settlement, Whose};

use crate::{LEASE, board, empty, hint, room, settled};

#[tokio::test]
async fn one_worker_at_a_time_has_a_board() {
    let kept = empty().await;
    kept.hint(&[board(1), board(2)]).await.unwrap();
    assert_eq!(kept.claim(1).await.len(), 1);
    assert_eq!(kept.claim(10).await.len(), 1);
    assert_eq!(kept.claim(10).await.len(), 0);
    assert!(
        kept.take(1, LEASE).await.is_none(),
        "a board that is named is no exception"
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_its_holder_changes_nothing_more() {
    let kept = empty().await;
    kept.hint(&[board(1)]).await.unwrap();
    let late = kept.take(1, Duration::ZERO).await.unwrap();
    let next = kept.take(1, LEASE).await.unwrap();
    assert!(next.fence.attempt > late.fence.attempt);
    let intention = NewIntention {
        title: "t",
        stored_title: "t",
        remote_at: Timestamp(1),
        window: LEASE,
    };
    assert_eq!(
        kept.intend(late.fence, &intention, LEASE).await.unwrap(),
        Held::Lost
    );
    assert_eq!(kept.hold(late.fence, LEASE).await.unwrap(), Held::Lost);
    assert_eq!(kept.abandon(late.fence).await.unwrap(), Held::Lost);
    assert_eq!(
        kept.settle(late.fence, &settled(&late, Status::Mirrored(None)))
            .await
            .unwrap(),
        Settled::Lost
    );
    assert_eq!(kept.hand_back(Whose::Board(late.fence)).await.unwrap(), 0);
    assert_eq!(
        kept.intend(next.fence, &intention, LEASE).await.unwrap(),
        Held::Held
    );
    // A room that was made is recorded, whoever made it.
    assert_eq!(kept.bind_room(1, 7).await, Bound::Bound);
    assert_eq!(
        kept.settle(next.fence, &settled(&next, Status::Mirrored(None)))
            .await
            .unwrap(),
        Settled::Rests
    );
}

#[tokio::test]
async fn leases_are_given_back_by_board_or_by_kind_of_holder() {
    let kept = empty().await;
    kept.hint(&[board(1), board(2)]).await.unwrap();
    let claims = kept.claim(2).await;
    assert_eq!(
        kept.hand_back(Whose::Board(claims[0].fence)).await.unwrap(),
        1
    );
    assert_eq!(
        kept.hand_back(Whose::Holders("serve")).await.unwrap(),
        0,
        "another kind"
    );
    assert_eq!(kept.hand_back(Whose::Holders("test")).await.unwrap(), 1);
    assert_eq!(kept.claim(10).await.len(), 2);
}

#[tokio::test]
async fn a_hint_during_a_look_brings_another_look() {
    let kept = empty().await;
    kept.hint(&[board(1)]).await.unwrap();
    let claim = kept.claim(1).await.pop().unwrap();
    kept.accept(&[hint(1, 1)]).await.unwrap();
    kept.settle(claim.fence, &settled(&claim, Status::Mirrored(None)))
        .await
        .unwrap();
    let again = kept.claim(1).await.pop().expect("it is due again");
    kept.settle(again.fence, &settled(&again, Status::Mirrored(None)))
        .await
        .unwrap();
    assert!(kept.claim(1).await.is_empty(), "nothing came meanwhile");
}

#[tokio::test]
async fn a_hint_never_shortens_a_backoff() {
    let kept = empty().await;
    kept.hint(&[board(1)]).await.unwrap();
    let claim = kept.claim(1).await.pop().unwrap();
    kept.hint(&[board(1)]).await.unwrap();
    let status = Status::Pending(Some(Code::DocSpaceUnavailable));
    let backoff = Settlement {
        failures: 1,
        again: Some(LEASE),
        ..settled(&claim, status)
    };
    kept.settle(claim.fence, &backoff).await.unwrap();
    kept.hint(&[board(1)]).await.unwrap();
    kept.accept(&[hint(1, 1)]).await.unwrap();
    assert!(kept.claim(1).await.is_empty());
    let record = kept.record(board(1)).await.unwrap().unwrap();
    assert_eq!((record.status, record.failures), (status, 1));
    assert!(record.failing_since.is_some());
    kept.tell(board(1), Told::Mirror).await.unwrap();
    assert_eq!(kept.claim(1).await.len(), 1, "a person's word does");
}

#[tokio::test]
async fn an_intention_is_kept_until_its_room_is_recorded() {
    let kept = empty().await;
    kept.hint(&[board(1), board(2)]).await.unwrap();
    let claim = kept.take(1, LEASE).await.unwrap();
    let rival = kept.take(2, LEASE).await.unwrap();
    let intention = NewIntention {
        title: "Sprint",
        stored_title: "Sprint",
        remote_at: Timestamp(5),
        window: LEASE,
    };
    kept.intend(claim.fence, &intention, LEASE).await.unwrap();
    kept.intend(rival.fence, &intention, LEASE).await.unwrap();
    assert_eq!(kept.rivals(board(1), "Sprint", LEASE).await.unwrap(), 1);
    assert_eq!(kept.rivals(board(1), "Other", LEASE).await.unwrap(), 0);
    assert_eq!(
        kept.rivals(board(1), "Sprint", Duration::ZERO)
            .await
            .unwrap(),
        0
    );
    // Of an earlier create, that of a worker which was frozen for long: it says nothing of this one.
    kept.answered(board(2), Timestamp(4), Answer::Refused)
        .await
        .unwrap();
    let open = kept.record(board(2)).await.unwrap().unwrap().intention;
    assert_eq!(open.unwrap().answer, Answer::Unknown);
    kept.answered(board(2), Timestamp(5), Answer::Refused)
        .await
        .unwrap();
    let rivals = kept.rivals(board(1), "Sprint", LEASE).await.unwrap();
    assert_eq!(rivals, 1, "a refused create may have left a room, too");
    let again = kept.intend(claim.fence, &intention, LEASE).await.unwrap();
    assert_eq!(again, Held::Lost, "the first may still come true");
    let record = kept.record(board(1)).await.unwrap().unwrap();
    let open = record.intention.unwrap();
    assert_eq!(
        (open.title.as_str(), open.remote_at, open.answer),
        ("Sprint", Timestamp(5), Answer::Unknown)
    );
    assert_eq!(kept.bind_room(1, 7).await, Bound::Bound);
    let record = kept.record(board(1)).await.unwrap().unwrap();
    assert_eq!((record.intention, record.room), (None, Some(room(7))));
    assert_eq!(
        kept.intend(claim.fence, &intention, LEASE).await.unwrap(),
        Held::Lost,
        "it has a room"
    );
}

#[tokio::test]
async fn what_waits_is_woken_by_its_cause_alone() {
    let kept = empty().await;
    let boards: Vec<_> = (1..=3).map(board).collect();
    kept.hint(&boards).await.unwrap();
    for claim in kept.claim(3).await {
        let lane = if claim.fence.board == board(3) {
            Lane::Trello
        } else {
            Lane::Create
        };
        let waiting = Status::Waiting(Waiting::Lane(lane));
        kept.settle(claim.fence, &settled(&claim, waiting))
            .await
            .unwrap();
    }
    assert!(kept.claim(3).await.is_empty());
    let mut awaited = kept.awaited().await.unwrap();
    awaited.sort_by_key(|waiting| waiting.as_str());
    assert_eq!(
        awaited,
        [Waiting::Lane(Lane::Create), Waiting::Lane(Lane::Trello)]
    );
    assert_eq!(
        kept.wake(Waiting::Lane(Lane::Create), Some(1))
            .await
            .unwrap(),
        1
    );
    assert_eq!(kept.claim(3).await.len(), 1);
    assert_eq!(
        kept.wake(Waiting::Lane(Lane::Create), None).await.unwrap(),
        1,
        "the other is due"
    );
}
