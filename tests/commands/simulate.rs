//! `simulate`: one delivery through the public URL, stage by stage; and what stands in the way, with the fix.

use boardroom::sandbox::NewBoard;
use serde_json::Value;

use crate::{Finished, Lab, deserted, front, vacant};

impl Lab {
    /// A service that is reached at the public URL.
    async fn published_service(&mut self) -> crate::Running {
        let address = vacant();
        self.publish(format!("http://{address}"));
        self.serve_at(&address.to_string()).await
    }
}

impl Finished {
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
