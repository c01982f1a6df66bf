//! Wrong tokens by whom they came from: so many and no more are compared, however many connections somebody opens, and nobody is kept
//! out by what others do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many one may give in a row.
const MOST: u32 = 10;
/// How often he may give one more after that.
pub(super) const PACE: Duration = Duration::from_secs(10);
/// Of how many it is remembered at once.
const MOST_ORIGINS: usize = 4_096;

/// Who gave wrong tokens of late: when all of them will be forgiven.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Origin, Instant>>);

/// One sender. Of IPv6 everybody has a whole network to send from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

impl Attempts {
    /// Whether what comes from there is not even compared.
    pub(super) fn is_barred(&self, from: IpAddr) -> bool {
        let origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forgiven = origins.get(&from.into());
        forgiven.is_some_and(|at| *at > Instant::now() + PACE * (MOST - 1))
    }

    /// Counts a wrong one.
    pub(super) fn count(&self, from: IpAddr) {
        let (from, now) = (from.into(), Instant::now());
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= MOST_ORIGINS && !origins.contains_key(&from) {
            origins.retain(|_, at| *at > now);
            // Whoever comes from so many places is not kept back by a limit for one; those with the fewest are forgotten first.
            if origins.len() >= MOST_ORIGINS
                && let Some(least) = origins.iter().min_by_key(|(_, at)| **at)
            {
                let least = *least.0;
                origins.remove(&least);
            }
        }
        let forgiven = origins.entry(from).or_insert(now);
        *forgiven = (*forgiven).max(now) + PACE;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_compared_and_then_one_now_and_then() {
        let attempts = Attempts::default();
        let guess = |times: u32| {
            (0..times)
                .filter(|_| !attempts.is_barred(ip("10.0.0.1")))
                .map(|_| attempts.count(ip("10.0.0.1")))
                .count()
        };
        assert_eq!(guess(500), 10);
        assert!(!attempts.is_barred(ip("10.0.0.2")), "nobody else is");
        advance(PACE).await;
        assert_eq!(guess(500), 1);
        advance(PACE * 3).await;
        assert_eq!(guess(500), 3);
        advance(PACE * 100).await;
        assert_eq!(guess(500), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_sender() {
        let attempts = Attempts::default();
        for last in 0..MOST {
            attempts.count(ip(&format!("2001:db8::{last:x}")));
        }
        let table = [
            ("2001:db8::ffff:1", true),
            ("2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", false),
        ];
        for (from, is_barred) in table {
            assert_eq!(attempts.is_barred(ip(from)), is_barred, "{from}");
        }
        for _ in 0..MOST {
            attempts.count(ip("::ffff:10.0.0.1"));
        }
        assert!(attempts.is_barred(ip("10.0.0.1")), "it is the same");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_costs_bounded_memory_and_does_not_wash_out_the_worst() {
        let attempts = Attempts::default();
        for _ in 0..MOST {
            attempts.count(ip("10.0.0.1"));
        }
        let crowd = u32::try_from(MOST_ORIGINS).unwrap() + 100;
        for number in 0..crowd {
            attempts.count(Ipv4Addr::from_bits(number << 8).into());
        }
        assert_eq!(attempts.0.lock().unwrap().len(), MOST_ORIGINS);
        assert!(attempts.is_barred(ip("10.0.0.1")));
    }
}
