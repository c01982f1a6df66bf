//! How many boards stand where, as far as that matters to the sentence on top.

use crate::model::status::{Ignored, Status, Waiting};
use crate::store::Group;

/// How many boards stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub pending: u64,
    pub failing: u64,
    pub mirrored: u64,
    pub twins: u64,
    pub waiting: u64,
    pub braked: u64,
    pub failed: u64,
    pub ignored: u64,
    /// Those of the ignored that existed before.
    pub old: u64,
}

impl Counts {
    #[must_use]
    pub fn of(groups: &[(Group, u64)]) -> Self {
        let mut counts = Self::default();
        for (group, count) in groups {
            let words = match group {
                Group::Twins => {
                    counts.mirrored += count;
                    counts.twins += count;
                    continue;
                }
                Group::At(words) => words,
                Group::All => continue,
            };
            // A status of a newer program's is in the list, and in no sum.
            let Ok(status) = Status::from_words(&words.status, words.reason.as_deref()) else {
                continue;
            };
            match status {
                Status::Pending(None) => counts.pending += count,
                Status::Pending(Some(_)) => counts.failing += count,
                Status::Mirrored(_) => counts.mirrored += count,
                Status::Ignored(Ignored::ExistedBefore) => {
                    counts.ignored += count;
                    counts.old += count;
                }
                Status::Ignored(
                    Ignored::Template
                    | Ignored::Inbox
                    | Ignored::OutsideWorkspaces
                    | Ignored::ClosedWhenFirstSeen
                    | Ignored::Gone
                    | Ignored::Told,
                ) => counts.ignored += count,
                Status::Waiting(Waiting::Brake) => {
                    counts.waiting += count;
                    counts.braked += count;
                }
                Status::Waiting(
                    Waiting::Lane(_)
                    | Waiting::Baseline
                    | Waiting::Audit
                    | Waiting::Confirmation
                    | Waiting::Operation
                    | Waiting::Grace
                    | Waiting::Deletion,
                ) => counts.waiting += count,
                Status::Failed(_) => counts.failed += count,
            }
        }
        counts
    }

    #[must_use]
    pub fn all(self) -> u64 {
        self.pending + self.failing + self.mirrored + self.waiting + self.failed + self.ignored
    }
}
