//! What is posted of each cause, word by word.

use std::time::Duration;

use super::*;
use crate::model::failure::Code;
use crate::store::Turned;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn step(cause: Cause, count: u64, failure: Failure) -> Step {
    let since = NOW.minus(Duration::from_mins(6));
    let firing = Firing {
        cause,
        since,
        count,
        failure,
        subjects: vec!["Sales Team".into()],
    };
    Step {
        cause,
        turned: Turned::Begins { since, told: count },
        since,
        firing: Some(firing),
    }
}

fn said(step: &Step, examples: &[Example]) -> Value {
    serde_json::from_str(&body(step, "boardroom", NOW, examples)).unwrap()
}

fn example(name: &str) -> Example {
    Example {
        id: "64f0c0ffee0123456789abcd".parse().unwrap(),
        name: Some(name.into()),
    }
}

#[test]
fn a_notice_has_this_form() {
    let failure = Failure::new(Code::DocSpaceUnreachable, "no connection");
    let mut step = step(Cause::LanePaused(Lane::DocSpace), 1, failure);
    let expected = json!({
        "text": "boardroom: everything that needs DocSpace has been paused since 2026-09-21T14:07:20.000Z. DocSpace cannot be reached (`no connection`). \
                 Boards wait and nothing is lost. Check ONLYOFFICE_API_HOST, the network, and BOARDROOM_DOCSPACE_CA_FILE for a certificate of your own.",
        "kind": "lane_paused",
        "cause": "lane_paused/docspace",
        "state": "firing",
        "since": "2026-09-21T14:07:20.000Z",
        "at": "2026-09-21T14:13:20.000Z",
        "instance": "boardroom",
        "details": {
            "lane": "docspace",
            "code": "docspace_unreachable",
            "reason": "DocSpace cannot be reached",
            "fix": "Check ONLYOFFICE_API_HOST, the network, and BOARDROOM_DOCSPACE_CA_FILE for a certificate of your own.",
            "detail": "no connection",
        },
    });
    assert_eq!(said(&step, &[]), expected);
    step.firing = None;
    let over = said(&step, &[]);
    assert_eq!(over["state"], "resolved");
    assert_eq!(
        over["text"],
        "boardroom: over: everything that needs DocSpace goes on, after 6 minutes."
    );
    assert_eq!(over["details"], json!({ "lane": "docspace" }));
}

#[test]
fn names_of_boards_are_text_and_nothing_else() {
    let step = step(
        Cause::BoardsFailed(Code::DocSpaceRejected),
        1_000,
        Failure::new(Code::DocSpaceRejected, ""),
    );
    let hostile = [
        example("<!channel> & `@all`\n[x](http://evil)"),
        example(&"é".repeat(5_000)),
        example(" \u{202e} "),
    ];
    let said = said(&step, &hostile);
    let text = said["text"].as_str().unwrap();
    assert!(
        text.contains("`&lt;!channel&gt; &amp; '@all' [x](http://evil)` (64f0"),
        "{text}"
    );
    assert!(
        text.contains("1000 boards have failed and are not tried again unasked"),
        "{text}"
    );
    assert!(
        text.contains("(no name) (64f0c0ffee0123456789abcd), and 997 more."),
        "{text}"
    );
    assert!(
        text.chars().count() < 1_000 && !text.contains('\n'),
        "{text}"
    );
    assert_eq!(said["details"]["boards"], 1_000);
    assert_eq!(
        said["details"]["examples"][0]["name"],
        hostile[0].name.as_deref().unwrap()
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row a cause")]
fn every_cause_says_what_happened_and_that_it_is_over() {
    let table = [
        (
            Cause::PlanFull,
            Code::DocSpaceQuotaFull,
            "no new rooms. The plan",
            "takes new rooms again",
        ),
        (
            Cause::BrakeOn(Lane::CreateBrake),
            Code::BrakeOn,
            "boardroom release",
            "the brake is off for making rooms",
        ),
        (
            Cause::BoardsFailed(Code::RoomTaken),
            Code::RoomTaken,
            "1 board has failed and is not",
            "no board is failed any more",
        ),
        (
            Cause::TokenExpires,
            Code::TrelloTokenExpires,
            "expires soon",
            "does not expire soon any more",
        ),
        (
            Cause::WebhookDead,
            Code::WebhookDead,
            "was gone: `Sales Team`",
            "all webhooks are there",
        ),
        (
            Cause::WebhookRefused,
            Code::WebhookRefused,
            "does not register a webhook: `Sales Team`",
            "has registered all",
        ),
        (
            Cause::WorkspaceAdminLost,
            Code::WorkspaceAdminLost,
            "no admin of a watched workspace: `Sales Team`",
            "an admin of all watched workspaces",
        ),
        (
            Cause::WorkspaceLeft,
            Code::WorkspaceLeft,
            "a workspace that was watched: `Sales Team`",
            "sees all watched workspaces",
        ),
        (
            Cause::TwinRooms,
            Code::TwinRooms,
            "boardroom link BOARD ROOM",
            "no board has more than one room",
        ),
    ];
    for (cause, code, begin, end) in table {
        let mut step = step(cause, 1, Failure::new(code, ""));
        let text = said(&step, &[example("A")])["text"].to_string();
        assert!(text.contains(begin), "{text}");
        step.firing = None;
        let text = said(&step, &[])["text"].to_string();
        assert!(text.contains("over: ") && text.contains(end), "{text}");
    }
    assert_eq!(took(NOW, NOW), "less than a minute");
    assert_eq!(took(NOW, NOW.minus(Duration::from_mins(1))), "1 minute");
    assert_eq!(took(NOW, NOW.minus(Duration::from_hours(47))), "47 hours");
    assert_eq!(took(NOW, NOW.minus(Duration::from_hours(49))), "2 days");
}

#[test]
fn workspaces_are_counted_and_named() {
    let failure = Failure::new(Code::WorkspaceLeft, "not shown any more");
    let details = said(&step(Cause::WorkspaceLeft, 2, failure), &[])["details"].clone();
    assert_eq!(details["workspaces"], 2);
    assert_eq!(details["examples"], json!(["Sales Team"]));
    assert_eq!(details["code"], "workspace_left");
}
