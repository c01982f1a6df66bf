//! What `check` says of DocSpace: the host, the key, its scopes and what its owner may do.

use boardroom::sandbox::{Answer, Effect, Fault, UserRole};
use jiff::{SignedDuration, Timestamp};

use crate::{Lab, deserted};

#[tokio::test]
async fn a_revoked_key_fails_and_what_hangs_on_it_is_not_checked() {
    let lab = Lab::new().await;
    lab.docspace().revoke_key();
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace key"]);
    let words = ["expired", "API keys", "ONLYOFFICE_API_KEY"];
    check.found("FAILED", "DocSpace key", &words);
    check.found("ok", "DocSpace", &["answers"]);
    check.found("ok", "DocSpace version", &["3.7.2"]);
    for subject in ["key expiry", "key scopes", "right to create"] {
        check.found("-", subject, &["not checked"]);
    }
}

#[tokio::test]
async fn an_owner_who_may_not_make_rooms_fails() {
    let lab = Lab::new().await;
    let docspace = lab.docspace();
    docspace.set_user_role(&docspace.key_owner(), UserRole::User);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["right to create"]);
    check.found("FAILED", "right to create", &["room admin"]);
    docspace.set_user_role(&docspace.key_owner(), UserRole::RoomAdmin);
    lab.run(&["check"]).await.failed_only(&[]);
}

#[tokio::test]
async fn scopes_suffice_or_are_named_as_missing() {
    let lab = Lab::new().await;
    lab.docspace().set_key_scopes(&["rooms:write"]);
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found("ok", "key scopes", &["rooms:write"]);
    check.found("ok", "DocSpace version", &["3.7.2"]);

    lab.docspace().set_key_scopes(&["rooms:read"]);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["key scopes"]);
    check.found(
        "FAILED",
        "key scopes",
        &["rooms:read", "rooms:write is missing"],
    );

    lab.docspace().set_key_scopes(&["files:write"]);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["key scopes"]);
    check.found("-", "right to create", &["not checked"]);
}

#[tokio::test]
async fn what_an_older_server_does_not_tell_is_not_told() {
    let lab = Lab::new().await;
    lab.docspace().set_key_scopes(&["rooms:write"]);
    let silent = |path, status| Fault::on("GET", path, Effect::Answer(Answer::empty(status)));
    lab.docspace().fail(silent("/api/2.0/keys/@self", 403));
    lab.docspace()
        .fail(silent("/api/2.0/settings/version/build", 404));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    for subject in ["DocSpace version", "key expiry", "key scopes"] {
        check.found("-", subject, &["not told"]);
    }
}

#[tokio::test]
async fn a_version_without_api_keys_is_warned_of() {
    let lab = Lab::new().await;
    let build = serde_json::json!({ "response": { "docSpace": "3.0.4" }, "status": 0 });
    let old = Effect::Answer(Answer::json(200, &build));
    lab.docspace()
        .fail(Fault::on("GET", "/api/2.0/settings/version", old));
    lab.docspace().revoke_key();
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace key"]);
    check.found("warning", "DocSpace version", &["3.0.4", "3.1"]);
}

#[tokio::test]
async fn a_key_that_expires_within_two_weeks_is_warned_of() {
    let lab = Lab::new().await;
    let soon = Timestamp::now() + SignedDuration::from_hours(3 * 24 + 1);
    lab.docspace().set_key_expiry(Some(soon));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found(
        "warning",
        "key expiry",
        &["in 3 days", "ONLYOFFICE_API_KEY"],
    );
}

#[tokio::test]
async fn a_host_that_is_no_docspace_fails() {
    let mut lab = Lab::new().await;
    lab.set("ONLYOFFICE_API_HOST", lab.trello().url());
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    check.found("FAILED", "DocSpace", &["404", "ONLYOFFICE_API_HOST"]);

    lab.set("ONLYOFFICE_API_HOST", format!("http://{}", deserted()));
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    check.found("FAILED", "DocSpace", &["Connection refused"]);
    check.found("-", "DocSpace version", &["not checked"]);
}

#[tokio::test]
async fn a_redirect_to_https_names_what_to_set() {
    let lab = Lab::new().await;
    lab.docspace().set_redirect_to_https(true);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    let https = lab.docspace().url().replacen("http:", "https:", 1);
    let fix = format!("ONLYOFFICE_API_HOST={https}");
    check.found("FAILED", "DocSpace", &["redirect", &fix]);
}

#[tokio::test]
async fn a_portal_that_is_not_paid_for_or_ill_fails_with_the_reason() {
    let lab = Lab::new().await;
    lab.docspace().set_unpaid(true);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    check.found("FAILED", "DocSpace", &["402", "not paid"]);
    lab.docspace().set_unpaid(false);
    lab.docspace()
        .fail(Fault::new(Effect::Answer(Answer::html(502))));
    let check = lab.run(&["check"]).await;
    check.failed_only(&["DocSpace"]);
    check.found("FAILED", "DocSpace", &["502"]);
}
