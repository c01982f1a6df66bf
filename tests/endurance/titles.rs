//! Any title that a board can have, with DocSpace altering it as it does: one look makes the room agree, and a second has nothing to do.

use std::sync::Arc;
use std::time::Duration;

use boardroom::lane::Lanes;
use boardroom::metrics::Metrics;
use boardroom::mirror::Mirror;
use boardroom::mirror::plan::{RoomRules, Rules};
use boardroom::model::id::BoardId;
use boardroom::model::room::RoomType;
use boardroom::model::status::Status;
use boardroom::model::time::Timestamp;
use boardroom::sandbox::{NewBoard, Sandbox};
use boardroom::scope::{Scope, Surroundings, Wanted};
use boardroom::store::{Sqlite, Store};
use boardroom::worker::Worker;
use boardroom::{api, docspace, trello};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// Each is a board that is made and renamed, with four looks.
const CASES: u32 = 48;

/// A worker of the library on a database of its own, beside a sandbox.
struct Bench {
    sandbox: Sandbox,
    store: Arc<dyn Store>,
    worker: Worker,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.docspace.without_limits();
        sandbox.trello.without_rate_limits();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boardroom.db");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path).await.unwrap());
        let (trello, docspace) = clients(&sandbox);
        let surroundings = Surroundings::default();
        let scope = Scope::resolve(&trello, &Wanted::All, None).await.unwrap();
        surroundings.learn(|known| {
            known.since = Some(Timestamp(0));
            known.audited = Some(tokio::time::Instant::now());
            known.baselines.insert(scope.member.id.into());
            known.scope = Some(Arc::new(scope));
        });
        let stop = CancellationToken::new();
        let mirror = Mirror {
            lanes: Lanes::fresh(store.clone(), trello.clone(), docspace.clone()),
            trello,
            docspace,
            store: store.clone(),
            surroundings,
            rules: Arc::new(rules()),
            metrics: Arc::new(Metrics::default()),
            owner: Arc::default(),
            bound: Arc::default(),
            stop: stop.clone(),
        };
        Self {
            sandbox,
            store,
            worker: Worker::new(mirror, "titles".to_owned(), 1, stop),
            _folder: folder,
        }
    }

    /// One look; says how many writes it made.
    async fn look(&self, board: BoardId) -> Result<usize, TestCaseError> {
        self.sandbox.docspace.forget_requests();
        let claim = self.worker.take(board).await.unwrap().unwrap();
        let failure = self.worker.attend(&claim).await;
        prop_assert!(failure.is_none(), "{failure:?}");
        let record = self.store.record(board).await.unwrap().unwrap();
        prop_assert_eq!(record.status, Status::Mirrored(None));
        let writes =
            ["POST", "PUT", "DELETE"].map(|method| self.sandbox.docspace.requests_to(method, "/"));
        Ok(writes.iter().sum())
    }

    async fn case(&self, first: &str, second: &str) -> Result<(), TestCaseError> {
        let id = self.sandbox.trello.create_board(NewBoard::named(first));
        let board: BoardId = id.parse().unwrap();
        self.store.hint(&[board]).await.unwrap();
        prop_assert_eq!(self.look(board).await?, 1, "a room is made");
        prop_assert_eq!(self.look(board).await?, 0, "it is left alone");
        self.sandbox.trello.rename(&id, second);
        prop_assert!(self.look(board).await? <= 1, "it is renamed once at most");
        prop_assert_eq!(self.look(board).await?, 0, "it is left alone");
        let rooms = self
            .sandbox
            .docspace
            .rooms_tagged(&format!("Trello board {board}"));
        prop_assert_eq!(rooms.len(), 1);
        // What DocSpace makes of the title is told by a room of this title that is made by hand.
        let sent = boardroom::model::title::normalised(second);
        let like = boardroom::sandbox::HandMadeRoom::titled(&sent);
        let like = self.sandbox.docspace.create_room(like);
        prop_assert_eq!(
            &rooms[0].title,
            &self.sandbox.docspace.room(like).unwrap().title
        );
        Ok(())
    }
}

fn clients(sandbox: &Sandbox) -> (trello::Trello, docspace::DocSpace) {
    let secret = |text: String| SecretString::from(text);
    let http = || api::Options {
        timeout: Duration::from_secs(10),
        ca_file: None,
        https_proxy: None,
        http_proxy: None,
        no_proxy: None,
    };
    let trello = trello::Trello::new(&trello::Options {
        url: sandbox.trello.url(),
        key: secret(sandbox.trello.key()),
        token: secret(sandbox.trello.token()),
        http: http(),
        rate: (1_000_000, Duration::from_secs(10)),
    });
    let docspace = docspace::DocSpace::new(&docspace::Options {
        url: sandbox.docspace.url(),
        key: secret(sandbox.docspace.api_key()),
        http: http(),
        writes: 1,
    });
    (trello.unwrap(), docspace.unwrap())
}

fn rules() -> Rules {
    Rules {
        personal_boards: true,
        existing_boards: false,
        restore_drift: false,
        archive_deleted: true,
        archive_after: Duration::ZERO,
        deleted_after: Duration::from_mins(10),
        brake: None,
        room: RoomRules {
            kind: RoomType::Collaboration,
            title: "{board}".parse().unwrap(),
            tags: Vec::new(),
            private: false,
            members: Vec::new(),
        },
    }
}

/// Short and long, of any characters, and rich in those that DocSpace alters.
fn names() -> impl Strategy<Value = String> {
    let letters = |letter: BoxedStrategy<char>, most: usize| {
        proptest::collection::vec(letter, 1..most).prop_map(String::from_iter)
    };
    let altered = proptest::sample::select(
        "\t*+:\"<>?|\\/ \u{301}\u{200d}🎉a\0\u{a0}"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop_oneof![
        letters(any::<char>().boxed(), 40),
        letters(any::<char>().boxed(), 250),
        letters(altered.boxed(), 250),
    ]
}

#[test]
fn whatever_a_board_is_called_its_room_is_named_once_and_then_left_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::new());
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let cases = (names(), names());
    TestRunner::new(config)
        .run(&cases, |(first, second)| {
            runtime.block_on(Box::pin(bench.case(&first, &second)))
        })
        .unwrap();
}
