//! The contract of the store: what it keeps on every database, whoever asks and in whatever order.
//!
//! On SQLite, unless `BOARDROOM_TEST_POSTGRES` names a PostgreSQL server. `tests/run` runs it on both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod budget;
mod captures;
mod figures;
mod lists;
mod notices;
mod postgres;
mod queue;
mod shared;
mod sqlite;
mod tally;
mod upkeep;
mod views;

use std::sync::Arc;
use std::time::Duration;

use boardroom::model::board::{Board, BoardKind, Listed, RoomRecord};
use boardroom::model::delivery::{Hint, Recorded};
use boardroom::model::id::{ActionId, BoardId, RoomId, WorkspaceId};
use boardroom::model::status::{Ignored, Status};
use boardroom::store::history::{Event, Note};
use boardroom::store::{
    Bound, Claim, ClaimRequest, Fact, Fence, Held, Housed, Newcomer, Postgres, Settlement, Sqlite,
    Store,
};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_mins(1);

struct Kept {
    store: Arc<dyn Store>,
    _folder: TempDir,
}

impl std::ops::Deref for Kept {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

async fn empty() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = match std::env::var("BOARDROOM_TEST_POSTGRES") {
        Ok(server) => {
            let url = postgres::schema(&server).await;
            let store = Arc::new(Postgres::new(&url).unwrap());
            store.open().await.unwrap();
            store
        }
        Err(_) => Arc::new(Sqlite::open(&folder.path().join("a/b.db")).await.unwrap()),
    };
    Kept {
        store,
        _folder: folder,
    }
}

fn board(number: u32) -> BoardId {
    format!("6400000000000000{number:08x}").parse().unwrap()
}

fn action(number: u32) -> ActionId {
    format!("6500000000000000{number:08x}").parse().unwrap()
}

fn workspace() -> WorkspaceId {
    "5b0000000000000000000001".parse().unwrap()
}

fn listed(number: u32, name: &str) -> Listed {
    Listed {
        id: board(number),
        name: name.into(),
        short_link: None,
        workspace: Some(workspace()),
        closed: false,
    }
}

fn hint(number: u32, of: u32) -> Hint {
    Hint {
        action: action(number),
        kind: "createBoard".into(),
        board: board(of),
        appeared: None,
        trace: None,
    }
}

impl Kept {
    async fn claim(&self, most: usize) -> Vec<Claim> {
        let request = ClaimRequest {
            holder: "test-1",
            most,
            lease: LEASE,
            only: None,
        };
        self.store.claim(&request).await.unwrap()
    }

    async fn take(&self, of: u32, lease: Duration) -> Option<Claim> {
        let request = ClaimRequest {
            holder: "test-2",
            most: 1,
            lease,
            only: Some(board(of)),
        };
        self.store.claim(&request).await.unwrap().pop()
    }

    async fn bind_room(&self, of: u32, id: i64) -> Bound {
        self.bind(board(of), &room(id), &Note::new(Event::RoomCreated, ""))
            .await
            .unwrap()
    }
}

fn room(id: i64) -> RoomRecord {
    RoomRecord {
        id: RoomId(id),
        title_sent: Some("a: b".into()),
        title_returned: "a_ b".into(),
        archived: Some(false),
        tagged: true,
        invited: false,
        invitees: 0,
        drift: None,
        changes: Vec::new(),
    }
}

fn settled(claim: &Claim, status: Status) -> Settlement {
    Settlement {
        hints: claim.hints,
        status,
        told: claim.record.told,
        seen: None,
        failures: 0,
        again: None,
        room: None,
        notes: Vec::new(),
    }
}

#[tokio::test]
async fn an_action_is_stored_once() {
    let kept = empty().await;
    let batch = [hint(1, 1), hint(2, 1), hint(1, 1)];
    let recorded = kept.accept(&batch).await.unwrap();
    assert_eq!(
        recorded,
        [Recorded::New, Recorded::New, Recorded::Duplicate]
    );
    assert_eq!(
        kept.accept(&batch[..1]).await.unwrap(),
        [Recorded::Duplicate]
    );
    let claims = kept.claim(10).await;
    assert_eq!(claims.len(), 1, "one row a board");
    assert_eq!(claims[0].hints, 2, "a duplicate is no hint");
}

#[tokio::test]
async fn a_room_belongs_to_one_board_and_a_board_has_one_room() {
    let kept = empty().await;
    assert_eq!(kept.bind_room(1, 7).await, Bound::Bound);
    assert_eq!(kept.bind_room(2, 7).await, Bound::Taken(board(1)));
    assert_eq!(kept.bind_room(1, 8).await, Bound::Has(RoomId(7)));
    let found = RoomRecord {
        title_sent: None,
        ..room(9)
    };
    let note = Note::new(Event::RoomAdopted, "");
    kept.bind(board(3), &found, &note).await.unwrap();
    let mut housed = kept.housed(&[board(1), board(2), board(3)]).await.unwrap();
    housed.sort_by_key(|housed| housed.board);
    let expected = [(1, 7, true), (3, 9, false)].map(|(of, id, is_made)| Housed {
        board: board(of),
        room: RoomId(id),
        is_made,
    });
    assert_eq!(housed, expected);
    let claim = kept.take(1, LEASE).await.unwrap();
    let note = Note::new(Event::RoomForgotten, "");
    let stale = Fence {
        attempt: claim.fence.attempt - 1,
        ..claim.fence
    };
    assert_eq!(kept.unbind(stale, &note).await.unwrap(), Held::Lost);
    assert_eq!(kept.unbind(claim.fence, &note).await.unwrap(), Held::Held);
    assert_eq!(kept.bind_room(2, 7).await, Bound::Bound);
}

#[tokio::test]
async fn a_list_is_compared_with_what_was_last_seen() {
    let kept = empty().await;
    let ignored = Status::Ignored(Ignored::ExistedBefore);
    let first = [
        Newcomer {
            board: listed(1, "old"),
            baseline: true,
            status: ignored,
        },
        Newcomer {
            board: listed(2, "new"),
            baseline: true,
            status: Status::Pending(None),
        },
    ];
    assert!(kept.baselines().await.unwrap().is_empty());
    kept.take_in(workspace().into(), &first).await.unwrap();
    assert_eq!(kept.baselines().await.unwrap(), [workspace().into()]);
    let old = kept.record(board(1)).await.unwrap().unwrap();
    assert_eq!(
        (old.status, old.baseline),
        (ignored, Some(workspace().into()))
    );
    let claim = kept
        .claim(10)
        .await
        .pop()
        .expect("the new one is due, the old one is not");
    assert_eq!(claim.fence.board, board(2));
    let lists = |name: &str| [listed(1, "old"), listed(2, name), listed(3, "unknown")];
    assert_eq!(kept.differing(&lists("new")).await.unwrap(), [board(3)]);
    let seen = Board {
        id: board(2),
        name: "new".into(),
        short_link: Some("aBcD1234".into()),
        workspace: Some(workspace()),
        closed: false,
        kind: BoardKind::Ordinary,
    };
    let settlement = Settlement {
        seen: Some(seen.clone()),
        ..settled(&claim, Status::Mirrored(None))
    };
    kept.settle(claim.fence, &settlement).await.unwrap();
    assert_eq!(
        kept.record(board(2)).await.unwrap().unwrap().seen,
        Some(seen)
    );
    assert_eq!(kept.differing(&lists("new")).await.unwrap(), [board(3)]);
    assert_eq!(
        kept.differing(&lists("renamed")).await.unwrap(),
        [board(2), board(3)]
    );
}

#[tokio::test]
async fn what_rests_on_a_policy_is_looked_at_again() {
    let kept = empty().await;
    let ignored = Status::Ignored(Ignored::OutsideWorkspaces);
    let newcomer = Newcomer {
        board: listed(1, "a"),
        baseline: true,
        status: ignored,
    };
    kept.take_in(workspace().into(), &[newcomer]).await.unwrap();
    assert_eq!(
        kept.reconsider(&[Status::Ignored(Ignored::Template)])
            .await
            .unwrap(),
        0
    );
    assert_eq!(kept.reconsider(&[ignored]).await.unwrap(), 1);
    assert_eq!(kept.claim(10).await.len(), 1);
}

#[tokio::test]
async fn models_and_facts_are_kept() {
    let kept = empty().await;
    kept.watch(&[workspace().into(), workspace().into()])
        .await
        .unwrap();
    assert_eq!(kept.models().await.unwrap(), [workspace().into()]);
    assert_eq!(kept.fact(Fact::Since).await.unwrap(), None);
    kept.set_fact(Fact::Since, "1").await.unwrap();
    kept.set_fact(Fact::Since, "2").await.unwrap();
    assert_eq!(kept.fact(Fact::Since).await.unwrap().as_deref(), Some("2"));
    kept.probe().await.unwrap();
    assert!(!kept.tidy().await.unwrap());
}
