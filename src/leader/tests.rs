//! How long a leader is sure to lead, by its own clock.

use std::cell::RefCell;

use super::*;

type Answer = Result<Held, StoreError>;

fn away() -> Answer {
    Err(StoreError::Away {
        reason: "gone".into(),
    })
}

/// Keeps a term as long as it can with these answers, each after its time; then none comes any more. Says when each was asked for, and when
/// it ended, in milliseconds.
async fn kept(answers: Vec<(u64, fn() -> Answer)>) -> (Vec<u128>, u128) {
    let begun = Instant::now();
    let term = Term::new("a".into(), begun);
    let (asked, answers) = (RefCell::new(Vec::new()), RefCell::new(answers.into_iter()));
    let ask = || {
        asked.borrow_mut().push(begun.elapsed().as_millis());
        let next = answers.borrow_mut().next();
        async move {
            match next {
                Some((after, answer)) => {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    answer()
                }
                None => std::future::pending().await,
            }
        }
    };
    term.keep(ask).await;
    assert!(begun.elapsed() < LEASE * 10);
    (asked.into_inner(), begun.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_term_is_prolonged_from_when_it_was_asked_for_and_ends_before_the_lease_does() {
    // The second answer takes three seconds: what counts is when it was asked for.
    let answers: Vec<(u64, fn() -> Answer)> =
        vec![(0, || Ok(Held::Held)), (3000, || Ok(Held::Held))];
    let (asked, ended) = kept(answers).await;
    assert_eq!(asked, [5000, 10_000, 15_000, 20_000]);
    assert_eq!(ended, 23_000);
    assert!(ended < 10_000 + LEASE.as_millis());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_again_until_it_is_too_late() {
    let (asked, ended) = kept(vec![(0, away), (2000, away), (0, away)]).await;
    assert_eq!(asked, [5000, 6000, 9000, 10_000]);
    assert_eq!(ended, 13_000);
    let back: Vec<(u64, fn() -> Answer)> = vec![(0, away), (0, || Ok(Held::Held))];
    assert_eq!(kept(back).await.1, 6000 + 13_000);
}

#[tokio::test(start_paused = true)]
async fn a_term_that_another_has_taken_over_ends_at_once() {
    let (asked, ended) = kept(vec![(100, || Ok(Held::Lost))]).await;
    assert_eq!((asked, ended), (vec![5000], 5100));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_frozen_takes_no_further_step() {
    let term = Term::new("a".into(), Instant::now());
    let steps = RefCell::new(0);
    let part = async {
        loop {
            *steps.borrow_mut() += 1;
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    };
    // Steps at 0, 4, 8 and 12 s; that at 16 s would come when it is not sure any more, though nobody has told it so.
    term.while_it_lasts(part).await;
    assert_eq!(*steps.borrow(), 4);
    // An answer that was long on its way does not make it sure again.
    let asked = Instant::now();
    tokio::time::advance(LEASE).await;
    term.extend(asked);
    assert!(!term.is_sure());
    term.keep(|| async { unreachable!("nobody is asked any more") })
        .await;
}
