//! What `check` says of Trello: the token, the watched workspaces, the clock.

use boardroom::sandbox::{Answer, Effect, Fault, RateLimits, Role};
use jiff::{SignedDuration, Timestamp};

use crate::Lab;

fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days + 1)
}

#[tokio::test]
async fn a_revoked_token_fails_and_docspace_is_checked_all_the_same() {
    let lab = Lab::new().await;
    lab.trello().revoke_token();
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello token"]);
    let words = ["invalid token", "https://trello.com/1/authorize?"];
    check.found("FAILED", "Trello token", &words);
    check.found("ok", "Trello", &["answers"]);
    check.found("-", "token expiry", &["not checked"]);
    check.found("-", "workspace", &["not checked"]);
    check.found("ok", "right to create", &[]);
    check.found("ok", "clock", &[]);
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_wrong_token() {
    let mut lab = Lab::new().await;
    lab.set("TRELLO_API_KEY", "0123456789abcdef0123456789abcdef");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello token"]);
    check.found("FAILED", "Trello token", &["invalid key", "TRELLO_API_KEY"]);
}

#[tokio::test]
async fn a_token_that_may_not_read_is_told_from_a_wrong_one() {
    let lab = Lab::new().await;
    lab.trello().set_token_scopes(false, true);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["token scope"]);
    check.found(
        "FAILED",
        "token scope",
        &["may not even read", "scope=read"],
    );
}

#[tokio::test]
async fn a_token_that_expires_within_two_weeks_is_warned_of() {
    let lab = Lab::new().await;
    lab.trello().set_token_expiry(Some(in_days(5)));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found(
        "warning",
        "token expiry",
        &["in 5 days", "expiration=never"],
    );

    lab.trello().set_token_expiry(Some(in_days(20)));
    let check = lab.run(&["check"]).await;
    check.found("ok", "token expiry", &["in 20 days"]);

    lab.trello().set_token_expiry(Some(in_days(-1)));
    lab.run(&["check"]).await.failed_only(&["Trello token"]);
}

#[tokio::test]
async fn an_ordinary_member_of_a_workspace_is_warned_of_private_boards() {
    let lab = Lab::new().await;
    let sales = lab.trello().add_workspace("Sales");
    lab.trello().add_workspace("Design");
    let us = lab.trello().member();
    lab.trello()
        .set_workspace_role(&sales, &us, Some(Role::Normal));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    let mut verdicts = check.verdicts("workspace");
    verdicts.sort();
    assert_eq!(verdicts, ["ok", "warning"]);
    let findings = check.findings();
    let warning = findings.iter().find(|line| line.text.contains("Sales"));
    let text = &warning.unwrap().text;
    assert!(
        text.contains("private boards") && text.contains("admin"),
        "{text}"
    );
}

#[tokio::test]
async fn a_workspace_that_trello_does_not_know_is_named_and_the_others_are_offered() {
    let mut lab = Lab::new().await;
    lab.trello().add_workspace("Sales");
    lab.trello().add_workspace("Design Team");
    lab.set(
        "BOARDROOM_WORKSPACES",
        "Sales, Marketing, 5b0000000000000000000009",
    );
    let check = lab.run(&["check"]).await;
    check.failed_only(&["workspace", "workspace"]);
    assert_eq!(check.verdicts("workspace"), ["ok", "FAILED", "FAILED"]);
    let findings = check.findings();
    let unknown = findings.iter().find(|line| line.text.contains("Marketing"));
    let text = &unknown.unwrap().text;
    assert!(text.contains("designteam (Design Team)"), "{text}");
    assert!(check.stdout.contains("5b0000000000000000000009"));
}

#[tokio::test]
async fn a_name_that_two_workspaces_share_is_no_name() {
    let mut lab = Lab::new().await;
    lab.trello().add_workspace("Sales!");
    lab.trello().add_workspace("Sales!");
    lab.set("BOARDROOM_WORKSPACES", "Sales!");
    let check = lab.run(&["check"]).await;
    check.failed_only(&["workspace"]);
    check.found("FAILED", "workspace", &["2 workspaces have this name"]);
}

#[tokio::test]
async fn a_foreign_workspace_by_its_id_is_one_of_a_guest() {
    let mut lab = Lab::new().await;
    let other = lab.trello().add_foreign_workspace("Partner");
    lab.set("BOARDROOM_WORKSPACES", other.to_string());
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found(
        "warning",
        "workspace",
        &[&other, "does not belong", "invited"],
    );
}

#[tokio::test]
async fn trello_that_is_down_ill_or_somebody_else_fails_with_the_reason() {
    let mut lab = Lab::new().await;
    let down = lab
        .trello()
        .fail(Fault::new(Effect::Answer(Answer::html(503))));
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello"]);
    check.found("FAILED", "Trello", &["503", "status.atlassian.com"]);
    check.found("ok", "DocSpace", &[]);
    lab.trello().clear(down);

    lab.set("BOARDROOM_TRELLO_API_URL", lab.docspace().url());
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello"]);
    check.found("FAILED", "Trello", &["BOARDROOM_TRELLO_API_URL"]);

    lab.set("BOARDROOM_TRELLO_API_URL", lab.trello().url());
    lab.trello().down().await.unwrap();
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello"]);
    check.found("FAILED", "Trello", &["Connection refused"]);
    check.found("-", "clock", &["not checked"]);
}

#[tokio::test]
async fn too_many_requests_are_no_reason_to_look_for_another_fault() {
    let lab = Lab::new().await;
    let none = RateLimits {
        per_token: Some(0),
        ..RateLimits::default()
    };
    lab.trello().set_rate_limits(none);
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello"]);
    check.found("FAILED", "Trello", &["429", "Check again in a minute"]);
}

#[tokio::test]
async fn a_clock_that_is_behind_is_told_by_how_much() {
    let lab = Lab::new().await;
    lab.trello().set_clock_skew(SignedDuration::from_secs(3600));
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found("warning", "clock", &["35", "s behind Trello's"]);
    lab.trello().set_clock_skew(SignedDuration::from_secs(10));
    lab.run(&["check"]).await.found("ok", "clock", &[]);
}
