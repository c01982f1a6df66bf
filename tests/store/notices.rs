//! Alerts and notices: told once whoever decides it, kept until taken, in their order.

use std::time::Duration;

use boardroom::model::time::Timestamp;
use boardroom::store::{Notice, Turn, Turned};

use crate::{Kept, empty};

const SINCE: Timestamp = Timestamp(1_790_000_000_000);
const BEGINS: Turned = Turned::Begins {
    since: SINCE,
    told: 3,
};

fn turn(cause: &str, turned: Turned, body: Option<&str>) -> Turn {
    Turn {
        cause: cause.into(),
        turned,
        body: body.map(str::to_owned),
    }
}

impl Kept {
    async fn turned(&self, cause: &str, turned: Turned, body: Option<&str>) {
        let turn = turn(cause, turned, body);
        self.turn(&[turn]).await.unwrap();
    }

    async fn due_now(&self) -> Vec<Notice> {
        self.due_notices(10).await.unwrap()
    }

    async fn bodies(&self) -> Vec<String> {
        let due = self.due_now().await;
        due.into_iter().map(|notice| notice.body).collect()
    }
}

#[tokio::test]
async fn an_alert_begins_grows_rests_returns_and_ends() {
    let kept = empty().await;
    kept.turned("a", BEGINS, Some("begins")).await;
    let alert = kept.alerts().await.unwrap().pop().unwrap();
    assert_eq!(
        (alert.cause.as_str(), alert.since, alert.told),
        ("a", SINCE, 3)
    );
    assert_eq!(alert.over_at, None);
    // What is not over cannot end, and what has not begun cannot grow.
    kept.turned("a", Turned::Ends, Some("too early")).await;
    kept.turned("a", Turned::Returns, None).await;
    let grows = |before| Turned::Grows { before, told: 6 };
    kept.turned("b", grows(3), Some("unknown")).await;
    kept.turned("a", Turned::Rests, None).await;
    let rests = kept.alerts().await.unwrap().pop().unwrap();
    assert!(
        rests
            .over_at
            .is_some_and(|over_at| over_at >= alert.told_at)
    );
    kept.turned("a", Turned::Returns, None).await;
    assert_eq!(kept.alerts().await.unwrap()[0].over_at, None);
    kept.turned("a", Turned::Rests, None).await;
    kept.turned("a", grows(3), Some("grows")).await;
    let larger = kept.alerts().await.unwrap().pop().unwrap();
    assert_eq!(
        (larger.told, larger.over_at, larger.since),
        (6, None, SINCE)
    );
    kept.turned("a", Turned::Rests, None).await;
    kept.turned("a", Turned::Ends, Some("over")).await;
    assert_eq!(kept.alerts().await.unwrap(), []);
    let mut told = Vec::new();
    while let Some(notice) = kept.due_now().await.pop() {
        told.push(notice.body);
        kept.forget_notice(notice.id).await.unwrap();
    }
    assert_eq!(told, ["begins", "grows", "over"]);
}

#[tokio::test]
async fn of_two_who_decide_the_same_one_is_heard() {
    let kept = empty().await;
    for _ in 0..2 {
        kept.turned("a", BEGINS, Some("once")).await;
    }
    let grows = Turned::Grows { before: 3, told: 9 };
    for _ in 0..2 {
        kept.turned("a", grows, Some("grown once")).await;
    }
    assert_eq!(kept.waiting_notices().await.unwrap(), 2);
}

#[tokio::test]
async fn what_came_first_of_a_cause_is_told_first_even_when_it_waits() {
    let kept = empty().await;
    kept.turned("a", BEGINS, Some("a begins")).await;
    kept.turned("a", Turned::Rests, None).await;
    kept.turned("a", Turned::Ends, Some("a ends")).await;
    kept.turned("b", BEGINS, Some("b begins")).await;
    assert_eq!(kept.bodies().await, ["a begins", "b begins"]);
    assert_eq!(kept.due_notices(1).await.unwrap().len(), 1);
    let first = kept.due_now().await.remove(0);
    assert_eq!((first.cause.as_str(), first.attempts), ("a", 0));
    assert!(first.age < Duration::from_mins(1));
    kept.defer_notice(first.id, Duration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(
        kept.bodies().await,
        ["b begins"],
        "its end waits for its beginning"
    );
    assert_eq!(kept.untaken_notices().await.unwrap(), 1);
    kept.hasten_notices().await.unwrap();
    assert_eq!(kept.bodies().await, ["a begins", "b begins"]);
    kept.defer_notice(first.id, Duration::ZERO).await.unwrap();
    let again = kept.due_now().await.remove(0);
    assert_eq!((again.id, again.attempts), (first.id, 2));
    kept.forget_notice(first.id).await.unwrap();
    assert_eq!(kept.untaken_notices().await.unwrap(), 0);
    assert_eq!(kept.bodies().await, ["a ends", "b begins"]);
    assert_eq!(kept.waiting_notices().await.unwrap(), 2);
}
