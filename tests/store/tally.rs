//! The tally: how many boards stand where is what counting them anew would say, whatever happens to them, and however many do it at once.

use std::collections::BTreeMap;
use std::time::Duration;

use boardroom::model::board::Told;
use boardroom::model::failure::Code;
use boardroom::model::id::BoardId;
use boardroom::model::lane::Lane;
use boardroom::model::status::{Apart, Ignored, Status, Waiting};
use boardroom::store::history::{Event, Note};
use boardroom::store::{ClaimRequest, Fence, Group, Newcomer, Store, Words};
use fastrand::Rng;

use crate::{Kept, board, empty, hint, listed, room, settled, workspace};

/// How many boards there are, at most: few, so that they move often.
const BOARDS: u32 = 60;

/// Counts anew.
async fn counted(store: &dyn Store) -> BTreeMap<(String, Option<String>), u64> {
    let mut counted = BTreeMap::new();
    for record in store.records(None, u32::MAX).await.unwrap() {
        let (status, reason) = record.status.words();
        let at = (status.to_owned(), reason.map(str::to_owned));
        *counted.entry(at).or_default() += 1;
    }
    counted
}

async fn assert_tally(store: &dyn Store) {
    let counted = counted(store).await;
    let totals = store.totals().await.unwrap().into_iter();
    let totals: BTreeMap<_, _> = totals
        .map(|(status, count)| {
            let (status, reason) = status.words();
            ((status.to_owned(), reason.map(str::to_owned)), count)
        })
        .collect();
    assert_eq!(totals, counted);
    let groups = store.groups().await.unwrap().into_iter();
    let groups: BTreeMap<_, _> = groups
        .map(|(group, count)| match group {
            Group::At(Words { status, reason }) => ((status, reason), count),
            Group::All | Group::Twins => panic!("no board has a twin"),
        })
        .collect();
    assert_eq!(groups, counted);
    let mut awaited: Vec<_> = store.awaited().await.unwrap();
    awaited.sort_unstable_by_key(|waiting| waiting.as_str());
    let waiting = counted.keys().filter(|(status, _)| status == "waiting");
    let waiting: Vec<_> = waiting.filter_map(|(_, reason)| reason.clone()).collect();
    assert_eq!(
        awaited.into_iter().map(Waiting::as_str).collect::<Vec<_>>(),
        waiting
    );
}

fn status(rng: &mut Rng) -> Status {
    let apart = Apart::ALL[rng.usize(..Apart::ALL.len())];
    let codes = [Code::DocSpaceRejected, Code::DocSpaceUnavailable];
    let code = codes[rng.usize(..codes.len())];
    match rng.u8(..7) {
        0 => Status::Pending(None),
        1 => Status::Pending(Some(code)),
        2 => Status::Mirrored(None),
        3 => Status::Mirrored(Some(apart)),
        4 => Status::Ignored(Ignored::ALL[rng.usize(..Ignored::ALL.len())]),
        5 => Status::Waiting(Waiting::ALL[rng.usize(..Waiting::ALL.len())]),
        _ => Status::Failed(code),
    }
}

/// Takes boards and settles them, some twice, some under a lease that was lost.
async fn settle(store: &dyn Store, rng: &mut Rng) {
    let request = ClaimRequest {
        holder: "test",
        most: rng.usize(1..6),
        lease: Duration::from_millis(rng.u64(..2_000)),
        only: rng.bool().then(|| board(rng.u32(..BOARDS))),
    };
    for claim in store.claim(&request).await.unwrap() {
        let fence = Fence {
            attempt: claim.fence.attempt - i64::from(rng.u8(..10) == 0),
            ..claim.fence
        };
        for _ in 0..rng.u8(1..3) {
            let settlement = settled(&claim, status(rng));
            store.settle(fence, &settlement).await.unwrap();
        }
    }
}

/// One thing that happens to boards.
async fn happen(store: &dyn Store, rng: &mut Rng) {
    let some = |rng: &mut Rng| -> Vec<BoardId> {
        (0..rng.u8(..5)).map(|_| board(rng.u32(..BOARDS))).collect()
    };
    let one = board(rng.u32(..BOARDS));
    match rng.u8(..12) {
        0 => store.hint(&some(rng)).await.unwrap(),
        1 => {
            let hint = hint(rng.u32(..), rng.u32(..BOARDS));
            drop(store.accept(&[hint]).await.unwrap());
        }
        2 => {
            let newcomer = |rng: &mut Rng| Newcomer {
                board: listed(rng.u32(..BOARDS), "a"),
                baseline: rng.bool(),
                status: status(rng),
            };
            let newcomers: Vec<_> = (0..rng.u8(..8)).map(|_| newcomer(rng)).collect();
            store.take_in(workspace().into(), &newcomers).await.unwrap();
        }
        3 => {
            let room = room(rng.i64(1..i64::from(BOARDS)));
            let note = Note::new(Event::RoomCreated, "");
            store.bind(one, &room, &note).await.unwrap();
        }
        4 => store.tell(one, Told::Mirror).await.unwrap(),
        5 => drop(store.retry(&some(rng)).await.unwrap()),
        6 => {
            let waiting = Waiting::ALL[rng.usize(..Waiting::ALL.len())];
            let most = rng.bool().then_some(1);
            store.wake(waiting, most).await.unwrap();
        }
        7 => drop(store.reconsider(&[status(rng)]).await.unwrap()),
        8 => drop(store.release().await.unwrap()),
        _ => settle(store, rng).await,
    }
}

async fn live(store: &dyn Store, seed: u64, times: usize) {
    let mut rng = Rng::with_seed(seed);
    for _ in 0..times {
        happen(store, &mut rng).await;
    }
}

#[tokio::test]
async fn the_tally_is_what_counting_anew_would_say() {
    let Kept { store, _folder } = empty().await;
    for seed in 0..40 {
        live(&*store, seed, 15).await;
        assert_tally(&*store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_tally_holds_however_many_move_boards_at_once() {
    let Kept { store, _folder } = empty().await;
    let lives: Vec<_> = (100..106)
        .map(|seed| {
            let store = store.clone();
            tokio::spawn(async move { live(&*store, seed, 100).await })
        })
        .collect();
    for life in lives {
        life.await.unwrap();
    }
    assert_tally(&*store).await;
}

#[tokio::test]
async fn who_is_woken_is_drawn_by_lot_from_those_who_sleep() {
    let kept = empty().await;
    let gate = Waiting::Lane(Lane::Create);
    // The first is far from the others: a place of chance must not always lead to the same board.
    let others: Vec<_> = (1..12).map(board).collect();
    let between = |number| Newcomer {
        board: listed(number, "a"),
        baseline: true,
        status: Status::Ignored(Ignored::ExistedBefore),
    };
    let between: Vec<_> = (100..600).map(between).collect();
    kept.hint(&[board(0)]).await.unwrap();
    kept.take_in(workspace().into(), &between).await.unwrap();
    kept.hint(&others).await.unwrap();
    let rest = async || {
        for claim in kept.claim(100).await {
            let settlement = settled(&claim, Status::Waiting(gate));
            kept.settle(claim.fence, &settlement).await.unwrap();
        }
    };
    rest().await;
    let mut turns: BTreeMap<BoardId, u32> = BTreeMap::new();
    for _ in 0..240 {
        assert_eq!(kept.wake(gate, Some(1)).await.unwrap(), 1);
        let woken = kept.claim(100).await;
        assert_eq!(woken.len(), 1);
        *turns.entry(woken[0].fence.board).or_default() += 1;
        let settlement = settled(&woken[0], Status::Waiting(gate));
        kept.settle(woken[0].fence, &settlement).await.unwrap();
    }
    assert!(
        turns.len() == 12 && turns.values().all(|turns| *turns < 60),
        "{turns:?}"
    );
    // In steps everybody is woken, and nobody twice.
    assert_eq!(kept.wake(gate, Some(5)).await.unwrap(), 5);
    assert_eq!(kept.wake(gate, Some(5)).await.unwrap(), 5);
    assert_eq!(kept.wake(gate, Some(5)).await.unwrap(), 2);
    assert_eq!(kept.wake(gate, Some(5)).await.unwrap(), 0);
    assert_eq!(kept.claim(100).await.len(), 12);
}
