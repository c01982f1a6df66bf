//! What was counted, by the API: the figures of the page's plot.

use serde_json::Value;

use crate::asking::Reader;
use crate::house::{House, eventually};

#[tokio::test]
async fn what_was_counted_is_told_over_an_hour_a_day_and_a_week() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let service = house.start().await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let reader = Reader::new(&visitor).await;
    let shown = async |query: &str| reader.get(&format!("/figures{query}")).await.json();
    // What all look at is read anew every other second, and a delivery may still be on its way.
    eventually("the room is counted, and its deliveries", || async {
        let figures = shown("").await;
        figures["rooms_made"] == 1 && figures["deliveries_received"].as_u64() > Some(0)
    })
    .await;
    for (query, span, seconds, count) in [
        ("", "hour", 60, 60),
        ("?span=hour", "hour", 60, 60),
        ("?span=day", "day", 1_800, 48),
        ("?span=week", "week", 10_800, 56),
    ] {
        let figures = shown(query).await;
        assert_eq!(figures["span"], span);
        assert_eq!(figures["step_seconds"], seconds);
        let steps = figures["steps"].as_array().unwrap();
        assert_eq!(steps.len(), count, "{query}");
        for name in ["rooms_made", "deliveries_received"] {
            let all = steps.iter().map(|step| step[name].as_u64().unwrap());
            assert_eq!(Some(all.sum()), figures[name].as_u64(), "{query}: {name}");
        }
        let from = |step: &Value| step["from"].as_str().unwrap().to_owned();
        assert!(steps.is_sorted_by_key(from), "the earliest first");
        let at = figures["at"].as_str().unwrap();
        assert!(
            from(steps.last().unwrap()).as_str() <= at,
            "the last one goes on"
        );
    }
    // They are kept: another start tells the same.
    service.stop().await;
    let _service = house.start().await;
    eventually("the room is counted still", || async {
        shown("?span=day").await["rooms_made"] == 1
    })
    .await;
    for (query, code) in [
        ("?span=month", "span_unknown"),
        ("?span=", "span_unknown"),
        ("?span=day&span=week", "malformed"),
        ("?since=1", "malformed"),
    ] {
        let refused = reader.get(&format!("/figures{query}")).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, code),
            "{query}"
        );
    }
}

#[tokio::test]
async fn soon_after_the_first_room_a_crash_loses_nothing_of_the_plot_and_the_page_names_the_workspace()
 {
    let mut house = House::new().await;
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let visitor = house.administered();
    let service = house.start().await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let kept = "SELECT count(*) FROM figure WHERE width = 60000 AND rooms = 1";
    eventually("the room is written down", || async {
        house.count(kept).await == 1
    })
    .await;
    service.kill();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let figures = reader.get("/figures").await.json();
    assert_eq!(figures["rooms_made"], 1, "{figures}");
    // One sweep has named it, and the next is far.
    let page = visitor.with_token().get("/").await.text;
    assert!(page.contains("Sales Team"), "{page}");
}
