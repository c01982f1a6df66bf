//! What `check` says of the public URL: whatever stands there, Trello needs exactly 200.

use crate::{Lab, deserted, front};

async fn checked(url: String) -> crate::Finished {
    let mut lab = Lab::new().await;
    lab.publish(url);
    lab.run(&["check"]).await
}

#[tokio::test]
async fn every_answer_but_200_fails_with_what_it_usually_means() {
    let table = [
        (204, "where Trello needs 200"),
        (401, "login"),
        (403, "robots"),
        (404, "/webhooks/trello"),
        (405, "HEAD"),
        (500, "in its place"),
        (502, "`boardroom serve`"),
        (503, "`boardroom serve`"),
        (530, "`boardroom serve`"),
    ];
    for (status, words) in table {
        let check = checked(front(status, &[]).await).await;
        check.failed_only(&["public URL"]);
        check.found("FAILED", "public URL", &[&status.to_string(), words]);
    }
}

#[tokio::test]
async fn a_redirect_names_where_it_leads_and_is_not_followed() {
    let target = front(200, &[]).await;
    let location = [("location", format!("{target}/webhooks/trello?next=hidden"))];
    for status in [301, 302, 307, 308] {
        let check = checked(front(status, &location).await).await;
        check.failed_only(&["public URL"]);
        let fix = format!("BOARDROOM_PUBLIC_URL={target}");
        check.found("FAILED", "public URL", &[&status.to_string(), &fix]);
        assert!(!check.stdout.contains("next="), "{}", check.stdout);
    }
}

#[tokio::test]
async fn where_nobody_listens_the_service_is_missed() {
    let check = checked(format!("http://{}", deserted())).await;
    check.failed_only(&["public URL"]);
    let words = ["connection refused", "`boardroom serve` must be running"];
    check.found("FAILED", "public URL", &words);
}

#[tokio::test]
async fn an_unknown_name_and_a_server_without_tls_are_told_apart() {
    let check = checked("https://boardroom.invalid".to_owned()).await;
    check.failed_only(&["public URL"]);
    check.found("FAILED", "public URL", &["name is not known", "DNS"]);
    let plain = front(200, &[]).await;
    let check = checked(plain.replacen("http:", "https:", 1)).await;
    check.failed_only(&["public URL"]);
    check.found("FAILED", "public URL", &["TLS"]);
}

#[tokio::test]
async fn the_proxy_is_asked_as_it_is_for_other_calls() {
    let mut lab = Lab::new().await;
    lab.publish("http://boardroom.example.com/below");
    // What answers is the proxy: the name does not exist.
    lab.set("HTTP_PROXY", front(200, &[]).await);
    let check = lab.run(&["check"]).await;
    check.found(
        "ok",
        "public URL",
        &["http://boardroom.example.com/below/webhooks/trello"],
    );
    check.failed_only(&[]);
}

#[tokio::test]
async fn a_private_address_is_out_of_the_real_trellos_reach() {
    let mut lab = Lab::new().await;
    lab.publish(front(200, &[]).await);
    // Only the proxy would know the name, and it is not there.
    lab.set("BOARDROOM_TRELLO_API_URL", "http://trello.example.com");
    lab.set("HTTP_PROXY", format!("http://{}", deserted()));
    let check = lab.run(&["check"]).await;
    check.failed_only(&["Trello"]);
    check.found("warning", "public URL", &["private", "public addresses"]);
}
