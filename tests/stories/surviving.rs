//! Crashes and creates without an answer: whatever happens in between, there is one room, and it carries its tags.

use std::time::Duration;

use boardroom::sandbox::{Answer, Effect, Fault, FaultId};

use crate::house::{House, SOON, eventually};

const ROOMS: &str = "/api/2.0/files/rooms";

/// Longer than no second create may follow an unanswered one.
const WINDOW: Duration = Duration::from_secs(130);

impl House {
    fn create_meets(&self, effect: Effect) -> FaultId {
        self.docspace.fail(Fault::on("POST", ROOMS, effect).once())
    }

    async fn struck(&self, fault: FaultId) {
        self.docspace
            .wait_until(|docspace| docspace.struck(fault) > 0, SOON)
            .await
            .unwrap();
    }

    /// Waits until the board is mirrored, and sees that there is one room with both tags.
    async fn one_tagged_room(&self, board: &str) {
        self.status(board, "mirrored").await;
        let rooms = self.docspace.rooms();
        assert_eq!(rooms.len(), 1, "{rooms:?}");
        assert!(
            rooms[0].tags.contains(&"Trello integration".to_owned()),
            "{rooms:?}"
        );
        assert!(
            rooms[0].tags.contains(&format!("Trello board {board}")),
            "{rooms:?}"
        );
    }

    fn creates(&self) -> usize {
        self.docspace.requests_to("POST", ROOMS)
    }
}

#[tokio::test]
async fn killed_in_the_middle_of_a_create_there_is_one_room() {
    let mut house = House::new().await;
    let service = house.start().await;
    let fault = house.create_meets(Effect::DelayBefore(Duration::from_millis(300)));
    let board = house.board("Killed");
    house.struck(fault).await;
    service.kill();
    let _service = house.start().await;
    house.one_tagged_room(&board).await;
    assert_eq!(house.creates(), 1);
}

#[tokio::test]
async fn killed_before_the_tags_were_written_there_is_one_room_and_it_is_tagged() {
    let mut house = House::new().await;
    let service = house.start().await;
    let fault = house.create_meets(Effect::UntaggedDrop);
    let board = house.board("No: tags? 🎉");
    house.struck(fault).await;
    service.kill();
    let _service = house.start().await;
    house.one_tagged_room(&board).await;
    assert_eq!(house.creates(), 1);
}

#[tokio::test]
async fn a_create_without_an_answer_is_looked_for_and_not_repeated() {
    let answers = [
        Effect::DropAfter,
        Effect::UntaggedDrop,
        Effect::AnswerAfter(Answer::html(502)),
        Effect::AnswerAfter(Answer::html(504)),
        Effect::UntaggedAnswer(Answer::internal_error()),
        Effect::Garbage,
        Effect::HalfBody,
    ];
    for effect in answers {
        let what = format!("{effect:?}");
        let mut house = House::new().await;
        let _service = house.start().await;
        let fault = house.create_meets(effect);
        let board = house.board("Answered by nobody");
        house.struck(fault).await;
        house.one_tagged_room(&board).await;
        assert_eq!(house.creates(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_room_that_comes_after_we_hung_up_is_the_one() {
    let mut house = House::new().await;
    house.set("BOARDROOM_DOCSPACE_TIMEOUT", "1s");
    let _service = house.start().await;
    house.create_meets(Effect::DelayBefore(Duration::from_secs(4)));
    let board = house.board("Slow");
    house.status(&board, "waiting confirmation").await;
    house.one_tagged_room(&board).await;
    assert_eq!(house.creates(), 1);
}

#[tokio::test]
async fn a_create_that_never_arrived_is_repeated_only_after_the_window() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let fault = house.create_meets(Effect::Drop);
    let board = house.board("Lost on the way");
    house.struck(fault).await;
    house.status(&board, "waiting confirmation").await;
    let look_ups = || house.docspace.requests_to("GET", ROOMS);
    let before = look_ups();
    house
        .docspace
        .wait_until(
            |docspace| docspace.requests_to("GET", ROOMS) >= before + 4,
            SOON,
        )
        .await
        .unwrap();
    assert_eq!(house.creates(), 1, "look-ups only");
    house.age(WINDOW).await;
    house.one_tagged_room(&board).await;
    assert_eq!(house.creates(), 2);
}

#[tokio::test]
async fn two_boards_of_one_title_share_no_room() {
    let mut house = House::new().await;
    let _service = house.start().await;
    house
        .docspace
        .fail(Fault::on("POST", ROOMS, Effect::UntaggedDrop).times(2));
    let (one, other) = (house.board("Sprint"), house.board("Sprint"));
    house.rooms(2).await;
    house.status(&one, "waiting confirmation").await;
    house.status(&other, "waiting confirmation").await;
    house.age(WINDOW).await;
    house.status(&one, "mirrored").await;
    house.status(&other, "mirrored").await;
    house.rooms(2).await;
    for board in [&one, &other] {
        assert_eq!(
            house
                .docspace
                .rooms_tagged(&format!("Trello board {board}"))
                .len(),
            1
        );
    }
    assert_eq!(house.creates(), 2);
}

#[tokio::test]
async fn a_room_that_a_person_made_is_not_taken_for_ours() {
    let mut house = House::new().await;
    let _service = house.start().await;
    let fault = house.create_meets(Effect::Drop);
    let colleague = house.docspace.add_user(
        "Cole",
        "cole@example.com",
        boardroom::sandbox::UserRole::RoomAdmin,
    );
    let before = house.docspace.now() - jiff::SignedDuration::from_secs(10);
    house
        .docspace
        .create_room(boardroom::sandbox::HandMadeRoom::titled("Plans").created_at(before));
    let board = house.board("Plans");
    house.struck(fault).await;
    house
        .docspace
        .create_room(boardroom::sandbox::HandMadeRoom::titled("Plans").by(&colleague));
    house.status(&board, "waiting confirmation").await;
    house.age(WINDOW).await;
    house.status(&board, "mirrored").await;
    house.rooms(3).await;
}

#[tokio::test]
async fn what_was_acknowledged_right_before_a_kill_is_not_lost() {
    let mut house = House::new().await;
    let service = house.start().await;
    // DocSpace answers nobody, so that nothing but the store can know of the boards.
    let hang = house.docspace.fail(Fault::new(Effect::Hang));
    let boards: Vec<_> = (0..20)
        .map(|number| house.board(&format!("Board {number}")))
        .collect();
    let acknowledged = |trello: &boardroom::sandbox::Trello| {
        let all = trello.deliveries();
        boards.iter().all(|board| {
            all.iter()
                .any(|one| one.board.as_ref() == Some(board) && !one.attempts.is_empty())
        })
    };
    house.trello.wait_until(acknowledged, SOON).await.unwrap();
    service.kill();
    // Trello forgets, too: only the database knows of them now.
    house.docspace.clear(hang);
    house.set("BOARDROOM_SWEEP_EVERY", "1h");
    let _service = house.start().await;
    for board in &boards {
        let settled = format!(
            "SELECT count(*) FROM board WHERE id = '{board}' AND (status = 'mirrored' OR reason = 'confirmation')"
        );
        eventually("it has its room or sits out its window", || async {
            house.count(&settled).await == 1
        })
        .await;
    }
    house.age(WINDOW).await;
    house.rooms(20).await;
}

#[tokio::test]
async fn killed_again_and_again_no_board_is_lost_and_none_gets_two() {
    let mut house = House::new().await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    house.docspace.set_create_time(Duration::from_millis(20));
    // The budget has a story of its own.
    house.set("BOARDROOM_TRELLO_RATE", "1000/10s");
    house.trello.without_rate_limits();
    house.trello.set_delivery_retries(&[
        Duration::from_millis(100),
        Duration::from_millis(300),
        Duration::from_millis(900),
    ]);
    let mut boards = Vec::new();
    for round in 0..8 {
        let mut service = house.spawn();
        service.logged("boardroom serves").await;
        for number in 0..5 {
            boards.push(house.board(&format!("Board {round}.{number}")));
        }
        let requests = house.docspace.requests().len() + chance.usize(0..25);
        let _ = house
            .docspace
            .wait_until(
                |docspace| docspace.requests().len() >= requests,
                Duration::from_millis(500),
            )
            .await;
        service.kill();
    }
    let _service = house.start().await;
    // Killed between an intention and its call, nobody knows whether it was sent: those boards sit out the window.
    let open = "SELECT count(*) FROM board WHERE status NOT IN ('mirrored', 'ignored') AND reason IS DISTINCT FROM 'confirmation'";
    let known = "SELECT count(*) FROM board WHERE status <> 'ignored'";
    let wanted = i64::try_from(boards.len()).unwrap();
    eventually("each board is mirrored or sits out its window", || async {
        house.count(known).await == wanted && house.count(open).await == 0
    })
    .await;
    house.age(WINDOW).await;
    let mirrored = "SELECT count(*) FROM board WHERE status = 'mirrored'";
    eventually("all boards are mirrored", || async {
        house.count(mirrored).await == wanted
    })
    .await;
    house.rooms(boards.len()).await;
    for board in &boards {
        assert_eq!(
            house
                .docspace
                .rooms_tagged(&format!("Trello board {board}"))
                .len(),
            1,
            "seed {seed}"
        );
    }
}
