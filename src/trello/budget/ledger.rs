//! The account of one process: which requests wait, are under way and rest, what it holds of a shared budget, and when it has to see
//! whoever leases that. Pure: moments are arguments, and never go back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// For how long what was leased may be used, counted from before it was asked for. Short: what a process that died holds is occupied for
/// longer than that.
pub const LEASE_LIFE: Duration = Duration::from_secs(5);
/// When no request has come for so long, what is not used is given back.
const IDLE: Duration = Duration::from_secs(1);
/// The longest wait between two tries to get what is lacking, for others may give something back.
const LONGEST: Duration = Duration::from_secs(1);

/// The requests of one process.
#[derive(Debug)]
pub(super) struct Ledger {
    count: u32,
    per: Duration,
    waiting: u32,
    under_way: u32,
    /// When the slots that are at rest become free, the first first.
    resting: VecDeque<Instant>,
    /// None while the process has the budget for itself.
    lease: Option<Lease>,
}

/// What a process holds of a shared budget.
#[derive(Debug, Default)]
struct Lease {
    /// Permits that were not used yet, and until when they may be.
    unused: u32,
    until: Option<Instant>,
    last_begun: Option<Instant>,
    /// When requests ended of which this was not told yet.
    ended: VecDeque<Instant>,
    /// When to ask for more at the earliest.
    ask_at: Option<Instant>,
    /// How many nobody had, and when that was told.
    left: Option<(u32, Instant)>,
    /// Whether a place is kept for us among those who wait.
    placed: bool,
    /// Whether an exchange was begun of which no answer is known: it must be told anew how things stand.
    unanswered: bool,
    over: bool,
}

/// Whether a request may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has begun.
    Now,
    /// Perhaps then, unless something happens before.
    At(Instant),
    /// When something has happened.
    Later,
}

/// What whoever leases permits is told and asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Permits that are kept: not used yet, or of requests under way.
    pub held: u32,
    /// The requests that have ended: how many, and how long ago.
    pub ended: Vec<(u32, Duration)>,
    /// How many permits requests wait for, and how many would be taken.
    pub need: u32,
    pub want: u32,
    /// Whether more would be wanted if there were slots for it.
    limited: bool,
    asked: Instant,
    told: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    pub granted: u32,
    /// Whether what was kept is still ours.
    pub kept: bool,
    /// When it may be worth asking again for what is lacking.
    pub again: Duration,
    /// How many nobody has.
    pub left: u32,
}

/// How many permits are lacking, and how many would be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    need: u32,
    want: u32,
}

impl Ledger {
    pub(super) fn new(count: u32, per: Duration) -> Self {
        Self {
            count,
            per,
            waiting: 0,
            under_way: 0,
            resting: VecDeque::new(),
            lease: None,
        }
    }

    pub(super) fn share(&mut self) {
        self.lease.get_or_insert_default();
    }

    pub(super) fn wait(&mut self) {
        self.waiting += 1;
    }

    pub(super) fn wait_no_more(&mut self) {
        self.waiting -= 1;
    }

    /// Begins a request, if one may.
    pub(super) fn begin(&mut self, now: Instant) -> Turn {
        self.wake_rested(now);
        if self.slots() == 0 {
            return self
                .resting
                .front()
                .map_or(Turn::Later, |free| Turn::At(*free));
        }
        if let Some(lease) = &mut self.lease {
            if lease.usable(now) == 0 {
                return Turn::Later;
            }
            lease.unused -= 1;
            lease.last_begun = Some(now);
        }
        self.under_way += 1;
        Turn::Now
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.under_way -= 1;
        self.resting.push_back(now + self.per);
        if let Some(lease) = &mut self.lease {
            lease.ended.push_back(now);
        }
    }

    pub(super) fn left(&mut self, now: Instant) -> (u32, u32) {
        self.wake_rested(now);
        let slots = self.slots();
        let leased = self.lease.as_ref().and_then(|lease| {
            // What was told longer ago says nothing of now.
            let (left, _) = lease.left.filter(|(_, told)| now < *told + self.per)?;
            Some(left.saturating_add(lease.usable(now)))
        });
        (slots.min(leased.unwrap_or(slots)), self.count)
    }

    pub(super) fn reserve(&self, now: Instant) -> u32 {
        self.lease.as_ref().map_or(0, |lease| lease.usable(now))
    }

    pub(super) fn per(&self) -> Duration {
        self.per
    }

    /// When there is something to exchange, if nothing happens before.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        self.wake_rested(now);
        let report = (self.per / 40).min(Duration::from_millis(250));
        let lease = self.lease.as_ref().filter(|lease| !lease.over)?;
        let ended = lease.ended.front().map(|ended| *ended + report);
        let wish = self.wish(lease, now);
        let ask_at = lease.ask_at.unwrap_or(now);
        let lacking = if wish.want == 0 {
            None
        } else if self.room(lease, now) > 0 {
            Some(ask_at)
        } else {
            self.resting.front().map(|free| ask_at.max(*free))
        };
        let keep = lease.until.filter(|_| lease.unused > 0).map(|until| {
            let renew = until - LEASE_LIFE / 2;
            if self.waiting > 0 {
                renew
            } else {
                lease.idle_from().map_or(now, |idle| idle.min(renew))
            }
        });
        // A place that is kept for nobody keeps others waiting.
        let is_idle_place = lease.placed && wish.need == 0;
        let at_once = (is_idle_place || lease.unanswered).then_some(now);
        [ended, lacking, keep, at_once].into_iter().flatten().min()
    }

    /// What there is to tell and to ask. What is given back by it cannot be used any more.
    pub(super) fn exchange(&mut self, now: Instant) -> Exchange {
        self.wake_rested(now);
        let nobody_waits = self.waiting == 0;
        if let Some(lease) = &mut self.lease {
            let is_idle = nobody_waits && lease.idle_from().is_none_or(|idle| idle <= now);
            if is_idle || lease.usable(now) == 0 {
                lease.unused = 0;
            }
            lease.unanswered = true;
        }
        let none = Lease::default();
        let lease = self.lease.as_ref().unwrap_or(&none);
        let (wish, room) = (self.wish(lease, now), self.room(lease, now));
        let mut ended = BTreeMap::new();
        for moment in &lease.ended {
            let ago = Duration::from_millis(
                u64::try_from((now - *moment).as_millis()).unwrap_or(u64::MAX),
            );
            *ended.entry(ago).or_default() += 1;
        }
        Exchange {
            held: lease.unused + self.under_way,
            ended: ended
                .into_iter()
                .map(|(ago, requests)| (requests, ago))
                .collect(),
            need: wish.need.min(room),
            want: wish.want.min(room),
            limited: wish.want > room,
            asked: now,
            told: lease.ended.len(),
        }
    }

    pub(super) fn leased(&mut self, exchange: &Exchange, leased: Leased, now: Instant) {
        // Many slots become free one after the other: they are asked for together.
        let pace = self.per / 100;
        let Some(lease) = &mut self.lease else { return };
        lease.unanswered = false;
        lease.ended.drain(..exchange.told);
        if !leased.kept {
            lease.unused = 0;
        }
        lease.unused += leased.granted;
        lease.until = Some(exchange.asked + LEASE_LIFE);
        lease.left = Some((leased.left, now));
        lease.placed = leased.granted < exchange.need;
        let wait = if leased.granted < exchange.want {
            leased.again.clamp(pace, LONGEST.max(pace))
        } else if exchange.limited {
            pace
        } else {
            Duration::ZERO
        };
        lease.ask_at = Some(now + wait);
    }

    /// Gives everything back; none if there is nothing. Nothing is due and no request begins any more.
    pub(super) fn end_sharing(&mut self, now: Instant) -> Option<Exchange> {
        let lease = self.lease.as_mut()?;
        lease.over = true;
        let has_permits = lease.unused > 0 || self.under_way > 0 || !lease.ended.is_empty();
        let owes = has_permits || lease.placed || lease.unanswered;
        lease.unused = 0;
        let last = self.exchange(now);
        owes.then_some(Exchange {
            need: 0,
            want: 0,
            ..last
        })
    }

    /// How many requests could begin as far as slots go.
    fn slots(&self) -> u32 {
        let resting = u32::try_from(self.resting.len()).unwrap_or(u32::MAX);
        self.count
            .saturating_sub(self.under_way.saturating_add(resting))
    }

    /// The slots for which there is no permit yet.
    fn room(&self, lease: &Lease, now: Instant) -> u32 {
        self.slots().saturating_sub(lease.usable(now))
    }

    /// What is lacking, and a few to spare while requests come: not each shall wait for an answer. At most a third of the limit at once.
    fn wish(&self, lease: &Lease, now: Instant) -> Wish {
        let (few, most) = ((self.count / 9).max(1), (self.count / 3).max(1));
        let unused = lease.usable(now);
        let need = self.waiting.saturating_sub(unused).min(most);
        let come = lease.idle_from().is_some_and(|idle| idle > now);
        let want = if need > 0 {
            (need + few).min(most)
        } else if come && unused <= few / 2 {
            few
        } else {
            0
        };
        Wish { need, want }
    }

    /// Frees what has rested long enough.
    fn wake_rested(&mut self, now: Instant) {
        while self.resting.front().is_some_and(|free| *free <= now) {
            self.resting.pop_front();
        }
    }
}

impl Lease {
    fn usable(&self, now: Instant) -> u32 {
        if self.until.is_some_and(|until| now < until) {
            self.unused
        } else {
            0
        }
    }

    /// From when on no request has come for long enough, if none comes.
    fn idle_from(&self) -> Option<Instant> {
        self.last_begun.map(|begun| begun + IDLE)
    }
}

#[cfg(test)]
mod tests;
