//! A new board gets its room: one, with the right title and tags.

use boardroom::sandbox::{NewBoard, Visibility};

use crate::house::House;

#[tokio::test]
async fn a_new_board_gets_one_room_within_a_second() {
    let mut house = House::new().await;
    let service = house.start().await;
    let board = house.board("Q3: Launch 🚀 / Überblick");
    house.rooms(1).await;
    let room = &house.docspace.rooms()[0];
    assert_eq!(room.title, "Q3_ Launch __ _ Überblick");
    assert_eq!(room.room_type, 2);
    house.status(&board, "mirrored").await;
    let tags = house.docspace.room(room.id).unwrap().tags;
    assert_eq!(
        tags,
        [
            "Trello integration".to_owned(),
            format!("Trello board {board}")
        ]
    );
    house.trello.deliveries_settled().await;
    assert_eq!(
        house.docspace.room_count(),
        1,
        "the workspace's and the member's webhook told of it alike"
    );
    let log = service.stop().await;
    for secret in [
        house.trello.token(),
        house.trello.key(),
        house.trello.secret(),
        house.docspace.api_key(),
    ] {
        assert!(
            !log.contains(&secret),
            "no secret is logged, at debug level either"
        );
    }
}

#[tokio::test]
async fn boards_that_existed_before_get_no_room_and_those_made_while_setting_up_do() {
    let mut house = House::new().await;
    let long_ago = house.trello.now() - jiff::SignedDuration::from_hours(24);
    let just_now = house.trello.now() - jiff::SignedDuration::from_mins(4);
    let old = house.trello.create_board(
        NewBoard::named("Old")
            .in_workspace(&house.workspace)
            .created_at(long_ago),
    );
    house.trello.create_board(
        NewBoard::named("Fresh")
            .in_workspace(&house.workspace)
            .created_at(just_now),
    );
    let closed = house.trello.create_board(
        NewBoard::named("Closed")
            .in_workspace(&house.workspace)
            .created_at(long_ago)
            .closed(),
    );
    let _service = house.start().await;
    house.rooms(1).await;
    assert_eq!(house.docspace.rooms()[0].title, "Fresh");
    house.status(&old, "ignored existed_before").await;
    house
        .status(&closed, "ignored closed_when_first_seen")
        .await;
}

#[tokio::test]
async fn a_board_gets_a_room_once_it_is_ours() {
    let mut house = House::new().await;
    let elsewhere = house.trello.add_foreign_workspace("Elsewhere");
    let long_ago = house.trello.now() - jiff::SignedDuration::from_hours(24);
    let guest = house.trello.create_board(
        NewBoard::named("Guest")
            .in_workspace(&elsewhere)
            .visibility(Visibility::Public),
    );
    house.trello.add_our_member(&guest);
    let moved = house.trello.create_board(
        NewBoard::named("Moved")
            .in_workspace(&elsewhere)
            .created_at(long_ago),
    );
    house.trello.add_our_member(&moved);
    let _service = house.start().await;
    house.trello.move_board(&moved, Some(&house.workspace));
    house.rooms(1).await;
    assert_eq!(house.docspace.rooms()[0].title, "Moved");
}
