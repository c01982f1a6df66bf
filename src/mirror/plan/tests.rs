//! The tables that the plan keeps: which boards get a room, and (in `rooms`) what becomes of it.

mod rooms;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::mirror::plan::{RoomRules, RoomSight, Rules, Sight, Step, plan};
use crate::model::board::{Board, BoardKind, Record, Told};
use crate::model::id::{BoardId, WorkspaceId};
use crate::model::room::RoomType;
use crate::model::status::{Ignored, Waiting};
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
        sight: Sight::Board {
            board,
            title: "Launch".into(),
            in_grace: false,
        },
        room: RoomSight::Unknown,
        record: Record::of_nothing(id),
        rules: Rules {
            personal_boards: true,
            existing_boards: false,
            restore_drift: false,
            archive_deleted: true,
            archive_after: std::time::Duration::ZERO,
            deleted_after: std::time::Duration::ZERO,
            brake: None,
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
            Sight::Board { board, .. } => board,
            Sight::Hidden | Sight::Gone { .. } => panic!("the board is not seen"),
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

fn gone(case: &mut Case) {
    case.sight = Sight::Gone { certain: true };
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
    let table = vec![
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
            new().but(|c| c.sight = Sight::Gone { certain: true }),
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
