//! `/status`: everything that the top of the page says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::admin::refusal::Refusal;
use crate::admin::{About, Admin};
use crate::desk::findings::{Situation, Tone, findings};
use crate::desk::standings::{STATUSES, total};
use crate::http::Clients;
use crate::model::failure::{Code, Failure};
use crate::model::id::ModelId;
use crate::model::lane::{Lane, LaneKind, Pause};
use crate::model::time::Timestamp;
use crate::store::{Concern, Group, Paused, Progress, Store};

/// What the database says, in one go.
struct Read {
    paused: Paused,
    groups: Vec<(Group, u64)>,
    concerns: Vec<Concern>,
    progress: Progress,
    sources: Vec<(ModelId, Option<String>)>,
    /// Models whose webhooks are ours, and requests to Trello that services occupy.
    watched: u64,
    occupied: u32,
}

pub(super) async fn status(
    State(admin): State<Admin>,
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
) -> Result<Json<Value>, Refusal> {
    let budget = clients.trello.budget();
    let (paused, groups, concerns, progress, sources, watched, occupied) = tokio::try_join!(
        store.lanes(),
        store.groups(),
        store.concerns(),
        store.progress(),
        store.sources(),
        store.watched(),
        store.occupied_permits(budget.per()),
    )?;
    let read = Read {
        paused,
        groups,
        concerns,
        progress,
        sources,
        watched,
        occupied,
    };
    let unready = admin.shared.why_unready().await;
    Ok(Json(json!({
        "at": Timestamp::now().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "instance": admin.about.instance,
        "summary": summary(&admin, &read, unready),
        "deliveries": { "stored": unready.is_none(), "reason": unready },
        "services": [service("trello", Lane::Trello, &read), service("docspace", Lane::DocSpace, &read)],
        "paused": read.paused.lanes.iter().map(|(lane, pause)| closed(*lane, pause)).collect::<Vec<_>>(),
        "brake": brake(&read),
        "webhooks": hooks(&admin.about, &read),
        "budget": requests(&clients, &read),
        "boards": boards(&read),
        "concerns": read.concerns.iter().map(concern).collect::<Vec<_>>(),
    })))
}

/// The sentence on top of the page.
fn summary(admin: &Admin, read: &Read, unready: Option<&str>) -> Value {
    let names = read.sources.iter().filter_map(|(_, name)| name.as_deref());
    let workspaces: Vec<_> = names.map(crate::api::printable).collect();
    let first = findings(&Situation {
        now: read.paused.now,
        unready,
        pauses: &read.paused.lanes,
        groups: &read.groups,
        concerns: &read.concerns,
        progress: read.progress,
        rounds: admin.about.rounds(&admin.shared, read.paused.now),
        workspaces: &workspaces,
        is_begun: !read.sources.is_empty(),
        has_public_url: admin.about.webhooks.callback.is_some(),
    })
    .into_iter()
    .next();
    let first = first.expect("there is always something to say");
    let well = match first.tone {
        Tone::Wrong | Tone::Care => false,
        Tone::Busy | Tone::Well | Tone::Still => true,
    };
    let fix = Some(first.advice.join(" ")).filter(|fix| !fix.is_empty());
    json!({ "well": well, "state": first.kind.as_str(), "sentence": first.sentence, "fix": fix })
}

/// A service with the gates before it.
fn service(name: &str, lane: Lane, read: &Read) -> Value {
    let lanes = &read.paused.lanes;
    let own = lanes.iter().find(|(closed, _)| *closed == lane);
    let gates = lanes.iter().filter(|(closed, _)| {
        closed.kind() == LaneKind::Gate && closed.as_str().starts_with(lane.as_str())
    });
    let gates: Vec<_> = gates.map(|(gate, _)| gate.as_str()).collect();
    json!({
        "name": name,
        "state": if own.is_some() { "paused" } else if gates.is_empty() { "open" } else { "partly" },
        "paused": own.map(|(lane, pause)| closed(*lane, pause)),
        "gates": gates,
    })
}

fn closed(lane: Lane, pause: &Pause) -> Value {
    let (kind, until) = match lane.kind() {
        LaneKind::Service => ("service", Some(pause.until.to_string())),
        LaneKind::Gate => ("gate", Some(pause.until.to_string())),
        // Until a person says so.
        LaneKind::Brake => ("brake", None),
    };
    let mut value = failure(&pause.failure);
    value["lane"] = json!(lane.as_str());
    value["kind"] = json!(kind);
    value["since"] = json!(pause.since.to_string());
    value["until"] = json!(until);
    value
}

fn failure(failure: &Failure) -> Value {
    json!({
        "code": failure.code.as_str(),
        "reason": failure.code.sentence(),
        "detail": failure.detail,
        "fix": failure.code.fix(),
    })
}

fn concern(concern: &Concern) -> Value {
    let mut value = failure(&concern.failure);
    value["subject"] = json!(concern.subject);
    value["since"] = json!(concern.since.to_string());
    value
}

fn brake(read: &Read) -> Value {
    let lanes = read.paused.lanes.iter();
    let on = lanes.filter(|(lane, _)| lane.kind() == LaneKind::Brake);
    let on: Vec<_> = on.map(|(lane, _)| lane.as_str()).collect();
    let waits = |group: &Group| match group {
        Group::All | Group::Twins => false,
        Group::At(words) => words.status == "waiting" && words.reason.as_deref() == Some("brake"),
    };
    // Once it is let go, those that still stand at it are on their way.
    let is_on = !on.is_empty();
    let waiting: u64 = read
        .groups
        .iter()
        .filter(|(group, _)| is_on && waits(group))
        .map(|(_, count)| count)
        .sum();
    json!({ "on": is_on, "brakes": on, "waiting": waiting })
}

/// What the guardian has noted of them; Trello is not asked.
fn hooks(about: &About, read: &Read) -> Value {
    let troubles = read.concerns.iter().filter(|concern| {
        [Code::WebhookFailing, Code::WebhookRefused].contains(&concern.failure.code)
    });
    let troubles: Vec<_> = troubles.map(|one| one.subject.as_str()).collect();
    let is_known = read.progress.webhooks_at.is_some();
    let state = match (&about.webhooks.callback, troubles.is_empty()) {
        (None, _) => "off",
        (Some(_), false) => "fails",
        (Some(_), true) if is_known => "works",
        (Some(_), true) => "beginning",
    };
    json!({
        "state": state,
        "callback": about.webhooks.callback,
        "watched": read.watched,
        "troubles": troubles,
    })
}

fn requests(clients: &Clients, read: &Read) -> Value {
    let budget = clients.trello.budget();
    let (_, allowed) = budget.left();
    // What others do not occupy, and what is leased to this process.
    let left = allowed.saturating_sub(read.occupied) + budget.reserve();
    let (writes, most_writes) = clients.docspace.writes_in_flight();
    json!({
        "trello": {
            "requests_left": left,
            "requests_allowed": allowed,
            "per_seconds": budget.per().as_secs_f64(),
        },
        "docspace": { "writes_in_flight": writes, "writes_allowed": most_writes },
    })
}

fn boards(read: &Read) -> Value {
    let all: u64 = read.groups.iter().map(|(_, count)| count).sum();
    let by_status: serde_json::Map<_, _> = STATUSES
        .into_iter()
        .map(|status| (status.to_owned(), json!(total(&read.groups, status))))
        .collect();
    let by_reason = read.groups.iter().filter_map(|(group, count)| {
        let (status, reason) = match group {
            Group::All => return None,
            Group::Twins => ("mirrored", Some("twins")),
            Group::At(words) => (words.status.as_str(), words.reason.as_deref()),
        };
        Some(json!({ "status": status, "reason": reason, "boards": count }))
    });
    json!({
        "total": all,
        "by_status": by_status,
        "by_reason": by_reason.collect::<Vec<_>>(),
    })
}
