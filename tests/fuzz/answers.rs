//! What Trello and DocSpace answer: the clients themselves are asked, and a server on loopback says whatever is fuzzed.
//!
//! An input is the status (one byte, an index), the call (another), whether to come again and when (a third), and the body.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use boardroom::api;
use boardroom::docspace::{self, DocSpace, DocSpaceError, NewRoom};
use boardroom::model::id::RoomId;
use boardroom::model::room::RoomType;
use boardroom::model::time::Timestamp;
use boardroom::trello::{self, RegisterError, Trello, TrelloError};
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};

use super::{SECRET, assert_is_line};

const STATUSES: [u16; 12] = [200, 200, 200, 201, 400, 401, 403, 404, 429, 500, 503, 418];
/// One list may be read in several pages, but not for ever.
const MOST_ANSWERS: u32 = 3;
const ID: &str = "5f0c00000000000000000001";

/// What the server says next.
#[derive(Debug, Default)]
struct Say {
    head: String,
    body: Vec<u8>,
    left: u32,
}

#[derive(Debug)]
struct World {
    say: &'static Mutex<Say>,
    runtime: Runtime,
    trello: Trello,
    docspace: DocSpace,
}

pub(crate) fn trello(data: &[u8]) {
    let Some((world, call)) = prepared(data) else {
        return;
    };
    if let Err(error) = world.runtime.block_on(ask_trello(&world.trello, call)) {
        let _ = (
            error.code(),
            error.suspect(),
            error.retry_after(),
            error.failure(),
        );
        assert_is_line(&error.to_string());
    }
}

pub(crate) fn docspace(data: &[u8]) {
    let Some((world, call)) = prepared(data) else {
        return;
    };
    if let Err(error) = world.runtime.block_on(ask_docspace(&world.docspace, call)) {
        let _ = (
            error.code(),
            error.suspect(),
            error.retry_after(),
            error.failure(),
            error.answer(),
        );
        assert_is_line(&error.to_string());
    }
}

/// Lets the server say what the input holds; which call is to be made.
fn prepared(data: &[u8]) -> Option<(&'static World, u8)> {
    static WORLD: OnceLock<World> = OnceLock::new();
    let ([status, call, again], body) = data.split_first_chunk::<3>()?;
    let world = WORLD.get_or_init(World::new);
    let again = match again % 4 {
        0 => String::new(),
        1 => format!("Retry-After: {again}\r\n"),
        2 => "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n".to_owned(),
        _ => "Retry-After: \u{1}-1e99\r\n".replace('\u{1}', ""),
    };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    *world.say.lock().unwrap_or_else(PoisonError::into_inner) = Say {
        head: format!(
            "HTTP/1.1 {status} x\r\n{again}Content-Length: {}\r\n\r\n",
            body.len()
        ),
        body: body.to_vec(),
        left: MOST_ANSWERS,
    };
    Some((world, *call))
}

async fn ask_trello(trello: &Trello, call: u8) -> Result<(), TrelloError> {
    let board = ID
        .parse()
        .map(boardroom::model::id::BoardId)
        .expect("it is an id");
    let model = boardroom::model::id::ModelId(board.0);
    let registered = |answer: Result<trello::Webhook, RegisterError>| {
        if let Err(error) = &answer {
            assert_is_line(&error.to_string());
        }
    };
    match call % 12 {
        0 => trello.member().await.map(drop),
        1 => trello.workspaces().await.map(drop),
        2 => trello.workspace("sales team/..").await.map(drop),
        3 => trello
            .is_admin(
                boardroom::model::id::WorkspaceId(board.0),
                boardroom::model::id::MemberId(board.0),
            )
            .await
            .map(drop),
        4 => trello.board(board).await.map(drop),
        5 => {
            for one in trello.boards(&[board]).await? {
                assert!(one?.id == board, "another board than was asked for");
            }
            Ok(())
        }
        6 => trello.board_by_short_link("AbCdEf12").await.map(drop),
        7 => trello.token().await.map(drop),
        8 => trello.webhooks().await.map(drop),
        9 => {
            registered(
                trello
                    .register(model, "https://rooms.example", "boardroom")
                    .await,
            );
            Ok(())
        }
        10 => trello.member_boards().await.map(drop),
        _ => trello
            .workspace_boards(boardroom::model::id::WorkspaceId(board.0))
            .await
            .map(drop),
    }
}

async fn ask_docspace(docspace: &DocSpace, call: u8) -> Result<(), DocSpaceError> {
    let room = RoomId(7);
    match call % 11 {
        0 => docspace.may_create().await.map(drop),
        1 => docspace.room(room).await.map(drop),
        2 => docspace.rooms_tagged("boardroom").await.map(drop),
        3 => docspace.rooms_since(Timestamp(0)).await.map(drop),
        4 => docspace.key().await.map(drop),
        5 => docspace.person().await.map(drop),
        6 => docspace.version().await.map(drop),
        7 => docspace
            .writer()
            .await
            .rename(room, "title")
            .await
            .map(drop),
        8 => docspace.writer().await.set_archived(room, true).await,
        9 => {
            docspace
                .writer()
                .await
                .add_tags(room, &["tag".to_owned()])
                .await
        }
        _ => {
            let room = NewRoom {
                title: "title",
                kind: RoomType::ALL[0],
                tags: &[],
                private: false,
            };
            docspace.writer().await.create(&room).await.map(drop)
        }
    }
}

impl World {
    fn new() -> Self {
        let say: &'static Mutex<Say> = Box::leak(Box::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream, say));
            }
        });
        let http = || api::Options {
            timeout: Duration::from_secs(5),
            ..api::Options::default()
        };
        let trello = Trello::new(&trello::Options {
            url: url.clone(),
            key: SecretString::from("the-key-of-the-fuzzer"),
            token: SecretString::from(SECRET),
            http: http(),
            rate: (1_000_000, Duration::from_millis(1)),
        });
        let docspace = DocSpace::new(&docspace::Options {
            url,
            key: SecretString::from(SECRET),
            http: http(),
            writes: 1,
        });
        Self {
            say,
            runtime: Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            trello: trello.expect("the options are good"),
            docspace: docspace.expect("the options are good"),
        }
    }
}

/// Answers every request of a connection.
fn answer(mut stream: TcpStream, say: &Mutex<Say>) {
    let _ = stream.set_nodelay(true);
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&piece[..length]),
        }
        if !is_whole(&request) {
            continue;
        }
        request.clear();
        let mut say = say.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = if say.left > 0 {
            say.left -= 1;
            [say.head.as_bytes(), &say.body].concat()
        } else {
            b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n".to_vec()
        };
        drop(say);
        if stream.write_all(&whole).is_err() {
            return;
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .split("content-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
