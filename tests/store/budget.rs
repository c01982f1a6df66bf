//! The shared budget of Trello requests: who gets how many permits, and when they are free again.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use boardroom::store::{Account, Leased, Store, Terms};
use boardroom::trello::{self, Budget};
use tokio::task::JoinSet;

use crate::{Kept, empty};

/// Times are kept by the millisecond.
const TICK: Duration = Duration::from_millis(1);
const TERMS: Terms = Terms {
    limit: 20,
    per: Duration::from_mins(10),
    life: Duration::from_secs(5),
    longest: Duration::from_secs(15),
};

fn account(holder: &str) -> Account<'_> {
    Account {
        holder,
        held: 0,
        ended: &[],
        need: 0,
        want: 0,
    }
}

impl Kept {
    async fn exchange(&self, account: Account<'_>) -> Leased {
        self.exchange_permits(&account, &TERMS).await.unwrap()
    }

    /// Needs so many, and takes what there is.
    async fn need(&self, holder: &str, need: u32) -> Leased {
        let account = Account {
            need,
            want: need,
            ..account(holder)
        };
        self.exchange(account).await
    }

    async fn occupied(&self) -> u32 {
        self.occupied_permits(TERMS.per).await.unwrap()
    }

    /// Asks until all permits can be had at once.
    async fn all(&self, terms: &Terms) {
        let all = Account {
            need: terms.limit,
            want: terms.limit,
            ..account("late")
        };
        while self.exchange_permits(&all, terms).await.unwrap().granted < terms.limit {
            let none = account("late");
            self.exchange_permits(&none, terms).await.unwrap();
        }
    }
}

#[tokio::test]
async fn together_services_hold_no_more_than_the_limit() {
    let kept = empty().await;
    let first = kept.need("a", 12).await;
    assert_eq!((first.granted, first.kept, first.left), (12, true, 8));
    let second = kept.need("b", 12).await;
    assert_eq!(second.granted, 8, "as many as are left");
    let enough = Account {
        held: 8,
        ..account("b")
    };
    kept.exchange(enough).await;
    assert_eq!(kept.occupied().await, 20);
    let third = kept.need("c", 1).await;
    assert_eq!(third.granted, 0);
    let held = TERMS.life + TERMS.longest + TERMS.per;
    assert!(third.again > TERMS.per, "{third:?}");
    assert!(third.again <= held, "{third:?}");
    // Five of the first's were used a while ago, three are not needed.
    let told = Account {
        held: 4,
        ended: &[(5, TERMS.per / 2)],
        ..account("a")
    };
    assert!(kept.exchange(told).await.kept);
    assert_eq!(kept.occupied().await, 17);
    a_millisecond_passes();
    let fourth = kept.need("c", 10).await;
    assert_eq!(fourth.granted, 3);
    assert!(fourth.again <= TERMS.per / 2, "{fourth:?}");
    assert!(fourth.again > TERMS.per / 3, "{fourth:?}");
}

#[tokio::test]
async fn a_permit_is_free_one_span_after_its_request_has_ended() {
    let kept = empty().await;
    let terms = Terms {
        per: Duration::from_millis(400),
        ..TERMS
    };
    let all = Account {
        need: 20,
        want: 20,
        ..account("a")
    };
    assert_eq!(
        kept.exchange_permits(&all, &terms).await.unwrap().granted,
        20
    );
    let ended = Instant::now();
    let told = Account {
        ended: &[(20, Duration::ZERO)],
        ..account("a")
    };
    kept.exchange_permits(&told, &terms).await.unwrap();
    kept.all(&terms).await;
    assert!(ended.elapsed() >= terms.per, "{:?}", ended.elapsed());
}

#[tokio::test]
async fn what_a_dead_service_held_is_occupied_as_long_as_it_could_have_used_it() {
    let kept = empty().await;
    let terms = Terms {
        per: Duration::from_millis(200),
        life: Duration::from_millis(150),
        longest: Duration::from_millis(100),
        ..TERMS
    };
    let leased = Instant::now();
    a_millisecond_passes();
    let one = Account {
        need: 1,
        want: 1,
        ..account("dead")
    };
    assert_eq!(
        kept.exchange_permits(&one, &terms).await.unwrap().granted,
        1
    );
    kept.all(&terms).await;
    assert!(leased.elapsed() >= Duration::from_millis(450));
    // It was only frozen, and wakes.
    let woken = Account {
        held: 1,
        ..account("dead")
    };
    let answer = kept.exchange_permits(&woken, &terms).await.unwrap();
    assert!(!answer.kept, "others have it by now");
}

/// What the store tells apart by the millisecond is a millisecond apart: it may be quicker than that.
fn a_millisecond_passes() {
    let begun = std::time::Instant::now();
    while begun.elapsed() <= TICK {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn who_waited_first_is_served_first() {
    let kept = empty().await;
    kept.need("a", 20).await;
    assert_eq!(kept.need("b", 5).await.granted, 0);
    assert_eq!(kept.need("c", 5).await.granted, 0);
    let eight_left = Account {
        held: 12,
        ..account("a")
    };
    kept.exchange(eight_left).await;
    let late = kept.need("d", 1).await;
    assert_eq!((late.granted, late.again), (0, Duration::ZERO), "set aside");
    a_millisecond_passes();
    assert_eq!(kept.need("c", 5).await.granted, 3);
    let first = Account {
        need: 5,
        want: 8,
        ..account("b")
    };
    let first = kept.exchange(first).await;
    assert_eq!(first.granted, 5, "none to spare while others wait");
    let seven_left = Account {
        held: 11,
        ..account("a")
    };
    kept.exchange(seven_left).await;
    let more = Account {
        held: 3,
        need: 2,
        want: 2,
        ..account("c")
    };
    let more = kept.exchange(more).await;
    assert_eq!(
        more.granted, 0,
        "who got something stands behind all others"
    );
    assert_eq!(kept.need("d", 1).await.granted, 1);
}

#[tokio::test]
async fn a_place_that_nobody_comes_back_to_is_given_up() {
    let kept = empty().await;
    kept.need("a", 20).await;
    assert_eq!(kept.need("gone", 20).await.granted, 0);
    kept.exchange(account("a")).await;
    let begun = Instant::now();
    while kept.need("b", 20).await.granted == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    // And one that is given up in words at once.
    assert_eq!(kept.need("c", 20).await.granted, 0);
    kept.exchange(account("b")).await;
    assert_eq!(kept.need("d", 20).await.granted, 0);
    kept.exchange(account("c")).await;
    assert_eq!(kept.need("d", 20).await.granted, 20);
}

#[tokio::test]
async fn what_an_answer_brought_that_never_arrived_is_free_again() {
    let kept = empty().await;
    assert_eq!(kept.need("a", 12).await.granted, 12);
    assert_eq!(kept.need("a", 20).await.granted, 20, "it knows of none");
    let known = Account {
        held: 20,
        ..account("a")
    };
    assert!(kept.exchange(known).await.kept);
    assert_eq!(kept.occupied().await, 20);
}

#[tokio::test]
async fn when_all_services_are_dead_what_they_held_is_free_after_one_span() {
    let kept = empty().await;
    kept.need("a", 12).await;
    kept.need("b", 9).await;
    let per = Duration::from_millis(300);
    let ended = Instant::now();
    kept.end_leases(per).await.unwrap();
    assert_eq!(kept.need("c", 1).await.granted, 0);
    kept.exchange(account("c")).await;
    kept.all(&Terms { per, ..TERMS }).await;
    assert!(ended.elapsed() >= per);
}

/// Carries permits between a process and the store for ever.
async fn carry(budget: Budget, store: std::sync::Arc<dyn Store>, holder: &str, terms: Terms) {
    loop {
        let exchange = budget.exchange().await;
        let account = Account {
            holder,
            held: exchange.held,
            ended: &exchange.ended,
            need: exchange.need,
            want: exchange.want,
        };
        let leased = store.exchange_permits(&account, &terms).await.unwrap();
        let leased = trello::Leased {
            granted: leased.granted,
            kept: leased.kept,
            again: leased.again,
            left: leased.left,
        };
        budget.leased(&exchange, leased);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_span_sees_more_requests_than_allowed_however_many_services_make_them() {
    let kept = empty().await;
    let terms = Terms {
        limit: 30,
        per: Duration::from_millis(500),
        ..TERMS
    };
    let (mut carriers, mut requests) = (JoinSet::new(), JoinSet::new());
    let made = std::sync::Arc::new(Mutex::new(Vec::new()));
    for holder in ["a", "b", "c"] {
        let budget = Budget::new(terms.limit, terms.per);
        budget.share();
        carriers.spawn(carry(budget.clone(), kept.store.clone(), holder, terms));
        for request in 0..70 {
            let (budget, made) = (budget.clone(), made.clone());
            requests.spawn(async move {
                let permit = budget.permit().await;
                made.lock().unwrap().push(Instant::now());
                tokio::time::sleep(Duration::from_millis(request % 9)).await;
                drop(permit);
            });
        }
    }
    let begun = Instant::now();
    while !requests.is_empty() {
        while requests.try_join_next().is_some() {}
        let occupied = kept.occupied_permits(terms.per).await.unwrap();
        assert!(occupied <= terms.limit, "{occupied} are occupied");
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "it takes too long"
        );
    }
    let mut made = made.lock().unwrap().clone();
    made.sort();
    for window in made.windows(terms.limit as usize + 1) {
        let span = window[terms.limit as usize] - window[0];
        assert!(span >= terms.per, "{} in {span:?}", terms.limit + 1);
    }
}

/// What an older program writes is counted for a while, and what a clock left in the future is cut; `now` is the database's clock, `run`
/// runs a statement on it.
pub(crate) async fn beside_an_older_program(
    store: &dyn Store,
    now: &str,
    mut run: impl AsyncFnMut(String),
) {
    let want = Account {
        need: 20,
        want: 20,
        ..account("a")
    };
    let granted = async || {
        let leased = store.exchange_permits(&want, &TERMS).await.unwrap();
        leased.granted
    };
    let older = |ago: i64, permits: u32| {
        format!("INSERT INTO budget (at, permits) VALUES ({now} - {ago}, {permits})")
    };
    let per = i64::try_from(TERMS.per.as_millis()).unwrap();
    run(older(0, 3)).await;
    run(older(per, 4)).await;
    run(older(per * 2, 5)).await;
    assert_eq!(granted().await, 13, "the last was used up long ago");
    run("DELETE FROM budget".into()).await;
    let (year, held) = (365 * 24 * 3_600_000_i64, TERMS.life + TERMS.longest);
    run(older(-year, 20)).await;
    assert_eq!(granted().await, 0);
    let later = store.exchange_permits(&want, &TERMS).await.unwrap();
    assert_eq!(later.granted, 0);
    let most = held + TERMS.per + Duration::from_mins(1);
    assert!(later.again <= most, "{later:?}");
}
