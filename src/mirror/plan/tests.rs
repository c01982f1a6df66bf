//! The tables that the plan keeps: which boards get a room, and what is done about it.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::mirror::plan::{RoomRules, RoomSight, Rules, Sight, Step, plan};
use crate::model::board::{Answer, Board, BoardKind, Intention, Record, RoomRecord, Told};
use crate::model::id::{BoardId, RoomId, WorkspaceId};
use crate::model::room::{Access, Invitee, Room, RoomType};
use crate::model::status::{Ignored, Status, Waiting};
use crate::model::time::Timestamp;
use crate::model::workspace::{Member, Workspace};
use crate::scope::{Known, Scope};

/// Everything that a plan rests on; each row of a table changes what it is about.
#[derive(Clone)]
struct Case {
    sight: Sight,
    room: RoomSight,
    record: Record,
    rules: Rules,
    known: Known,
}

fn workspace(number: u32) -> WorkspaceId {
    format!("5b00000000000000000000{number:02}")
        .parse()
        .unwrap()
}

/// An ordinary new board of a watched workspace, of which nothing is recorded yet.
fn new_board() -> Case {
    let id: BoardId = "6400000000000000000000aa".parse().unwrap();
    let member = Member {
        id: "5a0000000000000000000001".parse().unwrap(),
        username: "ada".into(),
        inbox: None,
    };
    let watched = Workspace {
        id: workspace(1),
        name: "sales".into(),
        display_name: "Sales".into(),
    };
    let baselines = HashSet::from([workspace(1).into(), member.id.into()]);
    let scope = Scope {
        member,
        workspaces: vec![watched],
        guests: vec![],
        unknown: vec![],
    };
    let board = Board {
        id,
        name: "Launch".into(),
        short_link: None,
        workspace: Some(workspace(1)),
        closed: false,
        kind: BoardKind::Ordinary,
    };
    Case {
        sight: Sight::Board(board),
        room: RoomSight::Unknown,
        record: Record {
            id,
            seen: None,
            baseline: None,
            appeared: None,
            told: None,
            asked: false,
            status: Status::Pending(None),
            since: Timestamp(0),
            failures: 0,
            failing_since: None,
            closed_at: None,
            gone_at: None,
            missing_at: None,
            room: None,
            intention: None,
        },
        rules: Rules {
            personal_boards: true,
            existing_boards: false,
            room: RoomRules {
                kind: RoomType::Collaboration,
                title: "{board}".parse().unwrap(),
                tags: vec![],
                private: false,
                members: vec![],
            },
        },
        known: Known {
            scope: Some(Arc::new(scope)),
            since: Some(id.0.created()),
            baselines,
            audited: Some(Instant::now()),
        },
    }
}

impl Case {
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn board(&mut self) -> &mut Board {
        match &mut self.sight {
            Sight::Board(board) => board,
            Sight::Gone => panic!("the board is gone"),
        }
    }

    fn plan(&self) -> Step {
        plan(
            &self.sight,
            &self.room,
            &self.record,
            &self.rules,
            &self.known,
        )
    }
}

fn existed_before(case: &mut Case) {
    case.record.baseline = Some(workspace(1).into());
    case.known.since = Some(
        case.record
            .id
            .0
            .created()
            .plus(std::time::Duration::from_secs(1)),
    );
}

fn personal(case: &mut Case) {
    case.board().workspace = None;
}

fn guest(case: &mut Case) {
    case.board().workspace = Some(workspace(2));
}

fn told(case: &mut Case) {
    case.record.told = Some(Told::Mirror);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a row is a case")]
fn which_boards_get_a_room() {
    use Ignored::{ClosedWhenFirstSeen, ExistedBefore, Gone, Inbox, OutsideWorkspaces, Template};
    use Step::{FindRoom, Ignore, Wait};
    let new = new_board;
    let table = [
        ("a new board", new(), FindRoom),
        ("a personal board", new().but(personal), FindRoom),
        (
            "a personal board, unwanted",
            new().but(personal).but(|c| c.rules.personal_boards = false),
            Ignore(OutsideWorkspaces),
        ),
        (
            "a board of another workspace",
            new().but(guest),
            Ignore(OutsideWorkspaces),
        ),
        (
            "a template",
            new().but(|c| c.board().kind = BoardKind::Template),
            Ignore(Template),
        ),
        (
            "the inbox",
            new().but(|c| c.board().kind = BoardKind::Inbox),
            Ignore(Inbox),
        ),
        (
            "the inbox, even if asked for",
            new().but(told).but(|c| c.board().kind = BoardKind::Inbox),
            Ignore(Inbox),
        ),
        (
            "closed when first seen",
            new().but(|c| c.board().closed = true),
            Ignore(ClosedWhenFirstSeen),
        ),
        (
            "deleted before it got a room",
            new().but(|c| c.sight = Sight::Gone),
            Ignore(Gone),
        ),
        (
            "existed before",
            new().but(existed_before),
            Ignore(ExistedBefore),
        ),
        (
            "in the first list, but made after since",
            new().but(|c| c.record.baseline = Some(workspace(1).into())),
            FindRoom,
        ),
        (
            "existed before, wanted all the same",
            new()
                .but(existed_before)
                .but(|c| c.rules.existing_boards = true),
            FindRoom,
        ),
        (
            "existed before, then was moved in",
            new()
                .but(existed_before)
                .but(|c| c.record.baseline = Some(workspace(2).into())),
            FindRoom,
        ),
        (
            "existed before, and a delivery said it came",
            new()
                .but(existed_before)
                .but(|c| c.record.appeared = Some(workspace(1))),
            FindRoom,
        ),
        (
            "existed before, asked for",
            new().but(existed_before).but(told),
            FindRoom,
        ),
        ("elsewhere, asked for", new().but(guest).but(told), FindRoom),
        (
            "nothing known of the workspaces yet",
            new().but(|c| c.known.scope = None),
            Wait(Waiting::Baseline),
        ),
        (
            "its workspace was never listed",
            new().but(|c| c.known.baselines.clear()),
            Wait(Waiting::Baseline),
        ),
        (
            "no audit yet",
            new().but(|c| c.known.audited = None),
            Wait(Waiting::Audit),
        ),
        (
            "no audit yet, asked for",
            new().but(told).but(|c| c.known.audited = None),
            FindRoom,
        ),
    ];
    for (what, case, step) in table {
        assert_eq!(case.plan(), step, "{what}");
    }
}

fn room(tags: &[&str]) -> Room {
    Room {
        id: RoomId(38),
        title: "Launch".into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        archived: false,
        created: None,
        created_by: None,
        editable: true,
    }
}

fn recorded(case: &mut Case) {
    case.record.room = Some(RoomRecord {
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
}

fn intended(case: &mut Case) {
    let (at, answer) = (Timestamp(0), Answer::Unknown);
    case.record.intention = Some(Intention {
        title: "Launch".into(),
        at,
        remote_at: at,
        answer,
    });
}

fn untagged(case: &mut Case) {
    case.record.room.as_mut().unwrap().tagged = false;
    case.room = RoomSight::Present(room(&["Trello integration", "theirs"]));
}

fn uninvited(case: &mut Case) {
    case.record.room.as_mut().unwrap().invited = false;
    case.rules.room.members = vec![Invitee {
        email: "ann@example.com".into(),
        access: Access::Editor,
    }];
    case.room = RoomSight::Present(room(&[]));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a row is a case")]
fn what_is_done_about_the_room() {
    let new = new_board;
    let tag = "Trello board 6400000000000000000000aa".to_owned();
    let found = room(&["Trello integration", &tag]);
    let table = [
        (
            "none is there",
            new().but(|c| c.room = RoomSight::Absent),
            Step::Create,
        ),
        (
            "one was found",
            new().but(|c| c.room = RoomSight::Present(found.clone())),
            Step::Adopt(found.clone()),
        ),
        (
            "a create was not answered, and the board is closed",
            new().but(intended).but(|c| c.board().closed = true),
            Step::FindRoom,
        ),
        (
            "nothing came of it, and the board is closed",
            new().but(intended).but(|c| {
                c.board().closed = true;
                c.room = RoomSight::Absent;
            }),
            Step::Ignore(Ignored::ClosedWhenFirstSeen),
        ),
        ("recorded", new().but(recorded), Step::FindRoom),
        (
            "recorded and there",
            new()
                .but(recorded)
                .but(|c| c.room = RoomSight::Present(found.clone())),
            Step::Keep,
        ),
        (
            "recorded without its tag",
            new().but(recorded).but(untagged),
            Step::Tag(vec![tag]),
        ),
        (
            "recorded without its tag, archived",
            new().but(recorded).but(untagged).but(|c| {
                if let RoomSight::Present(room) = &mut c.room {
                    room.archived = true;
                }
            }),
            Step::Keep,
        ),
        (
            "its members are not invited",
            new().but(recorded).but(uninvited),
            Step::Invite,
        ),
        (
            "deleted by hand",
            new().but(recorded).but(|c| c.room = RoomSight::Absent),
            Step::Keep,
        ),
        (
            "deleted by hand, and a new one is wanted",
            new()
                .but(recorded)
                .but(told)
                .but(|c| c.room = RoomSight::Absent),
            Step::ForgetRoom,
        ),
        (
            "the board left for another workspace",
            new()
                .but(recorded)
                .but(guest)
                .but(|c| c.room = RoomSight::Present(found.clone())),
            Step::Keep,
        ),
    ];
    for (what, case, step) in table {
        assert_eq!(case.plan(), step, "{what}");
    }
}
