//! Deliveries that are kept for a person: the newest of each kind, as they came.

use boardroom::model::delivery::{Capture, Captured, Recorded};

use crate::{action, empty, hint};

fn capture(kind: Captured, number: u8) -> Capture {
    Capture {
        kind,
        reason: format!("reason {number}"),
        body: vec![number, 0, 0xff],
        length: 3 + u64::from(number),
        signature: (kind == Captured::Refused).then(|| "AAAA, BBBB".to_owned()),
        url: (kind == Captured::Refused).then(|| "http://rooms.example/x?y".to_owned()),
    }
}

#[tokio::test]
async fn of_each_kind_the_newest_twenty_are_kept_and_none_pushes_out_another() {
    let kept = empty().await;
    for number in 0..3 {
        kept.capture(&capture(Captured::Junk, number))
            .await
            .unwrap();
    }
    for number in 0..25 {
        kept.capture(&capture(Captured::Refused, number))
            .await
            .unwrap();
    }
    for (kind, numbers) in [(Captured::Junk, 0..3), (Captured::Refused, 5..25)] {
        let captures = kept.captures(kind).await.unwrap();
        assert!(captures.iter().all(|kept| kept.at.0 > 0));
        let captures: Vec<_> = captures.into_iter().map(|kept| kept.capture).collect();
        let expected: Vec<_> = numbers.rev().map(|number| capture(kind, number)).collect();
        assert_eq!(captures, expected, "as they came, the newest first");
    }
    let refused = kept.captures(Captured::Refused).await.unwrap();
    assert!(refused[0].capture.is_cut());
    let junk = kept.captures(Captured::Junk).await.unwrap();
    assert!(!junk.last().unwrap().capture.is_cut());
}

#[tokio::test]
async fn an_action_is_remembered_once_it_is_stored() {
    let kept = empty().await;
    assert!(!kept.remembers(action(1)).await.unwrap());
    let recorded = kept.accept(&[hint(1, 1)]).await.unwrap();
    assert_eq!(recorded, [Recorded::New]);
    assert!(kept.remembers(action(1)).await.unwrap());
    assert!(!kept.remembers(action(2)).await.unwrap());
}
