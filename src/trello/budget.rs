//! The request budget: never more than so many requests in any span of so long.
//!
//! A slot is free again one span after its request has *ended*. So however long a request was on its way, two requests that share a slot
//! reach Trello at least one span apart, and any span sees at most as many arrivals as there are slots.
//!
//! Services that share a token share its budget: each holds permits that were leased to it, and uses no others. Whoever leases them sees to
//! it that all services together hold no more than one could use alone. What a process that died had held is occupied as long as it could
//! have used it, so neither does a restart begin with a full budget.

mod ledger;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::trello::budget::ledger::{Ledger, Turn};

pub use ledger::{Exchange, LEASE_LIFE, Leased};

/// The budget of the requests of one token; clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    /// Whose turn it is: first come, first served.
    turn: tokio::sync::Mutex<()>,
    /// Told when whose turn it is must look again.
    freed: Notify,
    /// Told when whoever leases permits must look again.
    changed: Notify,
}

/// Leave to make one request; dropping it ends the request.
#[derive(Debug)]
pub struct Permit<'a> {
    budget: &'a Budget,
}

/// A request that waits; one that is dropped waits no more.
#[derive(Debug)]
struct Waiting<'a> {
    budget: &'a Budget,
}

impl Budget {
    /// At most `count` requests in any span of `per`.
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                ledger: Mutex::new(Ledger::new(count, per)),
                turn: tokio::sync::Mutex::default(),
                freed: Notify::new(),
                changed: Notify::new(),
            }),
        }
    }

    /// From now on only permits that were [leased](Self::leased) are given. To be said before the first request.
    pub fn share(&self) {
        self.ledger().share();
    }

    /// Waits for its turn, first come first served.
    pub async fn permit(&self) -> Permit<'_> {
        let waiting = Waiting::new(self);
        let turn = self.shared.turn.lock().await;
        loop {
            let mut freed = pin!(self.shared.freed.notified());
            freed.as_mut().enable();
            let begun = self.ledger().begin(Instant::now());
            match begun {
                Turn::Now => break,
                Turn::At(free) => tokio::select! {
                    () = sleep_until(free) => {}
                    () = freed => {}
                },
                Turn::Later => freed.await,
            }
        }
        drop(waiting);
        drop(turn);
        Permit { budget: self }
    }

    /// How many requests could be made at once now, of how many; as far as this process knows, if it shares them.
    #[must_use]
    pub fn left(&self) -> (u32, u32) {
        self.ledger().left(Instant::now())
    }

    /// How many permits are leased and not used yet.
    #[must_use]
    pub fn reserve(&self) -> u32 {
        self.ledger().reserve(Instant::now())
    }

    /// The span of the limit.
    #[must_use]
    pub fn per(&self) -> Duration {
        self.ledger().per()
    }

    /// Waits until permits must be leased, kept or given back, or requests have ended. What it answers is to be told to whoever leases
    /// permits, and the answer [here](Self::leased); without an answer it comes again.
    pub async fn exchange(&self) -> Exchange {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let now = Instant::now();
            let due = self.ledger().due(now);
            match due {
                Some(due) if due <= now => return self.ledger().exchange(now),
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// What came of an exchange.
    pub fn leased(&self, exchange: &Exchange, leased: Leased) {
        self.ledger().leased(exchange, leased, Instant::now());
        self.shared.freed.notify_waiters();
    }

    /// The last exchange, if there is anything to give back. Nothing is given out after it.
    #[must_use]
    pub fn end_sharing(&self) -> Option<Exchange> {
        self.ledger().end_sharing(Instant::now())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let ledger = self.shared.ledger.lock();
        ledger.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Waiting<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.ledger().wait();
        budget.shared.changed.notify_one();
        Self { budget }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.budget.ledger().wait_no_more();
        self.budget.shared.changed.notify_one();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.budget.ledger().end(Instant::now());
        self.budget.shared.freed.notify_waiters();
        self.budget.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn granted(granted: u32) -> Leased {
        Leased {
            granted,
            kept: true,
            again: SECOND,
            left: 40,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_span_sees_more_requests_than_allowed() {
        let budget = Budget::new(5, Duration::from_secs(10));
        let start = Instant::now();
        let requests = (0..23).map(|n| {
            let budget = budget.clone();
            tokio::spawn(async move {
                let permit = budget.permit().await;
                let begun = start.elapsed();
                tokio::time::sleep(Duration::from_millis(n * 7)).await;
                drop(permit);
                begun
            })
        });
        let mut begun = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            begun.push(request.await.unwrap());
        }
        assert!(begun.is_sorted(), "first come, first served: {begun:?}");
        for six in begun.windows(6) {
            assert!(six[0] + Duration::from_secs(10) <= six[5], "{six:?}");
        }
        assert!(
            begun[22] < Duration::from_secs(42),
            "nothing waits longer than it must: {begun:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_given_up_while_it_waits_takes_nothing() {
        let budget = Budget::new(2, SECOND);
        let (one, other) = (budget.permit().await, budget.permit().await);
        for _ in 0..3 {
            let patience = tokio::time::timeout(SECOND, budget.permit()).await;
            assert!(patience.is_err());
        }
        drop((one, other));
        assert_eq!(budget.left(), (0, 2), "they rest");
        let (_one, _other) = (budget.permit().await, budget.permit().await);
        assert_eq!(budget.left(), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shared_budget_gives_what_was_leased_and_no_more() {
        let budget = Budget::new(81, SECOND * 10);
        budget.share();
        let mut asked = pin!(budget.permit());
        let waited = tokio::time::timeout(SECOND * 60, &mut asked).await;
        assert!(waited.is_err(), "nothing is leased yet");
        let exchange = budget.exchange().await;
        assert_eq!((exchange.held, exchange.need, exchange.want), (0, 1, 10));
        budget.leased(&exchange, granted(10));
        let permit = asked.await;
        assert_eq!((budget.left(), budget.reserve()), ((49, 81), 9));
        drop(permit);
        let exchange = budget.exchange().await;
        assert_eq!(exchange.held, 9);
        assert_eq!(exchange.ended, [(1, Duration::from_millis(250))]);
        budget.leased(&exchange, granted(0));
        let begun = Instant::now();
        let exchange = budget.exchange().await;
        assert!(
            begun.elapsed() <= SECOND,
            "what is not used is given back soon"
        );
        assert_eq!((exchange.held, exchange.want), (0, 0));
        assert_eq!(budget.reserve(), 0);
        budget.leased(&exchange, granted(0));
        let rests = tokio::time::timeout(SECOND * 600, budget.exchange()).await;
        assert!(rests.is_err(), "who needs nothing asks nothing");
        assert_eq!(budget.end_sharing(), None);
    }
}
