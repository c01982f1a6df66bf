//! Trello: reachable, the token and whose it is, its expiry and scope, the watched workspaces, and the two clocks.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::check::expiry;
use crate::cli::check::report::Finding;
use crate::cli::wiring;
use crate::config::Config;
use crate::model::id::WorkspaceId;
use crate::model::time::Timestamp;
use crate::model::workspace::{Member, Workspace};
use crate::scope::{Scope, Wanted};
use crate::trello::{Trello, TrelloError};

const TRELLO: &str = "Trello";
const TOKEN: &str = "Trello token";
const EXPIRY: &str = "token expiry";
const SCOPE: &str = "token scope";
const WORKSPACE: &str = "workspace";
const CLOCK: &str = "clock";

const NEW_TOKEN: &str = "Make a new token at \
    https://trello.com/1/authorize?expiration=never&name=boardroom&scope=read&response_type=token&key=KEY \
    with your API key for KEY, and set TRELLO_TOKEN.";
const KEY: &str = "Copy the API key of your Power-Up from https://trello.com/power-ups/admin into TRELLO_API_KEY; \
    the token must have been made with it.";

const AGAIN: &str =
    "Check again in a minute. If it lasts, look for other programs that use this token.";

/// A `Date` is up to a second old, and answers take their time.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);
/// So many workspaces are offered in place of one that is unknown.
const OFFERED: usize = 8;

pub(super) async fn check(config: Arc<Config>, trello: Trello) -> Vec<Finding> {
    let url = config.trello.api_url.as_str().trim_end_matches('/');
    let mut findings = match trello.member().await {
        Ok(member) => {
            let mut findings = vec![
                Finding::ok(TRELLO, format!("{url} answers")),
                Finding::ok(TOKEN, format!("valid; it is @{}'s", member.username)),
            ];
            findings.extend(token(&trello).await);
            findings.extend(workspaces(&config, &trello, member).await);
            findings
        }
        Err(TrelloError::Unauthorized(said)) => refused(url, &said),
        Err(error) => {
            let mut findings = vec![failed(TRELLO, &error)];
            findings.extend([TOKEN, EXPIRY, SCOPE, WORKSPACE].map(Finding::not_checked));
            findings
        }
    };
    findings.push(clock(trello.clock_offset_ms()));
    findings
}

fn failed(subject: &'static str, error: &TrelloError) -> Finding {
    let fix = match error {
        // The service would wait by itself; whoever checks must do so.
        TrelloError::RateLimited { .. } => AGAIN,
        TrelloError::Unauthorized(_)
        | TrelloError::Forbidden(_)
        | TrelloError::NotFound(_)
        | TrelloError::Unavailable { .. }
        | TrelloError::Rejected { .. }
        | TrelloError::Unintelligible(_)
        | TrelloError::Unreachable(_) => error.code().fix(),
    };
    Finding::failed(subject, error.failure().to_string(), fix)
}

/// 401: Trello tells by its words alone which of the two it does not like.
fn refused(url: &str, said: &str) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(TRELLO, format!("{url} answers"))];
    let detail = format!("refused: {said}");
    if said.contains("permission") {
        findings.push(Finding::open(TOKEN, detail));
        findings.push(Finding::not_checked(EXPIRY));
        let detail = "the token may not even read its own member";
        findings.push(Finding::failed(SCOPE, detail, NEW_TOKEN));
    } else {
        let fix = if said.contains("key") { KEY } else { NEW_TOKEN };
        findings.push(Finding::failed(TOKEN, detail, fix));
        findings.extend([EXPIRY, SCOPE].map(Finding::not_checked));
    }
    findings.push(Finding::not_checked(WORKSPACE));
    findings
}

async fn token(trello: &Trello) -> [Finding; 2] {
    match trello.token().await {
        Ok(token) => {
            let now = trello.now().unwrap_or_else(Timestamp::now);
            let scope = if token.may_read {
                Finding::ok(SCOPE, "may read")
            } else {
                Finding::failed(SCOPE, "may not read", NEW_TOKEN)
            };
            [
                expiry::finding(EXPIRY, token.expires, now, NEW_TOKEN),
                scope,
            ]
        }
        // The answer to this one call may repeat its path, which is the token.
        Err(error) => [EXPIRY, SCOPE].map(|subject| {
            Finding::open(subject, format!("not told: {}", error.code().sentence()))
        }),
    }
}

async fn workspaces(config: &Config, trello: &Trello, member: Member) -> Vec<Finding> {
    let wanted = wiring::wanted(config);
    let scope = match Scope::resolve(trello, &wanted, Some(member)).await {
        Ok(scope) => scope,
        Err(error) => return vec![failed(WORKSPACE, &error)],
    };
    let mut findings = Vec::new();
    for watched in &scope.workspaces {
        findings.push(part_in(trello, watched, &scope.member).await);
    }
    for name in &scope.unknown {
        findings.push(unknown(trello, name).await);
    }
    if findings.is_empty() {
        findings.push(none_at_all(config, &wanted));
    }
    findings
}

/// What the member is in a watched workspace.
async fn part_in(trello: &Trello, workspace: &Workspace, member: &Member) -> Finding {
    let name = &workspace.display_name;
    match trello.is_admin(workspace.id, member.id).await {
        Ok(true) => Finding::ok(
            WORKSPACE,
            format!("{name}: @{} is an admin", member.username),
        ),
        Ok(false) => Finding::warning(
            WORKSPACE,
            format!(
                "{name}: @{} is no admin there and does not see private boards of others",
                member.username
            ),
            "Make the member an admin of the workspace, or those boards get no rooms.",
        ),
        Err(error) => Finding::open(
            WORKSPACE,
            format!(
                "{name}: not told whether @{} is an admin ({})",
                member.username,
                error.code().sentence()
            ),
        ),
    }
}

/// A name under which no workspace can be watched.
async fn unknown(trello: &Trello, name: &str) -> Finding {
    // An id may be right although its workspace cannot be read: the member is a guest on boards in it.
    if name.parse::<WorkspaceId>().is_ok()
        && let Err(TrelloError::Unauthorized(_) | TrelloError::Forbidden(_)) =
            trello.workspace(name).await
    {
        return Finding::warning(
            WORKSPACE,
            format!("{name}: this member does not belong to it"),
            "Only boards in it that the member was invited to get rooms; for all of them make the member an admin of the workspace.",
        );
    }
    let own = trello.workspaces().await.unwrap_or_default();
    let namesakes = own
        .iter()
        .filter(|one| one.display_name.eq_ignore_ascii_case(name))
        .count();
    let detail = if namesakes > 1 {
        format!("{name}: {namesakes} workspaces have this name")
    } else {
        format!("{name}: Trello knows no such workspace")
    };
    Finding::failed(WORKSPACE, detail, offer(&own))
}

fn offer(own: &[Workspace]) -> String {
    let names = own
        .iter()
        .map(|one| format!("{} ({})", one.name, one.display_name));
    let names: Vec<_> = names.take(OFFERED).collect();
    if names.is_empty() {
        return "This token's member belongs to no workspace: invite it, or use another member's token.".to_owned();
    }
    let more = if own.len() > OFFERED { ", …" } else { "" };
    format!(
        "Correct BOARDROOM_WORKSPACES; this token sees {}{more}.",
        names.join(", ")
    )
}

fn none_at_all(config: &Config, wanted: &Wanted) -> Finding {
    match (wanted, config.personal_boards) {
        (Wanted::All, true) => Finding::warning(
            WORKSPACE,
            "none: only boards outside of workspaces get rooms",
            "Invite the token's member to the workspaces that are to be mirrored.",
        ),
        (Wanted::All, false) => Finding::failed(
            WORKSPACE,
            "none, and personal boards are left out: no board gets a room",
            "Invite the token's member to a workspace, or set BOARDROOM_PERSONAL_BOARDS=true.",
        ),
        (Wanted::Named(_), _) => Finding::open(WORKSPACE, "none is named"),
    }
}

/// How far Trello's clock is from ours; none when it has not answered.
fn clock(offset_ms: Option<i64>) -> Finding {
    let Some(offset_ms) = offset_ms else {
        return Finding::not_checked(CLOCK);
    };
    let offset = Duration::from_millis(offset_ms.unsigned_abs());
    let seconds = offset.as_secs();
    if offset <= CLOCK_TOLERANCE {
        return Finding::ok(CLOCK, "agrees with Trello's");
    }
    let side = if offset_ms > 0 { "behind" } else { "ahead of" };
    Finding::warning(
        CLOCK,
        format!("this machine's is {seconds} s {side} Trello's"),
        "Let this machine set its clock by NTP: certificates are checked and times are shown by it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn a_clock_may_be_half_a_minute_off() {
        let table = [
            (None, Verdict::Open),
            (Some(-1_000), Verdict::Ok),
            (Some(30_000), Verdict::Ok),
            (Some(31_000), Verdict::Warning),
            (Some(-31_000), Verdict::Warning),
        ];
        for (offset, verdict) in table {
            assert_eq!(clock(offset).verdict, verdict, "{offset:?}");
        }
    }
}
