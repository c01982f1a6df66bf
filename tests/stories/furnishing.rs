//! What a new room is like: type, title, tags, members; and deliveries while secrets and addresses change.

use boardroom::sandbox::{Answer, Effect, Fault, Letter, NewBoard, Signing};

use crate::house::{House, SOON, eventually};

const ROOMS: &str = "/api/2.0/files/rooms";

#[tokio::test]
async fn a_room_is_furnished_as_configured() {
    let mut house = House::new().await;
    house.set("BOARDROOM_ROOM_TYPE", "custom");
    house.set("BOARDROOM_ROOM_TITLE", "{workspace}: {board}");
    house.set("BOARDROOM_ROOM_TAGS", "Projects, Intern");
    house.set(
        "BOARDROOM_ROOM_MEMBERS",
        "ann@example.com:manager, bob@example.com:editor",
    );
    house.docspace.add_user(
        "Ann",
        "ann@example.com",
        boardroom::sandbox::UserRole::RoomAdmin,
    );
    let _service = house.start().await;
    let board = house.board(&"Ä".repeat(300));
    house.rooms(1).await;
    house.status(&board, "mirrored").await;
    let room = &house.docspace.rooms()[0];
    assert_eq!(room.room_type, 5);
    assert_eq!(
        room.title,
        format!("Sales Team_ {}", "Ä".repeat(158)),
        "170 units in all"
    );
    assert!(
        ["Projects", "Intern"]
            .iter()
            .all(|tag| room.tags.contains(&(*tag).to_owned())),
        "{room:?}"
    );
    let member = |email: &str| {
        room.members
            .iter()
            .find(|member| member.email == email)
            .map(|member| member.access)
    };
    assert_eq!(
        (member("ann@example.com"), member("bob@example.com")),
        (Some(9), Some(10))
    );
}

#[tokio::test]
async fn members_are_invited_once_and_their_addresses_are_shown_nowhere() {
    let mut house = House::new().await;
    house.set(
        "BOARDROOM_ROOM_MEMBERS",
        "ann@example.com:creator, bob@example.com:viewer",
    );
    let service = house.start().await;
    let board = house.board("Once");
    house.status(&board, "mirrored").await;
    house.trello.rename(&board, "Renamed");
    let renamed = "SELECT count(*) FROM board WHERE name = 'Renamed'";
    eventually("it was looked at again", || async {
        house.count(renamed).await == 1
    })
    .await;
    let requests = house.docspace.requests();
    let shares = requests
        .iter()
        .filter(|one| one.call.path.ends_with("/share"));
    assert_eq!(shares.count(), 2);
    let log = service.stop().await;
    assert!(!log.contains("@example.com"), "addresses are people's");
    let noted = "SELECT count(*) FROM history WHERE detail LIKE '%@%'";
    assert_eq!(house.count(noted).await, 0);
}

#[tokio::test]
async fn a_refused_invitation_is_a_warning_and_the_others_are_invited() {
    let mut house = House::new().await;
    house.set(
        "BOARDROOM_ROOM_MEMBERS",
        "guest@example.com:viewer, ann@example.com:editor",
    );
    house.docspace.set_guests_allowed(false);
    house
        .docspace
        .add_user("Ann", "ann@example.com", boardroom::sandbox::UserRole::User);
    let _service = house.start().await;
    let board = house.board("Closed circle");
    house.status(&board, "mirrored").await;
    let refused = format!(
        "SELECT count(*) FROM history WHERE board = '{board}' AND event = 'invitation_refused'"
    );
    assert_eq!(house.count(&refused).await, 1);
    let members = &house.docspace.rooms()[0].members;
    assert!(
        members
            .iter()
            .any(|member| member.email == "ann@example.com"),
        "{members:?}"
    );
}

#[tokio::test]
async fn an_invitation_without_an_answer_is_not_repeated() {
    let mut house = House::new().await;
    house.set(
        "BOARDROOM_ROOM_MEMBERS",
        "ann@example.com:editor, bob@example.com:viewer",
    );
    house.docspace.fail(
        Fault::new(Effect::DropAfter)
            .method("PUT")
            .when(|call| call.path.ends_with("/share"))
            .once(),
    );
    let _service = house.start().await;
    let board = house.board("Once");
    house.status(&board, "mirrored").await;
    let requests = house.docspace.requests();
    let shares: Vec<_> = requests
        .iter()
        .filter(|one| one.call.path.ends_with("/share"))
        .filter_map(|one| one.call.json())
        .collect();
    assert_eq!(shares.len(), 2, "{shares:?}");
}

#[tokio::test]
async fn tags_that_the_server_did_not_write_are_added() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let answer = Answer::internal_error();
    let fault = house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::UntaggedAnswer(answer)).once());
    let board = house.board("Untagged");
    house
        .docspace
        .wait_until(|docspace| docspace.struck(fault) > 0, SOON)
        .await
        .unwrap();
    house.status(&board, "mirrored").await;
    house.rooms(1).await;
    assert_eq!(
        house
            .docspace
            .rooms_tagged(&format!("Trello board {board}"))
            .len(),
        1
    );
    assert_eq!(house.docspace.rooms_tagged("Trello integration").len(), 1);
}

#[tokio::test]
async fn the_samples_private_flag_is_explained() {
    let mut house = House::new().await;
    house.set("BOARDROOM_ROOM_PRIVATE", "true");
    let mut service = house.start().await;
    let board = house.board("Secret");
    house.status(&board, "failed private_room_refused").await;
    service.logged("end-to-end encrypted").await;
    service.stop().await;
    house.set("BOARDROOM_ROOM_PRIVATE", "");
    let _service = house.start().await;
    house.status(&board, "mirrored").await;
}

#[tokio::test]
async fn secrets_and_addresses_change_without_a_gap() {
    let mut house = House::new().await;
    let secret = house.trello.secret();
    house.set("TRELLO_API_SECRET", &format!("the-new-secret, {secret}"));
    house.set("BOARDROOM_CALLBACK_URLS", "https://old.example/hooks?x=1");
    let _service = house.start().await;
    let url = house.url("/webhooks/trello");
    let signings = [
        (Signing::Proper, house.callback()),
        (
            Signing::WithSecret("the-new-secret".into()),
            house.callback(),
        ),
        (Signing::Proper, "https://old.example/hooks?x=1".to_owned()),
        (
            Signing::WithSecret("the-new-secret".into()),
            "https://old.example/hooks?x=1".to_owned(),
        ),
    ];
    let count = signings.len();
    for (signing, callback) in signings {
        let board = house.trello.create_board(
            NewBoard::named("Moving")
                .in_workspace(&house.workspace)
                .silently(),
        );
        let body = house
            .trello
            .compose(&house.workspace, "addToOrganizationBoard", &board)
            .unwrap();
        let letter = Letter::new(&url, body)
            .signing(signing)
            .signed_for(&callback);
        assert_eq!(
            house.trello.post(letter).await.unwrap().status,
            200,
            "{callback}"
        );
        house.status(&board, "mirrored").await;
    }
    house.rooms(count).await;
}
