//! Trello's webhook routes: create, show, list, change, delete, and the `HEAD` that guards the callback.

use serde_json::{Value, json};

use super::Trello;
use super::render;
use super::world::{TrelloWorld, Webhook, WebhookOwner};
use crate::sandbox::call::{Answer, Call, pairs};
use crate::sandbox::identity::{WebhookId, is_object_id, object_id};

/// Longer descriptions are refused.
const DESCRIPTION: usize = 16_384;
const DUPLICATE: &str = "A webhook with that callback, model, and token already exists";

/// Query, form and JSON body alike: Trello takes its parameters from any of them.
pub(super) fn parameters(call: &Call) -> Vec<(String, String)> {
    let mut all = call.query.clone();
    let kind = call.header("Content-Type").unwrap_or_default();
    if kind.starts_with("application/json") {
        if let Some(Value::Object(members)) = call.json() {
            all.extend(members.into_iter().filter_map(|(name, value)| match value {
                Value::String(text) => Some((name, text)),
                Value::Null => None,
                other => Some((name, other.to_string())),
            }));
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        all.extend(pairs(&call.body));
    }
    all
}

pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// The members of a webhook that a request sets.
#[derive(Debug)]
struct Wanted {
    callback_url: Option<String>,
    id_model: Option<String>,
    description: Option<String>,
    active: Option<bool>,
}

impl Wanted {
    fn parse(parameters: &[(String, String)]) -> Result<Self, Answer> {
        let text = |name| parameter(parameters, name).map(str::to_owned);
        let wanted = Self {
            callback_url: text("callbackURL"),
            id_model: text("idModel"),
            description: text("description"),
            active: match parameter(parameters, "active") {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(_) => return Err(Answer::text(400, "invalid value for active")),
            },
        };
        if wanted.id_model.as_ref().is_some_and(|id| !is_object_id(id)) {
            return Err(Answer::json(
                400,
                &json!({ "message": "Invalid objectId", "error": "ERROR" }),
            ));
        }
        if wanted
            .callback_url
            .as_ref()
            .is_some_and(|callback| !is_callback(callback))
        {
            return Err(Answer::text(400, "invalid value for callbackURL"));
        }
        if wanted
            .description
            .as_ref()
            .is_some_and(|text| text.chars().count() > DESCRIPTION)
        {
            return Err(Answer::text(400, "invalid value for description"));
        }
        Ok(wanted)
    }
}

fn is_callback(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// `POST /1/webhooks` and `POST /1/tokens/{token}/webhooks`.
pub(super) async fn create(trello: &Trello, parameters: &[(String, String)]) -> Answer {
    let wanted = match Wanted::parse(parameters) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let Some(callback) = wanted.callback_url else {
        return Answer::text(400, "invalid value for callbackURL");
    };
    let Some(model) = wanted.id_model else {
        return Answer::json(
            400,
            &json!({ "message": "Invalid objectId", "error": "ERROR" }),
        );
    };
    if let Err(refusal) = readable(&trello.world(), &model) {
        return refusal;
    }
    if let Err(refusal) = check(trello, &callback).await {
        return refusal;
    }
    let webhook = Webhook {
        id: WebhookId(object_id(trello.now())),
        description: wanted.description.unwrap_or_default(),
        id_model: model,
        callback_url: callback,
        active: wanted.active.unwrap_or(true),
        consecutive_failures: 0,
        first_consecutive_fail_date: None,
        owner: WebhookOwner::OurToken,
    };
    trello.update(|world| {
        if is_duplicate(world, &webhook) {
            return Answer::text(400, DUPLICATE);
        }
        let answer = Answer::json(200, &render::webhook(&webhook));
        world.webhooks.push(webhook);
        answer
    })
}

fn readable(world: &TrelloWorld, model: &str) -> Result<(), Answer> {
    match world.sees_model(model) {
        Some(true) => Ok(()),
        Some(false) => Err(Answer::text(401, "unauthorized permission requested")),
        None => Err(Answer::text(404, "The requested resource was not found.")),
    }
}

/// Unique per callback, model and token. The refusal does not say which one it is.
fn is_duplicate(world: &TrelloWorld, webhook: &Webhook) -> bool {
    world.webhooks.iter().any(|other| {
        other.id != webhook.id
            && other.owner == webhook.owner
            && other.id_model == webhook.id_model
            && other.callback_url == webhook.callback_url
    })
}

/// `HEAD` on the callback: exactly 200, no redirect followed. Nothing is signed and nobody's ownership is proved.
async fn check(trello: &Trello, callback: &str) -> Result<(), Answer> {
    let (client, timeout) = {
        let world = trello.world();
        (world.courier.client.clone(), world.head_timeout)
    };
    let got = match client.head(callback).timeout(timeout).send().await {
        Ok(answer) if answer.status() == 200 => return Ok(()),
        Ok(answer) => answer.status().as_u16().to_string(),
        // What Trello says of a host that does not answer at all is not documented; the code is the same.
        Err(_) => "undefined".to_owned(),
    };
    let message = format!("URL ({callback}) did not return 200 status code, got {got}");
    let body = json!({ "message": message, "error": "VALIDATOR_URL_RETURNED_ERROR" });
    Err(Answer::json(400, &body))
}

/// `PUT /1/webhooks/{id}`: a changed callback is checked again.
pub(super) async fn update(trello: &Trello, id: &str, parameters: &[(String, String)]) -> Answer {
    let wanted = match Wanted::parse(parameters) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let current = match owned(&trello.world(), id) {
        Ok(webhook) => webhook.clone(),
        Err(refusal) => return refusal,
    };
    if let Some(model) = &wanted.id_model
        && let Err(refusal) = readable(&trello.world(), model)
    {
        return refusal;
    }
    if let Some(callback) = &wanted.callback_url
        && *callback != current.callback_url
        && let Err(refusal) = check(trello, callback).await
    {
        return refusal;
    }
    trello.update(|world| {
        let Some(index) = world.webhooks.iter().position(|webhook| *webhook.id == *id) else {
            return Answer::text(404, "The requested resource was not found.");
        };
        let mut changed = world.webhooks[index].clone();
        changed.callback_url = wanted.callback_url.unwrap_or(changed.callback_url);
        changed.id_model = wanted.id_model.unwrap_or(changed.id_model);
        changed.description = wanted.description.unwrap_or(changed.description);
        changed.active = wanted.active.unwrap_or(changed.active);
        if is_duplicate(world, &changed) {
            return Answer::text(400, DUPLICATE);
        }
        let answer = Answer::json(200, &render::webhook(&changed));
        world.webhooks[index] = changed;
        answer
    })
}

pub(super) fn delete(trello: &Trello, id: &str) -> Answer {
    if let Err(refusal) = owned(&trello.world(), id) {
        return refusal;
    }
    trello.update(|world| world.webhooks.retain(|webhook| *webhook.id != *id));
    Answer::json(200, &json!({ "_value": null }))
}

pub(super) fn show(world: &TrelloWorld, id: &str) -> Answer {
    match owned(world, id) {
        Ok(webhook) => Answer::json(200, &render::webhook(webhook)),
        Err(refusal) => refusal,
    }
}

/// Only the token's own webhooks.
pub(super) fn list(world: &TrelloWorld) -> Value {
    let ours = world
        .webhooks
        .iter()
        .filter(|webhook| webhook.owner == WebhookOwner::OurToken);
    ours.map(render::webhook).collect()
}

fn owned<'a>(world: &'a TrelloWorld, id: &str) -> Result<&'a Webhook, Answer> {
    match world.webhooks.iter().find(|webhook| *webhook.id == *id) {
        None => Err(Answer::text(404, "The requested resource was not found.")),
        Some(webhook) if webhook.owner == WebhookOwner::AnotherToken => {
            Err(Answer::text(401, "webhook does not belong to token"))
        }
        Some(webhook) => Ok(webhook),
    }
}
