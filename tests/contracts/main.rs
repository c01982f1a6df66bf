//! The contracts: what our clients send, and what the sandbox answers, against the documents that both vendors publish.
//! The documents are not ours to ship. Where their folder is absent the test says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says why"
)]

mod document;
mod errata;
mod exchange;
mod schema;
mod story;

#[path = "../stories/house.rs"]
#[expect(dead_code, reason = "the stories use all of it, this one only a part")]
mod house;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use boardroom::sandbox::Exchange;
use serde_json::Value;

use crate::document::Document;
use crate::errata::Erratum;
use crate::exchange::Spoken;
use crate::story::Deed;

/// Beside the repository, never in it.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/contracts");

#[tokio::test]
async fn what_we_send_and_what_the_sandbox_answers_fit_the_published_documents() {
    let folder = Path::new(FOLDER);
    if !folder.exists() {
        // Not `println!`, which nobody sees of a test that passes.
        writeln!(
            io::stderr(),
            "contracts: not checked, for the published documents are not in {FOLDER}"
        )
        .unwrap();
        return;
    }
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let (trello, docspace) = (read("trello.json"), read("docspace.json"));
    let house = story::tell().await;
    let mut complaints = judge(
        "Trello",
        trello,
        errata::trello(),
        &house.trello.requests(),
        story::TRELLO,
    );
    complaints.extend(judge(
        "DocSpace",
        docspace,
        errata::docspace(),
        &house.docspace.requests(),
        story::DOCSPACE,
    ));
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// All that is wrong with the exchanges of one service, with its table of errata, and with the story. Each thing is told once.
fn judge(
    service: &str,
    tree: Value,
    errata: Vec<Erratum>,
    exchanges: &[Exchange],
    deeds: &[Deed],
) -> Vec<String> {
    let document = match Document::new(tree, errata) {
        Ok(document) => document,
        Err(stale) => return stale,
    };
    let mut wrong = BTreeMap::new();
    let mut missing: Vec<_> = deeds.iter().collect();
    for exchange in exchanges {
        let spoken = Spoken::from(exchange);
        for complaint in exchange::check(&document, &spoken) {
            wrong
                .entry(complaint.place.clone())
                .or_insert_with(|| complaint.to_string());
        }
        let operation = document.operation(&spoken.method, &spoken.path);
        missing.retain(|deed| !operation.as_ref().is_some_and(|it| deed.is(it, &spoken)));
    }
    let stale = document.not_needed().into_iter();
    let stale = stale.map(|(at, why)| {
        format!("the erratum at {at} ({why}) is not needed: nothing met what it corrects")
    });
    let missing = missing
        .into_iter()
        .map(|deed| format!("the story never got an answer to {deed}"));
    let all = wrong.into_values().chain(stale).chain(missing);
    all.map(|line| format!("{service}: {line}")).collect()
}
