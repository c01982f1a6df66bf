//! What is posted: JSON with a text for people, in words that Slack and Mattermost show, and the same for machines.

use serde_json::{Value, json};

use crate::api;
use crate::model::failure::Failure;
use crate::model::id::BoardId;
use crate::model::lane::Lane;
use crate::model::time::Timestamp;
use crate::notices::cause::{Cause, Firing};
use crate::notices::steps::Step;

/// The longest text; Mattermost of before takes 4,000 characters.
const LONGEST_TEXT: usize = 2_000;
/// The longest name or word of somebody else's in it.
const LONGEST_NAME: usize = 60;
const LONGEST_DETAIL: usize = 240;
/// How many of many are named.
pub const EXAMPLES: usize = 3;

/// A board that is named as an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub id: BoardId,
    pub name: Option<String>,
}

/// The body of the notice that tells of a step. `instance`: whose notice it is.
#[must_use]
pub fn body(step: &Step, instance: &str, now: Timestamp, examples: &[Example]) -> String {
    let (state, said) = match &step.firing {
        Some(firing) => ("firing", firing_text(firing, examples)),
        None => ("resolved", over_text(step, now)),
    };
    let body = json!({
        "text": text(instance, &said),
        "kind": step.cause.kind(),
        "cause": step.cause.to_string(),
        "state": state,
        "since": step.since.to_string(),
        "at": now.to_string(),
        "instance": instance,
        "details": details(step, examples),
    });
    body.to_string()
}

/// The body of a notice that tells of nothing but that it arrives.
#[must_use]
pub fn test_body(instance: &str, now: Timestamp) -> String {
    let said = "this is a test. Notices arrive here; nothing is wrong and there is nothing to do.";
    let body = json!({
        "text": text(instance, said),
        "kind": "test",
        "cause": "test",
        "state": "resolved",
        "since": now.to_string(),
        "at": now.to_string(),
        "instance": instance,
        "details": {},
    });
    body.to_string()
}

fn text(instance: &str, said: &str) -> String {
    // The name of an instance has nothing in it that would have to be escaped.
    let who = if instance == "boardroom" {
        "boardroom".to_owned()
    } else {
        format!("boardroom ({instance})")
    };
    cut(&format!("{who}: {said}"), LONGEST_TEXT)
}

/// What happened and what to do.
fn firing_text(firing: &Firing, examples: &[Example]) -> String {
    let code = firing.failure.code;
    let (sentence, fix) = (escaped(code.sentence()), escaped(code.fix()));
    let detail = detail(&firing.failure);
    match firing.cause {
        Cause::LanePaused(lane) => format!(
            "{} has been paused since {}. {sentence}{detail}. Boards wait and nothing is lost. {fix}",
            doing(lane),
            firing.since
        ),
        Cause::PlanFull => {
            format!("no new rooms. {sentence}{detail}. Boards wait and nothing is lost. {fix}")
        }
        Cause::BrakeOn(lane) => format!(
            "the brake is on for {}. {sentence}{detail}. {fix}",
            doing(lane)
        ),
        Cause::BoardsFailed(_) => format!(
            "{} failed and {} not tried again unasked. {sentence}: {}. {fix} Then: boardroom retry BOARD, or boardroom retry --all.",
            counted(firing.count, "board has", "boards have"),
            if firing.count == 1 { "is" } else { "are" },
            names(firing.count, examples),
        ),
        Cause::TokenExpires => format!("{sentence}{detail}. {fix}"),
        Cause::WebhookDead
        | Cause::WebhookRefused
        | Cause::WorkspaceAdminLost
        | Cause::WorkspaceLeft => format!(
            "{sentence}: {}{detail}. {fix}",
            subjects(firing.count, &firing.subjects)
        ),
        Cause::TwinRooms => format!(
            "{} more than one room: {}. Nothing is removed by itself. {fix}",
            counted(firing.count, "board has", "boards have"),
            names(firing.count, examples),
        ),
    }
}

/// That it is over, and how long it took.
fn over_text(step: &Step, now: Timestamp) -> String {
    let took = took(now, step.since);
    let what = match step.cause {
        Cause::LanePaused(lane) => format!("{} goes on", doing(lane)),
        Cause::PlanFull => "DocSpace takes new rooms again".to_owned(),
        Cause::BrakeOn(lane) => format!("the brake is off for {}", doing(lane)),
        Cause::BoardsFailed(code) => format!(
            "no board is failed any more for the reason {code} ({})",
            escaped(code.sentence())
        ),
        Cause::TokenExpires => "the Trello token does not expire soon any more".to_owned(),
        Cause::WebhookDead => "all webhooks are there and switched on".to_owned(),
        Cause::WebhookRefused => "Trello has registered all webhooks".to_owned(),
        Cause::TwinRooms => "no board has more than one room any more".to_owned(),
        Cause::WorkspaceAdminLost => {
            "the token's member is an admin of all watched workspaces".to_owned()
        }
        Cause::WorkspaceLeft => "the token's member sees all watched workspaces".to_owned(),
    };
    format!("over: {what}, after {took}.")
}

fn details(step: &Step, examples: &[Example]) -> Value {
    let mut details = serde_json::Map::new();
    if let Cause::LanePaused(lane) | Cause::BrakeOn(lane) = step.cause {
        details.insert("lane".into(), json!(lane.as_str()));
    }
    if let Cause::BoardsFailed(code) = step.cause {
        details.insert("code".into(), json!(code.as_str()));
    }
    let Some(firing) = &step.firing else {
        return Value::Object(details);
    };
    let failure = &firing.failure;
    details.insert("code".into(), json!(failure.code.as_str()));
    details.insert("reason".into(), json!(failure.code.sentence()));
    details.insert("fix".into(), json!(failure.code.fix()));
    if !failure.detail.is_empty() {
        details.insert("detail".into(), json!(cut(&failure.detail, LONGEST_DETAIL)));
    }
    match firing.cause {
        Cause::BoardsFailed(_) | Cause::TwinRooms => {
            let examples = examples.iter();
            let examples =
                examples.map(|one| json!({ "id": one.id.to_string(), "name": one.name }));
            details.insert("boards".into(), json!(firing.count));
            details.insert("examples".into(), examples.collect());
        }
        Cause::WebhookDead | Cause::WebhookRefused => {
            details.insert("webhooks".into(), json!(firing.count));
            details.insert("examples".into(), json!(named(firing)));
        }
        Cause::WorkspaceAdminLost | Cause::WorkspaceLeft => {
            details.insert("workspaces".into(), json!(firing.count));
            details.insert("examples".into(), json!(named(firing)));
        }
        Cause::LanePaused(_) | Cause::PlanFull | Cause::BrakeOn(_) | Cause::TokenExpires => {}
    }
    Value::Object(details)
}

fn named(firing: &Firing) -> &[String] {
    &firing.subjects[..firing.subjects.len().min(EXAMPLES)]
}

/// What is paused or held, as the beginning or the end of a sentence.
fn doing(lane: Lane) -> &'static str {
    match lane {
        Lane::Trello => "everything that needs Trello",
        Lane::DocSpace => "everything that needs DocSpace",
        Lane::Create | Lane::CreateBrake => "making rooms",
        Lane::Rename => "renaming rooms",
        Lane::Archive | Lane::ArchiveBrake => "archiving rooms",
        Lane::Restore => "taking rooms out of the archive",
        Lane::Tag => "tagging rooms",
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn detail(failure: &Failure) -> String {
    if failure.detail.is_empty() {
        String::new()
    } else {
        format!(" ({})", quoted(&failure.detail, LONGEST_DETAIL))
    }
}

fn names(count: u64, examples: &[Example]) -> String {
    let names = examples.iter().map(|one| match &one.name {
        Some(name) => format!("{} ({})", quoted(name, LONGEST_NAME), one.id),
        None => one.id.to_string(),
    });
    listed(count, names.collect())
}

fn subjects(count: u64, subjects: &[String]) -> String {
    let subjects = subjects.iter().take(EXAMPLES);
    listed(
        count,
        subjects.map(|one| quoted(one, LONGEST_NAME)).collect(),
    )
}

fn listed(count: u64, mut names: Vec<String>) -> String {
    let more = count.saturating_sub(names.len() as u64);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

fn took(now: Timestamp, since: Timestamp) -> String {
    let minutes = now.since(since).as_secs() / 60;
    match minutes {
        0 => "less than a minute".to_owned(),
        1..120 => counted(minutes, "minute", "minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// What somebody else wrote, as code: there no mention, link or emphasis of theirs is obeyed.
fn quoted(text: &str, longest: usize) -> String {
    let plain = api::one_line(text).replace('`', "'");
    let plain = cut(plain.trim(), longest);
    if plain.is_empty() {
        return "(no name)".to_owned();
    }
    format!("`{}`", escaped(&plain))
}

/// Slack's own escapes, which keep `<!channel>` from being one.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
