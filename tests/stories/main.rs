//! Stories of boardroom: the real binary against the sandbox, on real sockets, with a database of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod house;

mod blaming;
mod creating;
mod delivering;
mod discovering;
mod living;
mod surviving;
