//! Trello's objects as JSON, and its `fields` parameter.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::prefs::{label_names, prefs};
use super::world::{Board, Member, Membership, TrelloWorld, Webhook, Workspace};

/// What `GET /1/boards/{id}` shows unasked (<https://developer.atlassian.com/cloud/trello/rest/api-group-boards/>).
pub(super) const BOARD_DEFAULTS: &str =
    "name,desc,descData,closed,idOrganization,idEnterprise,pinned,url,shortUrl,prefs,labelNames";

/// A moment with milliseconds and `Z`, as JavaScript writes it.
pub(super) fn date(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Only the asked members of an object, `id` always among them. `None` if one is asked that does not exist.
pub(super) fn chosen(object: Value, fields: Option<&str>) -> Option<Value> {
    let Some(fields) = fields.filter(|fields| !fields.is_empty() && *fields != "all") else {
        return Some(object);
    };
    let Value::Object(mut members) = object else {
        return Some(object);
    };
    let mut kept = Map::new();
    kept.insert("id".to_owned(), members.remove("id").unwrap_or_default());
    for field in fields.split(',').map(str::trim) {
        if field == "id" || kept.contains_key(field) {
            continue;
        }
        kept.insert(field.to_owned(), members.remove(field)?);
    }
    Some(Value::Object(kept))
}

/// A board with the asked fields, or with all of them. `None` if one is asked that does not exist.
pub(super) fn board(board: &Board, fields: Option<&str>) -> Option<Value> {
    let all = fields.is_none_or(|fields| fields.is_empty() || fields == "all");
    let asked = |name| all || fields.is_some_and(|fields| fields.contains(name));
    let short_url = format!("https://trello.com/b/{}", board.short_link);
    let object = json!({
        "id": *board.id,
        "nodeId": format!("ari:cloud:trello::board/workspace/{}", board.id),
        "name": board.name,
        "desc": board.desc,
        "descData": { "emoji": {} },
        "closed": board.closed,
        "dateClosed": board.closed.then(|| date(board.last_activity)),
        "idOrganization": board.workspace.as_deref(),
        "idEnterprise": null,
        "idMemberCreator": *board.creator,
        "limits": { "boards": { "totalMembersPerBoard": { "status": "ok", "disableAt": 1600, "warnAt": 1280 } } },
        "pinned": false,
        "starred": false,
        "subscribed": false,
        "url": format!("{short_url}/{}", slug(&board.name)),
        "shortUrl": short_url,
        "shortLink": board.short_link,
        "type": if board.inbox { json!("inbox") } else { Value::Null },
        "prefs": if asked("prefs") { prefs(board) } else { Value::Null },
        "labelNames": if asked("labelNames") { label_names() } else { Value::Null },
        "powerUps": [],
        "dateLastActivity": date(board.last_activity),
        "dateLastView": null,
        "idTags": [],
        "datePluginDisable": null,
        "creationMethod": null,
        "ixUpdate": 2,
        "templateGallery": null,
        "enterpriseOwned": false,
        "idBoardSource": null,
        "premiumFeatures": [],
        "memberships": memberships(&board.members),
    });
    chosen(object, fields)
}

/// As Trello makes the last part of a board's URL: lower case, everything else a dash.
fn slug(name: &str) -> String {
    let mapped: String = name
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let words: Vec<&str> = mapped.split_whitespace().collect();
    if words.is_empty() {
        "board".to_owned()
    } else {
        words.join("-")
    }
}

pub(super) fn memberships(parts: &[Membership]) -> Value {
    parts
        .iter()
        .map(|part| {
            json!({
                "id": part.id,
                "idMember": *part.member,
                "memberType": part.role.name(),
                "unconfirmed": false,
                "deactivated": false,
            })
        })
        .collect()
}

/// A member as an action shows its actor.
pub(super) fn person(member: &Member) -> Value {
    json!({
        "id": *member.id,
        "activityBlocked": false,
        "avatarHash": null,
        "avatarUrl": null,
        "fullName": member.full_name,
        "idMemberReferrer": null,
        "initials": initials(&member.full_name),
        "nonPublic": {},
        "nonPublicAvailable": true,
        "username": member.username,
    })
}

pub(super) fn initials(full_name: &str) -> String {
    full_name
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .collect()
}

/// A member in full. The inbox is shown to its owner only.
pub(super) fn member(world: &TrelloWorld, member: &Member) -> Value {
    let boards = world
        .boards
        .values()
        .filter(|board| board.has_member(&member.id) && !board.inbox && !board.hidden);
    let workspaces = world.workspaces.iter().filter(|workspace| {
        workspace
            .members
            .iter()
            .any(|part| part.member == member.id)
    });
    let mut object = person(member);
    let more = json!({
        "bio": "",
        "bioData": null,
        "confirmed": true,
        "idEnterprise": null,
        "idEnterprisesDeactivated": [],
        "idPremOrgsAdmin": [],
        "memberType": "normal",
        "products": [],
        "url": format!("https://trello.com/{}", member.username),
        "status": "disconnected",
        "email": format!("{}@example.com", member.username),
        "idBoards": boards.map(|board| board.id.to_string()).collect::<Vec<_>>(),
        "idOrganizations": workspaces.map(|workspace| workspace.id.to_string()).collect::<Vec<_>>(),
        "idEnterprisesAdmin": [],
        "loginTypes": ["password"],
        "limits": { "boards": { "totalPerMember": { "status": "ok", "disableAt": 4500, "warnAt": 3600 } } },
        "prefs": { "locale": "en-GB", "timezoneInfo": { "timezoneCurrent": "UTC" } },
        "trophies": [],
        "uploadedAvatarHash": null,
        "premiumFeatures": [],
        "ixUpdate": 1,
    });
    if let (Value::Object(target), Value::Object(source)) = (&mut object, more) {
        target.extend(source);
        if let Some(inbox) = world
            .boards
            .values()
            .find(|board| board.inbox && board.creator == member.id)
        {
            let place =
                json!({ "idBoard": *inbox.id, "idList": *inbox.id, "idOrganization": null });
            target.insert("inbox".to_owned(), place);
        }
    }
    object
}

/// A workspace; `boards` are those that the token may see.
pub(super) fn workspace(world: &TrelloWorld, workspace: &Workspace) -> Value {
    let boards = world
        .boards
        .values()
        .filter(|board| board.workspace.as_ref() == Some(&workspace.id) && world.sees(board));
    json!({
        "id": *workspace.id,
        "nodeId": format!("ari:cloud:trello::workspace/{}", workspace.id),
        "name": workspace.name,
        "displayName": workspace.display_name,
        "desc": "",
        "descData": { "emoji": {} },
        "url": format!("https://trello.com/w/{}", workspace.name),
        "website": null,
        "teamType": null,
        "logoHash": null,
        "logoUrl": null,
        "offering": "trello.free",
        "idEnterprise": null,
        "idMemberCreator": workspace.members.first().map(|part| part.member.to_string()),
        "premiumFeatures": [],
        "products": [],
        "powerUps": [],
        "prefs": {
            "permissionLevel": "private",
            "orgInviteRestrict": [],
            "boardInviteRestrict": "any",
            "externalMembersDisabled": false,
            "associatedDomain": null,
            "googleAppsVersion": 1,
            "boardVisibilityRestrict": { "private": "org", "org": "org", "enterprise": "org", "public": "org" },
        },
        "limits": { "orgs": { "freeBoardsPerOrg": { "status": "ok", "disableAt": 10, "warnAt": 8 } } },
        "idBoards": boards.map(|board| board.id.to_string()).collect::<Vec<_>>(),
        "memberships": memberships(&workspace.members),
    })
}

pub(super) fn token(world: &TrelloWorld) -> Value {
    let credentials = &world.credentials;
    let permission = |model: &str, kind: &str| json!({ "idModel": model, "modelType": kind, "read": credentials.reads, "write": credentials.writes });
    json!({
        "id": credentials.token_id,
        "identifier": "boardroom",
        "idMember": *credentials.member,
        "dateCreated": date(credentials.created),
        "dateExpires": credentials.expires.map(date),
        "permissions": [
            permission(&credentials.member, "Member"),
            permission("*", "Board"),
            permission("*", "Organization"),
        ],
    })
}

pub(super) fn webhook(webhook: &Webhook) -> Value {
    json!({
        "id": *webhook.id,
        "description": webhook.description,
        "idModel": webhook.id_model,
        "callbackURL": webhook.callback_url,
        "active": webhook.active,
        "consecutiveFailures": webhook.consecutive_failures,
        "firstConsecutiveFailDate": webhook.first_consecutive_fail_date.map(date),
    })
}
