//! What people read of the store, and their words: pages, groups, trying again, linking.

use boardroom::model::board::Told;
use boardroom::model::failure::{Code, Failure};
use boardroom::model::id::RoomId;
use boardroom::model::lane::Lane;
use boardroom::model::room::Room;
use boardroom::model::status::{Apart, Status, Waiting};
use boardroom::model::time::Timestamp;
use boardroom::store::history::{Event, Note};
use boardroom::store::{
    Cursor, Fact, Group, Held, Linked, Load, Meant, NewIntention, Progress, Settlement, Words,
};

use crate::shared::FOR_LONG;
use crate::{Kept, LEASE, board, empty, settled};

fn at(status: &str, reason: Option<&str>) -> Group {
    Group::At(Words {
        status: status.into(),
        reason: reason.map(str::to_owned),
    })
}

fn found(id: i64, title: &str) -> Room {
    Room {
        id: RoomId(id),
        title: title.into(),
        tags: Vec::new(),
        archived: false,
        created: None,
        created_by: None,
        editable: true,
    }
}

impl Kept {
    /// A board that a look left so.
    async fn left(&self, of: u32, status: Status, failures: u32) {
        self.hint(&[board(of)]).await.unwrap();
        let claim = self.take(of, LEASE).await.unwrap();
        let settlement = Settlement {
            failures,
            again: (failures > 0).then_some(LEASE),
            ..settled(&claim, status)
        };
        self.settle(claim.fence, &settlement).await.unwrap();
    }

    /// Every board of a group, read in pages of two.
    async fn all_of(&self, group: &Group) -> Vec<u32> {
        let (mut after, mut all) = (Some(Cursor::default()), Vec::new());
        while let Some(cursor) = after {
            let page = self.standings(group, cursor, 2).await.unwrap();
            assert!(page.rows.len() <= 2);
            after = page.next;
            all.extend(page.rows.into_iter().map(|row| row.id));
        }
        (1..10).filter(|of| all.contains(&board(*of))).collect()
    }

    async fn is_due(&self, of: u32) -> bool {
        let standing = self.standing(board(of)).await.unwrap().unwrap();
        standing.next.is_some_and(|next| next <= Timestamp::now())
    }
}

#[tokio::test]
async fn groups_hold_each_board_once_and_are_read_in_pages() {
    let kept = empty().await;
    for of in 1..=5 {
        kept.left(of, Status::Mirrored(None), 0).await;
    }
    let drift = Status::Mirrored(Some(Apart::Drift));
    kept.left(6, drift, 0).await;
    kept.left(7, Status::Failed(Code::DocSpaceRejected), 1)
        .await;
    let twins = [
        (board(2), RoomId(90)),
        (board(2), RoomId(91)),
        (board(6), RoomId(92)),
    ];
    kept.set_twins(&twins).await.unwrap();
    let mut groups = kept.groups().await.unwrap();
    groups.sort_by_key(|(_, count)| *count);
    let expected = [
        (Group::Twins, 1),
        (at("failed", Some("docspace_rejected")), 1),
        (at("mirrored", Some("drift")), 1),
        (at("mirrored", None), 4),
    ];
    assert_eq!(groups, expected);
    assert_eq!(kept.all_of(&Group::All).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(kept.all_of(&at("mirrored", None)).await, [1, 3, 4, 5]);
    assert_eq!(kept.all_of(&Group::Twins).await, [2]);
    assert_eq!(kept.all_of(&at("mirrored", Some("drift"))).await, [6]);
    let standing = kept.standing(board(2)).await.unwrap().unwrap();
    assert_eq!(standing.twins, [RoomId(90), RoomId(91)]);
    assert_eq!(kept.standing(board(8)).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_due_is_counted_up_to_a_bound_and_concerns_by_their_codes() {
    let kept = empty().await;
    assert_eq!(kept.load(10).await.unwrap(), Load::default());
    kept.left(1, Status::Mirrored(None), 0).await;
    assert_eq!(kept.load(10).await.unwrap(), Load::default());
    kept.hint(&[board(1), board(2), board(3)]).await.unwrap();
    let concern = |subject: &str| (subject.to_owned(), "detail".to_owned());
    let codes = [(Code::WebhookFailing, 2), (Code::TrelloTokenExpires, 1)];
    for (code, count) in codes {
        let concerns = [concern("one"), concern("two")];
        kept.set_concerns(code, &concerns[..count]).await.unwrap();
    }
    // What is due and looked at is due still.
    let claim = kept.take(2, LEASE).await.unwrap();
    let later = kept.load(10).await.unwrap();
    assert!(kept.progress().await.unwrap().due_since.is_some());
    assert_eq!(later.due, 3);
    assert!(later.oldest < LEASE, "{later:?}");
    let expected = [("trello_token_expires", 1), ("webhook_failing", 2)];
    let expected = expected.map(|(code, count)| (code.to_owned(), count));
    assert_eq!(later.concerns, expected);
    assert_eq!(kept.load(2).await.unwrap().due, 2, "no more are counted");
    kept.settle(claim.fence, &settled(&claim, Status::Mirrored(None)))
        .await
        .unwrap();
    assert_eq!(kept.load(10).await.unwrap().due, 2);
}

#[tokio::test]
async fn when_something_was_last_done_is_kept_by_the_clock_of_the_database() {
    let kept = empty().await;
    let before = kept.progress().await.unwrap();
    assert_eq!(before, Progress::default());
    let now = kept.lanes().await.unwrap().now;
    kept.date(Fact::SweptAt).await.unwrap();
    let once = kept.progress().await.unwrap();
    assert!(once.swept_at >= Some(now), "{once:?}");
    let others = (once.due_since, once.audited_at, once.webhooks_at);
    assert_eq!(others, (None, None, None));
    kept.date(Fact::AuditedAt).await.unwrap();
    kept.date(Fact::SweptAt).await.unwrap();
    let again = kept.progress().await.unwrap();
    assert!(again.audited_at >= once.swept_at && again.swept_at >= again.audited_at);
}

#[tokio::test]
async fn boards_are_found_by_what_people_call_them() {
    let kept = empty().await;
    for (of, name, link) in [
        (1, "Launch", "aaaaaaa1"),
        (2, "Launch", "aaaaaaa2"),
        (3, "aaaaaaa1", "aaaaaaa3"),
    ] {
        kept.hint(&[board(of)]).await.unwrap();
        let claim = kept.take(of, LEASE).await.unwrap();
        let seen = boardroom::model::board::Board {
            id: board(of),
            name: name.into(),
            short_link: Some(link.into()),
            workspace: None,
            closed: false,
            kind: boardroom::model::board::BoardKind::Ordinary,
        };
        let settlement = Settlement {
            seen: Some(seen),
            ..settled(&claim, Status::Mirrored(None))
        };
        kept.settle(claim.fence, &settlement).await.unwrap();
    }
    let table: [(Meant<'_>, &[u32]); 7] = [
        (Meant::Id(board(3)), &[3]),
        (Meant::Id(board(4)), &[]),
        (Meant::ShortLink("aaaaaaa1"), &[1]),
        (Meant::ShortLink("AAAAAAA1"), &[]),
        (Meant::NameOrShortLink("Launch"), &[1, 2]),
        (Meant::NameOrShortLink("launch"), &[]),
        (Meant::NameOrShortLink("aaaaaaa1"), &[1, 3]),
    ];
    for (meant, expected) in table {
        let found = kept.find(meant, 10).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|candidate| candidate.id).collect();
        let expected: Vec<_> = expected.iter().copied().map(board).collect();
        assert_eq!(ids, expected, "{meant:?}");
    }
    let most = kept
        .find(Meant::NameOrShortLink("Launch"), 1)
        .await
        .unwrap();
    assert_eq!(most.len(), 1);
}

#[tokio::test]
async fn a_history_is_read_in_pages_in_order() {
    let kept = empty().await;
    for number in 0..5 {
        let note = Note::new(Event::Renamed, format!("to {number}"));
        kept.note(board(1), &note).await.unwrap();
        kept.note(board(2), &note).await.unwrap();
    }
    let (mut after, mut details) = (Some(Cursor::default()), Vec::new());
    while let Some(cursor) = after {
        let page = kept.history(board(1), cursor, 2).await.unwrap();
        after = page.next;
        assert!(page.rows.iter().all(|line| line.event == "renamed"));
        details.extend(page.rows.into_iter().map(|line| line.detail));
    }
    assert_eq!(details, ["to 0", "to 1", "to 2", "to 3", "to 4"]);
}

#[tokio::test]
async fn trying_again_forgives_failures_and_leaves_brakes() {
    let kept = empty().await;
    kept.left(1, Status::Failed(Code::DocSpaceRejected), 3)
        .await;
    kept.left(2, Status::Pending(Some(Code::DocSpaceUnavailable)), 2)
        .await;
    kept.left(3, Status::Waiting(Waiting::Lane(Lane::Create)), 0)
        .await;
    kept.left(4, Status::Waiting(Waiting::Brake), 0).await;
    kept.left(5, Status::Mirrored(None), 0).await;
    let full = Failure::new(Code::DocSpaceQuotaFull, "402");
    for lane in [Lane::Trello, Lane::Create, Lane::CreateBrake] {
        let closed = kept.close_lane(lane, &full, FOR_LONG).await.unwrap();
        assert!(closed.is_some());
    }
    let before = kept.lanes().await.unwrap().lanes;
    assert_eq!(kept.retry_all().await.unwrap(), 3);
    for of in 1..=5 {
        assert_eq!(kept.is_due(of).await, of <= 3, "{of}");
        let record = kept.record(board(of)).await.unwrap().unwrap();
        assert_eq!((record.failures, record.failing_since), (0, None));
    }
    let mut lanes = kept.retry_lanes().await.unwrap();
    lanes.sort_unstable();
    assert_eq!(lanes, [Lane::Trello, Lane::Create]);
    for (lane, pause) in kept.lanes().await.unwrap().lanes {
        assert_eq!(pause.until == Timestamp(0), lane != Lane::CreateBrake);
        let before = before.iter().find(|(before, _)| *before == lane);
        let (_, before) = before.unwrap();
        assert_eq!(
            (pause.since, pause.failures),
            (before.since, before.failures)
        );
    }
    assert_eq!(kept.retry(&[board(5), board(9)]).await.unwrap(), 1);
    assert!(kept.is_due(5).await);
    assert_eq!(kept.record(board(9)).await.unwrap(), None);
}

#[tokio::test]
async fn a_word_to_try_again_is_not_swallowed_by_the_look_under_way() {
    let kept = empty().await;
    let failing = Status::Pending(Some(Code::DocSpaceUnavailable));
    kept.left(1, failing, 4).await;
    let claim = kept.take(1, LEASE).await.unwrap();
    kept.retry(&[board(1)]).await.unwrap();
    let settlement = Settlement {
        failures: 5,
        again: Some(LEASE),
        ..settled(&claim, failing)
    };
    kept.settle(claim.fence, &settlement).await.unwrap();
    assert!(kept.is_due(1).await, "the look began before the word");
    let claim = kept.take(1, LEASE).await.unwrap();
    let settlement = Settlement {
        failures: claim.record.failures + 1,
        again: Some(LEASE),
        ..settled(&claim, failing)
    };
    kept.settle(claim.fence, &settlement).await.unwrap();
    assert!(
        !kept.is_due(1).await,
        "the next one has a backoff of its own"
    );
}

#[tokio::test]
async fn a_linked_room_takes_the_place_of_all_that_was_known() {
    let kept = empty().await;
    kept.bind_room(1, 7).await;
    kept.bind_room(2, 20).await;
    kept.left(1, Status::Failed(Code::DocSpaceRejected), 3)
        .await;
    let twins = [
        (board(1), RoomId(8)),
        (board(1), RoomId(9)),
        (board(2), RoomId(21)),
    ];
    kept.set_twins(&twins).await.unwrap();
    let late = kept.take(1, LEASE).await.unwrap();
    let others = [RoomId(7), RoomId(8)];
    let linked = kept.link(board(1), &found(8, "Ours"), &others).await;
    let before = Some(RoomId(7));
    assert_eq!(linked.unwrap(), Linked::Linked { before });
    assert_eq!(kept.hold(late.fence, LEASE).await.unwrap(), Held::Lost);
    let record = kept.record(board(1)).await.unwrap().unwrap();
    let room = record.room.clone().unwrap();
    assert_eq!((room.id, room.title_returned.as_str()), (RoomId(8), "Ours"));
    assert_eq!(
        (room.title_sent, room.archived, room.drift),
        (None, None, None)
    );
    assert_eq!((room.tagged, room.invited, room.invitees), (false, true, 0));
    assert_eq!(record.told, Some(Told::Apply));
    assert_eq!((record.failures, record.failing_since), (0, None));
    assert!(record.asked && record.intention.is_none());
    assert!(kept.is_due(1).await);
    // The next look over all rooms finds the old ones still, and they are settled; those of other boards are not.
    let twins = [
        (board(1), RoomId(7)),
        (board(1), RoomId(9)),
        (board(2), RoomId(21)),
    ];
    assert_eq!(kept.set_twins(&twins).await.unwrap(), []);
    let standing = kept.standing(board(1)).await.unwrap().unwrap();
    assert!(standing.twins.is_empty(), "{standing:?}");
    let other = kept.standing(board(2)).await.unwrap().unwrap();
    assert_eq!(other.twins, [RoomId(21)]);
    let page = kept.history(board(1), Cursor::default(), 9).await.unwrap();
    let last = page.rows.last().unwrap();
    let told = (last.event.as_str(), last.detail.as_str());
    assert_eq!(told, ("linked", "to room 8 instead of room 7"));
}

#[tokio::test]
async fn a_room_of_another_board_is_not_linked_and_an_unknown_board_is_taken_in() {
    let kept = empty().await;
    kept.bind_room(2, 20).await;
    let taken = kept.link(board(1), &found(20, "Theirs"), &[]).await;
    assert_eq!(taken.unwrap(), Linked::Taken(board(2)));
    assert_eq!(kept.record(board(1)).await.unwrap(), None);
    let linked = kept.link(board(1), &found(7, "Ours"), &[]).await.unwrap();
    assert_eq!(linked, Linked::Linked { before: None });
    assert_eq!(kept.board_of(RoomId(7)).await.unwrap(), Some(board(1)));
    // A create that was under way is nobody's any more.
    kept.hint(&[board(3)]).await.unwrap();
    let claim = kept.take(3, LEASE).await.unwrap();
    let intention = NewIntention {
        title: "t",
        stored_title: "t",
        remote_at: Timestamp(1),
        window: LEASE,
    };
    kept.intend(claim.fence, &intention, LEASE).await.unwrap();
    kept.link(board(3), &found(30, "t"), &[]).await.unwrap();
    let record = kept.record(board(3)).await.unwrap().unwrap();
    assert_eq!(record.intention, None);
}
