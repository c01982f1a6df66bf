//! The lists of the pages: the latest first, filtered, in parts without gap or repetition.

use boardroom::model::failure::Code;
use boardroom::model::id::RoomId;
use boardroom::model::status::{Apart, Ignored, Status};
use boardroom::store::history::{Event, Note};
use boardroom::store::{Filter, Settlement};

use crate::{Kept, board, empty, listed, settled};

impl Kept {
    async fn settle_named(&self, number: u32, name: &str, status: Status) {
        self.hint(&[board(number)]).await.unwrap();
        let claim = self.take(number, crate::LEASE).await.unwrap();
        let seen = boardroom::model::board::Board {
            id: board(number),
            name: name.into(),
            short_link: Some(format!("link{number}")),
            workspace: listed(number, name).workspace,
            closed: false,
            kind: boardroom::model::board::BoardKind::Ordinary,
        };
        let settlement = Settlement {
            seen: Some(seen),
            ..settled(&claim, status)
        };
        self.settle(claim.fence, &settlement).await.unwrap();
    }

    /// The numbers of all boards that a filter lets through, read in parts of `most`.
    async fn numbers(&self, filter: &Filter, most: u32) -> Vec<u32> {
        let (mut numbers, mut before) = (Vec::new(), None);
        loop {
            let page = self.latest(filter, before, most).await.unwrap();
            numbers.extend(page.rows.iter().map(|entry| {
                let id = entry.standing.id.to_string();
                u32::from_str_radix(&id[16..], 16).unwrap()
            }));
            before = page.next;
            if before.is_none() {
                return numbers;
            }
        }
    }
}

fn filter(status: &str, text: &str) -> Filter {
    let (status, reason) = status.split_once('/').unwrap_or((status, ""));
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Filter {
        status: some(status),
        reason: some(reason),
        text: some(text),
    }
}

#[tokio::test]
async fn boards_are_listed_the_latest_first_whatever_their_status() {
    let store = empty().await;
    let drift = Status::Mirrored(Some(Apart::Drift));
    let failed = Status::Failed(Code::DocSpaceRejected);
    for (number, name, status) in [
        (1, "Alpha", Status::Mirrored(None)),
        (2, "École d'été", drift),
        (3, "100% _real_", Status::Mirrored(None)),
        (4, "Alphabet", failed),
        (5, "ALPHA", Status::Ignored(Ignored::Told)),
        (6, "Omega", Status::Mirrored(None)),
    ] {
        store.settle_named(number, name, status).await;
    }
    let twins = [1, 3, 4].map(|number| (board(number), RoomId(i64::from(number) + 70)));
    store.set_twins(&twins).await.unwrap();
    for most in [1, 2, 3, 6, 100] {
        for (status, text, numbers) in [
            ("", "", &[6, 5, 4, 3, 2, 1][..]),
            ("mirrored", "", &[6, 3, 2, 1]),
            ("mirrored/drift", "", &[2]),
            ("mirrored/twins", "", &[3, 1]),
            ("mirrored/twins", "alpha", &[1]),
            ("mirrored/twins", "omega", &[]),
            ("failed", "", &[4]),
            ("waiting", "", &[]),
            ("dreaming/of", "", &[]),
            ("", "alpha", &[5, 4, 1]),
            ("", "Alphab", &[4]),
            ("mirrored", "ALPHA", &[1]),
            ("", "école", &[2]),
            ("", "% _r", &[3]),
            ("", "link4", &[4]),
            ("", "ink4", &[]),
            ("", "640000000000000000000006", &[6]),
            ("failed", "640000000000000000000006", &[6]),
            ("failed", "omega", &[]),
        ] {
            let found = store.numbers(&filter(status, text), most).await;
            assert_eq!(found, numbers, "{status} {text} by {most}");
        }
    }
}

#[tokio::test]
async fn a_full_part_that_is_the_last_says_so() {
    let store = empty().await;
    for number in 1..=4 {
        let status = Status::Mirrored(None);
        store.settle_named(number, "Launch", status).await;
    }
    for (status, text) in [
        ("", ""),
        ("mirrored", ""),
        ("", "launch"),
        ("mirrored", "launch"),
    ] {
        for (most, is_all) in [(3, false), (4, true), (5, true)] {
            let page = store
                .latest(&filter(status, text), None, most)
                .await
                .unwrap();
            assert_eq!(page.next.is_none(), is_all, "{status} {text} by {most}");
        }
    }
}

/// Names are read in parts, so that a search of many can be broken off; nothing is left out or told twice.
#[tokio::test]
async fn a_search_of_many_boards_goes_on_from_where_it_was() {
    let store = empty().await;
    let many: Vec<_> = (1..=1_250).map(board).collect();
    for some in many.chunks(500) {
        store.hint(some).await.unwrap();
    }
    for (number, status) in [
        (1, Status::Mirrored(None)),
        (501, Status::Pending(Some(Code::DocSpaceUnavailable))),
        (1_001, Status::Pending(Some(Code::DocSpaceUnavailable))),
    ] {
        store.settle_named(number, "Needle", status).await;
    }
    let first = store.latest(&filter("", "needle"), None, 9).await.unwrap();
    assert!(first.rows.len() < 3 && first.next.is_some(), "{first:?}");
    for most in [1, 2, 9] {
        for (status, numbers) in [("", &[1_001, 501, 1][..]), ("pending", &[1_001, 501])] {
            let found = store.numbers(&filter(status, "needle"), most).await;
            assert_eq!(found, numbers, "{status} by {most}");
        }
        let none = store.numbers(&filter("", "thread"), most).await;
        assert_eq!(none, [0; 0]);
    }
}

#[tokio::test]
async fn a_history_is_read_from_its_end_and_stirs_the_pulse() {
    let store = empty().await;
    store.hint(&[board(1)]).await.unwrap();
    let mut pulses = vec![store.pulse().await.unwrap()];
    for number in 0..7 {
        let note = Note::new(Event::Observed, number.to_string());
        store.note(board(1), &note).await.unwrap();
        pulses.push(store.pulse().await.unwrap());
    }
    assert!(pulses.windows(2).all(|two| two[0] < two[1]), "{pulses:?}");
    for most in [1, 3, 7, 100] {
        let (mut told, mut before) = (Vec::new(), None);
        loop {
            let page = store.latest_history(board(1), before, most).await.unwrap();
            told.extend(page.rows.into_iter().map(|line| line.detail));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(told, ["6", "5", "4", "3", "2", "1", "0"]);
    }
    let all = store.latest_history(board(1), None, 7).await.unwrap();
    assert_eq!(all.next, None, "there is none before them");
    // What happens meanwhile does not move what is read on.
    let page = store.latest_history(board(1), None, 2).await.unwrap();
    let note = Note::new(Event::Observed, "later");
    store.note(board(1), &note).await.unwrap();
    let next = store.latest_history(board(1), page.next, 2).await.unwrap();
    let told: Vec<_> = next.rows.iter().map(|line| line.detail.as_str()).collect();
    assert_eq!(told, ["4", "3"]);
}
