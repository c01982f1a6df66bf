//! `boards`: where every board stands, for people and for programs.

use std::sync::Arc;
use std::time::Duration;

use boardroom::model::board::{Board, BoardKind, Drift, RoomRecord};
use boardroom::model::failure::{Code, Failure};
use boardroom::model::id::{BoardId, RoomId};
use boardroom::model::lane::Lane;
use boardroom::model::status::{Apart, Ignored, Status, Waiting};
use boardroom::store::history::{Event, Note};
use boardroom::store::{ClaimRequest, Closing, Settlement, Store};

use crate::Lab;

pub(crate) fn id(number: u32) -> BoardId {
    format!("6400000000000000{number:08x}").parse().unwrap()
}

/// Closes a lane for the better part of an hour.
pub(crate) async fn pause(store: &dyn Store, lane: Lane, failure: &Failure) {
    let closing = Closing {
        known: None,
        first: Duration::from_mins(50),
        again: Duration::from_mins(50),
        on_trial: false,
    };
    let closed = store.close_lane(lane, failure, closing).await.unwrap();
    assert!(closed.is_some());
}

/// A board as a look left it.
#[derive(Debug)]
pub(crate) struct Left {
    number: u32,
    name: String,
    status: Status,
    room: Option<i64>,
    drift: Option<Drift>,
}

impl Left {
    pub(crate) fn at(number: u32, name: &str, status: Status) -> Self {
        Self {
            number,
            name: name.to_owned(),
            status,
            room: None,
            drift: None,
        }
    }

    pub(crate) fn with_room(self, room: i64) -> Self {
        Self {
            room: Some(room),
            ..self
        }
    }

    pub(crate) fn drifted(self, title: &str) -> Self {
        let drift = Drift {
            title: Some(title.to_owned()),
            ..Drift::default()
        };
        Self {
            drift: Some(drift),
            ..self
        }
    }

    fn room(&self) -> Option<RoomRecord> {
        self.room.map(|id| RoomRecord {
            id: RoomId(id),
            title_sent: Some(self.name.clone()),
            title_returned: self.name.clone(),
            archived: Some(false),
            tagged: true,
            invited: true,
            invitees: 0,
            drift: self.drift.clone(),
            changes: Vec::new(),
        })
    }

    /// Writes it down as a worker does.
    pub(crate) async fn keep(self, store: &Arc<dyn Store>) -> BoardId {
        let id = id(self.number);
        let room = self.room();
        if let Some(room) = &room {
            let note = Note::new(Event::RoomCreated, format!("room {}", room.id));
            store.bind(id, room, &note).await.unwrap();
        }
        store.hint(&[id]).await.unwrap();
        let request = ClaimRequest {
            holder: "test",
            most: 1,
            lease: Duration::from_mins(1),
            only: Some(id),
        };
        let claim = store.claim(&request).await.unwrap().pop().unwrap();
        let is_failing = matches!(self.status, Status::Failed(_) | Status::Pending(Some(_)));
        let settlement = Settlement {
            hints: claim.hints,
            status: self.status,
            told: claim.record.told,
            seen: Some(Board {
                id,
                name: self.name,
                short_link: Some(format!("sh0rt{:03}", self.number % 1000)),
                workspace: None,
                closed: false,
                kind: BoardKind::Ordinary,
            }),
            failures: u32::from(is_failing),
            again: is_failing.then_some(Duration::from_mins(10)),
            room,
            notes: Vec::new(),
        };
        store.settle(claim.fence, &settlement).await.unwrap();
        id
    }
}

impl Lab {
    /// Without anything but the path of the database.
    pub(crate) fn forget_credentials(&mut self) {
        for variable in [
            "TRELLO_API_KEY",
            "TRELLO_TOKEN",
            "ONLYOFFICE_API_HOST",
            "ONLYOFFICE_API_KEY",
        ] {
            self.unset(variable);
        }
    }
}

/// One board of each kind.
async fn assorted(store: &Arc<dyn Store>) {
    let rejected = Status::Failed(Code::DocSpaceRejected);
    let boards = [
        Left::at(1, "Everyday", Status::Mirrored(None)).with_room(11),
        Left::at(2, "Theirs", Status::Mirrored(Some(Apart::Drift)))
            .with_room(12)
            .drifted("Ours"),
        Left::at(3, "Old", Status::Ignored(Ignored::ExistedBefore)),
        Left::at(4, "Full", Status::Waiting(Waiting::Lane(Lane::Create))),
        Left::at(5, "Cursed", rejected),
        Left::at(6, "Doubled", Status::Mirrored(None)).with_room(16),
    ];
    for board in boards {
        board.keep(store).await;
    }
    store.set_twins(&[(id(6), RoomId(99))]).await.unwrap();
}

#[tokio::test]
async fn people_see_first_what_needs_attention_and_then_what_is_paused() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    assorted(&store).await;
    let full = Failure::new(Code::DocSpaceQuotaFull, "402 for ann@example.com");
    pause(&*store, Lane::Create, &full).await;
    let concern = [("Sales".to_owned(), "it was left".to_owned())];
    store
        .set_concerns(Code::WorkspaceLeft, &concern)
        .await
        .unwrap();
    store.close().await;
    lab.forget_credentials();
    let run = lab.run(&["boards"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let spans: Vec<_> = run.stdout.lines().map(without_seconds).collect();
    let expected = "\
BOARD                           ROOM  STATUS    REASON             FOR  NEXT TRY
Cursed                          -     failed    docspace_rejected  … s  in 9 min
Full                            -     waiting   docspace.create    … s  -
Doubled                         16    mirrored  twins              … s  -
Theirs                          12    mirrored  drift              … s  -
Everyday                        11    mirrored  -                  … s  -
Old                             -     ignored   existed_before     … s  -

6 boards: 3 mirrored, 1 waiting, 1 failed, 1 ignored

paused: docspace.create, for … s, tried again in 49 min
  The plan of this DocSpace has no room left: 402 for (address)
  fix: Archive rooms that are not needed, or take a larger plan: it goes on by
       itself.

to know: Sales, for … s
  The token's member belongs no more to a workspace that was watched: it was
  left
  fix: Invite the member again, as an admin; until then the rooms of its boards
       are kept as they are. If it was left on purpose, name those that are
       meant in BOARDROOM_WORKSPACES.";
    assert_eq!(spans.join("\n"), expected);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80));
}

/// The line with its spans in seconds blotted out: how long the test took changes nothing.
fn without_seconds(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let shown = words.iter().enumerate().map(|(at, word)| {
        let is_span = words
            .get(at + 1)
            .is_some_and(|next| next.trim_end_matches(',') == "s");
        if is_span { "…" } else { word }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn programs_get_a_line_of_json_for_each_board() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    assorted(&store).await;
    store.close().await;
    let run = lab.run(&["boards", "--json"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let lines: Vec<_> = run.stdout.lines().map(without_times).collect();
    let line = |number: u32, rest: &str| format!(r#"{{"board_id":"{}",{rest}}}"#, id(number));
    let none = r#""code":null,"fix":null"#;
    let fix = Code::DocSpaceRejected.fix();
    let expected = [
        line(
            1,
            &format!(
                r#""name":"Everyday","room_id":11,"status":"mirrored","reason":null,"since":"T","next_try":null,"room_title":"Everyday","drift":null,"twins":[],{none}"#
            ),
        ),
        line(
            2,
            &format!(
                r#""name":"Theirs","room_id":12,"status":"mirrored","reason":"drift","since":"T","next_try":null,"room_title":"Ours","drift":{{"title":"Ours"}},"twins":[],{none}"#
            ),
        ),
        line(
            3,
            &format!(
                r#""name":"Old","room_id":null,"status":"ignored","reason":"existed_before","since":"T","next_try":null,"room_title":null,"drift":null,"twins":[],{none}"#
            ),
        ),
        line(
            4,
            &format!(
                r#""name":"Full","room_id":null,"status":"waiting","reason":"docspace.create","since":"T","next_try":null,"room_title":null,"drift":null,"twins":[],{none}"#
            ),
        ),
        line(
            5,
            &format!(
                r#""name":"Cursed","room_id":null,"status":"failed","reason":"docspace_rejected","since":"T","next_try":"T","room_title":null,"drift":null,"twins":[],"code":"docspace_rejected","fix":"{fix}""#
            ),
        ),
        line(
            6,
            &format!(
                r#""name":"Doubled","room_id":16,"status":"mirrored","reason":"twins","since":"T","next_try":null,"room_title":"Doubled","drift":null,"twins":[99],{none}"#
            ),
        ),
    ];
    assert_eq!(lines, expected);
}

/// The line with its moments blotted out, if they are RFC 3339.
fn without_times(line: &str) -> String {
    let parts = line
        .split('"')
        .map(|part| match part.parse::<jiff::Timestamp>() {
            Ok(_) => "T",
            Err(_) => part,
        });
    parts.collect::<Vec<_>>().join("\"")
}

#[tokio::test]
async fn a_status_and_a_reason_choose_boards() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    assorted(&store).await;
    store.close().await;
    let table: [(&str, &[&str]); 8] = [
        ("failed", &["Cursed"]),
        ("waiting", &["Full"]),
        ("waiting/docspace.create", &["Full"]),
        ("mirrored", &["Doubled", "Theirs", "Everyday"]),
        ("mirrored/drift", &["Theirs"]),
        ("mirrored/twins", &["Doubled"]),
        ("pending", &[]),
        ("ignored/told", &[]),
    ];
    for (status, names) in table {
        let run = lab.run(&["boards", "--status", status]).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{status}");
        let rows = run.stdout.lines().take_while(|line| !line.is_empty());
        let shown: Vec<_> = rows
            .filter(|line| !line.starts_with("BOARD") && !line.contains("no board stands there"))
            .filter(|line| !line.starts_with("6 boards"))
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(shown, names, "{status}");
        assert!(run.stdout.contains("6 boards: 3 mirrored"), "{status}");
        let json = lab.run(&["boards", "--json", "--status", status]).await;
        assert_eq!(json.stdout.lines().count(), names.len(), "{status}");
    }
    for (wrong, said) in [
        ("broken", "pending, mirrored, ignored, waiting, failed"),
        ("failed/twins", "no failed board has this reason"),
        ("mirrored/", "no mirrored board has this reason"),
    ] {
        let run = lab.run(&["boards", "--status", wrong]).await;
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{wrong}");
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}

#[tokio::test]
async fn many_boards_are_shown_a_hundred_at_a_time_and_listed_each_once() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    let ids: Vec<_> = (0..1_203).map(id).collect();
    store.hint(&ids).await.unwrap();
    store.close().await;
    let some = lab.run(&["boards"]).await;
    assert_eq!(some.stdout.matches("pending").count(), 100 + 1);
    assert!(
        some.stdout.contains("… and 1103 more; --limit 0 shows all"),
        "{}",
        some.stdout
    );
    assert!(some.stdout.contains("1203 boards: 1203 pending"));
    let few = lab.run(&["boards", "--limit", "2"]).await;
    assert!(few.stdout.contains("… and 1201 more"), "{}", few.stdout);
    // A board of which nothing is known yet is told by its id.
    assert!(
        few.stdout.contains(&format!("{}  ", id(0))),
        "{}",
        few.stdout
    );
    for arguments in [&["boards", "--limit", "0"][..], &["boards", "--json"]] {
        let all = lab.run(arguments).await;
        for id in &ids {
            assert_eq!(all.stdout.matches(&id.to_string()).count(), 1, "{id}");
        }
    }
    let few = lab.run(&["boards", "--json", "--limit", "501"]).await;
    assert_eq!(few.stdout.lines().count(), 501);
}

#[tokio::test]
async fn a_name_moves_no_cursor_and_stays_within_its_column() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}Plans\r\nof ann@example.com 発売計画発売計画発売計画発売計画発売計画";
    Left::at(1, hostile, Status::Mirrored(None))
        .with_room(7)
        .keep(&store)
        .await;
    store.close().await;
    let people = lab.run(&["boards"]).await;
    let row = people.stdout.lines().nth(1).unwrap();
    assert!(
        row.starts_with("[2J 31m Plans of ann@example.com 発売"),
        "{row}"
    );
    assert!(row.contains("…   7     mirrored"), "{row}");
    let programs = lab.run(&["boards", "--json"]).await;
    for run in [&people, &programs] {
        let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!run.stdout.contains(is_obeyed), "{:?}", run.stdout);
    }
    let line: serde_json::Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!(line["name"], hostile);
}

#[tokio::test]
async fn an_empty_database_is_no_failure() {
    let lab = Lab::new().await;
    lab.store().await.close().await;
    let run = lab.run(&["boards"]).await;
    run.printed(&["There are no boards yet: a running service lists them."]);
    lab.run(&["boards", "--json"]).await.printed(&[]);
}
