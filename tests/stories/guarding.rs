//! The guardian: webhooks that are off, gone, stale or failing, and what silently narrows what we see.

use boardroom::sandbox::{Role, Trello, WebhookOwner};
use jiff::SignedDuration;

use crate::house::{House, SOON, eventually};

impl House {
    async fn vigilant() -> Self {
        let mut house = Self::new().await;
        house.set("BOARDROOM_SWEEP_EVERY", "1s");
        house
    }

    async fn concern(&self, code: &str, count: i64) {
        let query = format!("SELECT count(*) FROM concern WHERE code = '{code}'");
        eventually(&format!("{count} times {code}"), || async {
            self.count(&query).await == count
        })
        .await;
    }
}

#[tokio::test]
async fn a_boards_webhook_that_is_off_or_gone_comes_back_and_what_it_missed_is_found() {
    let mut house = House::vigilant().await;
    let _service = house.start().await;
    let (off, gone) = (house.mirrored("Off").await, house.mirrored("Gone").await);
    let hook = house.trello.webhooks_on(&off)[0].id.clone();
    house.trello.edit_webhook(&hook, |hook| hook.active = false);
    let hook = house.trello.webhooks_on(&gone)[0].id.clone();
    house.trello.delete_webhook(&hook);
    house.trello.rename(&off, "Off, renamed");
    house.trello.rename(&gone, "Gone, renamed");
    house.room_is(&off, "Off, renamed", false).await;
    house.room_is(&gone, "Gone, renamed", false).await;
    let back = |trello: &Trello| {
        [&off, &gone]
            .iter()
            .all(|board| trello.webhooks_on(board).iter().any(|hook| hook.active))
    };
    house.trello.wait_until(back, SOON).await.unwrap();
}

#[tokio::test]
async fn stale_webhooks_of_this_instance_go_and_all_others_stay() {
    let mut house = House::vigilant().await;
    let moving = "https://old.example.com/webhooks/trello";
    house.set("BOARDROOM_CALLBACK_URLS", moving);
    let (workspace, trello) = (house.workspace.clone(), house.trello.clone());
    let ours = "boardroom: boardroom";
    let add = |callback: &str, description: &str, model: &str| {
        trello.add_webhook(WebhookOwner::OurToken, model, callback, description)
    };
    let stale = add(
        "https://older.example.com/webhooks/trello",
        ours,
        &workspace,
    );
    let spared = [
        add(moving, ours, &workspace),
        add(
            "https://older.example.com/webhooks/trello",
            "boardroom: other",
            &workspace,
        ),
        add("https://zapier.example.com/", "Zapier", &workspace),
    ];
    let _service = house.start().await;
    let removed = |trello: &Trello| trello.webhooks().iter().all(|hook| hook.id != stale);
    house.trello.wait_until(removed, SOON).await.unwrap();
    for kept in &spared {
        assert!(house.trello.webhooks().iter().any(|hook| hook.id == *kept));
    }
}

#[tokio::test]
async fn a_lost_database_adopts_the_webhooks_of_its_boards() {
    let mut house = House::vigilant().await;
    let service = house.start().await;
    let board = house.mirrored("Launch").await;
    let hook = house.trello.webhooks_on(&board)[0].id.clone();
    service.stop().await;
    house.storage.lose().await;
    let _service = house.start().await;
    let query = format!(
        "SELECT count(*) FROM board WHERE id = '{board}' AND hook = '{}'",
        &*hook
    );
    eventually("it is adopted", || async { house.count(&query).await == 1 }).await;
    assert_eq!(house.trello.webhooks_on(&board).len(), 1);
}

#[tokio::test]
async fn deliveries_that_fail_are_told_of_and_swept() {
    let mut house = House::vigilant().await;
    let mut service = house.start().await;
    let hook = house.trello.webhooks_on(&house.workspace)[0].id.clone();
    house
        .trello
        .edit_webhook(&hook, |hook| hook.consecutive_failures = 7);
    service.logged("Trello could not deliver").await;
    house.concern("webhook_failing", 1).await;
    house
        .trello
        .edit_webhook(&hook, |hook| hook.consecutive_failures = 0);
    house.concern("webhook_failing", 0).await;
}

#[tokio::test]
async fn without_a_public_url_a_token_that_ends_is_told_of_and_what_was_told_of_webhooks_is_not() {
    let mut house = House::vigilant().await;
    house.set("BOARDROOM_PUBLIC_URL", "");
    let expires = house.trello.now() + SignedDuration::from_hours(100);
    house.trello.set_token_expiry(Some(expires));
    let us = house.trello.member();
    house
        .trello
        .set_workspace_role(&house.workspace, &us, Some(Role::Normal));
    let service = house.start().await;
    house.concern("trello_token_expires", 1).await;
    house.concern("workspace_admin_lost", 1).await;
    service.stop().await;
    // The other way to register none: deliveries for another URL alone are taken.
    for other in ["", "https://old.example.com/webhooks/trello"] {
        house.set("BOARDROOM_CALLBACK_URLS", other);
        house.storage.execute("DELETE FROM concern").await;
        let told = ["webhook_failing", "webhook_refused", "webhook_dead"];
        for code in told {
            let before = format!(
                "INSERT INTO concern (subject, code, detail, since) VALUES ('Sales Team', '{code}', '', 0)"
            );
            house.storage.execute(&before).await;
        }
        house.let_leases_run_out().await;
        let service = house.start().await;
        house.concern("trello_token_expires", 1).await;
        for code in told {
            house.concern(code, 0).await;
        }
        service.stop().await;
    }
    assert!(house.trello.webhooks().is_empty());
}

#[tokio::test]
async fn a_lost_role_a_lost_workspace_and_a_token_that_ends_are_told_of() {
    let mut house = House::vigilant().await;
    let other = house.trello.add_workspace("Design");
    let expires = house.trello.now() + SignedDuration::from_hours(100);
    house.trello.set_token_expiry(Some(expires));
    let mut service = house.start().await;
    house.concern("trello_token_expires", 1).await;
    let us = house.trello.member();
    house
        .trello
        .set_workspace_role(&house.workspace, &us, Some(Role::Normal));
    house.concern("workspace_admin_lost", 1).await;
    house
        .trello
        .set_workspace_role(&house.workspace, &us, Some(Role::Admin));
    house.concern("workspace_admin_lost", 0).await;
    service.logged("swept").await;
    let theirs = boardroom::sandbox::NewBoard::named("Theirs").in_workspace(&other);
    let theirs = house.trello.create_board(theirs);
    house.status(&theirs, "mirrored").await;
    house.trello.set_workspace_role(&other, &us, None);
    house.concern("workspace_left", 1).await;
    house.status(&theirs, "mirrored outside_workspaces").await;
    house
        .trello
        .set_workspace_role(&other, &us, Some(Role::Admin));
    house.concern("workspace_left", 0).await;
    house.status(&theirs, "mirrored").await;
}
