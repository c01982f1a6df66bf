//! Walks through the plan of one board, step by step, as if each step had come true.

use std::time::Duration;

use crate::mirror::plan::{Pending, RoomSight, Rules, Sight, Step, drift, plan};
use crate::mirror::{come_true, pending};
use crate::model::board::{Answer, Drift, Record, RoomRecord};
use crate::model::id::RoomId;
use crate::model::room::{INTEGRATION_TAG, Room, board_tag};
use crate::model::status::Apart;
use crate::model::time::Timestamp;
use crate::model::title::as_stored;
use crate::survey::{Change, Kind, World};

/// More steps than any board needs.
const MOST_STEPS: usize = 16;
/// So long after an unanswered create no other one is sent, whatever the settings.
const UNCONFIRMED: Duration = Duration::from_secs(150);
/// A room that is not made yet.
const NOT_MADE: RoomId = RoomId(0);

struct Walk<'a> {
    sight: &'a Sight,
    record: Record,
    room: RoomSight,
    world: &'a World,
    changes: Vec<Change>,
}

/// What would be done about a board.
pub(super) fn simulate(
    sight: &Sight,
    mut record: Record,
    rules: &Rules,
    world: &World,
) -> Vec<Change> {
    // A room may still come of a create that was not answered lately; of any other one a look would find out.
    if let Some(intention) = record.intention.take() {
        let passed = Timestamp::now().since(intention.at);
        if intention.answer == Answer::Unknown && passed < UNCONFIRMED {
            return Vec::new();
        }
    }
    // The look over all rooms records those that carry a board's tag before anything else is done.
    let tagged = world.tagged.get(&record.id).and_then(|rooms| rooms.first());
    if let (None, Some(room)) = (&record.room, tagged.and_then(|id| world.rooms.get(id))) {
        record.room = Some(recorded(room, None, None));
    }
    let mut walk = Walk {
        sight,
        record,
        room: RoomSight::Unknown,
        world,
        changes: Vec::new(),
    };
    for _ in 0..MOST_STEPS {
        let step = plan(sight, &walk.room, &walk.record, rules, &world.known);
        if !walk.take(step, rules) {
            break;
        }
    }
    walk.changes
}

impl Walk<'_> {
    /// Takes a step; false when there is none left.
    fn take(&mut self, step: Step, rules: &Rules) -> bool {
        match step {
            Step::Ignore(_) | Step::Wait(_) => return false,
            Step::FindRoom => self.room = self.find(),
            Step::Create => self.create(),
            Step::Adopt(room) => self.record.room = Some(recorded(&room, None, None)),
            Step::ForgetRoom => {
                self.record.room = None;
                self.room = RoomSight::Absent;
            }
            Step::Tag(tags) => {
                self.push(Kind::Tag, None, Some(tags.join(", ")));
                self.change(|room, _| room.tags.extend(tags));
            }
            Step::Invite => self.change(|_, record| record.invited = true),
            Step::Rename(title) => {
                let from = self.present().map(|room| room.title.clone());
                self.push(Kind::Rename, from, Some(title.clone()));
                self.change(|room, record| {
                    room.title = as_stored(&title);
                    record.title_returned.clone_from(&room.title);
                    record.title_sent = Some(title);
                });
            }
            Step::Archive => self.put(Kind::Archive, true),
            Step::Restore => self.put(Kind::Restore, false),
            Step::Keep(apart) => {
                if apart == Some(Apart::Drift) {
                    self.drift(rules);
                }
                return false;
            }
        }
        true
    }

    fn find(&mut self) -> RoomSight {
        let recorded = self.record.room.as_ref().map(|recorded| recorded.id);
        let tagged = self.world.tagged.get(&self.record.id);
        let id = recorded.or_else(|| tagged?.first().copied());
        let Some(room) = id.and_then(|id| self.world.rooms.get(&id)) else {
            return RoomSight::Absent;
        };
        let mut waits = Pending::default();
        if let Some(record) = &mut self.record.room {
            come_true(record, room);
            waits = pending(record, |change| Timestamp::now().since(change.at));
        }
        RoomSight::Present(room.clone(), waits)
    }

    fn create(&mut self) {
        let Sight::Board { title, .. } = self.sight else {
            return;
        };
        let room = Room {
            id: NOT_MADE,
            title: as_stored(title),
            tags: vec![INTEGRATION_TAG.to_owned(), board_tag(self.record.id)],
            archived: false,
            created: None,
            created_by: None,
            editable: true,
        };
        self.push(Kind::Create, None, Some(title.clone()));
        self.record.room = Some(recorded(&room, Some(title.clone()), Some(false)));
        self.room = RoomSight::Present(room, Pending::default());
    }

    fn put(&mut self, kind: Kind, archived: bool) {
        let [from, to] = if archived {
            ["active", "archived"]
        } else {
            ["archived", "active"]
        };
        self.push(kind, Some(from.into()), Some(to.into()));
        self.change(|room, record| {
            room.archived = archived;
            record.archived = Some(archived);
        });
    }

    /// A line for each thing that a person did and that is left so.
    fn drift(&mut self, rules: &Rules) {
        let found = match &self.room {
            RoomSight::Present(room, _) => {
                drift(self.sight, room, &self.record, rules, &self.world.known)
            }
            RoomSight::Absent | RoomSight::Unknown => Some(Drift {
                deleted: true,
                ..Drift::default()
            }),
        };
        let found = found.unwrap_or_default();
        if let (Some(theirs), Sight::Board { title, .. }) = (found.title, self.sight) {
            self.push(Kind::Drift, Some(theirs), Some(title.clone()));
        }
        match found.archived {
            Some(true) => self.push(Kind::Drift, Some("archived".into()), Some("active".into())),
            Some(false) => self.push(Kind::Drift, Some("active".into()), Some("archived".into())),
            None => {}
        }
        if found.untagged {
            self.push(Kind::Drift, Some("untagged".into()), Some("tagged".into()));
        }
        if found.deleted {
            self.push(Kind::Drift, Some("deleted".into()), None);
        }
    }

    fn present(&self) -> Option<&Room> {
        match &self.room {
            RoomSight::Present(room, _) => Some(room),
            RoomSight::Unknown | RoomSight::Absent => None,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Room, &mut RoomRecord)) {
        if let (RoomSight::Present(room, waits), Some(record)) =
            (&mut self.room, &mut self.record.room)
        {
            *waits = Pending::default();
            change(room, record);
        }
    }

    fn push(&mut self, kind: Kind, from: Option<String>, to: Option<String>) {
        let name = match self.sight {
            Sight::Board { board, .. } => board.name.clone(),
            Sight::Hidden | Sight::Gone { .. } => {
                let seen = self.record.seen.as_ref();
                seen.map_or_else(String::new, |seen| seen.name.clone())
            }
        };
        let room = self.record.room.as_ref().map(|room| room.id);
        self.changes.push(Change {
            board: self.record.id,
            name,
            kind,
            from,
            to,
            room: room.filter(|room| *room != NOT_MADE),
        });
    }
}

fn recorded(room: &Room, title_sent: Option<String>, archived: Option<bool>) -> RoomRecord {
    RoomRecord {
        id: room.id,
        title_sent,
        title_returned: room.title.clone(),
        archived,
        tagged: true,
        invited: true,
        invitees: 0,
        drift: None,
        changes: Vec::new(),
    }
}
