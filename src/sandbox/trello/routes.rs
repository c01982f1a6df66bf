//! Trello's routes: which there are, what is asked before who is calling, and who may call.

use serde_json::json;

use super::settings::TooMany;
use super::{Trello, batch, reading, webhooks};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::identity::is_object_id;

pub(super) const FORBIDDEN: &str = "unauthorized permission requested";

/// A route that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Route {
    Member(String),
    MemberBoards(String),
    MemberWorkspaces(String),
    Workspace(String),
    WorkspaceBoards(String),
    WorkspaceMemberships(String),
    WorkspaceMembers(String),
    Board(String),
    Batch,
    Token(String),
    TokenWebhooks(String),
    CreateWebhook(Option<String>),
    Webhook(String),
    UpdateWebhook(String),
    DeleteWebhook(Option<String>, String),
}

impl Route {
    pub(super) fn parse(method: &str, segments: &[String]) -> Option<Self> {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let own = |id: &str| id.to_owned();
        Some(match (method, segments.as_slice()) {
            ("GET", ["members", id]) => Self::Member(own(id)),
            ("GET", ["members", id, "boards"]) => Self::MemberBoards(own(id)),
            ("GET", ["members", id, "organizations"]) => Self::MemberWorkspaces(own(id)),
            ("GET", ["organizations", id]) => Self::Workspace(own(id)),
            ("GET", ["organizations", id, "boards"]) => Self::WorkspaceBoards(own(id)),
            ("GET", ["organizations", id, "memberships"]) => Self::WorkspaceMemberships(own(id)),
            ("GET", ["organizations", id, "members"]) => Self::WorkspaceMembers(own(id)),
            ("GET", ["boards", id]) => Self::Board(own(id)),
            ("GET", ["batch"]) => Self::Batch,
            ("GET", ["tokens", token]) => Self::Token(own(token)),
            ("GET", ["tokens", token, "webhooks"]) => Self::TokenWebhooks(own(token)),
            ("POST", ["webhooks"]) => Self::CreateWebhook(None),
            ("POST", ["tokens", token, "webhooks"]) => Self::CreateWebhook(Some(own(token))),
            ("GET", ["webhooks", id]) => Self::Webhook(own(id)),
            ("PUT", ["webhooks", id]) => Self::UpdateWebhook(own(id)),
            ("DELETE", ["webhooks", id]) => Self::DeleteWebhook(None, own(id)),
            ("DELETE", ["tokens", token, "webhooks", id]) => {
                Self::DeleteWebhook(Some(own(token)), own(id))
            }
            _ => return None,
        })
    }

    /// Ids that cannot be ids are refused before anybody asks who is calling. Members and workspaces have names too.
    pub(super) fn is_malformed(&self) -> bool {
        match self {
            Self::Board(id) => !is_object_id(id) && !is_short_link(id),
            Self::Webhook(id) | Self::UpdateWebhook(id) | Self::DeleteWebhook(_, id) => {
                !is_object_id(id)
            }
            Self::Member(_)
            | Self::MemberBoards(_)
            | Self::MemberWorkspaces(_)
            | Self::Workspace(_)
            | Self::WorkspaceBoards(_)
            | Self::WorkspaceMemberships(_)
            | Self::WorkspaceMembers(_)
            | Self::Batch
            | Self::Token(_)
            | Self::TokenWebhooks(_)
            | Self::CreateWebhook(_) => false,
        }
    }

    /// The token in the path, which must be the caller's own.
    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token)
            | Self::TokenWebhooks(token)
            | Self::CreateWebhook(Some(token))
            | Self::DeleteWebhook(Some(token), _) => Some(token),
            _ => None,
        }
    }
}

fn is_short_link(id: &str) -> bool {
    id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) async fn answer(trello: Trello, call: Call) -> Answer {
    let segments = call.segments();
    let route = segments
        .split_first()
        .filter(|(version, _)| *version == "1")
        .and_then(|(_, rest)| Route::parse(&call.method, rest));
    let Some(route) = route else {
        return Answer::text(404, &format!("Cannot {} {}", call.method, call.path));
    };
    if route.is_malformed() {
        return Answer::text(400, "invalid id");
    }
    let parameters = webhooks::parameters(&call);
    if let Err(refusal) = authorise(&trello, &route, &call, &parameters) {
        return refusal;
    }
    let to_members = segments.get(1).is_some_and(|segment| segment == "members");
    let taken = trello.world().limits.take(to_members);
    if let Err(limit) = taken {
        return limited(&trello, too_many(limit));
    }
    let answer = match &route {
        Route::CreateWebhook(_) => webhooks::create(&trello, &parameters).await,
        Route::UpdateWebhook(id) => webhooks::update(&trello, id, &parameters).await,
        Route::DeleteWebhook(_, id) => webhooks::delete(&trello, id),
        Route::Batch => batch::answer(&trello, &call).await,
        other => reading::read(&trello.world(), other, &call.query),
    };
    limited(&trello, answer)
}

fn limited(trello: &Trello, mut answer: Answer) -> Answer {
    answer.headers.extend(trello.world().limits.headers());
    answer
}

/// Without `Retry-After`: Trello gives none.
fn too_many(limit: TooMany) -> Answer {
    let (error, message) = match limit {
        TooMany::Token => ("API_TOKEN_LIMIT_EXCEEDED", "Rate limit exceeded"),
        TooMany::Key => ("API_KEY_LIMIT_EXCEEDED", "Rate limit exceeded"),
        TooMany::Members => ("RATE_LIMIT_EXCEEDED", "Exceeded rate limit to /1/member"),
    };
    Answer::json(429, &json!({ "error": error, "message": message }))
}

fn authorise(
    trello: &Trello,
    route: &Route,
    call: &Call,
    parameters: &[(String, String)],
) -> Result<(), Answer> {
    let refused = |text| Err(Answer::text(401, text));
    let given = |name: &str, oauth: &str| {
        let header = call
            .header("Authorization")
            .and_then(|header| oauth_field(header, oauth));
        header.or_else(|| webhooks::parameter(parameters, name).map(str::to_owned))
    };
    let key = given("key", "oauth_consumer_key");
    let token = given("token", "oauth_token");
    let world = trello.world();
    let credentials = &world.credentials;
    let (key, token) = match (key, token) {
        (None, None) => return refused(FORBIDDEN),
        (None, Some(_)) => return refused("invalid key"),
        (Some(key), _) if key != credentials.key => return refused("invalid key"),
        (Some(_), None) => return refused("missing scopes"),
        (Some(key), Some(token)) => (key, token),
    };
    let expired = credentials
        .expires
        .is_some_and(|expires| expires <= trello.now());
    if key != credentials.key || token != credentials.token || credentials.revoked || expired {
        return refused("invalid token");
    }
    if route.token().is_some_and(|own| own != token) {
        return refused("unauthorized token");
    }
    if !credentials.reads {
        return refused(FORBIDDEN);
    }
    Ok(())
}

/// A field of `OAuth oauth_consumer_key="…", oauth_token="…"`.
fn oauth_field(header: &str, name: &str) -> Option<String> {
    let fields = header.strip_prefix("OAuth ")?;
    fields.split(',').find_map(|field| {
        let value = field.trim().strip_prefix(name)?.strip_prefix("=\"")?;
        Some(value.strip_suffix('"')?.to_owned())
    })
}
