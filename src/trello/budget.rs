//! The request budget: never more than so many requests in any span of so long.
//!
//! A slot is free again one span after its request has *ended*. So however long a request was on its way, two requests that share a slot
//! reach Trello at least one span apart, and any span sees at most as many arrivals as there are slots.
//!
//! A restarted process must not begin with a full budget. So permits can be reserved in blocks that are written down before they are used,
//! and what an earlier process had reserved is occupied at the start.

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
    /// Permits that may be used; without bound until somebody begins to write them down.
    reserve: Arc<Semaphore>,
    runs_low: Arc<Notify>,
    count: u32,
}

/// A block of permits that was written down, and how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub permits: u32,
    pub age: Duration,
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
            reserve: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            runs_low: Arc::default(),
            count,
        }
    }

    /// How many permits are written down at a time.
    #[must_use]
    pub fn block(&self) -> u32 {
        (self.count / 9).max(1)
    }

    /// From now on only permits that were [written down](Self::reserved) are given. Occupies what was written down before, the newest
    /// block first: a block was used up before the second block after it was begun, and of the newest two nobody knows.
    pub fn begin_reserving(&self, before: &[Block]) {
        self.reserve.forget_permits(Semaphore::MAX_PERMITS);
        for (index, block) in before.iter().enumerate() {
            let used_up = index
                .checked_sub(2)
                .map_or(Duration::ZERO, |later| before[later].age);
            self.occupy(block.permits, self.per.saturating_sub(used_up));
        }
    }

    fn occupy(&self, permits: u32, span: Duration) {
        let rested = Instant::now() + span;
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..permits {
            let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
            resting.extend(slot.map(|slot| (rested, slot)));
        }
        resting.make_contiguous().sort_by_key(|(rested, _)| *rested);
    }

    /// Waits until another block should be written down.
    pub async fn runs_low(&self) {
        loop {
            let mut low = pin!(self.runs_low.notified());
            low.as_mut().enable();
            if self.reserve.available_permits() <= self.block() as usize / 2 {
                return;
            }
            low.await;
        }
    }

    /// A block was written down.
    pub fn reserved(&self) {
        self.reserve.add_permits(self.block() as usize);
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
            // Last, so that what is taken of the reserve is used at once: a restart takes it for used.
            let reserved = self.reserve.acquire().await;
            reserved.expect("the semaphore is never closed").forget();
            self.runs_low.notify_one();
            return Permit {
                budget: self,
                slot: Some(slot),
            };
        }
    }

    /// How long a request counts.
    #[must_use]
    pub fn per(&self) -> Duration {
        self.per
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
    async fn a_restart_does_not_begin_with_a_full_budget() {
        let seconds = Duration::from_secs;
        let budget = Budget::new(90, seconds(10));
        let before = [1, 2, 4, 13].map(|age| Block {
            permits: 10,
            age: seconds(age),
        });
        budget.begin_reserving(&before);
        assert_eq!(budget.left().0, 50);
        tokio::time::advance(seconds(8)).await;
        assert_eq!(
            budget.left().0,
            60,
            "the oldest was used up when the second one was begun, two seconds ago"
        );
        tokio::time::advance(seconds(2)).await;
        assert_eq!(budget.left().0, 90);
        budget.runs_low().await;
        let asked = budget.permit();
        let mut asked = pin!(asked);
        assert!(
            tokio::time::timeout(seconds(60), &mut asked).await.is_err(),
            "nothing is written down yet"
        );
        budget.reserved();
        drop(asked.await);
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
        begun.sort();
        for six in begun.windows(6) {
            assert!(six[0] + Duration::from_secs(10) <= six[5], "{six:?}");
        }
        assert!(
            begun[22] < Duration::from_secs(42),
            "nothing waits longer than it must: {begun:?}"
        );
    }
}
