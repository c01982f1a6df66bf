//! `mirror`: the vendor's one-shot, with no more than its four credentials.

use std::time::Duration;

use boardroom::sandbox::{Board, NewBoard, UserRole, Visibility};

use crate::{Finished, Lab, deserted};

impl Lab {
    pub(crate) fn board(&self, name: &str) -> Board {
        let id = self.trello().create_board(NewBoard::named(name));
        self.trello().board(&id).unwrap()
    }

    /// The address of the only room, as a person opens it.
    pub(crate) fn only_room(&self) -> String {
        let rooms = self.docspace().rooms();
        assert_eq!(rooms.len(), 1, "{rooms:?}");
        self.room_url(rooms[0].id)
    }

    pub(crate) fn room_url(&self, id: u64) -> String {
        let host = self.docspace().url();
        format!("{host}/rooms/shared/{id}/filter?folder={id}")
    }
}

impl Finished {
    #[track_caller]
    pub(crate) fn printed(&self, lines: &[&str]) {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.stdout.lines().collect::<Vec<_>>(), lines);
    }

    #[track_caller]
    pub(crate) fn failed_with(&self, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (1, ""), "{self:?}");
        for words in words {
            assert!(self.stderr.contains(words), "`{words}` in: {}", self.stderr);
        }
    }
}

#[tokio::test]
async fn a_board_is_named_by_its_id_short_link_or_address() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    let long = format!("https://trello.com/b/{}/launch", board.short_link);
    let short = format!("https://trello.com/b/{}", board.short_link);
    let names = [&*board.id, &board.short_link, &long, &short];
    for name in names {
        lab.run(&["mirror", name])
            .await
            .printed(&[&lab.only_room()]);
    }
    let room = &lab.docspace().rooms()[0];
    assert_eq!((room.title.as_str(), room.room_type), ("Launch", 2));
    let tag = format!("Trello board {}", board.id);
    assert_eq!(room.tags, ["Trello integration", &tag]);
    assert_eq!(lab.docspace().requests_to("POST", "/"), 1);
}

#[tokio::test]
async fn a_board_is_named_by_its_exact_name_wherever_trello_lists_it() {
    let lab = Lab::new().await;
    let sales = lab.trello().add_workspace("Sales");
    let ann = lab.trello().add_member("ann", "Ann Other");
    let hers = NewBoard::named("Q3: Launch").in_workspace(&sales).by(&ann);
    lab.trello().create_board(hers);
    lab.board("Q3: launch");
    let run = lab.run(&["mirror", "Q3: Launch"]).await;
    run.printed(&[&lab.only_room()]);
    // By now the database knows it: the lists need not be read again.
    let lists = || {
        let all = ["/1/members/me/boards", "/1/organizations/"];
        all.map(|path| lab.trello().requests_to("GET", path))
            .iter()
            .sum::<usize>()
    };
    let before = lists();
    let run = lab.run(&["mirror", "Q3: Launch"]).await;
    run.printed(&[&lab.only_room()]);
    assert_eq!(lists(), before);
}

#[tokio::test]
async fn a_name_that_several_boards_have_makes_no_room_and_lists_them() {
    let lab = Lab::new().await;
    let (first, second) = (lab.board("Launch"), lab.board("Launch"));
    let run = lab.run(&["mirror", "Launch"]).await;
    run.failed_with(&["several boards", &first.id, &second.id]);
    for board in [&first, &second] {
        let line = format!(
            "  {}  Launch  https://trello.com/b/{}",
            board.id, board.short_link
        );
        assert!(
            run.stderr.lines().any(|said| said == line),
            "{}",
            run.stderr
        );
    }
    assert!(lab.docspace().rooms().is_empty());
    let name_like_a_link = lab.board("aBcDeFgH");
    lab.run(&["mirror", "aBcDeFgH"])
        .await
        .printed(&[&lab.only_room()]);
    assert!(lab.docspace().rooms()[0].tags[1].ends_with(&*name_like_a_link.id));
}

#[tokio::test]
async fn several_boards_are_printed_in_their_order_and_one_that_fails_stops_no_other() {
    let lab = Lab::new().await;
    let (first, second) = (lab.board("First"), lab.board("Second"));
    let gone = "5b0000000000000000000009";
    let run = lab.run(&["mirror", &second.id, gone, &first.id]).await;
    assert_eq!(run.code, 1);
    let rooms = lab.docspace().rooms();
    assert_eq!([&rooms[0].title, &rooms[1].title], ["Second", "First"]);
    let urls: Vec<_> = rooms.iter().map(|room| lab.room_url(room.id)).collect();
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), urls);
    assert!(run.stderr.contains(gone), "{}", run.stderr);
}

#[tokio::test]
async fn an_unknown_board_and_one_that_may_not_be_seen_are_told_apart() {
    let lab = Lab::new().await;
    let unknown = lab.run(&["mirror", "5b0000000000000000000009"]).await;
    unknown.failed_with(&["Trello knows no such board"]);
    let ann = lab.trello().add_member("ann", "Ann Other");
    let private = NewBoard::named("Secret plans").by(&ann);
    let private = private.visibility(Visibility::Private);
    let private = lab.trello().create_board(private);
    let hidden = lab.run(&["mirror", &private]).await;
    hidden.failed_with(&["may not see", "member of the board"]);
    lab.run(&["mirror", "what is this?"])
        .await
        .failed_with(&["what is this?: this is no board", "24 hex digits"]);
    lab.run(&["mirror", "https://trello.com/c/aBcD1234"])
        .await
        .failed_with(&["this is no board", "https://trello.com/b/"]);
    assert!(lab.docspace().rooms().is_empty());
}

#[tokio::test]
async fn a_room_that_was_deleted_is_made_anew() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.run(&["mirror", &board.id]).await;
    let first = lab.docspace().rooms()[0].id;
    lab.docspace().delete_room(first);
    let again = lab.run(&["mirror", &board.id]).await;
    again.printed(&[&lab.only_room()]);
    assert_ne!(lab.docspace().rooms()[0].id, first);
}

#[tokio::test]
async fn a_room_that_another_database_knew_is_found_by_its_tag() {
    let mut lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.run(&["mirror", &board.id]).await;
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://another.db");
    let again = lab.run(&["mirror", &board.id]).await;
    again.printed(&[&lab.only_room()]);
}

#[tokio::test]
async fn two_at_the_same_time_make_one_room() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.docspace().set_create_time(Duration::from_millis(500));
    let run = ["mirror", &*board.id];
    let (first, second) = tokio::join!(lab.run(&run), lab.run(&run));
    let room = lab.only_room();
    first.printed(&[&room]);
    second.printed(&[&room]);
}

#[tokio::test]
async fn beside_a_running_service_it_makes_no_second_room() {
    let lab = Lab::new().await;
    let _service = lab.serve().await;
    let board = lab.board("Launch");
    let run = lab.run(&["mirror", &board.id]).await;
    run.printed(&[&lab.only_room()]);
}

#[tokio::test]
async fn what_docspace_refuses_is_told_at_once() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    let docspace = lab.docspace();
    docspace.set_quota(Some(0));
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["no room left", "larger plan"]);
    docspace.set_quota(None);
    docspace.set_user_role(&docspace.key_owner(), UserRole::User);
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["does not allow", "room admin"]);
    docspace.set_user_role(&docspace.key_owner(), UserRole::Owner);
    docspace.revoke_key();
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["refuses the API key", "ONLYOFFICE_API_KEY"]);
    docspace.restore_key();
    docspace.set_redirect_to_https(true);
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["redirect", "https://"]);
    docspace.set_redirect_to_https(false);
    lab.run(&["mirror", &board.id])
        .await
        .printed(&[&lab.only_room()]);
}

#[tokio::test]
async fn services_that_are_down_are_told_quickly_and_by_name() {
    let mut lab = Lab::new().await;
    let board = lab.board("Launch");
    let begun = tokio::time::Instant::now();
    lab.set("ONLYOFFICE_API_HOST", format!("http://{}", deserted()));
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["DocSpace cannot be reached", "Connection refused"]);
    lab.set("ONLYOFFICE_API_HOST", lab.docspace().url());
    lab.set("BOARDROOM_TRELLO_API_URL", format!("http://{}", deserted()));
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["Trello cannot be reached", "Connection refused"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_revoked_token_is_told_with_the_fix() {
    let lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.trello().revoke_token();
    lab.run(&["mirror", &board.id]).await.failed_with(&[
        "Trello refuses",
        "invalid token",
        "TRELLO_TOKEN",
    ]);
}

#[tokio::test]
async fn the_private_flag_of_the_sample_is_explained() {
    let mut lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.set("BOARDROOM_ROOM_PRIVATE", "true");
    lab.run(&["mirror", &board.id])
        .await
        .failed_with(&["private room", "BOARDROOM_ROOM_PRIVATE=false"]);
}

#[tokio::test]
async fn each_missing_credential_is_named() {
    let mut lab = Lab::new().await;
    for variable in ["TRELLO_API_KEY", "TRELLO_TOKEN", "ONLYOFFICE_API_KEY"] {
        lab.unset(variable);
    }
    let run = lab.run(&["mirror", "aBcD1234"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (78, ""));
    for variable in ["TRELLO_API_KEY", "TRELLO_TOKEN", "ONLYOFFICE_API_KEY"] {
        assert!(run.stderr.contains(variable), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("TRELLO_API_SECRET"), "not needed");
}
