//! DocSpace: reachable, its version, the key with its expiry and scopes, and whether rooms may be made.

use std::sync::Arc;

use crate::api::SendError;
use crate::cli::check::expiry;
use crate::cli::check::report::Finding;
use crate::config::Config;
use crate::docspace::{DocSpace, DocSpaceError, Key};
use crate::model::failure::Code;
use crate::model::time::Timestamp;

const DOCSPACE: &str = "DocSpace";
const VERSION: &str = "DocSpace version";
const KEY: &str = "DocSpace key";
const EXPIRY: &str = "key expiry";
const SCOPES: &str = "key scopes";
const CREATE: &str = "right to create";
const PRIVATE: &str = "private rooms";

/// API keys exist since then.
const FIRST_WITH_KEYS: (u32, u32) = (3, 1);

const NEW_KEY: &str = "Make a new API key in DocSpace under Settings → Developer tools → API keys, and set ONLYOFFICE_API_KEY.";
const AGAIN: &str =
    "Check again in a minute. If it lasts, look for other programs that use this key.";
const ADD_SCOPE: &str = "Make an API key with the scope rooms:write, or with all of them.";

pub(super) async fn check(config: Arc<Config>, docspace: DocSpace) -> Vec<Finding> {
    let url = config.docspace.host.as_ref().map_or("", |url| url.as_str());
    let mut findings = match docspace.version().await {
        // Whoever waits for a connection in vain need not do so four times.
        Err(error @ DocSpaceError::Unreachable(SendError::NotSent(_))) => out_of_reach(url, &error),
        version => with_key(url, &docspace, version.ok().flatten()).await,
    };
    if config.room.private {
        let code = Code::PrivateRoomRefused;
        let detail = "BOARDROOM_ROOM_PRIVATE=true: servers refuse to make such rooms";
        findings.push(Finding::warning(PRIVATE, detail, code.fix()));
    }
    findings
}

/// The control read proves all at once; its refusal says how far one gets.
async fn with_key(url: &str, docspace: &DocSpace, version: Option<String>) -> Vec<Finding> {
    let answers = Finding::ok(DOCSPACE, format!("{} answers", url.trim_end_matches('/')));
    let error = match docspace.may_create().await {
        Ok(may_create) => {
            let mut findings = vec![
                answers,
                version_of(version.as_deref()),
                Finding::ok(KEY, "valid"),
            ];
            findings.extend(key(docspace).await);
            findings.push(right(may_create));
            return findings;
        }
        Err(error) => error,
    };
    let version = version_of(version.as_deref());
    match &error {
        DocSpaceError::Unauthorized(_) => {
            let refused = Finding::failed(
                KEY,
                "refused: it is unknown, expired or switched off",
                NEW_KEY,
            );
            let mut findings = vec![answers, version, refused];
            findings.extend([EXPIRY, SCOPES, CREATE].map(Finding::not_checked));
            findings
        }
        DocSpaceError::Forbidden(_) => forbidden(answers, version, docspace, &error).await,
        DocSpaceError::PaymentRequired(_) => closed(version, &error, error.code().fix()),
        DocSpaceError::RateLimited { .. } => closed(version, &error, AGAIN),
        DocSpaceError::Redirected { .. }
        | DocSpaceError::NotFound(_)
        | DocSpaceError::Failed(_)
        | DocSpaceError::Unavailable { .. }
        | DocSpaceError::Rejected { .. }
        | DocSpaceError::Unintelligible(_)
        | DocSpaceError::Unreachable(_) => out_of_reach(url, &error),
    }
}

/// It is DocSpace, and does nothing for anybody now.
fn closed(version: Finding, error: &DocSpaceError, fix: &str) -> Vec<Finding> {
    let refused = Finding::failed(DOCSPACE, error.failure().to_string(), fix);
    let mut findings = vec![refused, version];
    findings.extend([KEY, EXPIRY, SCOPES, CREATE].map(Finding::not_checked));
    findings
}

fn out_of_reach(url: &str, error: &DocSpaceError) -> Vec<Finding> {
    let detail = error.failure().to_string();
    let fix = match (error, url.strip_prefix("http://")) {
        (DocSpaceError::Redirected { .. }, Some(host)) => {
            format!(
                "Set ONLYOFFICE_API_HOST=https://{}",
                host.trim_end_matches('/')
            )
        }
        _ => error.code().fix().to_owned(),
    };
    let mut findings = vec![Finding::failed(DOCSPACE, detail, fix)];
    findings.extend([VERSION, KEY, EXPIRY, SCOPES, CREATE].map(Finding::not_checked));
    findings
}

/// The key is known, and may not list rooms: by its scopes, or from this address.
async fn forbidden(
    answers: Finding,
    version: Finding,
    docspace: &DocSpace,
    error: &DocSpaceError,
) -> Vec<Finding> {
    let mut findings = vec![answers, version];
    match docspace.key().await {
        Ok(known) if !writes_rooms(&known) => {
            findings.push(Finding::ok(KEY, "valid"));
            findings.extend(findings_on(&known, docspace));
        }
        Ok(_) | Err(_) => {
            findings.push(Finding::failed(
                KEY,
                error.failure().to_string(),
                error.code().fix(),
            ));
            findings.extend([EXPIRY, SCOPES].map(Finding::not_checked));
        }
    }
    findings.push(Finding::not_checked(CREATE));
    findings
}

async fn key(docspace: &DocSpace) -> [Finding; 2] {
    match docspace.key().await {
        Ok(key) => findings_on(&key, docspace),
        // Servers before 3.7 refuse to tell a key with scopes about itself.
        Err(_) => [EXPIRY, SCOPES].map(|subject| Finding::open(subject, "not told by this server")),
    }
}

fn findings_on(key: &Key, docspace: &DocSpace) -> [Finding; 2] {
    let now = docspace.now().unwrap_or_else(Timestamp::now);
    let scopes = if writes_rooms(key) {
        Finding::ok(SCOPES, in_words(&key.scopes))
    } else {
        let detail = format!("{}: rooms:write is missing", in_words(&key.scopes));
        Finding::failed(SCOPES, detail, ADD_SCOPE)
    };
    [expiry::finding(EXPIRY, key.expires, now, NEW_KEY), scopes]
}

/// No scopes at all means every one of them.
fn writes_rooms(key: &Key) -> bool {
    let enough = ["*", "*:write", "rooms:write"];
    key.scopes.is_empty()
        || key
            .scopes
            .iter()
            .any(|scope| enough.contains(&scope.as_str()))
}

fn in_words(scopes: &[String]) -> String {
    if scopes.is_empty() {
        return "all".to_owned();
    }
    crate::api::quote(&scopes.join(", "))
}

fn right(may_create: Option<bool>) -> Finding {
    match may_create {
        Some(true) => Finding::ok(CREATE, "the key's owner may make rooms"),
        Some(false) => Finding::failed(
            CREATE,
            "the key's owner may not make rooms",
            "Make the owner of the key a room admin or a DocSpace admin, or make the key as such a user.",
        ),
        None => Finding::open(CREATE, "not told by this server"),
    }
}

fn version_of(version: Option<&str>) -> Finding {
    let Some(version) = version else {
        return Finding::open(VERSION, "not told by this server");
    };
    match numbers(version) {
        Some(numbers) if numbers < FIRST_WITH_KEYS => Finding::warning(
            VERSION,
            format!("{version}: API keys exist since 3.1"),
            "Update DocSpace to 3.1 or later.",
        ),
        Some(_) | None => Finding::ok(VERSION, version),
    }
}

/// `3.7.2` → `(3, 7)`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn versions_without_api_keys_are_warned_of() {
        let table = [
            (None, Verdict::Open),
            (Some("3.0.4"), Verdict::Warning),
            (Some("2.6.3"), Verdict::Warning),
            (Some("3.1.0"), Verdict::Ok),
            (Some("3.10.1"), Verdict::Ok),
            (Some("develop"), Verdict::Ok),
        ];
        for (version, verdict) in table {
            assert_eq!(version_of(version).verdict, verdict, "{version:?}");
        }
    }

    #[test]
    fn only_scopes_that_write_rooms_suffice() {
        let key = |scopes: &[&str]| Key {
            expires: None,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            owner: None,
        };
        let table: [(&[&str], bool); 6] = [
            (&[], true),
            (&["*"], true),
            (&["*:write"], true),
            (&["files:read", "rooms:write"], true),
            (&["rooms:read"], false),
            (&["files:write"], false),
        ];
        for (scopes, enough) in table {
            assert_eq!(writes_rooms(&key(scopes)), enough, "{scopes:?}");
        }
    }
}
