//! What is counted and measured in this process. Whatever happens often only adds to numbers that are there already: no lock, no table.

mod calls;
mod histogram;
mod leading;

use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter as Number;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub use calls::{Calling, Calls, Service};
pub use histogram::Histogram;
pub use leading::{Clocked, Lead, Seen, Webhooks};

/// Labels with their values, all of them from small sets that are known beforehand: never an id or a name.
pub type Labels = Vec<(&'static str, &'static str)>;

/// One row per counter: its family, the family's label and text, and of each counter the field and the label's value.
macro_rules! counters {
    ($($name:literal $label:literal $help:literal { $($field:ident $value:literal)+ })+) => {
        /// The numbers of this process.
        #[derive(Debug)]
        pub struct Metrics {
            $($(pub $field: Counter,)+)+
            families: Vec<(&'static str, &'static str, Family<Labels, Number>)>,
            /// From the head of a signed delivery to its answer.
            pub acknowledgement: Histogram,
            /// From the moment at which a board was due to its recorded room.
            pub delivery_to_room: Histogram,
            pub calls: Calls,
            pub sweep: Clocked,
            pub audit: Clocked,
            /// What only whoever leads knows.
            pub lead: Lead,
            /// When this process began to count.
            pub began: SystemTime,
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut families = Vec::new();
                $(
                    let family = Family::<Labels, Number>::default();
                    $(let $field = Counter(family.get_or_create_owned(&labels($label, $value)));)+
                    families.push(($name, $help, family));
                )+
                Self {
                    $($($field,)+)+
                    families,
                    acknowledgement: Histogram::new(histogram::SHORT),
                    delivery_to_room: Histogram::new(histogram::LONG),
                    calls: Calls::default(),
                    sweep: Clocked::default(),
                    audit: Clocked::default(),
                    lead: Lead::default(),
                    began: SystemTime::now(),
                }
            }
        }

        impl Metrics {
            /// All counters by name, as they are now.
            #[must_use]
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$($((stringify!($field), self.$field.get())),+),+]
            }
        }
    };
}

counters! {
    "boardroom_admin_tokens" "outcome" "Tokens given to the admin listener that opened nothing: wrong ones, and those of whoever gave too many" {
        admin_tokens_wrong "wrong"
        admin_tokens_barred "barred"
    }
    "boardroom_deliveries" "outcome" "Deliveries by what became of them" {
        deliveries_stored "stored"
        deliveries_duplicate "duplicate"
        deliveries_uninteresting "uninteresting"
        deliveries_foreign "foreign"
        deliveries_junk "junk"
        deliveries_refused "refused"
        deliveries_turned_away "turned_away"
        deliveries_too_large "too_large"
        deliveries_unstored "unstored"
    }
    "boardroom_inbox_refusals" "reason" "Deliveries that the inbox did not store, by reason; Trello brings them again" {
        inbox_shut "shut"
        inbox_full "full"
        inbox_failed "failed"
        inbox_late "late"
    }
    "boardroom_room_changes" "change" "Rooms by what was done to them" {
        rooms_created "created"
        rooms_adopted "adopted"
        rooms_renamed "renamed"
        rooms_archived "archived"
        rooms_restored "restored"
    }
    "boardroom_rooms_left" "" "Looks that left a room as a person had made it" { rooms_left "" }
    "boardroom_creates_unanswered" "" "Creates of which no answer came, so that their room was looked for" { creates_unanswered "" }
    "boardroom_looks" "" "Looks at a board" { boards_looked_at "" }
    "boardroom_sweeps" "result" "Sweeps over all boards, by how they ended" {
        sweeps "complete"
        sweeps_partial "partial"
        sweeps_failed "failed"
    }
    "boardroom_sweep_finds" "" "Boards that sweeps found to differ from what was known" { sweep_finds "" }
    "boardroom_audits" "result" "Audits of all rooms, by how they ended" {
        audits "complete"
        audits_failed "failed"
    }
    "boardroom_audit_finds" "find" "What audits found: rooms that the record lacked, and rooms that are not as they were left" {
        audit_adopted "adopted"
        audit_changed "changed"
    }
    "boardroom_webhooks_rearmed" "" "Webhooks that Trello had switched off and that were switched on again" { webhooks_rearmed "" }
    "boardroom_panics" "" "Requests whose handler panicked" { panics "" }
}

impl Metrics {
    /// Hands all of it to whoever shows it.
    pub fn register(&self, registry: &mut Registry) {
        for (name, help, family) in &self.families {
            registry.register(*name, *help, family.clone());
        }
        let histograms = [
            (
                "boardroom_acknowledgement_seconds",
                "Time from the head of a signed delivery to its answer",
                &self.acknowledgement,
            ),
            (
                "boardroom_delivery_to_room_seconds",
                "Time from the moment at which a board was due, by a delivery or else, to its new room",
                &self.delivery_to_room,
            ),
            (
                "boardroom_sweep_duration_seconds",
                "How long sweeps over all boards took that were not cut short",
                &self.sweep.duration,
            ),
            (
                "boardroom_audit_duration_seconds",
                "How long audits of all rooms took that were not cut short",
                &self.audit.duration,
            ),
        ];
        for (name, help, histogram) in histograms {
            registry.register(name, help, histogram.clone());
        }
        self.calls.register(registry);
    }
}

fn labels(name: &'static str, value: &'static str) -> Labels {
    if name.is_empty() {
        Labels::new()
    } else {
        vec![(name, value)]
    }
}

/// A number that only grows.
#[derive(Debug)]
pub struct Counter(Number);

impl Counter {
    pub fn add_one(&self) {
        self.0.inc();
    }

    pub fn add(&self, count: u64) {
        self.0.inc_by(count);
    }

    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}
