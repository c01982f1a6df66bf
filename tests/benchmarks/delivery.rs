//! Deliveries as Trello sends them, signed: ready ones that are sent again and again, or ones with ids of their own for every send.
//! The signature is made by code of its own: one that shares the verifier's agrees with its mistakes.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

/// The secret that everybody here signs and verifies with.
pub(crate) const SECRET: &str = "the-secret-of-the-benchmark";
pub(crate) const WORKSPACE: &str = "5b0000000000000000000001";
pub(crate) const MEMBER: &str = "5a0000000000000000000001";
/// Distinct deliveries about cards: enough that nothing is answered out of a cache of the processor's.
const CARDS: u64 = 1_000;
/// Stand in for ids that are put in at every send: as long as an id, and nowhere else in a body.
const ACTION: &str = "<the id of the action..>";
const BOARD: &str = "<the id of the board...>";

/// Where deliveries go, and the URL that is signed with them.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
}

impl Callback {
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

/// The boards that one run of the load has made so far: the workspace lists each from the moment that it is told of.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The first 16 digits of their ids; the other 8 count from 0.
    pub(crate) prefix: String,
    pub(crate) boards: Arc<AtomicU64>,
}

impl Run {
    /// Boards that are made from now on.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("the clock is not before 1970");
        let prefix = format!("{:08x}b0{:06x}", now.as_secs(), now.subsec_micros());
        Self {
            prefix,
            boards: Arc::default(),
        }
    }
}

/// What is sent.
pub(crate) enum Bodies {
    /// A new board every time.
    Boards(Fresh),
    /// Cards that move, the same ones over and over.
    Cards { requests: Vec<Vec<u8>>, next: usize },
}

impl Bodies {
    pub(crate) fn new_boards(callback: &Callback, run: &Run) -> Self {
        let templates = (0..4).map(|index| Template::new(&new_board(index, &callback.url())));
        Self::Boards(Fresh {
            templates: templates.collect(),
            letterhead: Letterhead::new(callback),
            run: run.clone(),
        })
    }

    /// `boards` are those whose cards move.
    pub(crate) fn cards(callback: &Callback, boards: &[String]) -> Self {
        let letterhead = Letterhead::new(callback);
        let url = callback.url();
        let requests = (0..CARDS).zip(boards.iter().cycle()).map(|(index, board)| {
            let mut request = Vec::new();
            let body = moved_card(index, board, &url).to_string();
            letterhead.write(body.as_bytes(), &mut request);
            request
        });
        Self::Cards {
            requests: requests.collect(),
            next: 0,
        }
    }

    /// Writes the next request in the place of the last.
    pub(crate) fn write(&mut self, request: &mut Vec<u8>) {
        request.clear();
        match self {
            Self::Boards(fresh) => fresh.write(request),
            Self::Cards { requests, next } => {
                request.extend_from_slice(&requests[*next]);
                *next = (*next + 1) % requests.len();
            }
        }
    }
}

/// Deliveries whose ids are new every time.
pub(crate) struct Fresh {
    templates: Vec<Template>,
    letterhead: Letterhead,
    run: Run,
}

impl Fresh {
    fn write(&mut self, request: &mut Vec<u8>) {
        let number = self.run.boards.fetch_add(1, Ordering::Relaxed);
        let all = self.templates.len() as u64;
        let template = &mut self.templates[usize::try_from(number % all).unwrap_or(0)];
        template.fill(&self.run.prefix, number);
        self.letterhead.write(&template.body, request);
    }
}

/// A body with places for ids.
struct Template {
    body: Vec<u8>,
    actions: Vec<usize>,
    boards: Vec<usize>,
}

impl Template {
    fn new(body: &Value) -> Self {
        let text = body.to_string();
        let places = |mark: &str| text.match_indices(mark).map(|(at, _)| at).collect();
        Self {
            actions: places(ACTION),
            boards: places(BOARD),
            body: text.clone().into_bytes(),
        }
    }

    fn fill(&mut self, prefix: &str, number: u64) {
        let mut id = [0; 24];
        id[..16].copy_from_slice(prefix.as_bytes());
        for (at, digit) in id[16..].iter_mut().enumerate() {
            let four_bits = (number >> (28 - 4 * at)) & 15;
            *digit = b"0123456789abcdef"[usize::try_from(four_bits).unwrap_or(0)];
        }
        for at in &self.boards {
            self.body[*at..at + 24].copy_from_slice(&id);
        }
        id[8..10].copy_from_slice(b"ac");
        for at in &self.actions {
            self.body[*at..at + 24].copy_from_slice(&id);
        }
    }
}

/// The head of a request.
struct Letterhead {
    key: Hmac<Sha1>,
    url: String,
    head: String,
}

impl Letterhead {
    fn new(callback: &Callback) -> Self {
        let Callback { address, path } = callback;
        Self {
            key: Hmac::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length"),
            url: callback.url(),
            head: format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Trello\r\nContent-Type: application/json\r\n"
            ),
        }
    }

    fn write(&self, body: &[u8], request: &mut Vec<u8>) {
        let mut mac = self.key.clone();
        mac.update(body);
        mac.update(self.url.as_bytes());
        let mut signature = [0; 28];
        BASE64_STANDARD
            .encode_slice(mac.finalize().into_bytes(), &mut signature)
            .expect("20 bytes are 28 characters");
        request.extend_from_slice(self.head.as_bytes());
        let _ = write!(request, "Content-Length: {}\r\n", body.len());
        request.extend_from_slice(b"X-Trello-Webhook: ");
        request.extend_from_slice(&signature);
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body);
    }
}

/// `addToOrganizationBoard` on the workspace's webhook. Real ones differ in length by what a workspace carries.
fn new_board(index: usize, callback: &str) -> Value {
    let board = BOARD;
    let workspace = json!({ "id": WORKSPACE, "name": "Beispiel – Workspace ✓" });
    let model = json!({
        "id": WORKSPACE, "name": "exampleworkspace", "displayName": "Beispiel – Workspace ✓", "desc": "",
        "descData": { "emoji": {} }, "url": "https://trello.com/w/exampleworkspace", "website": null, "logoHash": null,
        "products": [], "powerUps": [], "limits": limits([2, 8, 18, 30][index % 4]),
    });
    let display = json!({
        "translationKey": "action_add_to_organization_board",
        "entities": {
            "board": { "type": "board", "id": board, "text": format!("Board {board}"), "shortLink": "aBcD1234" },
            "organization": { "type": "organization", "id": WORKSPACE, "text": "Beispiel – Workspace ✓" },
            "memberCreator": person_entity(),
        },
    });
    let data = json!({
        "board": { "id": board, "name": format!("Board {board}"), "shortLink": "aBcD1234" }, "organization": workspace,
    });
    let action = action("addToOrganizationBoard", ACTION, &data, &display);
    json!({ "model": model, "action": action, "webhook": webhook(WORKSPACE, callback) })
}

/// `updateCard` on a board's own webhook: most of what Trello sends.
fn moved_card(index: u64, board: &str, callback: &str) -> Value {
    let card = json!({
        "id": format!("{:08x}ca{index:014x}", 0x6500_0000), "name": format!("Druckerei № {index} anrufen"),
        "idShort": index, "shortLink": format!("c{index:07}"), "idList": "650000000000000000000002",
    });
    let list = |number: u32, name: &str| json!({ "id": format!("65{number:022}"), "name": name });
    let prefs = json!({
        "permissionLevel": "org", "hideVotes": false, "voting": "disabled", "comments": "members", "invitations": "members",
        "selfJoin": true, "cardCovers": true, "isTemplate": false, "cardAging": "regular", "calendarFeedEnabled": false,
        "background": "blue", "backgroundColor": "#0079BF", "backgroundImage": null, "backgroundTile": false,
        "backgroundBrightness": "dark", "canBePublic": true, "canBeOrg": true, "canBePrivate": true, "canInvite": true,
    });
    let model = json!({
        "id": board, "name": format!("Board {board}"), "desc": "", "descData": null, "closed": false, "idOrganization": WORKSPACE,
        "pinned": false, "url": format!("https://trello.com/b/{}/board", &board[16..]), "prefs": prefs,
        "labelNames": { "green": "", "yellow": "", "orange": "", "red": "", "purple": "", "blue": "" },
        "limits": limits([0, 0, 8, 18][usize::try_from(index % 4).unwrap_or(0)]),
    });
    let display = json!({
        "translationKey": "action_move_card_from_list_to_list",
        "entities": {
            "card": { "type": "card", "id": card["id"], "text": card["name"], "shortLink": card["shortLink"] },
            "listBefore": { "type": "list", "id": list(1, "")["id"], "text": "Doing" },
            "listAfter": { "type": "list", "id": list(2, "")["id"], "text": "Done" }, "memberCreator": person_entity(),
        },
    });
    let data = json!({
        "card": card, "old": { "idList": list(1, "")["id"] }, "listBefore": list(1, "Doing"), "listAfter": list(2, "Done"),
        "board": { "id": board, "name": format!("Board {board}"), "shortLink": &board[16..] },
    });
    let id = format!("{:08x}ac{index:014x}", 0x6500_0000);
    let action = action("updateCard", &id, &data, &display);
    json!({ "model": model, "action": action, "webhook": webhook(board, callback) })
}

fn action(kind: &str, id: &str, data: &Value, display: &Value) -> Value {
    json!({
        "id": id, "idMemberCreator": MEMBER, "type": kind, "date": "2026-11-25T09:36:17.818Z", "data": data, "appCreator": null,
        "limits": null, "display": display,
        "memberCreator": {
            "id": MEMBER, "activityBlocked": false, "avatarHash": null, "avatarUrl": null, "fullName": "Ada Example",
            "idMemberReferrer": null, "initials": "AE", "nonPublic": {}, "nonPublicAvailable": true, "username": "adaexample",
        },
    })
}

fn person_entity() -> Value {
    json!({ "type": "member", "id": MEMBER, "username": "adaexample", "text": "Ada Example" })
}

fn webhook(model: &str, callback: &str) -> Value {
    json!({
        "id": "5c0000000000000000000001", "description": "boardroom: boardroom", "idModel": model, "callbackURL": callback,
        "active": true, "consecutiveFailures": 0, "firstConsecutiveFailDate": null,
    })
}

fn limits(count: usize) -> Value {
    let limit = |number: usize| {
        let limit = json!({ "perBoard": { "status": "ok", "disableAt": 5000, "warnAt": 4500 } });
        (format!("limit{number}"), limit)
    };
    Value::Object((0..count).map(limit).collect())
}
