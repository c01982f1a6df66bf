//! `webhooks`: shown, brought in line, taken away; and never anybody else's.

use boardroom::sandbox::{NewBoard, WebhookOwner};
use serde_json::Value;

use crate::storage::Storage;
use crate::{Lab, front};

const OTHER: &str = "https://zapier.example.com/hook";

impl Lab {
    /// A public URL that answers as a service would.
    async fn published() -> Self {
        let mut lab = Self::new().await;
        lab.publish(front(200, &[]).await);
        let member = lab.trello().member();
        lab.trello()
            .add_webhook(WebhookOwner::OurToken, &member, OTHER, "Zapier");
        lab
    }
}

#[tokio::test]
async fn what_is_missing_is_registered_and_what_is_others_is_left_alone() {
    let lab = Lab::published().await;
    lab.trello().add_workspace("Sales");
    let board = lab.trello().create_board(NewBoard::named("Launch"));
    lab.run(&["apply", "--yes"]).await;
    let sync = lab.run(&["webhooks", "sync", "--json"]).await;
    assert_eq!(sync.code, 0, "{sync:?}");
    let mut shown: Vec<_> = sync
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            format!(
                "{} {}",
                line["watches"].as_str().unwrap(),
                line["whose"].as_str().unwrap()
            )
        })
        .collect();
    shown.sort();
    let expected = [
        "board Launch ours",
        "member @adaadmin another's",
        "member @adaadmin ours",
        "workspace Sales ours",
    ];
    assert_eq!(shown, expected);
    assert_eq!(lab.trello().webhooks_on(&board).len(), 1);
    let list = lab.run(&["webhooks"]).await;
    assert_eq!(
        list.stdout.lines().count(),
        6,
        "each URL, and what it is told of"
    );
    let removed = lab.run(&["webhooks", "remove"]).await;
    assert_eq!(
        (removed.code, &*removed.stdout),
        (0, "3 webhooks were removed.\n")
    );
    let left: Vec<_> = lab
        .trello()
        .webhooks()
        .into_iter()
        .map(|hook| hook.callback_url)
        .collect();
    assert_eq!(left, [OTHER]);
}

#[tokio::test]
async fn what_a_running_service_would_register_again_is_not_taken_away_without_a_word() {
    let lab = Lab::published().await;
    let _service = lab.serve().await;
    let removed = lab.run(&["webhooks", "remove"]).await;
    // On a server nobody knows who else is there.
    let (code, words) = match &lab.storage {
        Storage::File(_) => (1, "stop it first"),
        Storage::Database(_) => (0, "stop every one"),
    };
    assert_eq!(removed.code, code, "{removed:?}");
    assert!(removed.stderr.contains(words), "{removed:?}");
}

#[tokio::test]
async fn without_a_public_url_there_is_nothing_to_register() {
    let lab = Lab::new().await;
    let refused = lab.run(&["webhooks", "sync"]).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("BOARDROOM_PUBLIC_URL"),
        "{}",
        refused.stderr
    );
    let list = lab.run(&["webhooks", "list"]).await;
    assert_eq!(list.code, 0);
    assert!(
        list.stdout.starts_with("Trello has no webhook"),
        "{}",
        list.stdout
    );
}
