//! What can be read from Trello: objects and lists, with `fields` and `filter`.

use serde_json::Value;

use super::render::{self, chosen};
use super::routes::{FORBIDDEN, Route};
use super::webhooks;
use super::world::{Board, TrelloWorld, Workspace};
use crate::sandbox::call::Answer;

const NOT_FOUND: &str = "The requested resource was not found.";
/// Whatever only reads, also inside a batch.
pub(super) fn read(world: &TrelloWorld, route: &Route, query: &[(String, String)]) -> Answer {
    let fields = webhooks::parameter(query, "fields");
    let found = match route {
        Route::Member(id) => world
            .member(id)
            .map(|member| chosen(render::member(world, member), fields)),
        Route::MemberWorkspaces(id) => world.member(id).map(|member| {
            let has = |workspace: &&Workspace| {
                workspace
                    .members
                    .iter()
                    .any(|part| part.member == member.id)
            };
            list(
                world
                    .workspaces
                    .iter()
                    .filter(has)
                    .map(|workspace| render::workspace(world, workspace)),
                fields,
            )
        }),
        Route::MemberBoards(id) => return member_boards(world, id, query),
        Route::Workspace(id)
        | Route::WorkspaceBoards(id)
        | Route::WorkspaceMemberships(id)
        | Route::WorkspaceMembers(id) => return workspace(world, route, id, query),
        Route::Board(id) => return board(world, id, fields),
        Route::Token(_) => Some(chosen(token(world, query), fields)),
        Route::TokenWebhooks(_) => Some(Some(webhooks::list(world))),
        Route::Webhook(id) => return webhooks::show(world, id),
        Route::Batch
        | Route::CreateWebhook(_)
        | Route::UpdateWebhook(_)
        | Route::DeleteWebhook(..) => None,
    };
    match found {
        Some(Some(value)) => Answer::json(200, &value),
        Some(None) => Answer::text(400, "invalid value for fields"),
        None => Answer::text(404, NOT_FOUND),
    }
}

fn token(world: &TrelloWorld, query: &[(String, String)]) -> Value {
    let mut object = render::token(world);
    if webhooks::parameter(query, "webhooks") == Some("true") {
        object["webhooks"] = webhooks::list(world);
    }
    object
}

fn list(objects: impl Iterator<Item = Value>, fields: Option<&str>) -> Option<Value> {
    objects.map(|object| chosen(object, fields)).collect()
}

fn board(world: &TrelloWorld, id: &str, fields: Option<&str>) -> Answer {
    match world.board(id) {
        None => Answer::text(404, NOT_FOUND),
        Some(board) if !world.sees(board) => Answer::text(401, FORBIDDEN),
        Some(board) => {
            let fields = fields
                .filter(|fields| !fields.is_empty())
                .unwrap_or(render::BOARD_DEFAULTS);
            render::board(board, Some(fields)).map_or_else(
                || Answer::text(400, "invalid value for fields"),
                |value| Answer::json(200, &value),
            )
        }
    }
}

fn member_boards(world: &TrelloWorld, id: &str, query: &[(String, String)]) -> Answer {
    let Some(member) = world.member(id) else {
        return Answer::text(404, NOT_FOUND);
    };
    boards(
        query,
        world
            .boards
            .values()
            .filter(|board| board.has_member(&member.id) && world.sees(board)),
    )
}

fn workspace(world: &TrelloWorld, route: &Route, id: &str, query: &[(String, String)]) -> Answer {
    let Some(workspace) = world.workspace(id) else {
        return Answer::text(404, NOT_FOUND);
    };
    if world.our_role(&workspace.id).is_none() {
        return Answer::text(401, FORBIDDEN);
    }
    let fields = webhooks::parameter(query, "fields");
    let value = match route {
        Route::WorkspaceBoards(_) => {
            let inside = |board: &&Board| {
                board.workspace.as_ref() == Some(&workspace.id) && world.sees(board)
            };
            return boards(query, world.boards.values().filter(inside));
        }
        Route::WorkspaceMemberships(_) => Some(render::memberships(&workspace.members)),
        Route::WorkspaceMembers(_) => {
            let people = workspace
                .members
                .iter()
                .filter_map(|part| world.member(&part.member));
            let default = fields.unwrap_or("id,fullName,username");
            list(
                people.map(|member| render::member(world, member)),
                Some(default),
            )
        }
        _ => chosen(render::workspace(world, workspace), fields),
    };
    value.map_or_else(
        || Answer::text(400, "invalid value for fields"),
        |value| Answer::json(200, &value),
    )
}

/// A whole list: there are no pages.
fn boards<'a>(query: &[(String, String)], candidates: impl Iterator<Item = &'a Board>) -> Answer {
    let filter = webhooks::parameter(query, "filter").unwrap_or("all");
    let filters: Vec<&str> = filter.split(',').collect();
    let known = [
        "all",
        "open",
        "closed",
        "members",
        "organization",
        "public",
        "starred",
    ];
    if filters.iter().any(|filter| !known.contains(filter)) {
        return Answer::text(400, "invalid value for filter");
    }
    let passes = |board: &&Board| {
        filters.iter().any(|filter| match *filter {
            "all" => true,
            "open" => !board.closed,
            "closed" => board.closed,
            "members" => board.visibility.name() == "private",
            "organization" => board.visibility.name() == "org",
            "public" => board.visibility.name() == "public",
            _ => false,
        })
    };
    let fields = webhooks::parameter(query, "fields");
    let shown: Option<Value> = candidates
        .filter(passes)
        .map(|board| render::board(board, fields))
        .collect();
    shown.map_or_else(
        || Answer::text(400, "invalid value for fields"),
        |value| Answer::json(200, &value),
    )
}
