//! `link`: which room is a board's, by a person's word.

use boardroom::model::id::{BoardId, RoomId};
use boardroom::sandbox::HandMadeRoom;

use crate::Lab;

fn board_tag(board: &str) -> String {
    format!("Trello board {board}")
}

#[tokio::test]
async fn a_room_that_people_made_becomes_the_boards() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    let room = lab.docspace().create_room(HandMadeRoom::titled("Launch"));
    let run = lab.run(&["link", &board.id, &room.to_string()]).await;
    run.printed(&[&lab.room_url(room)]);
    assert_eq!(run.stderr, "");
    let linked = lab.docspace().room(room).unwrap();
    assert_eq!(linked.tags, ["Trello integration", &board_tag(&board.id)]);
    // From now on it is the one that is found.
    lab.run(&["mirror", "Launch"])
        .await
        .printed(&[&lab.only_room()]);
    let story = lab.run(&["explain", "Launch"]).await;
    assert!(
        story
            .stdout
            .contains(&format!("linked        to room {room}\n")),
        "{}",
        story.stdout
    );
}

#[tokio::test]
async fn of_two_rooms_with_the_tag_the_other_one_loses_it_and_is_kept() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.run(&["mirror", &board.id]).await;
    let first = lab.docspace().rooms()[0].id;
    let tag = board_tag(&board.id);
    let hand_made = |title| {
        HandMadeRoom::titled(title)
            .tag("Trello integration")
            .tag(&tag)
    };
    let right = lab.docspace().create_room(hand_made("Launch"));
    let archived = lab.docspace().create_room(hand_made("Launch").archived());
    let id: BoardId = board.id.parse().unwrap();
    let number = |room: u64| RoomId(i64::try_from(room).unwrap());
    let store = lab.store().await;
    let twins = [right, archived].map(|room| (id, number(room)));
    store.set_twins(&twins).await.unwrap();

    let run = lab.run(&["link", "Launch", &lab.room_url(right)]).await;
    run.printed(&[&lab.room_url(right)]);
    for said in [
        format!("had room {first} before; that room is kept"),
        format!("room {first} has lost the tag"),
        format!("room {archived} keeps the tag"),
    ] {
        assert!(run.stderr.contains(&said), "{said}: {}", run.stderr);
    }
    let tags = |room| lab.docspace().room(room).unwrap().tags;
    assert_eq!(tags(first), ["Trello integration"]);
    assert_eq!(tags(right), ["Trello integration", &tag]);
    assert_eq!(tags(archived), ["Trello integration", &tag]);
    assert_eq!(lab.docspace().rooms().len(), 3, "nothing is deleted");
    // The next look over all rooms finds the archived one, which is settled.
    store.set_twins(&[(id, number(archived))]).await.unwrap();
    let standing = store.standing(id).await.unwrap().unwrap();
    assert_eq!(standing.room, Some(number(right)));
    assert!(standing.twins.is_empty(), "{standing:?}");
    let record = store.record(id).await.unwrap().unwrap();
    assert_eq!((record.told, record.asked), (None, true));
    store.close().await;
}

#[tokio::test]
async fn a_room_of_another_board_is_refused() {
    let lab = Lab::new().await;
    let (ours, theirs) = (lab.board("Ours"), lab.board("Theirs"));
    lab.run(&["mirror", &theirs.id]).await;
    let room = lab.docspace().rooms()[0].id.to_string();
    lab.run(&["link", &ours.id, &room])
        .await
        .failed_with(&["is recorded for board", &theirs.id]);
    let tagged = HandMadeRoom::titled("Tagged").tag(&board_tag(&theirs.id).to_uppercase());
    let tagged = lab.docspace().create_room(tagged);
    lab.run(&["link", &ours.id, &tagged.to_string()])
        .await
        .failed_with(&["of another board", "remove the tag"]);
    assert_eq!(lab.docspace().requests_to("DELETE", "/"), 0);
    let store = lab.store().await;
    let ours: BoardId = ours.id.parse().unwrap();
    assert!(store.record(ours).await.unwrap().is_none());
    store.close().await;
}

#[tokio::test]
async fn what_is_no_room_or_no_board_is_told() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    let table: [(&[&str], &[&str]); 6] = [
        (&["link", &board.id, "4711"], &["no room 4711"]),
        (
            &["link", &board.id, "Launch"],
            &["Launch: this is no room", "number"],
        ),
        (
            &["link", &board.id, "https://other.example/rooms/shared/38"],
            &["ONLYOFFICE_API_HOST"],
        ),
        (&["link", "Nowhere", "38"], &["Nowhere: this is no board"]),
        (
            &["link", "5b0000000000000000000009", "38"],
            &["Trello knows no such board"],
        ),
        // The folder that all rooms lie in.
        (&["link", &board.id, "2"], &["no room 2"]),
    ];
    for (arguments, said) in table {
        lab.run(arguments).await.failed_with(said);
    }
    lab.docspace().revoke_key();
    lab.run(&["link", &board.id, "38"])
        .await
        .failed_with(&["refuses the API key", "ONLYOFFICE_API_KEY"]);
    assert_eq!(lab.run(&["link", &board.id]).await.code, 64);
}

#[tokio::test]
async fn beside_a_running_service_the_word_is_obeyed() {
    let lab = Lab::new().await;
    let _service = lab.serve().await;
    let board = lab.board("Launch");
    let run = lab.run(&["mirror", &board.id]).await;
    run.printed(&[&lab.only_room()]);
    let first = lab.docspace().rooms()[0].id;
    let right = lab.docspace().create_room(HandMadeRoom::titled("Launch"));
    let run = lab.run(&["link", "Launch", &right.to_string()]).await;
    run.printed(&[&lab.room_url(right)]);
    let tags = |room| lab.docspace().room(room).unwrap().tags;
    assert_eq!(tags(first), ["Trello integration"]);
    assert!(tags(right).contains(&board_tag(&board.id)));
}

#[tokio::test]
async fn what_was_done_by_hand_ends_and_the_room_follows_its_board_again() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_ARCHIVE_AFTER", "7d");
    let board = lab.board("Launch");
    lab.run(&["mirror", "Launch"]).await;
    let room = lab.docspace().rooms()[0].id;
    lab.docspace().rename_room(room, "Theirs");
    lab.docspace().untag_room(room, "Trello integration");
    lab.docspace().archive_room(room);
    let run = lab.run(&["link", "Launch", &room.to_string()]).await;
    run.printed(&[&lab.room_url(room)]);
    let linked = lab.docspace().room(room).unwrap();
    assert_eq!((linked.title.as_str(), linked.archived), ("Launch", false));
    assert!(linked.tags.contains(&"Trello integration".to_owned()));
    let store = lab.store().await;
    let id: BoardId = board.id.parse().unwrap();
    let standing = store.standing(id).await.unwrap().unwrap();
    let stands = (standing.words.status.as_str(), standing.words.reason);
    assert_eq!((stands, standing.drift), (("mirrored", None), None));
    store.close().await;
    // A closed board keeps its room as it is for the grace period, and nobody waits for its end.
    lab.trello().close(&board.id);
    let run = lab.run(&["link", "Launch", &room.to_string()]).await;
    run.printed(&[&lab.room_url(room)]);
}
