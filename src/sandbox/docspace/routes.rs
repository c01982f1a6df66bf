//! DocSpace's routes.

use serde_json::json;

use super::world::RoomId;
use super::{DocSpace, access, listing, operations, render, rooms, share};
use crate::sandbox::call::{Answer, Call};

/// What a key must have been given for a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Rooms,
    Files,
    AccountsSelf,
    /// Any valid key will do.
    Any,
}

impl Scope {
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Rooms => Some("rooms"),
            Self::Files => Some("files"),
            Self::AccountsSelf => Some("accounts.self"),
            Self::Any => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route {
    List,
    Create,
    Show(RoomId),
    Update(RoomId),
    Archive(RoomId),
    Unarchive(RoomId),
    AddTags(RoomId),
    RemoveTags(RoomId),
    Members(RoomId),
    Invite(RoomId),
    Link(RoomId),
    Operations,
    Key,
    Me,
}

impl Route {
    fn parse(method: &str, segments: &[&str]) -> Option<Self> {
        let (room, rest) = match segments {
            ["files", "fileops"] if method == "GET" => return Some(Self::Operations),
            ["keys", "@self"] if method == "GET" => return Some(Self::Key),
            ["people", "@self"] if method == "GET" => return Some(Self::Me),
            ["files", "rooms"] if method == "GET" => return Some(Self::List),
            ["files", "rooms"] if method == "POST" => return Some(Self::Create),
            ["files", "rooms", id, rest @ ..] => (id.parse().ok()?, rest),
            _ => return None,
        };
        Some(match (method, rest) {
            ("GET", []) => Self::Show(room),
            ("PUT", []) => Self::Update(room),
            ("PUT", ["archive"]) => Self::Archive(room),
            ("PUT", ["unarchive"]) => Self::Unarchive(room),
            ("PUT", ["tags"]) => Self::AddTags(room),
            ("DELETE", ["tags"]) => Self::RemoveTags(room),
            ("GET", ["share"]) => Self::Members(room),
            ("PUT", ["share"]) => Self::Invite(room),
            ("GET", ["link"]) => Self::Link(room),
            _ => return None,
        })
    }

    /// Operations count as files, tags of a room as rooms.
    fn scope(self) -> Scope {
        match self {
            Self::List
            | Self::Create
            | Self::Show(_)
            | Self::Update(_)
            | Self::Archive(_)
            | Self::Unarchive(_)
            | Self::AddTags(_)
            | Self::RemoveTags(_)
            | Self::Members(_)
            | Self::Invite(_)
            | Self::Link(_) => Scope::Rooms,
            Self::Operations => Scope::Files,
            Self::Key => Scope::Any,
            Self::Me => Scope::AccountsSelf,
        }
    }

    /// Unarchiving may come without a body; every other write needs JSON.
    fn needs_json(self, call: &Call) -> bool {
        !(call.reads() || matches!(self, Self::Unarchive(_)) && call.body.is_empty())
    }
}

pub(super) async fn answer(docspace: DocSpace, call: Call) -> Answer {
    if docspace.world().settings.to_https {
        let secure = docspace.url().replacen("http:", "https:", 1);
        return Answer::html(301).with_header("Location", &format!("{secure}{}", call.path));
    }
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some(path) = segments.strip_prefix(["api", "2.0"].as_slice()) else {
        return Answer::html(404);
    };
    if call.method == "GET" && path == ["settings", "version", "build"] {
        return version(&docspace, &call);
    }
    let Some(route) = Route::parse(&call.method, path) else {
        return Answer::json(
            404,
            &json!({
                "error": { "message": "The record could not be found", "type": null, "stack": null, "hresult": 0 },
                "status": 1,
                "statusCode": 404,
            }),
        );
    };
    if let Err(refusal) = access::admit(&docspace, &call, route.scope()) {
        return refusal;
    }
    let json = call
        .header("Content-Type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    if route.needs_json(&call) && !json {
        return render::problem(415, "Unsupported Media Type");
    }
    handle(&docspace, route, &call).await
}

async fn handle(docspace: &DocSpace, route: Route, call: &Call) -> Answer {
    match route {
        Route::Create => rooms::create(docspace, call).await,
        Route::List => listing::list(docspace, call),
        Route::Show(room) => rooms::show(docspace, call, room),
        Route::Update(room) => rooms::update(docspace, call, room),
        Route::Archive(room) => {
            operations::begin(docspace, call, room, operations::Move::IntoArchive)
        }
        Route::Unarchive(room) => {
            operations::begin(docspace, call, room, operations::Move::OutOfArchive)
        }
        Route::AddTags(room) => rooms::change_tags(docspace, call, room, rooms::Tagging::Add),
        Route::RemoveTags(room) => rooms::change_tags(docspace, call, room, rooms::Tagging::Remove),
        Route::Members(room) => share::list(docspace, call, room),
        Route::Invite(room) => share::invite(docspace, call, room),
        Route::Link(room) => share::link(docspace, call, room),
        Route::Operations => operations::poll(docspace, call),
        Route::Key => {
            let world = docspace.world();
            render::wrapped(docspace, call, &render::key(&world), 1)
        }
        Route::Me => {
            let world = docspace.world();
            render::wrapped(docspace, call, &render::profile(&world), 1)
        }
    }
}

/// Open to everybody, except to a key that has been given only some scopes.
fn version(docspace: &DocSpace, call: &Call) -> Answer {
    let scoped = !access::is_global(&docspace.world().key.scopes);
    if scoped && call.header("Authorization").is_some() {
        return Answer::empty(403);
    }
    let build = json!({ "docSpace": "3.7.2", "communityServer": null, "documentServer": "9.3.1" });
    render::wrapped(docspace, call, &build, 1)
}
