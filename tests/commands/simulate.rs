//! `simulate`: one delivery through the public URL, stage by stage; and what stands in the way, with the fix.

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use boardroom::model::failure::Code;
use boardroom::model::id::ModelId;
use boardroom::model::status::{Ignored, Status};
use boardroom::sandbox::NewBoard;
use serde_json::Value;

use crate::boards::Left;
use crate::{Finished, Lab, deserted, front, vacant};

/// Something at the public URL that answers HEAD with 200, and so to a forged and to another delivery.
async fn stranger(forged: u16, signed: u16) -> String {
    let router = Router::new().fallback(move |method: Method, headers: HeaderMap| async move {
        let signature = headers.get("x-trello-webhook");
        let is_forged = signature.is_some_and(|text| text.as_bytes().starts_with(b"AAAAAA"));
        let status = match (method == Method::HEAD, is_forged) {
            (true, _) => 200,
            (false, true) => forged,
            (false, false) => signed,
        };
        StatusCode::from_u16(status).unwrap()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl Lab {
    /// A service that is reached at the public URL.
    async fn published_service(&mut self) -> crate::Running {
        let address = vacant();
        self.publish(format!("http://{address}"));
        self.serve_at(&address.to_string()).await
    }
}

impl Finished {
    /// The last stage of `--json`, which failed, and its fix.
    fn failed_at(&self) -> (String, String) {
        assert_eq!(self.code, 1, "{self:?}");
        let line: Value = serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(line["ok"], false, "{line}");
        let text = |member: &str| line[member].as_str().unwrap().to_owned();
        (text("stage"), text("fix"))
    }

    /// The stages of `--json`: their names, and whether each came to its end.
    fn stages(&self) -> Vec<(String, bool)> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|line| {
                assert!(line["ms"].is_u64(), "{line}");
                let name = line["stage"].as_str().unwrap().to_owned();
                (name, line["ok"].as_bool().unwrap())
            })
            .collect()
    }
}

#[tokio::test]
async fn a_service_that_is_well_takes_it_stage_by_stage_and_nothing_is_created() {
    let mut lab = Lab::new().await;
    let _service = lab.published_service().await;
    let knocked = lab.run(&["simulate", "--json"]).await;
    assert_eq!(knocked.code, 0, "{knocked:?}");
    let names = ["HEAD", "forged delivery", "signed delivery"].map(|name| (name.to_owned(), true));
    assert_eq!(knocked.stages(), names);
    let board = lab.trello().create_board(NewBoard::named("Launch"));
    let made = |docspace: &boardroom::sandbox::DocSpace| docspace.room_count() == 1;
    lab.docspace().wait_until(made, crate::SOON).await.unwrap();
    let delivered = lab.run(&["simulate", "--board", &board]).await;
    assert_eq!(delivered.code, 0, "{delivered:?}");
    for words in ["ok      stored ", "ok      looked at ", "mirrored, room "] {
        assert!(delivered.stdout.contains(words), "{}", delivered.stdout);
    }
    assert_eq!(lab.docspace().room_count(), 1);
    let unknown = lab.run(&["simulate", "--board", "Nowhere"]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (1, ""));
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_with_the_fix() {
    let mut lab = Lab::new().await;
    let refused = lab.run(&["simulate"]).await;
    assert_eq!(refused.code, 78, "the secret is needed: {refused:?}");
    lab.set("TRELLO_API_SECRET", lab.trello().secret());
    let nowhere = lab.run(&["simulate"]).await;
    assert_eq!(nowhere.code, 78);
    assert!(
        nowhere.stderr.contains("BOARDROOM_PUBLIC_URL"),
        "{}",
        nowhere.stderr
    );
    lab.publish(format!("http://{}", deserted()));
    let down = lab.run(&["simulate"]).await;
    assert_eq!(down.code, 1);
    assert!(
        down.stdout.contains("connection refused"),
        "{}",
        down.stdout
    );
    // Something that says 200 to a HEAD, and something else to a POST.
    lab.publish(front(200, &[]).await);
    let other = lab.run(&["simulate"]).await;
    assert_eq!(other.code, 1);
    assert!(
        other.stdout.contains("FAILED  forged delivery"),
        "{}",
        other.stdout
    );
    let _service = lab.published_service().await;
    lab.set("TRELLO_API_SECRET", "another-secret");
    let different = lab.run(&["simulate", "--json"]).await;
    let last = different.stages().pop().unwrap();
    assert_eq!(last, ("signed delivery".to_owned(), false));
    assert!(
        different.stdout.contains("another secret"),
        "{}",
        different.stdout
    );
}

#[tokio::test]
async fn every_answer_to_a_delivery_is_explained() {
    let mut lab = Lab::new().await;
    let table = [
        (200, 200, "forged delivery", "lose every delivery"),
        (403, 403, "forged delivery", "keeps robots out"),
        (404, 404, "forged delivery", "changes the path"),
        (405, 405, "forged delivery", "passes HEAD on"),
        (502, 502, "forged delivery", "does not reach the service"),
        (401, 401, "signed delivery", "another secret"),
        (401, 413, "signed delivery", "1 MiB"),
        (401, 429, "signed delivery", "how often"),
        (401, 503, "signed delivery", "/readyz"),
        (401, 308, "signed delivery", "no redirect"),
    ];
    for (forged, signed, stage, words) in table {
        lab.publish(stranger(forged, signed).await);
        let run = lab.run(&["simulate", "--json"]).await;
        let (failed, fix) = run.failed_at();
        assert_eq!(failed, stage, "{forged} {signed}: {run:?}");
        assert!(fix.contains(words), "`{words}` in: {fix}");
    }
}

#[tokio::test]
async fn what_was_answered_and_not_stored_here_is_no_success() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    let board = Left::at(1, "Launch", Status::Ignored(Ignored::ExistedBefore))
        .keep(&store)
        .await
        .to_string();
    lab.publish(stranger(401, 200).await);
    let arguments = ["simulate", "--json", "--board", "Launch"];
    let unwatched = lab.run(&arguments).await;
    assert_eq!(unwatched.code, 1, "{unwatched:?}");
    assert!(unwatched.stderr.contains("no webhook"), "{unwatched:?}");
    let model: ModelId = "5b0000000000000000000001".parse().unwrap();
    store.watch(&[model]).await.unwrap();
    store.close().await;
    for named in ["Launch", &board] {
        let run = lab.run(&["simulate", "--json", "--board", named]).await;
        let (failed, fix) = run.failed_at();
        assert_eq!(failed, "stored", "{run:?}");
        assert!(fix.contains("BOARDROOM_DATABASE_URL"), "{fix}");
    }
}

#[tokio::test]
async fn a_board_that_fails_is_no_success_whoever_looked_at_it() {
    let mut lab = Lab::new().await;
    let store = lab.store().await;
    let failed = Status::Failed(Code::DocSpaceRejected);
    let board = Left::at(1, "Launch", failed).keep(&store).await.to_string();
    store.close().await;
    let _service = lab.published_service().await;
    let workspace = lab.trello().add_workspace("Sales");
    let watched = |trello: &boardroom::sandbox::Trello| {
        !trello.webhooks_on(&trello.member()).is_empty()
            || !trello.webhooks_on(&workspace).is_empty()
    };
    lab.trello().wait_until(watched, crate::SOON).await.unwrap();
    let run = lab.run(&["simulate", "--json", "--board", &board]).await;
    let (stage, fix) = run.failed_at();
    assert_eq!(stage, "looked at", "{run:?}");
    assert!(!fix.is_empty());
}
