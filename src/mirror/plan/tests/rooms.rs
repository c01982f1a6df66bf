//! What becomes of a board's room: the table of the README, and the paths through it.

use super::{Case, gone, guest, new_board, told};
use crate::mirror::plan::{Age, Pending, RoomSight, Sight, Step};
use crate::model::board::{Answer, Intention, RoomRecord, Told};
use crate::model::id::RoomId;
use crate::model::room::{Access, Invitee, Room, board_tag};
use crate::model::status::{Apart, Waiting};
use crate::model::time::Timestamp;

/// The board has a room that agrees with it.
fn mirrored() -> Case {
    let case = new_board();
    let tags = ["Trello integration".to_owned(), board_tag(case.record.id)];
    case.but(|c| {
        let room = Room {
            id: RoomId(38),
            title: "Launch".into(),
            tags: tags.into(),
            archived: false,
            created: None,
            created_by: None,
            editable: true,
        };
        c.room = RoomSight::Present(room, Pending::default());
        c.record.room = Some(RoomRecord {
            id: RoomId(38),
            title_sent: Some("Launch".into()),
            title_returned: "Launch".into(),
            archived: Some(false),
            tagged: true,
            invited: true,
            invitees: 0,
            drift: None,
            changes: vec![],
        });
    })
}

impl Case {
    fn room(&mut self) -> &mut Room {
        match &mut self.room {
            RoomSight::Present(room, _) => room,
            RoomSight::Unknown | RoomSight::Absent => panic!("there is no room"),
        }
    }

    fn recorded(&mut self) -> &mut RoomRecord {
        self.record.room.as_mut().unwrap()
    }

    /// What a person did to the room by hand.
    fn by_hand(self, change: impl FnOnce(&mut Room)) -> Self {
        self.but(|c| change(c.room()))
    }
}

fn renamed(case: &mut Case) {
    if let Sight::Board { board, title, .. } = &mut case.sight {
        (board.name, *title) = ("Lift-off".into(), "Lift-off".into());
    }
}

fn closed(case: &mut Case) {
    case.board().closed = true;
}

fn in_grace(case: &mut Case) {
    if let Sight::Board { in_grace, .. } = &mut case.sight {
        *in_grace = true;
    }
}

/// We left the room in the archive.
fn archived(case: &mut Case) {
    case.room().archived = true;
    case.recorded().archived = Some(true);
}

fn awaited(case: &mut Case, age: Age) {
    if let RoomSight::Present(_, pending) = &mut case.room {
        pending.place = Some(age);
    }
}

fn adopted(case: &mut Case) {
    (case.recorded().title_sent, case.recorded().archived) = (None, None);
}

fn applied(case: &mut Case) {
    case.record.told = Some(Told::Apply);
}

fn restoring(case: &mut Case) {
    case.rules.restore_drift = true;
}

/// In the words of the README.
fn words(step: &Step) -> String {
    match step {
        Step::Ignore(reason) => format!("left alone (`ignored`, `{}`)", reason.as_str()),
        Step::Wait(waiting) => format!("waits (`{}`)", waiting.as_str()),
        Step::FindRoom => "looked for".into(),
        Step::Create => "made".into(),
        Step::Adopt(_) => "recorded as it is".into(),
        Step::ForgetRoom => "made anew".into(),
        Step::Tag(_) => "tagged".into(),
        Step::Invite => "members invited".into(),
        Step::Rename(_) => "renamed".into(),
        Step::Archive => "archived".into(),
        Step::Restore => "restored".into(),
        Step::Keep(None) => "left as it is".into(),
        Step::Keep(Some(apart)) => format!("left as it is (`{}`)", apart.as_str()),
    }
}

#[expect(clippy::too_many_lines, reason = "a row is a case")]
fn what_becomes_of_rooms() -> Vec<(&'static str, Case)> {
    let unanswered = |c: &mut Case| {
        c.record.intention = Some(Intention {
            title: "Launch".into(),
            at: Timestamp(0),
            remote_at: Timestamp(0),
            answer: Answer::Unknown,
        });
    };
    let invited = |c: &mut Case| {
        c.recorded().invited = false;
        c.rules.room.members = vec![Invitee {
            email: "ann@example.com".into(),
            access: Access::Editor,
        }];
    };
    let untagged = |room: &mut Room| room.tags.truncate(1);
    let theirs = |room: &mut Room| room.title = "Theirs".into();
    let away = |room: &mut Room| room.archived = true;
    let new = || new_board().but(|c| c.room = RoomSight::Absent);
    vec![
        ("A board that gets a room has none", new()),
        (
            "… and one that carries its tag is found",
            mirrored().but(|c| c.record.room = None),
        ),
        (
            "… and a create of it was not answered",
            new_board().but(unanswered),
        ),
        ("The two agree", mirrored()),
        ("The board was renamed", mirrored().but(renamed)),
        ("The board was closed", mirrored().but(closed)),
        (
            "… and reopened before its room was archived",
            mirrored().but(|c| awaited(c, Age::Young)),
        ),
        (
            "… less than `BOARDROOM_ARCHIVE_AFTER` ago",
            mirrored().but(closed).but(in_grace),
        ),
        (
            "… and DocSpace has not archived the room yet",
            mirrored().but(closed).but(|c| awaited(c, Age::Young)),
        ),
        (
            "… nor after half a minute",
            mirrored().but(closed).but(|c| awaited(c, Age::Stalled)),
        ),
        (
            "The board was reopened, and we had archived the room",
            mirrored().but(archived),
        ),
        (
            "The board was renamed while its room is in the archive, which refuses it there",
            mirrored().but(closed).but(archived).but(renamed),
        ),
        ("The board was deleted", mirrored().but(gone)),
        (
            "… and the room is archived",
            mirrored().but(gone).but(archived),
        ),
        (
            "… with `BOARDROOM_ON_BOARD_DELETED=keep`",
            mirrored()
                .but(gone)
                .but(|c| c.rules.archive_deleted = false),
        ),
        (
            "Trello does not know the board, and that is not certain yet",
            mirrored().but(|c| c.sight = Sight::Gone { certain: false }),
        ),
        (
            "The token sees the board no more",
            mirrored().but(|c| c.sight = Sight::Hidden),
        ),
        (
            "The board left the watched workspaces",
            mirrored().but(guest),
        ),
        (
            "… and a person had asked for its room by name",
            mirrored().but(guest).but(|c| c.record.asked = true),
        ),
        (
            "A person said to ignore the board",
            mirrored().but(|c| c.record.told = Some(Told::Ignore)),
        ),
        ("A person renamed the room", mirrored().by_hand(theirs)),
        (
            "… and the board was renamed, too",
            mirrored().by_hand(theirs).but(renamed),
        ),
        (
            "… to what the room is called now",
            mirrored()
                .by_hand(|room| room.title = "Lift-off".into())
                .but(renamed),
        ),
        (
            "… and `apply` named the board",
            mirrored().by_hand(theirs).but(applied),
        ),
        (
            "… with `BOARDROOM_ON_DRIFT=restore`",
            mirrored().by_hand(theirs).but(restoring),
        ),
        ("A person archived the room", mirrored().by_hand(away)),
        (
            "… with `BOARDROOM_ON_DRIFT=restore`",
            mirrored().by_hand(away).but(restoring),
        ),
        (
            "… and the board was renamed",
            mirrored().by_hand(away).but(renamed),
        ),
        (
            "… and the board was closed",
            mirrored().by_hand(away).but(closed),
        ),
        (
            "A person took the room of a closed board out of the archive",
            mirrored()
                .but(closed)
                .but(archived)
                .by_hand(|room| room.archived = false),
        ),
        (
            "A person took one of our tags off the room",
            mirrored().by_hand(untagged),
        ),
        (
            "… with `BOARDROOM_ON_DRIFT=restore`",
            mirrored().by_hand(untagged).but(restoring),
        ),
        (
            "A person deleted the room",
            mirrored().but(|c| c.room = RoomSight::Absent),
        ),
        (
            "… with `BOARDROOM_ON_DRIFT=restore`",
            mirrored()
                .but(|c| c.room = RoomSight::Absent)
                .but(restoring),
        ),
        (
            "… and `mirror` named the board",
            mirrored().but(|c| c.room = RoomSight::Absent).but(told),
        ),
        (
            "The room was found without a record, and differs from its board",
            mirrored().but(adopted).but(renamed),
        ),
        (
            "The room never got all our tags",
            mirrored()
                .but(|c| c.recorded().tagged = false)
                .by_hand(untagged),
        ),
        (
            "… and the token sees the board no more",
            mirrored()
                .but(|c| c.recorded().tagged = false)
                .but(|c| c.sight = Sight::Hidden)
                .by_hand(untagged),
        ),
        ("Members are yet to be invited", mirrored().but(invited)),
    ]
}

#[test]
fn what_becomes_of_rooms_is_the_table_in_the_readme() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, section) = readme
        .split_once("\n## How a room follows its board\n")
        .expect("the README has the section");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"));
    let documented: Vec<_> = rows
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let decided: Vec<_> = what_becomes_of_rooms()
        .into_iter()
        .map(|(what, case)| format!("| {what} | {} |", words(&case.plan())))
        .collect();
    assert_eq!(documented.join("\n"), decided.join("\n"));
}

#[test]
fn a_room_comes_out_of_the_archive_for_its_new_title_and_goes_back() {
    let case = mirrored().but(closed).but(archived).but(renamed);
    assert_eq!(case.plan(), Step::Restore);
    let out = case.but(|c| {
        c.room().archived = false;
        c.recorded().archived = Some(false);
    });
    assert_eq!(out.plan(), Step::Rename("Lift-off".into()));
    let called = out.but(|c| {
        c.room().title = "Lift-off".into();
        c.recorded().title_sent = Some("Lift-off".into());
        c.recorded().title_returned = "Lift-off".into();
    });
    assert_eq!(called.plan(), Step::Archive);
    assert_eq!(called.but(archived).plan(), Step::Keep(None));
}

#[test]
fn what_is_respected_stays_when_the_board_changes_and_ends_when_they_agree() {
    let theirs = mirrored().by_hand(|room| room.title = "Theirs".into());
    // The board is closed: the title stays theirs, the place is ours.
    assert_eq!(theirs.clone().but(closed).plan(), Step::Archive);
    let away = theirs.but(closed).but(archived);
    assert_eq!(away.plan(), Step::Keep(Some(Apart::Drift)));
    // A release lets the brake go and says nothing about what people did.
    let released = away.but(|c| c.record.told = Some(Told::Release));
    assert_eq!(released.plan(), Step::Keep(Some(Apart::Drift)));
}

#[test]
fn a_room_that_a_person_archived_is_decided_on_when_the_grace_is_over() {
    let by_hand = mirrored().but(closed).by_hand(|room| room.archived = true);
    let waits = by_hand.clone().but(in_grace);
    assert_eq!(waits.plan(), Step::Wait(Waiting::Grace));
    assert_eq!(by_hand.plan(), Step::Keep(None));
}

#[test]
fn before_the_workspaces_are_known_nothing_is_done_to_a_room() {
    let case = mirrored().but(closed).but(|c| c.known.scope = None);
    assert_eq!(case.plan(), Step::Wait(Waiting::Baseline));
    assert_eq!(case.but(applied).plan(), Step::Archive);
}
