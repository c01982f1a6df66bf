//! How long to wait before the next try. Pure: the chance is an argument.

use std::time::Duration;

/// A board that is to blame is tried again for this long in all.
pub const A_DAY: Duration = Duration::from_hours(24);

/// How the waits of one thing grow.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

/// A board of its own fault.
pub const BOARD: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_mins(15),
};
/// A service: short, so that everything flows soon after the cause is gone; one read each is cheap.
pub const SERVICE: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
};
/// A gate: each try is a write.
pub const GATE: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_mins(1),
};
/// A webhook that Trello would not register.
pub const WEBHOOK: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_mins(5),
};
/// A notice that was not taken: people wait for it, and whoever takes them may be away for days.
pub const NOTICE: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_mins(10),
};
/// A database that is away at the start: a service that just missed it should not wait long, and one try is cheap.
pub const DATABASE: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(10),
};

impl Backoff {
    /// The wait after `failures` failures in a row (at least one): full jitter, that is anything from nothing to the doubled wait.
    /// `chance` is in `0.0..1.0`. A tenth of the first wait is the least, lest jitter make a tight loop.
    #[must_use]
    pub fn wait(self, failures: u32, chance: f64) -> Duration {
        self.ceiling(failures).mul_f64(chance).max(self.first / 10)
    }

    /// The wait with half its jitter, for what must neither hurry nor dawdle.
    #[must_use]
    pub fn steady_wait(self, failures: u32, chance: f64) -> Duration {
        self.ceiling(failures).mul_f64(0.5 + chance / 2.0)
    }

    fn ceiling(self, failures: u32) -> Duration {
        self.first
            .saturating_mul(1 << failures.saturating_sub(1).min(20))
            .min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let table = [
            (1, 1),
            (2, 2),
            (3, 4),
            (10, 512),
            (11, 900),
            (u32::MAX, 900),
        ];
        for (failures, seconds) in table {
            assert_eq!(
                BOARD.ceiling(failures),
                Duration::from_secs(seconds),
                "{failures}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_nothing_and_never_too_long(failures: u32, chance in 0.0..1.0) {
            for wait in [BOARD.wait(failures, chance), BOARD.steady_wait(failures, chance)] {
                prop_assert!(wait >= Duration::from_millis(100));
                prop_assert!(wait <= BOARD.longest);
            }
        }
    }
}
