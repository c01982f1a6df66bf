//! The request budget: never more than so many requests in any span of so long.
//!
//! A slot is free again one span after its request has *ended*. So however long a request was on its way, two requests that share a slot
//! reach Trello at least one span apart, and any span sees at most as many arrivals as there are slots.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// A sliding window over the requests of one token.
#[derive(Debug, Clone)]
pub struct Budget {
    per: Duration,
    slots: Arc<Semaphore>,
    /// When the slots that are at rest become free, oldest first.
    resting: Arc<Mutex<VecDeque<(Instant, OwnedSemaphorePermit)>>>,
    /// Told when a slot begins to rest: whoever waits must look when it will have rested.
    rests: Arc<Notify>,
    count: u32,
}

/// Leave to make one request; dropping it ends the request.
#[derive(Debug)]
pub struct Permit<'a> {
    budget: &'a Budget,
    slot: Option<OwnedSemaphorePermit>,
}

impl Budget {
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Self {
        Self {
            per,
            slots: Arc::new(Semaphore::new(count as usize)),
            resting: Arc::default(),
            rests: Arc::default(),
            count,
        }
    }

    /// Waits for its turn, first come first served.
    pub async fn permit(&self) -> Permit<'_> {
        // One place in the queue, kept while the slots that rest are looked after.
        let mut slot = pin!(Arc::clone(&self.slots).acquire_owned());
        loop {
            let mut rests = pin!(self.rests.notified());
            rests.as_mut().enable();
            let next = self
                .wake_rested()
                .unwrap_or_else(|| Instant::now() + self.per);
            let slot = tokio::select! {
                biased;
                slot = &mut slot => slot.expect("the semaphore is never closed"),
                () = sleep_until(next) => continue,
                () = rests => continue,
            };
            return Permit {
                budget: self,
                slot: Some(slot),
            };
        }
    }

    /// How many requests could be made at once now, of how many.
    #[must_use]
    pub fn left(&self) -> (u32, u32) {
        self.wake_rested();
        (
            u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX),
            self.count,
        )
    }

    /// Frees what has rested long enough; says when the next will have.
    fn wake_rested(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        while resting.front().is_some_and(|(at, _)| *at <= now) {
            resting.pop_front();
        }
        resting.front().map(|(at, _)| *at)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let rested = Instant::now() + self.budget.per;
        let resting = self.budget.resting.lock();
        let slot = self.slot.take().map(|slot| (rested, slot));
        resting.unwrap_or_else(PoisonError::into_inner).extend(slot);
        self.budget.rests.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        begun.sort();
        for six in begun.windows(6) {
            assert!(six[5] - six[0] >= Duration::from_secs(10), "{six:?}");
        }
        assert!(
            begun[22] < Duration::from_secs(42),
            "nothing waits longer than it must: {begun:?}"
        );
    }
}
