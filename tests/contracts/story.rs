//! A story in which the real binary makes every call that it can make, so that there is something to compare with the documents.

use std::fmt;
use std::process::Output;
use std::time::Duration;

use boardroom::sandbox::{Answer, BoardId, Effect, Fault, HandMadeRoom, NewBoard, Visibility};
use jiff::SignedDuration;
use tokio::process::Command;

use crate::document::Operation;
use crate::exchange::Spoken;
use crate::house::House;

/// More than one page of rooms.
const ROOMS_BEFORE: usize = 101;

/// A call that the story must hold, with an answer of success; with this parameter, if one is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed {
    method: &'static str,
    template: &'static str,
    parameter: Option<(&'static str, &'static str)>,
}

const fn deed(method: &'static str, template: &'static str) -> Deed {
    Deed {
        method,
        template,
        parameter: None,
    }
}

impl Deed {
    const fn with(self, name: &'static str, value: &'static str) -> Self {
        Self {
            parameter: Some((name, value)),
            ..self
        }
    }

    pub(crate) fn is(&self, operation: &Operation<'_>, spoken: &Spoken) -> bool {
        let answered = spoken.answer.as_ref();
        let sent = |(name, value): (&str, &str)| {
            spoken
                .query
                .iter()
                .any(|(sent, with)| sent == name && with == value)
        };
        operation.method == self.method
            && operation.template == self.template
            && answered.is_some_and(|(status, _)| (200..300).contains(status))
            && self.parameter.is_none_or(sent)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.template)?;
        match self.parameter {
            Some((name, value)) => write!(formatter, " with {name}={value}"),
            None => Ok(()),
        }
    }
}

/// Every call that our Trello client can make.
pub(crate) const TRELLO: &[Deed] = &[
    deed("GET", "/1/members/{id}"),
    deed("GET", "/1/members/{id}/boards"),
    deed("GET", "/1/members/{id}/organizations"),
    deed("GET", "/1/organizations/{id}"),
    deed("GET", "/1/organizations/{id}/boards"),
    deed("GET", "/1/organizations/{id}/memberships"),
    deed("GET", "/1/boards/{id}"),
    deed("GET", "/1/batch"),
    deed("GET", "/1/tokens/{token}"),
    deed("GET", "/1/tokens/{token}/webhooks"),
    deed("POST", "/1/webhooks/"),
    deed("PUT", "/1/webhooks/{id}"),
];

const ROOMS: &str = "/api/2.0/files/rooms";

/// Every call that our DocSpace client can make.
pub(crate) const DOCSPACE: &[Deed] = &[
    // The control read, the audit's second page, and the look-ups after a create without an answer.
    deed("GET", ROOMS).with("count", "1"),
    deed("GET", ROOMS).with("startIndex", "100"),
    deed("GET", ROOMS).with("sortOrder", "ascending"),
    deed("GET", ROOMS).with("sortOrder", "descending"),
    deed("POST", ROOMS),
    deed("GET", "/api/2.0/files/rooms/{id}"),
    deed("PUT", "/api/2.0/files/rooms/{id}/tags"),
    deed("DELETE", "/api/2.0/files/rooms/{id}/tags"),
    deed("PUT", "/api/2.0/files/rooms/{id}/share"),
    deed("GET", "/api/2.0/keys/@self"),
    deed("GET", "/api/2.0/people/@self"),
    deed("GET", "/api/2.0/settings/version/build"),
];

/// The whole story. Both services of the house remember every exchange.
pub(crate) async fn tell() -> House {
    let mut house = House::new().await;
    house.trello.without_rate_limits();
    house.set("BOARDROOM_TRELLO_RATE", "1000/10s");
    house.set("BOARDROOM_SWEEP_EVERY", "1s");
    house.set(
        "BOARDROOM_ROOM_MEMBERS",
        "ann@example.com:editor, gus@example.com:manager",
    );
    lost_database(&mut house).await;
    disarmed_webhook(&mut house).await;
    let service = house.start().await;
    new_boards(&house).await;
    create_without_an_answer(&house).await;
    check(&mut house).await;
    service.stop().await;
    one_board(&mut house).await;
    another_room(&house).await;
    house
}

/// Boards that have their rooms, and a database that knows of neither.
async fn lost_database(house: &mut House) {
    let old = house.trello.now() - SignedDuration::from_hours(100);
    let mut last = None;
    for number in 0..ROOMS_BEFORE {
        let name = format!("Board {number}");
        let new = NewBoard::named(&name).in_workspace(&house.workspace);
        let board = house.trello.create_board(new.created_at(old));
        let room = HandMadeRoom::titled(&name)
            .tag("Trello integration")
            .tag(&format!("Trello board {board}"));
        house.docspace.create_room(room.created_at(old));
        last = Some(board);
    }
    let service = house.start().await;
    house.status(&last.unwrap(), "mirrored").await;
    service.stop().await;
}

/// Trello has disabled our webhook; the next start arms it again.
async fn disarmed_webhook(house: &mut House) {
    let ours = house.trello.webhooks_on(&house.workspace);
    house
        .trello
        .edit_webhook(&ours[0].id, |hook| hook.active = false);
    let service = house.start().await;
    assert!(house.trello.webhooks_on(&house.workspace)[0].active);
    service.stop().await;
}

/// Told by a delivery, found by the sweep, of every visibility, in a workspace and in none: one after the other, so that each is read alone, and
/// its answer can be compared. Members are invited to each.
async fn new_boards(house: &House) {
    let told = house.board("Q3: Launch 🚀 / Überblick");
    house.status(&told, "mirrored").await;
    let found = house.silent("Silent");
    house.status(&found, "mirrored").await;
    let inside = |name: &str| NewBoard::named(name).in_workspace(&house.workspace);
    let others = [
        inside("Secret").visibility(Visibility::Private),
        inside("Public").visibility(Visibility::Public),
        NewBoard::named("Personal"),
    ];
    for new in others {
        let board = house.trello.create_board(new);
        house.status(&board, "mirrored").await;
    }
}

/// The room is there without its tags, nobody said so, and the key may not tell whose it is.
async fn create_without_an_answer(house: &House) {
    let cut = Fault::on("POST", ROOMS, Effect::UntaggedDrop).once();
    house.docspace.fail(cut);
    let silence = Effect::Answer(Answer::empty(403));
    let silence = Fault::on("GET", "/api/2.0/keys/@self", silence).once();
    let silence = house.docspace.fail(silence);
    let board = house.board("Answered by nobody");
    house.status(&board, "mirrored").await;
    assert_eq!(house.docspace.struck(silence), 1);
}

/// As a person runs it: once with all in order, once with a workspace that does not exist.
async fn check(house: &mut House) {
    let all = run(house, &["check"]).await;
    assert!(all.status.success(), "{all:?}");
    house.set("BOARDROOM_WORKSPACES", "Sales Team, Nowhere Else");
    let unknown = run(house, &["check"]).await;
    assert!(!unknown.status.success(), "{unknown:?}");
    house.set("BOARDROOM_WORKSPACES", "");
}

/// `boardroom mirror` by short link, with a title that needs the name of the workspace.
async fn one_board(house: &mut House) {
    let board = house.silent("By hand");
    house.set("BOARDROOM_ROOM_TITLE", "{workspace}: {board}");
    let short_link = short_link(house, &board);
    let mirrored = run(house, &["mirror", &short_link]).await;
    assert!(mirrored.status.success(), "{mirrored:?}");
}

/// `boardroom link` by name: the room that it had loses its tag.
async fn another_room(house: &House) {
    let room = house.docspace.create_room(HandMadeRoom::titled("Better"));
    let linked = run(house, &["link", "By hand", &room.to_string()]).await;
    assert!(linked.status.success(), "{linked:?}");
}

fn short_link(house: &House, board: &BoardId) -> String {
    house.trello.board(board).unwrap().short_link
}

/// Runs a command to its end, which the sandbox must be able to answer meanwhile.
async fn run(house: &House, arguments: &[&str]) -> Output {
    let mut command = Command::from(house.command(arguments));
    let output = command.kill_on_drop(true).output();
    let patience = Duration::from_mins(2);
    tokio::time::timeout(patience, output)
        .await
        .unwrap()
        .unwrap()
}
