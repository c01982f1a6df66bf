//! What becomes of deliveries: signed, forged, repeated, foreign, junk.

use boardroom::sandbox::{Letter, Signing};

use crate::house::{House, eventually};

#[tokio::test]
async fn forged_deliveries_are_refused_and_cause_nothing() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.trello.create_board(
        boardroom::sandbox::NewBoard::named("Bü")
            .in_workspace(&house.workspace)
            .silently(),
    );
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    let callback = house.callback();
    let valid = boardroom::sandbox::sign(&house.trello.secret(), body.as_bytes(), &callback);
    let wrong = [
        Signing::WithSecret("another".into()),
        Signing::LowBytes,
        Signing::Headers(vec![]),
        Signing::Headers(vec![valid.clone(), valid.clone()]),
        Signing::Headers(vec![String::new()]),
        Signing::Headers(vec!["not base64".into()]),
        Signing::Headers(vec![valid[..27].to_owned()]),
    ];
    for signing in wrong {
        let what = format!("{signing:?}");
        let receipt = house
            .trello
            .post(Letter::new(&callback, body.clone()).signing(signing))
            .await
            .unwrap();
        assert_eq!((receipt.status, receipt.body.as_str()), (401, ""), "{what}");
    }
    let other_url = format!("{callback}/");
    let receipt = house
        .trello
        .post(Letter::new(&callback, body.clone()).signed_for(&other_url))
        .await
        .unwrap();
    assert_eq!(receipt.status, 401);
    let known = format!("SELECT count(*) FROM board WHERE id = '{board}'");
    assert_eq!(house.count(&known).await, 0);
    let receipt = house
        .trello
        .post(Letter::new(&callback, body))
        .await
        .unwrap();
    assert_eq!(
        receipt.status, 200,
        "the same body, signed for us, is taken"
    );
    house.rooms(1).await;
}

#[tokio::test]
async fn sixty_duplicates_at_once_make_one_room() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.trello.create_board(
        boardroom::sandbox::NewBoard::named("Once")
            .in_workspace(&house.workspace)
            .silently(),
    );
    let body = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    let callback = house.callback();
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let (trello, letter) = (house.trello.clone(), Letter::new(&callback, body.clone()));
        posts.spawn(async move { trello.post(letter).await });
    }
    for receipt in posts.join_all().await {
        assert_eq!(receipt.unwrap().status, 200);
    }
    house.rooms(1).await;
    house.status(&board, "mirrored").await;
    assert_eq!(house.count("SELECT count(*) FROM delivery").await, 1);
    assert_eq!(
        house.docspace.requests_to("POST", "/api/2.0/files/rooms"),
        1
    );
}

#[tokio::test]
async fn signed_junk_is_acknowledged_and_the_newest_twenty_are_kept() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let callback = house.callback();
    let evil = house
        .trello
        .compose(&house.workspace, "createBoard", &house.board("x"))
        .unwrap();
    let evil = evil.replace(r#""board":{"id":""#, r#""board":{"id":"../../"#);
    for number in 0..25 {
        let junk = [
            "",
            "null",
            "[1,2",
            "\u{0}\u{1}",
            evil.as_str(),
            "{\"action\":{}}",
        ][number % 6]
            .to_owned();
        let receipt = house
            .trello
            .post(Letter::new(&callback, junk))
            .await
            .unwrap();
        assert_eq!(receipt.status, 200);
    }
    eventually("20 are kept", || async {
        house.count("SELECT count(*) FROM capture").await == 20
    })
    .await;
    let requests = house.trello.requests();
    assert!(
        requests
            .iter()
            .all(|request| !request.call.path.contains("..")),
        "such an id reaches no URL"
    );
    let too_long = vec![b'x'; (1 << 20) + 1];
    assert_eq!(
        house
            .trello
            .post(Letter::new(&callback, too_long))
            .await
            .unwrap()
            .status,
        413
    );
    let longest = vec![b'x'; 1 << 20];
    assert_eq!(
        house
            .trello
            .post(Letter::new(&callback, longest))
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_of_no_interest_touches_no_database() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let board = house.board("Cards");
    house.rooms(1).await;
    house.status(&board, "mirrored").await;
    house.trello.deliveries_settled().await;
    let before = house.count("SELECT count(*) FROM delivery").await;
    for _ in 0..10 {
        house.trello.move_card(&board);
    }
    house.trello.deliveries_settled().await;
    let foreign = house
        .trello
        .compose(&house.workspace, "addToOrganizationBoard", &board)
        .unwrap();
    let foreign = foreign.replace(&*house.workspace, "5f5f5f5f5f5f5f5f5f5f5f5f");
    let receipt = house
        .trello
        .post(Letter::new(&house.callback(), foreign))
        .await
        .unwrap();
    assert_eq!(
        receipt.status, 200,
        "acknowledged, for the sender cannot mend it"
    );
    assert_eq!(house.count("SELECT count(*) FROM delivery").await, before);
}

#[tokio::test]
async fn refused_deliveries_are_kept_only_when_asked_to_and_a_flood_of_them_costs_little() {
    let mut house = House::new().await;
    let kept = "SELECT count(*) FROM capture WHERE kind = 'refused'";
    for (capture, most) in [("false", 0), ("true", 20)] {
        house.set("BOARDROOM_CAPTURE", capture);
        let service = house.start().await;
        let callback = house.callback();
        for number in 0..300 {
            let body = format!("{number} {}", "x".repeat(20_000));
            let forged =
                Letter::new(&callback, body).signing(Signing::WithSecret("a guess".to_owned()));
            let answer = house.trello.post(forged).await.unwrap();
            assert_eq!(answer.status, 401);
        }
        service.stop().await;
        let count = house.count(kept).await;
        assert!(
            count <= most && (most == 0 || count > 0),
            "{count} of {most}"
        );
    }
    let longest = house
        .count("SELECT CAST(max(length(body)) AS BIGINT) FROM capture")
        .await;
    assert_eq!(longest, 16 << 10);
}
