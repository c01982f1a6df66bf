//! What only the database knows: where boards stand, what is due, what somebody should know. However many boards there are, it is
//! asked for totals that are kept, and for no more than some thousands of whatever must be counted.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::exposition::page::Page;
use crate::model::failure::Code;
use crate::model::status::Status;
use crate::store::{Group, Load, Store, StoreError, Words};

/// However many ask, the database is asked no more often than this.
const FRESH: Duration = Duration::from_secs(1);
/// Prometheus waits 10 s by default; one that is known to be away is not waited for.
const PATIENCE: Duration = Duration::from_millis(900);
/// So many due boards and concerns are counted.
const MOST: u32 = 10_000;

/// What the database said, and when.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    at: Instant,
    /// None when it did not answer.
    figures: Option<Figures>,
}

#[derive(Debug, Clone)]
struct Figures {
    groups: Vec<(Group, u64)>,
    load: Load,
}

/// Asks the database.
pub(super) async fn read(store: &dyn Store) -> Stored {
    let figures = async {
        let (groups, load) = tokio::try_join!(store.groups(), store.load(MOST))?;
        Ok::<_, StoreError>(Figures { groups, load })
    };
    // Why it is away is logged by those who need it.
    let figures = timeout(PATIENCE, figures).await.ok().and_then(Result::ok);
    Stored {
        at: Instant::now(),
        figures,
    }
}

impl Stored {
    pub(super) fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH
    }

    pub(super) fn show(&self, page: &mut Page) {
        page.yes_or_no(
            "boardroom_database_up",
            "Whether the database answered within a second",
            self.figures.is_some(),
        );
        let Some(Figures { groups, load }) = &self.figures else {
            return;
        };
        page.family(
            "boardroom_boards",
            "Boards by where they stand and why",
            boards(groups),
        );
        let twins = groups.iter().find(|(group, _)| *group == Group::Twins);
        page.one(
            "boardroom_twin_boards",
            "Mirrored boards whose tag is on another room, too",
            &[],
            float(twins.map_or(0, |(_, count)| *count)),
        );
        page.one(
            "boardroom_queue_due",
            "Boards that are due to be looked at, counted up to 10000",
            &[],
            float(load.due),
        );
        page.one(
            "boardroom_queue_oldest_due_age_seconds",
            "For how long the board has been due that is due longest; 0 when none is",
            &[],
            load.oldest.as_secs_f64(),
        );
        let known = Code::ALL.iter().map(|code| code.as_str());
        let concerns = load.concerns.iter().map(|(code, count)| {
            let code = known.clone().find(|known| known == code);
            (vec![("code", code.unwrap_or("other"))], float(*count))
        });
        page.family(
            "boardroom_concerns",
            "What somebody should know although nothing waits for it, by code",
            concerns,
        );
    }
}

/// By words that are known to this program; those of a newer one count as `other`.
fn boards(groups: &[(Group, u64)]) -> Vec<(Vec<(&'static str, &'static str)>, f64)> {
    let mut boards = BTreeMap::new();
    for (group, count) in groups {
        let (status, reason) = match group {
            Group::At(Words { status, reason }) => {
                match Status::from_words(status, reason.as_deref()) {
                    Ok(known) => known.words(),
                    Err(_) => ("other", None),
                }
            }
            Group::Twins => Status::Mirrored(None).words(),
            Group::All => continue,
        };
        *boards.entry((status, reason)).or_insert(0) += count;
    }
    let boards = boards.into_iter().map(|((status, reason), count)| {
        let labels = vec![("status", status), ("reason", reason.unwrap_or(""))];
        (labels, float(count))
    });
    boards.collect()
}

#[expect(clippy::cast_precision_loss, reason = "exact below nine quadrillions")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_counted_by_known_words_alone() {
        let at = |status: &str, reason: Option<&str>| {
            Group::At(Words {
                status: status.to_owned(),
                reason: reason.map(str::to_owned),
            })
        };
        let groups = [
            (at("mirrored", None), 3),
            (Group::Twins, 2),
            (at("waiting", Some("grace")), 4),
            (at("waiting", Some("a newer reason")), 5),
            (at("asleep", None), 6),
        ];
        let expected = [
            ("mirrored", "", 5.0),
            ("other", "", 11.0),
            ("waiting", "grace", 4.0),
        ];
        let expected = expected
            .map(|(status, reason, count)| (vec![("status", status), ("reason", reason)], count));
        assert_eq!(boards(&groups), expected);
    }
}
