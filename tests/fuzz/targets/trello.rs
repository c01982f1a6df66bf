//! Fuzzes Trello's answers.
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, unused_imports, reason = "it is one of several")]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::trello(data));
