//! What calls of the store cost when there are 200,000 boards. Each is measured by the database itself while it runs, so that it is the
//! statements that the program sends which are held to it, and not copies of them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::model::board::{Listed, RoomRecord, Told};
use crate::model::delivery::Hint;
use crate::model::failure::Code;
use crate::model::id::{BoardId, RoomId, WebhookId, WorkspaceId};
use crate::model::lane::Lane;
use crate::model::status::{Apart, Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::store::history::{Event, Note};
use crate::store::sql::statement::{Statement, sql};
use crate::store::{
    Claim, ClaimRequest, Cursor, Fact, Figures, Filter, Grain, Group, Meant, NewIntention,
    Settlement, Sought, Store, Whose, Words,
};

/// How many boards there are.
pub(in crate::store) const BOARDS: i64 = 200_000;
const LEASE: Duration = Duration::from_mins(1);

/// Inserts what a select makes of the numbers of boards, from a number on.
macro_rules! numbers {
    ($from:literal: $($select:tt)+) => {
        sql!(
            {"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 199999) " | ""}
            $($select)+ {" FROM numbers" | " FROM generate_series(CAST(0 AS bigint), 199999) AS numbers (n)"} " WHERE n >= " $from
        )
    };
}

/// A database as it is after years: most boards are mirrored and quiet, some existed before, and few of each kind are anything else.
pub(in crate::store) const FILL: [Statement; 7] = [
    numbers!(
        0: "INSERT INTO board (id, name, short_link, workspace, closed, kind, status, reason, since, due_at, room_id, title_sent,
             title_returned, room_archived, tagged, invited, gone_at, missing_at, holder, lease_until, hook)
         SELECT " {"printf('64%022x', n)" | "'64' || lpad(to_hex(n), 22, '0')"} ", 'Board ' || n, " {"printf('%08x', n)" | "lpad(to_hex(n), 8, '0')"}
         ", '5b0000000000000000000001', 0, 'ordinary',
             CASE WHEN n < 50 THEN 'pending' WHEN n < 150 THEN 'failed' WHEN n < 270 THEN 'waiting' WHEN n < 300 THEN 'pending'
                  WHEN n < 310 THEN 'mirrored' WHEN n < 320 THEN 'ignored' WHEN n < 330 THEN 'waiting' WHEN n % 20 = 0 THEN 'ignored'
                  ELSE 'mirrored' END,
             CASE WHEN n < 50 THEN NULL WHEN n < 150 THEN 'docspace_rejected' WHEN n < 250 THEN 'docspace.create' WHEN n < 270 THEN 'brake'
                  WHEN n < 300 THEN 'docspace_unavailable' WHEN n < 310 THEN NULL WHEN n < 320 THEN 'told' WHEN n < 330 THEN 'deletion'
                  WHEN n % 20 = 0 THEN 'existed_before' WHEN n % 50 = 1 THEN 'drift' END, "
         now ", CASE WHEN n < 50 OR n BETWEEN 340 AND 344 THEN 1 WHEN n BETWEEN 270 AND 299 OR n BETWEEN 320 AND 329 THEN 4000000000000 END,
             CASE WHEN n < 300 THEN NULL WHEN n < 330 THEN n WHEN n % 20 > 0 THEN n END,
             CASE WHEN n < 300 THEN NULL WHEN n < 330 THEN 'a' WHEN n % 20 > 0 THEN 'a' END,
             CASE WHEN n < 300 THEN NULL WHEN n < 330 THEN 'a' WHEN n % 20 > 0 THEN 'a' END,
             0, 1, 1, CASE WHEN n BETWEEN 320 AND 329 THEN 1 END, CASE WHEN n BETWEEN 330 AND 339 THEN 1 END,
             CASE WHEN n BETWEEN 340 AND 344 THEN 'serve-1' END, CASE WHEN n BETWEEN 340 AND 344 THEN 4000000000000 END,
             CASE WHEN n >= 310 AND (n < 330 OR n % 20 > 0) THEN '7' || substr("
                 {"printf('64%022x', n)" | "'64' || lpad(to_hex(n), 22, '0')"} ", 2) END"
    ),
    numbers!(
        0: "INSERT INTO history (board, at, event, detail)
         SELECT " {"printf('64%022x', n)" | "'64' || lpad(to_hex(n), 22, '0')"} ", " now " - 31000 * (200000 - n), 'observed', 'a'"
    ),
    numbers!(
        0: "INSERT INTO delivery (action, at)
         SELECT " {"printf('65%022x', n)" | "'65' || lpad(to_hex(n), 22, '0')"} ", " now " - 3100 * (200000 - n)"
    ),
    numbers!(
        195000: "INSERT INTO brake (lane, board, at)
         SELECT 'brake.create', " {"printf('64%022x', n)" | "'64' || lpad(to_hex(n), 22, '0')"} ", " now " - 3100 * (200000 - n)"
    ),
    sql!(
        "INSERT INTO twin (room_id, board, at) SELECT 1000000 + room_id, id, 1 FROM board WHERE room_id BETWEEN 402 AND 406"
    ),
    numbers!(
        197000: "INSERT INTO figure (width, at, deliveries, rooms) SELECT 60000, " now " - " now " % 60000 - 60000 * (199999 - n), 1, 1"
    ),
    // Nobody ever asks SQLite to analyse: its planner knows nothing of how many boards there are.
    sql!({ "SELECT 1" | "ANALYZE board, history, delivery, brake, twin, figure" }),
];

/// A call of the store.
pub(in crate::store) type Call = fn(&dyn Store) -> Pin<Box<dyn Future<Output = ()> + '_>>;

/// Calls that must not look through all boards, deliveries or lines of history. What the store does beside these reads everything for a
/// reason: [`hooks`](crate::store::Upkeep::hooks) and [`listed`](crate::store::Upkeep::listed) because a complete list is compared with it,
/// [`compare_rooms`](crate::store::Upkeep::compare_rooms) likewise, and [`rescope`](crate::store::Upkeep::rescope) because where boards lie
/// is decided anew.
macro_rules! calls {
    ($($name:literal => |$store:ident| $call:expr,)+) => {
        pub(in crate::store) const CALLS: &[(&str, Call)] = &[$(($name, |$store| Box::pin(async move { let _ = $call; }))),+];
    };
}
calls! {
    "claim" => |store| claim(store, None).await,
    "claim one" => |store| claim(store, Some(board(100_000))).await,
    "hold, amend and settle" => |store| look(store, board(100_000)).await,
    "intend and abandon" => |store| intend(store, board(20)).await,
    "hand back" => |store| store.hand_back(Whose::Holders("serve")).await.unwrap(),
    "accept" => |store| store.accept(&[hint(7, 100_000), hint(u32::MAX, 100_000), hint(u32::MAX - 1, u32::MAX)]).await.unwrap(),
    "hint" => |store| store.hint(&[board(100_000), board(u32::MAX - 1)]).await.unwrap(),
    "remembers" => |store| store.remembers(hint(150_000, 0).action).await.unwrap(),
    "record" => |store| store.record(board(100_000)).await.unwrap(),
    "records" => |store| store.records(Some(board(100_000)), 500).await.unwrap(),
    "housed" => |store| assert_eq!(store.housed(&many()).await.unwrap().len(), 949),
    "board of a room" => |store| store.board_of(RoomId(100_001)).await.unwrap(),
    "bind" => |store| store.bind(board(30), &room(2_000_000), &Note::new(Event::RoomCreated, "")).await.unwrap(),
    "rivals" => |store| store.rivals(board(1), "a", LEASE).await.unwrap(),
    "tell" => |store| store.tell(board(100_000), Told::Apply).await.unwrap(),
    "note" => |store| store.note(board(100_000), &Note::new(Event::Told, "")).await.unwrap(),
    "wake one" => |store| assert_eq!(store.wake(Waiting::Lane(Lane::Create), Some(1)).await.unwrap(), 1),
    "wake" => |store| assert_eq!(store.wake(Waiting::Lane(Lane::Create), Some(1_000)).await.unwrap(), 99),
    "awaited" => |store| assert_eq!(store.awaited().await.unwrap().len(), 3),
    "totals" => |store| assert_eq!(store.totals().await.unwrap().iter().map(|total| total.1).sum::<u64>() / 1_000, 200),
    "groups" => |store| assert!(store.groups().await.unwrap().contains(&(Group::Twins, 5))),
    "load" => |store| store.load(10_000).await.unwrap(),
    "all, first page" => |store| page(store, Group::All, 0, 500).await,
    "all, later page" => |store| page(store, Group::All, 150_000, 500).await,
    "mirrored, first page" => |store| page(store, at(Status::Mirrored(None)), 0, 500).await,
    "mirrored, later page" => |store| page(store, at(Status::Mirrored(None)), 150_000, 500).await,
    "drift, first page" => |store| page(store, at(Status::Mirrored(Some(Apart::Drift))), 0, 500).await,
    "drift, later page" => |store| page(store, at(Status::Mirrored(Some(Apart::Drift))), 150_000, 500).await,
    "ignored, later page" => |store| page(store, at(Status::Ignored(Ignored::ExistedBefore)), 150_000, 500).await,
    "failed, only page" => |store| page(store, at(Status::Failed(Code::DocSpaceRejected)), 0, 100).await,
    "failing, only page" => |store| page(store, at(Status::Pending(Some(Code::DocSpaceUnavailable))), 0, 30).await,
    "waiting, only page" => |store| page(store, at(Status::Waiting(Waiting::Brake)), 0, 20).await,
    "search all" => |store| search(store, Group::All, 150_000, 2).await,
    "search mirrored" => |store| search(store, at(Status::Mirrored(None)), 150_000, 2).await,
    "search drift" => |store| search(store, at(Status::Mirrored(Some(Apart::Drift))), 150_000, 2).await,
    "search twins" => |store| search(store, Group::Twins, 150_000, 0).await,
    "ask for a sweep" => |store| store.ask_for_sweep().await.unwrap(),
    "ask for webhooks" => |store| store.ask_for_webhooks().await.unwrap(),
    "twins, only page" => |store| page(store, Group::Twins, 0, 5).await,
    "latest" => |store| latest(store, "", 0, 25).await,
    "latest, later" => |store| latest(store, "", 50_000, 25).await,
    "latest mirrored" => |store| latest(store, "mirrored", 0, 25).await,
    "latest mirrored, later" => |store| latest(store, "mirrored", 50_000, 25).await,
    "latest failed" => |store| latest(store, "failed", 0, 25).await,
    "latest ignored, later" => |store| latest(store, "ignored", 50_000, 25).await,
    "latest twins" => |store| latest(store, "mirrored/twins", 0, 5).await,
    "latest sought" => |store| latest_sought(store, "").await,
    "latest sought, mirrored" => |store| latest_sought(store, "mirrored").await,
    "latest by id" => |store| store.latest(&Filter { text: Some(board(100_000).to_string()), ..Filter::default() }, None, 25).await.unwrap(),
    "latest history" => |store| store.latest_history(board(100_000), None, 100).await.unwrap(),
    "pulse" => |store| store.pulse().await.unwrap(),
    "standing" => |store| store.standing(board(100_000)).await.unwrap().unwrap(),
    "find by id" => |store| found(store, Meant::Id(board(100_000))).await,
    "find by short link" => |store| found(store, Meant::ShortLink("000186a0")).await,
    "find by name" => |store| found(store, Meant::NameOrShortLink("Board 100000")).await,
    "history" => |store| store.history(board(100_000), Cursor(0), 500).await.unwrap(),
    "unhooked" => |store| assert_eq!(store.unhooked(1_000).await.unwrap().len(), 11),
    "overhooked" => |store| assert_eq!(store.overhooked(true).await.unwrap().len(), 10),
    "set hooks" => |store| store.set_hooks(&[(board(100_001), Some(hook()))]).await.unwrap(),
    "twins" => |store| store.set_twins(&[(board(402), RoomId(1_000_402)), (board(9), RoomId(5_000_000))]).await.unwrap(),
    "doubtful" => |store| assert_eq!(store.doubtful().await.unwrap().len(), 10),
    "differing" => |store| assert_eq!(store.differing(&[listed(100_001, "Board 100001"), listed(100_002, "a")]).await.unwrap(), [board(100_002)]),
    "a short list" => |store| store.listed(Some(elsewhere()), &[board(100_001)]).await.unwrap(),
    "pass a brake" => |store| store.pass_brake(Lane::CreateBrake, board(100_000), 200, Duration::from_mins(10)).await.unwrap(),
    "release" => |store| assert_eq!(store.release().await.unwrap(), 20),
    "retry" => |store| store.retry(&many()).await.unwrap(),
    "retry all" => |store| assert!((200..=300).contains(&store.retry_all().await.unwrap())),
    "reconsider" => |store| assert_eq!(store.reconsider(&[Status::Failed(Code::DocSpaceRejected)]).await.unwrap(), 100),
    "count" => |store| store.count(Figures { deliveries: 1, rooms: 1 }).await.unwrap(),
    "counted" => |store| assert!((1_499..=1_501).contains(&store.counted(Grain::Minute).await.unwrap().spans.len())),
    "tidy" => |store| assert!(store.tidy().await.unwrap()),
    "notices" => |store| (store.alerts().await.unwrap(), store.due_notices(20).await.unwrap()),
    "sources and facts" => |store| (store.sources().await.unwrap(), store.fact(Fact::Since).await.unwrap()),
}

/// Shows every cost where one is too high.
pub(in crate::store) fn assert_all_below(most: i64, costs: &[(&str, i64)]) {
    let is_dear = costs.iter().any(|(_, cost)| *cost >= most);
    assert!(!is_dear, "more than {most}: {costs:#?}");
}

fn board(number: u32) -> BoardId {
    format!("64{number:022x}").parse().unwrap()
}

/// Boards far from each other, as many as one statement changes.
fn many() -> Vec<BoardId> {
    (1..=1_000).map(|number| board(number * 199)).collect()
}

fn elsewhere() -> WorkspaceId {
    "5b0000000000000000000002".parse().unwrap()
}

fn hook() -> WebhookId {
    "700000000000000000000001".parse().unwrap()
}

fn hint(action: u32, of: u32) -> Hint {
    Hint {
        action: format!("65{action:022x}").parse().unwrap(),
        kind: "updateBoard".into(),
        board: board(of),
        appeared: None,
        trace: None,
    }
}

fn listed(number: u32, name: &str) -> Listed {
    Listed {
        id: board(number),
        name: name.into(),
        short_link: None,
        workspace: Some("5b0000000000000000000001".parse().unwrap()),
        closed: false,
    }
}

fn room(id: i64) -> RoomRecord {
    RoomRecord {
        id: RoomId(id),
        title_sent: Some("a".into()),
        title_returned: "a".into(),
        archived: Some(false),
        tagged: true,
        invited: true,
        invitees: 0,
        drift: None,
        changes: Vec::new(),
    }
}

async fn claim(store: &dyn Store, only: Option<BoardId>) -> Vec<Claim> {
    let request = ClaimRequest {
        holder: "test-1",
        most: 10,
        lease: Duration::ZERO,
        only,
    };
    let claims = store.claim(&request).await.unwrap();
    assert_eq!(claims.len(), if only.is_some() { 1 } else { 10 });
    claims
}

async fn held(store: &dyn Store, board: BoardId) -> Claim {
    let request = ClaimRequest {
        holder: "test-2",
        most: 1,
        lease: LEASE,
        only: Some(board),
    };
    store.claim(&request).await.unwrap().remove(0)
}

async fn look(store: &dyn Store, board: BoardId) {
    let claim = held(store, board).await;
    let note = Note::new(Event::Observed, "");
    store.hold(claim.fence, LEASE).await.unwrap();
    store
        .amend(claim.fence, &room(100_000), LEASE, Some(&note))
        .await
        .unwrap();
    let settlement = Settlement {
        hints: claim.hints,
        status: Status::Mirrored(None),
        told: None,
        seen: None,
        failures: 0,
        again: None,
        room: None,
        notes: vec![note],
    };
    store.settle(claim.fence, &settlement).await.unwrap();
}

async fn intend(store: &dyn Store, board: BoardId) {
    let claim = held(store, board).await;
    let intention = NewIntention {
        title: "a",
        stored_title: "a",
        remote_at: Timestamp(1),
        window: LEASE,
    };
    let intended = store.intend(claim.fence, &intention, LEASE).await;
    intended.unwrap();
    store.abandon(claim.fence).await.unwrap();
    let given_back = store.hand_back(Whose::Board(claim.fence)).await;
    assert_eq!(given_back.unwrap(), 1);
}

fn at(status: Status) -> Group {
    let (status, reason) = status.words();
    Group::At(Words {
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
    })
}

async fn page(store: &dyn Store, group: Group, after: i64, full: u32) {
    let page = store.standings(&group, Cursor(after), 500).await.unwrap();
    assert_eq!(page.rows.len(), full as usize, "{group:?}");
}

/// Of 500 names in a row a few end so, however they are spelled.
async fn search(store: &dyn Store, group: Group, after: i64, least: usize) {
    let sought = Sought::new("ARD 1502");
    let page = store
        .search(&group, Cursor(after), &sought, 50)
        .await
        .unwrap();
    assert!(page.rows.len() >= least, "{group:?}");
}

async fn latest(store: &dyn Store, status: &str, before: i64, full: usize) {
    let (name, reason) = match status.split_once('/') {
        Some((name, reason)) => (name, Some(reason.to_owned())),
        None => (status, None),
    };
    let filter = Filter {
        status: Some(name.to_owned()).filter(|name| !name.is_empty()),
        reason,
        text: None,
    };
    let before = (before > 0).then_some(Cursor(before));
    let page = store.latest(&filter, before, 25).await.unwrap();
    assert_eq!(page.rows.len(), full, "{status}");
}

/// One part of a search, in which there is none.
async fn latest_sought(store: &dyn Store, status: &str) {
    let filter = Filter {
        status: Some(status.to_owned()).filter(|status| !status.is_empty()),
        reason: None,
        text: Some("no such board".to_owned()),
    };
    let page = store.latest(&filter, Some(Cursor(150_000)), 25).await;
    let page = page.unwrap();
    assert!(page.rows.is_empty() && page.next.is_some(), "{status}");
}

async fn found(store: &dyn Store, meant: Meant<'_>) {
    assert_eq!(store.find(meant, 20).await.unwrap().len(), 1);
}
