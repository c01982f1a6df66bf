//! Stories of boardroom: the real binary against the sandbox, on real sockets, with a database of its own.
//!
//! On SQLite, unless `BOARDROOM_TEST_POSTGRES` names a PostgreSQL server. `tests/run` tells them on both.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says why"
)]

#[path = "../shared/hearer.rs"]
mod hearer;
mod house;
#[path = "../shared/prometheus.rs"]
mod prometheus;
mod visiting;

mod administering;
mod asking;
mod awaiting;
mod blaming;
mod budgeting;
mod bursting;
mod creating;
mod delivering;
mod discovering;
mod following;
mod furnishing;
mod guarding;
mod leading;
mod living;
mod measuring;
mod mending;
mod notifying;
mod observing;
mod refusing;
mod respecting;
mod sharing;
mod sqlite;
mod surviving;
mod watching;
mod withstanding;
