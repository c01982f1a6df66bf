//! What is counted. Plain numbers that are only ever added to; whoever shows them reads a snapshot.

use std::sync::atomic::{AtomicU64, Ordering};

/// One row per counter: its field and its name.
macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// The counters of this process.
        #[derive(Debug, Default)]
        pub struct Metrics { $($(#[$doc])* pub $field: Counter),+ }

        impl Metrics {
            /// All counters by name, as they are now.
            #[must_use]
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($field), self.$field.get())),+]
            }
        }
    };
}

counters! {
    /// Deliveries that were stored.
    deliveries_stored,
    /// Deliveries whose action had been stored before.
    deliveries_duplicate,
    /// Deliveries of no interest, such as a card that moved.
    deliveries_uninteresting,
    /// Signed deliveries about a model that is not ours.
    deliveries_foreign,
    /// Signed bodies that are no delivery.
    deliveries_junk,
    /// Deliveries without a valid signature.
    deliveries_refused,
    /// Deliveries from outside the ranges from which they are taken.
    deliveries_turned_away,
    /// Bodies over the limit.
    deliveries_too_large,
    /// Deliveries that could not be stored.
    deliveries_unstored,
    rooms_created,
    rooms_adopted,
    rooms_renamed,
    rooms_archived,
    rooms_restored,
    /// Looks that left a room as a person had made it.
    rooms_left,
    creates_unanswered,
    boards_looked_at,
    sweeps,
    audits,
    panics,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
