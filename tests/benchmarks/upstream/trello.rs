//! As much of Trello as a mirror asks for: boards alone, in lists and in batches, the member, the workspace, webhooks.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::World;
use super::server::{Answer, Call};
use crate::delivery::{MEMBER, WORKSPACE};

/// What one board shows unasked.
const FIELDS: &str =
    "name,desc,descData,closed,idOrganization,idEnterprise,pinned,url,shortUrl,prefs,labelNames";
/// When the first of the old boards was made; each of the others a minute later.
const LONG_AGO: u32 = 0x5e00_0000;
/// Trello waits so long for a callback URL.
const HEAD: Duration = Duration::from_secs(10);

pub(super) async fn answer(world: &World, call: &Call) -> Answer {
    let by_query = call.parameter("key").is_some() && call.parameter("token").is_some();
    if !by_query && !call.is_authorized("OAuth oauth_consumer_key=") {
        return Some((StatusCode::UNAUTHORIZED, "invalid key".to_owned()));
    }
    let path: Vec<_> = call.path.split('/').collect();
    match (&call.method, &path[..]) {
        (&Method::GET, ["batch"]) => found(batch(call.parameter("urls")?)?),
        (&Method::GET, ["boards", id]) => {
            found(board(id, call.parameter("fields").unwrap_or(FIELDS))?)
        }
        (&Method::GET, ["organizations", WORKSPACE, "boards"]) => {
            found(workspace_boards(world, call.parameter("fields")?))
        }
        (&Method::GET, ["members", "me", "boards"]) => found("[]".to_owned()),
        (&Method::GET, _) => found(small(world, &path)?.to_string()),
        (&Method::POST, ["webhooks"]) => register(world, call).await,
        (&Method::PUT, ["webhooks", id]) => {
            let state = world.state();
            found(state.webhooks.get(*id)?.to_string())
        }
        (&Method::DELETE, ["webhooks", id]) => {
            let mut state = world.state();
            let webhook = state.webhooks.remove(*id)?;
            state.registered.remove(&key(
                webhook["callbackURL"].as_str()?,
                webhook["idModel"].as_str()?,
            ));
            found(json!({ "_value": null }).to_string())
        }
        _ => None,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what every route answers with"
)]
fn found(json: String) -> Answer {
    Some((StatusCode::OK, json))
}

/// What fits on a page.
fn small(world: &World, path: &[&str]) -> Option<Value> {
    let workspace = || {
        json!({
            "id": WORKSPACE, "name": "exampleworkspace", "displayName": "Beispiel – Workspace ✓", "desc": "",
            "url": "https://trello.com/w/exampleworkspace", "website": null, "products": [], "powerUps": [],
        })
    };
    let roles = || {
        json!([{
            "id": "5a0000000000000000000002", "idMember": MEMBER, "memberType": "admin", "unconfirmed": false, "deactivated": false,
        }])
    };
    match path {
        ["members", "me"] => Some(json!({
            "id": MEMBER, "activityBlocked": false, "avatarHash": null, "bio": "", "confirmed": true, "fullName": "Ada Example",
            "initials": "AE", "memberType": "normal", "url": "https://trello.com/adaexample", "username": "adaexample",
            "idBoards": [], "idOrganizations": [WORKSPACE],
        })),
        ["members", "me", "organizations"] => Some(json!([workspace()])),
        ["organizations", WORKSPACE] => Some(workspace()),
        ["organizations", WORKSPACE, "memberships"] => Some(roles()),
        ["tokens", _] => Some(json!({
            "id": "5f0000000000000000000001", "identifier": "boardroom", "idMember": MEMBER,
            "dateCreated": "2026-10-01T00:00:00.000Z", "dateExpires": null,
            "permissions": [
                { "idModel": MEMBER, "modelType": "Member", "read": true, "write": false },
                { "idModel": "*", "modelType": "Board", "read": true, "write": false },
                { "idModel": "*", "modelType": "Organization", "read": true, "write": false },
            ],
        })),
        ["tokens", _, "webhooks"] => Some(world.state().webhooks.values().cloned().collect()),
        _ => None,
    }
}

/// One board. Any id is that of a board: it is called after it.
fn board(id: &str, fields: &str) -> Option<String> {
    let is_id = id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then(|| {
        let mut json = String::with_capacity(2_500);
        write_board(&mut json, id, fields);
        json
    })
}

/// In plain text, for a list of 100,000 boards is to cost little.
fn write_board(json: &mut String, id: &str, fields: &str) {
    let short = &id[16..];
    let _ = write!(json, r#"{{"id":"{id}""#);
    for field in fields.split(',') {
        let _ = match field {
            "name" => write!(json, r#","name":"Board {id}""#),
            "desc" => write!(json, r#","desc":"""#),
            "descData" => write!(json, r#","descData":{{"emoji":{{}}}}"#),
            "closed" => write!(json, r#","closed":false"#),
            "pinned" | "starred" => write!(json, r#","{field}":false"#),
            "idOrganization" => write!(json, r#","idOrganization":"{WORKSPACE}""#),
            "idMemberCreator" => write!(json, r#","idMemberCreator":"{MEMBER}""#),
            "shortLink" => write!(json, r#","shortLink":"{short}""#),
            "shortUrl" => write!(json, r#","shortUrl":"https://trello.com/b/{short}""#),
            "url" => write!(json, r#","url":"https://trello.com/b/{short}/board-{id}""#),
            "dateLastActivity" => write!(json, r#","dateLastActivity":"2026-11-25T09:36:17.818Z""#),
            "prefs" => write!(json, r#","prefs":{PREFS}"#),
            "labelNames" => write!(json, r#","labelNames":{LABELS}"#),
            _ => write!(json, r#","{field}":null"#),
        };
    }
    json.push('}');
}

const PREFS: &str = r##"{"permissionLevel":"org","hideVotes":false,"voting":"disabled","comments":"members","invitations":"members","selfJoin":true,"cardCovers":true,"cardCounts":false,"isTemplate":false,"cardAging":"regular","calendarFeedEnabled":false,"hiddenPluginBoardButtons":[],"switcherViews":[{"viewType":"Board","enabled":true},{"viewType":"Table","enabled":true},{"viewType":"Calendar","enabled":false},{"viewType":"Timeline","enabled":false},{"viewType":"Map","enabled":false}],"background":"blue","backgroundColor":"#0079BF","backgroundImage":null,"backgroundImageScaled":null,"backgroundTile":false,"backgroundBrightness":"dark","backgroundBottomColor":"#0079BF","backgroundTopColor":"#0079BF","canBePublic":true,"canBeEnterprise":true,"canBeOrg":true,"canBePrivate":true,"canInvite":true}"##;
const LABELS: &str = r#"{"green":"","yellow":"","orange":"","red":"","purple":"","blue":"","sky":"","lime":"","pink":"","black":"","green_dark":"","yellow_dark":"","orange_dark":"","red_dark":"","purple_dark":"","blue_dark":""}"#;

/// All boards of the workspace: the old ones, and those that the load has told of.
fn workspace_boards(world: &World, fields: &str) -> String {
    let mut state = world.state();
    state.counts.lists += 1;
    let old = (0..world.settings.old_boards).map(|number| {
        let made = LONG_AGO + number * 60;
        format!("{made:08x}{number:016x}")
    });
    let mut json = String::with_capacity(world.settings.old_boards as usize * 160 + 2);
    json.push('[');
    let mut add = |id: String| {
        if json.len() > 1 {
            json.push(',');
        }
        write_board(&mut json, &id, fields);
    };
    old.for_each(&mut add);
    for run in &state.runs {
        let made = run.boards.load(Ordering::Relaxed);
        (0..made)
            .map(|number| format!("{}{number:08x}", run.prefix))
            .for_each(&mut add);
    }
    json.push(']');
    json
}

/// Up to ten reads in one request. A URL may hold commas, but no slash behind one.
fn batch(urls: &str) -> Option<String> {
    let urls = urls.replace(",/", "\n/");
    let mut json = "[".to_owned();
    for (at, url) in urls.lines().enumerate() {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let query = url::form_urlencoded::parse(query.as_bytes());
        let mut fields = query.filter(|(name, _)| name == "fields");
        let fields = fields.next().map(|(_, fields)| fields.into_owned());
        let board = board(
            path.strip_prefix("/boards/")?,
            fields.as_deref().unwrap_or(FIELDS),
        )?;
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(json, r#"{comma}{{"200":{board}}}"#);
    }
    json.push(']');
    Some(json)
}

/// A webhook. Trello asks the callback URL with `HEAD` first, and wants exactly 200.
async fn register(world: &World, call: &Call) -> Answer {
    let (callback, model) = (call.parameter("callbackURL")?, call.parameter("idModel")?);
    if world.state().registered.contains(&key(callback, model)) {
        let complaint = "A webhook with that callback, model, and token already exists";
        return Some((StatusCode::BAD_REQUEST, complaint.to_owned()));
    }
    let asked = tokio::time::timeout(HEAD, head(callback)).await;
    if !matches!(asked, Ok(Some(200))) {
        let complaint = format!("URL ({callback}) did not return 200 status code, got {asked:?}");
        let complaint = json!({ "message": complaint, "error": "VALIDATOR_URL_RETURNED_ERROR" });
        return Some((StatusCode::BAD_REQUEST, complaint.to_string()));
    }
    let mut state = world.state();
    let id = state.id();
    let webhook = json!({
        "id": id, "description": call.parameter("description").unwrap_or_default(), "idModel": model, "callbackURL": callback,
        "active": true, "consecutiveFailures": 0, "firstConsecutiveFailDate": null,
    });
    let json = webhook.to_string();
    state.webhooks.insert(id, webhook);
    state.registered.insert(key(callback, model));
    found(json)
}

fn key(callback: &str, model: &str) -> (String, String) {
    (callback.to_owned(), model.to_owned())
}

async fn head(url: &str) -> Option<u16> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!(
        "HEAD /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Trello\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}
