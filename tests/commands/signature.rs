//! `signature`: why deliveries are refused, found in those that were kept or in one that is given.

use boardroom::sandbox::{Letter, NewBoard, sign};
use serde_json::Value;

use crate::{Finished, Lab, vacant};

const OWN: &str = "https://rooms.example.com/webhooks/trello";
const BODY: &str = r#"{"action":{"type":"createBoard","id":"é"}}"#;

impl Lab {
    /// Signed by Trello for a callback URL, and looked at with our settings.
    async fn diagnose(&self, body: &str, header: &str) -> Finished {
        std::fs::write(self.path("body.json"), body).unwrap();
        self.run(&[
            "signature",
            "--json",
            "--body",
            "body.json",
            "--header",
            header,
        ])
        .await
    }
}

impl Finished {
    fn verdict(&self) -> (String, String) {
        let lines: Vec<_> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{self:?}");
        let line: Value = serde_json::from_str(lines[0]).unwrap();
        let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
        (
            text("verdict"),
            format!("{} {}", text("detail"), text("fix")),
        )
    }
}

#[tokio::test]
async fn the_usual_mistakes_are_found_and_the_fix_is_told() {
    let mut lab = Lab::new().await;
    lab.publish("https://rooms.example.com");
    let secret = lab.trello().secret();
    let signed = |body: &str, url: &str| sign(&secret, body.as_bytes(), url);
    let table = [
        (BODY.to_owned(), signed(BODY, OWN), 0, "matches", ""),
        (
            BODY.to_owned(),
            signed(BODY, &format!("{OWN}/")),
            1,
            "would_match",
            "/webhooks/trello/",
        ),
        (
            BODY.to_owned(),
            signed(BODY, &OWN.replace("https", "http")),
            1,
            "would_match",
            "http://rooms",
        ),
        (
            BODY.replace(':', ": "),
            signed(BODY, OWN),
            1,
            "would_match",
            "body",
        ),
        (
            BODY.to_owned(),
            sign("other", BODY.as_bytes(), OWN),
            1,
            "nothing_matches",
            "",
        ),
    ];
    for (body, header, code, verdict, words) in table {
        let run = lab.diagnose(&body, &header).await;
        let (said, text) = run.verdict();
        assert_eq!((run.code, said.as_str()), (code, verdict), "{run:?}");
        assert!(text.contains(words), "`{words}` in: {text}");
    }
    let half = lab.run(&["signature", "--body", "body.json"]).await;
    assert_eq!(half.code, 64, "{half:?}");
}

#[tokio::test]
async fn refused_deliveries_are_kept_when_asked_to_and_explained() {
    let mut lab = Lab::new().await;
    let address = vacant();
    lab.publish(format!("http://{address}"));
    lab.set("BOARDROOM_CAPTURE", "true");
    let service = lab.serve_at(&address.to_string()).await;
    let board = lab.trello().create_board(NewBoard::named("Launch"));
    let body = lab
        .trello()
        .compose(&lab.trello().member(), "createBoard", &board)
        .unwrap();
    let callback = format!("http://{address}/webhooks/trello");
    let letter = Letter::new(&callback, body).signed_for(&format!("{callback}/"));
    let answer = lab.trello().post(letter).await.unwrap();
    assert_eq!(answer.status, 401);
    let run = lab.run(&["signature"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("/webhooks/trello/"), "{}", run.stdout);
    let widest = run.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{}", run.stdout);
    // What simulate forges to see it refused is kept, too, and blames nobody's secret.
    let simulated = lab.run(&["simulate"]).await;
    assert_eq!(simulated.code, 0, "{simulated:?}");
    let last = lab.run(&["signature", "--last", "--json"]).await;
    assert_eq!(last.verdict().0, "forged", "{last:?}");
    // Looked at with what it was signed for, it matches, and was refused all the same.
    lab.set("BOARDROOM_CALLBACK_URLS", format!("{callback}/"));
    let other = lab.run(&["signature"]).await;
    assert_eq!(other.code, 0, "{other:?}");
    assert!(
        other.stdout.contains("refused all the same"),
        "{}",
        other.stdout
    );
    drop(service);
}

#[tokio::test]
async fn where_nothing_was_kept_it_says_how_to_keep_some() {
    let mut lab = Lab::new().await;
    lab.publish("https://rooms.example.com");
    let none = lab.run(&["signature"]).await;
    assert_eq!(none.code, 1, "{none:?}");
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://made.db");
    lab.run(&["apply", "--yes"]).await;
    let empty = lab.run(&["signature"]).await;
    assert_eq!(empty.code, 1, "{empty:?}");
    assert!(empty.stderr.contains("BOARDROOM_CAPTURE"), "{empty:?}");
}
