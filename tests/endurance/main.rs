//! Endurance: the real binary is killed at random moments through a long random story, and in the end every board has its room.
//!
//! A story is told in chapters, each in a world of its own. `BOARDROOM_SOAK_SEED` and `BOARDROOM_SOAK_STEPS` set the first chapter's seed and
//! how many steps there are in all; `BOARDROOM_SOAK_REPLICAS` says how many services share a PostgreSQL server instead of one on a file. A seed repeats what happens in Trello and DocSpace and when the service is killed, not the service's own haste.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says why"
)]

mod calm;
mod case;
mod deeds;
mod house;
mod ledger;
mod names;
mod oracle;
mod records;
mod row;
mod story;
mod titles;
mod trouble;

use tokio::task::JoinSet;

use crate::story::{Kind, Story};

/// Steps of a chapter: long enough for what happened early to matter late, short enough to be told again.
const CHAPTER: usize = 1250;
/// Steps of the short stories, which every run of the tests tells.
const SHORT: usize = 220;
/// Most of a chapter is waiting: so many go on at once.
const SIDE_BY_SIDE: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_and_robbed_of_its_database_it_loses_doubles_and_undoes_nothing() {
    tell(Kind::Losses, seed(), steps().unwrap_or(SHORT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_among_busy_people_it_loses_doubles_and_undoes_nothing() {
    tell(Kind::People, seed(), steps().unwrap_or(SHORT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; tests/soak runs it"]
async fn a_long_life() {
    let (seed, steps) = (seed(), steps().unwrap_or(8 * CHAPTER));
    let chapters = steps.div_ceil(CHAPTER);
    let mut under_way = JoinSet::new();
    for chapter in 0..chapters {
        if under_way.len() == SIDE_BY_SIDE {
            ended(&mut under_way).await;
        }
        let steps = (steps - chapter * CHAPTER).min(CHAPTER);
        let seed = seed.wrapping_add(chapter as u64);
        let kind = if seed.is_multiple_of(2) {
            Kind::Losses
        } else {
            Kind::People
        };
        under_way.spawn(tell(kind, seed, steps));
    }
    while !under_way.is_empty() {
        ended(&mut under_way).await;
    }
    println!(
        "{steps} steps in {chapters} chapters from seed {seed}: nothing lost, doubled, untrue or undone"
    );
}

/// Waits for the end of one chapter; a bad one ends it all.
async fn ended(chapters: &mut JoinSet<()>) {
    if let Some(Err(error)) = chapters.join_next().await {
        std::panic::resume_unwind(error.into_panic());
    }
}

async fn tell(kind: Kind, seed: u64, steps: usize) {
    println!("chapter of {kind:?}, seed {seed}, {steps} steps");
    let begun = std::time::Instant::now();
    let summary = Box::pin(Story::new(kind, seed, replicas()).await.tell(steps)).await;
    println!("seed {seed}: {summary}, in {} s", begun.elapsed().as_secs());
}

fn seed() -> u64 {
    number("BOARDROOM_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000_000))
}

/// How many services share a PostgreSQL server of their own; None where there is one on a file.
fn replicas() -> Option<usize> {
    number("BOARDROOM_SOAK_REPLICAS").map(|replicas| usize::try_from(replicas).unwrap())
}

fn steps() -> Option<usize> {
    number("BOARDROOM_SOAK_STEPS").map(|steps| usize::try_from(steps).unwrap())
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable)
        .ok()
        .filter(|text| !text.is_empty())?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}
