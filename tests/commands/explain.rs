//! `explain`: what happened to a board, fit to be pasted into a report.

use boardroom::model::failure::Code;
use boardroom::model::status::{Apart, Status};
use boardroom::store::history::{Event, Note};

use crate::Lab;
use crate::boards::{Left, id};

#[tokio::test]
async fn a_board_tells_its_story_in_order() {
    let mut lab = Lab::new().await;
    let board = lab.board("Launch");
    lab.run(&["mirror", &board.id]).await;
    lab.forget_credentials();
    let run = lab.run(&["explain", "Launch"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let room = lab.docspace().rooms()[0].id;
    let head = format!(
        "Launch\n  board     {} https://trello.com/b/{}\n  status    mirrored: its room agrees with it, for ",
        board.id, board.short_link
    );
    assert!(run.stdout.starts_with(&head), "{}", run.stdout);
    assert!(
        run.stdout
            .contains(&format!("  room      {room} \"Launch\"\n"))
    );
    assert!(
        run.stdout.contains("  room_created  room "),
        "{}",
        run.stdout
    );
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80));
    for named in [
        board.id.to_string(),
        board.short_link.clone(),
        format!("https://trello.com/b/{}/launch", board.short_link),
    ] {
        let again = lab.run(&["explain", &named]).await;
        assert!(again.stdout.starts_with(&head), "{named}: {}", again.stdout);
    }
}

#[tokio::test]
async fn programs_get_a_line_of_json_for_each_event() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    let board = Left::at(1, "Launch", Status::Mirrored(None))
        .with_room(7)
        .keep(&store)
        .await;
    let note = Note::new(Event::Renamed, "to \"Launch 2\"");
    store.note(board, &note).await.unwrap();
    store.close().await;
    let run = lab.run(&["explain", "--json", &board.to_string()]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let lines: Vec<_> = run.stdout.lines().collect();
    let rests = [
        r#","event":"room_created","detail":"room 7"}"#,
        r#","event":"renamed","detail":"to \"Launch 2\""}"#,
    ];
    assert_eq!(lines.len(), rests.len(), "{}", run.stdout);
    for (line, rest) in lines.iter().zip(rests) {
        let at = line.strip_prefix(r#"{"at":""#).unwrap();
        let (at, event) = at.split_once('"').unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert_eq!(event, rest);
    }
}

#[tokio::test]
async fn nothing_of_it_is_anybodys_address_and_nothing_moves_a_cursor() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    let board = Left::at(
        1,
        "\u{1b}[1mPlans of ann@example.com",
        Status::Failed(Code::DocSpaceRejected),
    )
    .keep(&store)
    .await;
    let long = format!(
        "400 <Ann.B@Example.com>\r\n{} the end",
        "words ".repeat(100)
    );
    let note = Note::new(Event::Failed, long);
    store.note(board, &note).await.unwrap();
    store.close().await;
    let newer = format!(
        "INSERT INTO history (board, at, event, detail) VALUES ('{board}', 1790000000123, 'teleported', 'by a newer\u{1b}program')"
    );
    lab.storage.execute(&newer).await;
    for arguments in [
        &["explain", &*board.to_string()][..],
        &["explain", "--json", &*board.to_string()],
    ] {
        let run = lab.run(arguments).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let said = &run.stdout;
        assert!(!said.contains('@'), "{said}");
        assert!(
            !said.contains(|c: char| c.is_control() && c != '\n'),
            "{said:?}"
        );
        assert!(
            said.contains("teleported"),
            "an unknown event is shown: {said}"
        );
        assert!(said.contains("by a newer program"), "{said}");
        assert_eq!(said.matches("words").count(), 100, "nothing is cut: {said}");
        assert!(said.contains("the end"), "{said}");
    }
    let run = lab.run(&["explain", &board.to_string()]).await;
    for said in [
        "[1mPlans of (address)\n",
        "failed (docspace_rejected): DocSpace refuses the room",
        "\n  fix       The detail says why;",
        "\n2026-09-21\n  14:13:20.123",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
}

#[tokio::test]
async fn what_differs_is_said_in_words() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    let board = Left::at(1, "Launch", Status::Mirrored(Some(Apart::Drift)))
        .with_room(7)
        .drifted("Ours")
        .keep(&store)
        .await;
    let twins = [8, 9].map(|room| (board, boardroom::model::id::RoomId(room)));
    store.set_twins(&twins).await.unwrap();
    store.close().await;
    let run = lab.run(&["explain", "Launch"]).await;
    for line in [
        "  drift     a person called the room \"Ours\"",
        "  twins     room 8, 9 carries its tag, too; say which is right: boardroom link",
    ] {
        assert!(
            run.stdout.lines().any(|said| said == line),
            "{}",
            run.stdout
        );
    }
}

#[tokio::test]
async fn a_board_is_never_guessed() {
    let lab = Lab::new().await;
    let store = lab.store().await;
    for number in 1..=2 {
        Left::at(number, "Launch", Status::Mirrored(None))
            .keep(&store)
            .await;
    }
    // Called as the short link of another one.
    Left::at(3, "sh0rt001", Status::Mirrored(None))
        .keep(&store)
        .await;
    store.close().await;
    let both = lab.run(&["explain", "Launch"]).await;
    both.failed_with(&[
        "several boards",
        &format!("{}  Launch  https://trello.com/b/sh0rt001", id(1)),
        &format!("{}  Launch  https://trello.com/b/sh0rt002", id(2)),
    ]);
    let either = lab.run(&["explain", "sh0rt001"]).await;
    either.failed_with(&[&id(1).to_string(), &id(3).to_string()]);
    let address = lab.run(&["explain", "https://trello.com/b/sh0rt001"]).await;
    assert!(address.stdout.contains(&id(1).to_string()));
    for unknown in [
        "launch",
        "Launc",
        &id(9).to_string(),
        "https://trello.com/b/sh0rt009",
    ] {
        lab.run(&["explain", unknown]).await.failed_with(&[
            &format!("{unknown}: the database knows no such board"),
            "24 hex digits",
            "boardroom boards",
        ]);
    }
    lab.run(&["explain", "https://example.com/b/sh0rt001"])
        .await
        .failed_with(&["this is no board"]);
    assert_eq!(lab.run(&["explain"]).await.code, 64);
}
