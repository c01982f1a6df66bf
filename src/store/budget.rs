//! The budget of Trello requests, which all services on a database share: each holds permits of its own, and together they are never more
//! than the limit.
//!
//! A permit is occupied from when it is leased until one span after its request has ended. What a service holds when it dies is occupied
//! for as long as it could have used it, and then for as long as a request takes, and then for that span.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::time::Timestamp;
use crate::store::StoreError;

/// For how long a place among those who wait is kept: longer than anybody waits between two tries.
const PLACE: Duration = Duration::from_secs(3);

/// Leases permits and takes them back.
#[async_trait]
pub trait Permits {
    /// Takes note of what became of a service's permits, and leases it more if there are any. Who waited first is served first.
    /// Whatever the holder was leased before and does not name was leased by an answer that never arrived: it is free again.
    async fn exchange_permits(
        &self,
        account: &Account<'_>,
        terms: &Terms,
    ) -> Result<Leased, StoreError>;

    /// All holders are dead: what they hold is occupied for one span more.
    async fn end_leases(&self, per: Duration) -> Result<(), StoreError>;

    /// How many permits are occupied now.
    async fn occupied_permits(&self, per: Duration) -> Result<u32, StoreError>;
}

/// What a service tells of its permits, and what it wants.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    pub holder: &'a str,
    /// Permits that it keeps: not used yet, or of requests under way.
    pub held: u32,
    /// The requests that have ended since this was last told: how many, and how long ago.
    pub ended: &'a [(u32, Duration)],
    /// How many requests wait for a permit.
    pub need: u32,
    /// How many permits it would take; what goes beyond the need it gets only if nobody waits.
    pub want: u32,
}

/// The rules of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// At most so many requests in any span of so long.
    pub limit: u32,
    pub per: Duration,
    /// No request begins on what was leased, or kept, longer ago than this.
    pub life: Duration,
    /// The longest that a request takes.
    pub longest: Duration,
}

/// What a service was leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    pub granted: u32,
    /// Whether it still had what it keeps. If not, others may use it by now.
    pub kept: bool,
    /// When it may be worth asking again for what is lacking.
    pub again: Duration,
    /// How many nobody has, and nobody is promised.
    pub left: u32,
}

/// What is kept of the budget: the permits that a service holds, or that rest since their requests have ended, or the place of a service
/// that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// None for what rests.
    pub(crate) holder: Option<String>,
    pub(crate) permits: u32,
    /// How long until it is free, or given up.
    pub(crate) free: Duration,
    /// Only of a place: how many permits are lacking, and since when, which is now if nothing is said.
    pub(crate) need: Option<u32>,
    pub(crate) since: Option<Timestamp>,
}

/// What a service had before: how many permits, and since when it waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) held: u32,
    pub(crate) since: Option<Timestamp>,
}

/// What a service gets, and what is to be kept of it instead of what was `before`. Pure.
pub(crate) fn decide(
    account: &Account<'_>,
    before: Before,
    others: &[Entry],
    terms: &Terms,
) -> (Leased, Vec<Entry>) {
    let mut entries: Vec<_> = resting(account, terms).collect();
    let all = || others.iter().chain(&entries);
    let occupied = all().map(|entry| entry.permits);
    let occupied = occupied.fold(account.held, u32::saturating_add);
    let free = terms.limit.saturating_sub(occupied);
    let waiting: Vec<_> = others.iter().filter(|entry| entry.need.is_some()).collect();
    // Who has no place yet stands behind all.
    let place = |entry: &&&Entry| {
        let other = (entry.since, entry.holder.as_deref());
        before.since.is_none() || other < (before.since, Some(account.holder))
    };
    let ahead = waiting.iter().filter(place).filter_map(|entry| entry.need);
    let ahead = ahead.fold(0, u32::saturating_add);
    let wish = if waiting.is_empty() {
        account.want
    } else {
        account.need
    };
    let granted = wish.min(free.saturating_sub(ahead));
    let next = all().filter(|entry| entry.need.is_none());
    let again = if free > granted {
        // Set aside for somebody else, who may not come for it.
        Duration::ZERO
    } else {
        next.map(|entry| entry.free).min().unwrap_or(terms.per)
    };
    let leased = Leased {
        granted,
        kept: before.held >= account.held,
        again,
        left: free.saturating_sub(granted.saturating_add(ahead)),
    };
    entries.extend(held(account, granted, terms));
    entries.extend(place_of(account, granted, before.since));
    (leased, entries)
}

/// The permits of requests that have ended, as far as they still rest.
fn resting<'a>(account: &'a Account<'_>, terms: &Terms) -> impl Iterator<Item = Entry> + use<'a> {
    let per = terms.per;
    let rest = move |(permits, ago): &(u32, Duration)| {
        let rest = per.checked_sub(*ago).filter(|rest| !rest.is_zero())?;
        Some(Entry {
            holder: None,
            permits: *permits,
            // Databases count whole milliseconds, and begin them early.
            free: rest + Duration::from_millis(1),
            need: None,
            since: None,
        })
    };
    account.ended.iter().filter_map(rest)
}

fn held(account: &Account<'_>, granted: u32, terms: &Terms) -> Option<Entry> {
    let permits = account.held.saturating_add(granted);
    (permits > 0).then(|| Entry {
        holder: Some(account.holder.to_owned()),
        permits,
        free: terms.life + terms.longest + terms.per,
        need: None,
        since: None,
    })
}

/// The place among those who wait: behind all others for who got something.
fn place_of(account: &Account<'_>, granted: u32, since: Option<Timestamp>) -> Option<Entry> {
    let lacking = account.need.saturating_sub(granted);
    (lacking > 0).then(|| Entry {
        holder: Some(account.holder.to_owned()),
        permits: 0,
        free: PLACE,
        need: Some(lacking),
        since: since.filter(|_| granted == 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        limit: 81,
        per: Duration::from_secs(10),
        life: Duration::from_secs(5),
        longest: Duration::from_secs(15),
    };

    fn account(held: u32, need: u32, want: u32) -> Account<'static> {
        Account {
            holder: "b",
            held,
            ended: &[],
            need,
            want,
        }
    }

    fn rests(permits: u32, free: u64) -> Entry {
        Entry {
            holder: None,
            permits,
            free: Duration::from_secs(free),
            need: None,
            since: None,
        }
    }

    fn waits(holder: &str, need: u32, since: i64) -> Entry {
        Entry {
            holder: Some(holder.to_owned()),
            need: Some(need),
            since: Some(Timestamp(since)),
            ..rests(0, 3)
        }
    }

    #[test]
    fn who_waited_first_is_served_first_and_nobody_gets_more_than_there_is() {
        let place = |since| Before {
            held: 0,
            since: Some(Timestamp(since)),
        };
        let none = Before::default();
        // What others have, how far ahead of them we are, what we need and want; what we get.
        for (others, before, need, want, granted) in [
            (vec![], none, 20, 27, 27),
            (vec![], none, 0, 9, 9),
            (vec![rests(60, 4)], none, 20, 27, 21),
            (vec![rests(81, 4)], none, 20, 27, 0),
            (vec![rests(90, 4)], none, 20, 27, 0),
            (vec![rests(60, 4), waits("a", 5, 7)], none, 20, 27, 16),
            (vec![rests(60, 4), waits("a", 5, 7)], place(9), 20, 27, 16),
            (vec![rests(60, 4), waits("a", 5, 7)], place(6), 20, 27, 20),
            (vec![rests(60, 4), waits("a", 5, 7)], place(7), 20, 27, 16),
            (vec![rests(60, 4), waits("c", 5, 7)], place(7), 20, 27, 20),
            (vec![rests(60, 4), waits("a", 30, 7)], none, 20, 27, 0),
            (vec![rests(60, 4), waits("a", 5, 7)], none, 0, 9, 0),
        ] {
            let (leased, _) = decide(&account(0, need, want), before, &others, &TERMS);
            assert_eq!(leased.granted, granted, "{others:?} {before:?} {need}");
            let occupied: u32 = others.iter().map(|other| other.permits).sum();
            let most = TERMS.limit.saturating_sub(occupied + granted);
            assert!(leased.left <= most, "{leased:?} {others:?}");
        }
    }

    #[test]
    fn what_a_service_tells_is_kept_until_it_is_free() {
        let ended = [(3, Duration::from_secs(4)), (2, Duration::from_secs(10))];
        let account = Account {
            ended: &ended,
            ..account(4, 5, 14)
        };
        let before = Before {
            held: 9,
            since: Some(Timestamp(7)),
        };
        let (leased, kept) = decide(&account, before, &[rests(72, 2)], &TERMS);
        let expected = Leased {
            granted: 2,
            kept: true,
            again: Duration::from_secs(2),
            left: 0,
        };
        assert_eq!(leased, expected);
        let just_rested = Entry {
            free: Duration::from_millis(6_001),
            ..rests(3, 6)
        };
        let held = Entry {
            holder: Some("b".into()),
            ..rests(6, 30)
        };
        let behind_all = Entry {
            since: None,
            ..waits("b", 3, 0)
        };
        assert_eq!(kept, [just_rested, held, behind_all]);
    }

    #[test]
    fn who_lost_what_it_kept_is_told_so_and_it_counts_all_the_same() {
        let before = Before {
            held: 3,
            since: None,
        };
        let (leased, kept) = decide(&account(4, 0, 0), before, &[], &TERMS);
        assert!(!leased.kept);
        assert_eq!(kept[0].permits, 4);
    }
}
