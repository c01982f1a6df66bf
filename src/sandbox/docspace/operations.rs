//! Archive and unarchive: asynchronous operations, carried out by a worker and reported once.

use serde_json::{Value, json};

use super::input::{Input, invalid};
use super::world::{DocSpaceWorld, Operations, RoomId};
use super::{DocSpace, render, rooms};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::identity::guid;
use crate::sandbox::service::pause;

/// `FileOperationDto`, in the words of `products/ASC.Files/Core/ApiModels/ResponseDto/FileOperationDto.cs`.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    id: String,
    room: RoomId,
    /// A finished one is kept until it was polled once, or (`deleteAfter`) not at all.
    holds_result: bool,
    finished: bool,
    /// The worker is down: it will never be carried out.
    stuck: bool,
    error: String,
}

/// Where a room is going.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    IntoArchive,
    OutOfArchive,
}

impl Operation {
    /// Whether it will still be carried out.
    pub(super) fn is_under_way(&self) -> bool {
        !self.finished && !self.stuck
    }

    /// `Operation` begins with a capital, and it alone.
    fn render(&self) -> Value {
        let status = match (self.finished, self.error.is_empty()) {
            (false, _) => 0,
            (true, true) => 2,
            (true, false) => 4,
        };
        json!({
            "id": self.id,
            "Operation": 0,
            "progress": if self.finished { 100 } else { 0 },
            "error": self.error,
            "processed": if self.finished { "1" } else { "0" },
            "finished": self.finished,
            "status": status,
        })
    }
}

/// `PUT …/archive` and `…/unarchive`. The answer only says that the operation was queued.
pub(super) fn begin(docspace: &DocSpace, call: &Call, id: RoomId, destination: Move) -> Answer {
    let delete_after = match delete_after(call, destination) {
        Ok(flag) => flag,
        Err(refusal) => return refusal,
    };
    let mut operation = Operation {
        id: guid(),
        room: id,
        holds_result: !delete_after,
        finished: false,
        stuck: false,
        error: String::new(),
    };
    let plan = {
        let mut world = docspace.world();
        match world.rooms.get(&id) {
            None => return rooms::missing(),
            Some(room) if !world.archives(room) => return rooms::denied(),
            Some(_) => {}
        }
        let plan = world.settings.operations.clone();
        operation.stuck = plan == Operations::Never;
        world.operations.push(operation.clone());
        plan
    };
    docspace.changed();
    docspace.spawn(work(docspace.clone(), operation.clone(), destination, plan));
    render::wrapped(docspace, call, &operation.render(), 1)
}

/// The body is required to archive, and may be left out to unarchive. `deleteAfter: null` is refused.
fn delete_after(call: &Call, destination: Move) -> Result<bool, Answer> {
    if call.body.is_empty() {
        return match destination {
            Move::OutOfArchive => Ok(false),
            Move::IntoArchive => Err(invalid(call, "", "A non-empty request body is required.")),
        };
    }
    let input = Input::parse(call)?;
    if input.has("deleteAfter") && input.get("deleteAfter").is_none() {
        return Err(invalid(
            call,
            "$.deleteAfter",
            "The JSON value could not be converted to System.Boolean.",
        ));
    }
    input.flag(call, "deleteAfter")
}

async fn work(docspace: DocSpace, operation: Operation, destination: Move, plan: Operations) {
    let error = match plan {
        Operations::Never => return,
        Operations::After(delay) => {
            pause(delay).await;
            None
        }
        Operations::Fail(delay, error) => {
            pause(delay).await;
            Some(error)
        }
    };
    let now = docspace.now();
    docspace.update(|world| {
        let error = error.unwrap_or_else(|| carry_out(world, operation.room, destination, now));
        if let Some(queued) = world
            .operations
            .iter_mut()
            .find(|other| other.id == operation.id)
        {
            queued.finished = true;
            queued.error = error;
        }
        world
            .operations
            .retain(|other| !other.finished || other.holds_result);
    });
}

/// The error's text, empty on success. The quota is asked only here, so it is never a 402.
fn carry_out(
    world: &mut DocSpaceWorld,
    id: RoomId,
    destination: Move,
    now: jiff::Timestamp,
) -> String {
    let full = world.is_full();
    let Some(room) = world.rooms.get_mut(&id) else {
        return "The required folder was not found".to_owned();
    };
    if let (Move::OutOfArchive, true, Some(quota)) = (destination, room.archived, full) {
        return format!("The number of rooms should not exceed {quota}");
    }
    room.archived = destination == Move::IntoArchive;
    room.updated = now;
    String::new()
}

/// `GET /files/fileops`: a finished operation is shown once and then forgotten.
pub(super) fn poll(docspace: &DocSpace, call: &Call) -> Answer {
    let id = call.parameter("id");
    let asked = |operation: &Operation| id.is_none_or(|id| operation.id == id);
    let shown: Vec<Value> = docspace.update(|world| {
        let shown = world
            .operations
            .iter()
            .filter(|operation| asked(operation))
            .map(Operation::render)
            .collect();
        world
            .operations
            .retain(|operation| !(asked(operation) && operation.finished));
        shown
    });
    let count = shown.len();
    render::wrapped(docspace, call, &Value::Array(shown), count)
}
