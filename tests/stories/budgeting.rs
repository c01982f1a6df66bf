//! One budget of Trello requests for all services on a database, whatever becomes of them.

use std::time::Duration;

use crate::house::{House, SOON, Service, eventually};

/// Longer than no second create may follow one that was sent, or may have been.
const WINDOW: Duration = Duration::from_secs(130);

/// Kills a service once it has had its share of the requests.
async fn kill(service: Service) {
    eventually("it has its share", || async {
        service.log().matches("Trello answered").count() > 1
    })
    .await;
    service.kill();
}

#[tokio::test]
async fn three_services_share_one_budget_and_their_deaths_do_not_stretch_it() {
    let mut house = House::new().await;
    house.set("BOARDROOM_TRELLO_RATE", "40/2s");
    house.set("BOARDROOM_TRELLO_TIMEOUT", "1s");
    house.set("BOARDROOM_BRAKE", "off");
    // Only our own limit counts here.
    house.trello.without_rate_limits();
    // Long enough that one service alone is not done before the others look for work.
    house.docspace.set_create_time(Duration::from_millis(100));
    let mut services = vec![house.start().await];
    // The others take no deliveries, they find their work in the database.
    let listen = house.setting("BOARDROOM_LISTEN");
    house.set("BOARDROOM_LISTEN", "127.0.0.1:0");
    for _ in 0..2 {
        let mut service = house.spawn();
        service.logged("boardroom serves").await;
        services.push(service);
    }
    for (wave, dies) in [1, 1, 0].into_iter().enumerate() {
        for number in 0..120 {
            house.board(&format!("Board {wave}.{number}"));
        }
        let requests = house.trello.requests().len() + 100;
        let made = |trello: &boardroom::sandbox::Trello| trello.requests().len() >= requests;
        house.trello.wait_until(made, SOON).await.unwrap();
        kill(services.remove(dies)).await;
        if dies == 0 {
            house.set("BOARDROOM_LISTEN", &listen);
        }
        services.push(house.spawn());
    }
    // What the dead had taken is free at once, as if time had passed.
    house
        .storage
        .execute("UPDATE board SET lease_until = 0 WHERE lease_until IS NOT NULL")
        .await;
    let open = "SELECT count(*) FROM board WHERE status NOT IN ('mirrored', 'ignored') AND reason IS DISTINCT FROM 'confirmation'";
    let known = "SELECT count(*) FROM board WHERE status <> 'ignored'";
    eventually("each board is mirrored or sits out its window", || async {
        house.count(known).await == 360 && house.count(open).await == 0
    })
    .await;
    house.age(WINDOW).await;
    house.rooms(360).await;
    // A tenth is for commands.
    let peak = house.trello.peak_requests_in(Duration::from_secs(2));
    assert!(peak <= 36, "{peak} requests within two seconds");
    assert!(peak > 18, "more than {peak} were allowed");
}

#[tokio::test]
async fn a_service_that_ends_gives_back_what_it_does_not_need() {
    let mut house = House::new().await;
    let service = house.start().await;
    house.board("One");
    house.rooms(1).await;
    service.stop().await;
    let rests = "SELECT count(*) FROM budget WHERE holder IS NULL AND permits > 0";
    assert!(house.count(rests).await > 0, "what it used rests");
    let held = "SELECT count(*) FROM budget WHERE holder IS NOT NULL";
    assert_eq!(house.count(held).await, 0);
}
