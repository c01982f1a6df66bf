//! boardroom: every Trello board gets its ONLYOFFICE DocSpace room, and keeps it.
//!
//! # The one idea
//!
//! A webhook is a hint; the mirror is a function of state. A delivery carries no work to do. It only says *look at this board*, and so do
//! the sweep and the audit. A look observes the board and its room, asks [`mirror::plan`] for the next step, does it, and begins again
//! until there is nothing left to do. So duplicates, replays and bursts collapse into one look, and whatever a crash or a lost delivery
//! left undone is done by the next look.
//!
//! # The walk of one delivery
//!
//! 1. [`http`] bounds the body and has [`trello::signature`] verify it: only then is there a `Signed` for a handler to take.
//! 2. What cannot concern a room is answered 200 at once. [`watched`] tells our webhooks from those of others who use the same app.
//! 3. [`inbox`] commits what matters to the [`store`], many deliveries in one transaction, and only then is it answered 200.
//! 4. [`worker`] takes the board by a lease and looks ([`mirror`]): Trello's board, read with up to nine others that are due, DocSpace's
//!    room, the recorded room, the plan.
//! 5. Before a room is created, renamed, archived or restored the intention is committed. What comes of it is recorded, or looked for until it
//!    is known: what is found later and was intended is ours, and everything else that differs is a person's doing, which is respected.
//! 6. When a call fails, [`lane`] finds out who is to blame: a service, one kind of call to it, or this board alone. Too much at once
//!    puts a brake on, which only a person lets go.
//!
//! Beside it: [`sweep`] lists every workspace and makes due what no delivery told of, [`audit`] reads all rooms that carry our tag, fills
//! what the record lacks and notices what people did, [`guardian`] keeps the webhooks, [`notices`] tells people what is out of order,
//! [`heartbeat`] that nothing is, [`supervisor`] owns the tasks of the process.
//! [`desk`] is what people ask and tell, by [`cli`] or [`admin`], the page and the API on a listener of their own. [`metrics`] counts;
//! [`exposition`] tells Prometheus, and [`figures`] writes down what the plot of the page shows. [`survey`] walks through the plan for all
//! boards without doing it. [`cli`] wires it all together.
//!
//! Several services may share a database. All take deliveries and look at boards; [`leader`] sees to it that one at a time sweeps, audits, keeps
//! the webhooks and tries closed lanes, and through [`knowledge`] all know what that one has learnt.
//!
//! # What always holds
//!
//! - Nothing is acknowledged before it is committed, and nothing unverified is read, let alone stored.
//! - One worker at a time has a board; a worker whose lease ran out changes nothing any more, but a room that was made is recorded whoever made it.
//! - No write to a room is sent without a committed intention, and no create while an earlier one may still come true.
//! - What a person did to a room by hand is left so until board and room agree again, or a person or the policy says otherwise.
//! - A list of Trello's never archives anything: a board is gone only when Trello says so twice and a complete sweep has missed it.
//! - The recorded room of a board is the truth while it exists; a room belongs to one board.
//! - No request to Trello begins without a permit, which is free again one span after the request has ended. Services on one database lease
//!   theirs from it, so that all together never exceed the budget, however they end.
//! - No remote call is made inside a transaction. Nothing is ever deleted in DocSpace, and others' webhooks are never touched.
//! - No secret is in a log, an error, the database or a `{:?}`.
//!
//! # Reading order
//!
//! [`model`] (the nouns), [`mirror::plan`] (the decisions), [`mirror`], [`worker`], [`store`], [`http`]; then the rest. [`sandbox`] is a Trello and
//! a DocSpace in memory, for the tests and for `boardroom demo`; nothing of it is used when the service runs. Who may use whom is a table
//! in `tests/architecture`.

pub mod admin;
pub mod api;
pub mod audit;
pub mod cli;
pub mod config;
pub mod desk;
pub mod docspace;
pub mod exposition;
pub mod figures;
pub mod guardian;
pub mod heartbeat;
pub mod http;
pub mod inbox;
pub mod knowledge;
pub mod lane;
pub mod leader;
pub mod metrics;
pub mod mirror;
pub mod model;
pub mod notices;
pub mod panics;
pub mod redact;
pub mod retry;
pub mod sandbox;
pub mod scope;
pub mod store;
pub mod supervisor;
pub mod survey;
pub mod sweep;
pub mod telemetry;
pub mod trello;
pub mod watched;
pub mod worker;
