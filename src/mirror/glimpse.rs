//! The glimpse: boards are read together, as many as one request takes, and each look goes on by itself with what was read of its board.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::lane::{Charge, Verdict};
use crate::mirror::{Mirror, Stop, unless_stopped};
use crate::model::board::{Board, Record};
use crate::model::failure::{Code, Failure, Suspect};
use crate::model::id::BoardId;
use crate::model::lane::Lane;
use crate::model::status::{Status, Waiting};
use crate::store::Claim;
use crate::trello::{BATCH, TrelloError};

/// So many boards are read with one request.
pub const TOGETHER: usize = BATCH;

/// However small the budget, boards are gathered no longer than this.
const LONGEST_GATHERING: Duration = Duration::from_secs(1);

/// What was read of a claimed board.
#[derive(Debug)]
pub struct Glimpse {
    /// When the claim was made, to tell the database's time from then on.
    pub since: Instant,
    pub(super) read: Result<Board, Unread>,
}

/// Why nothing was read of a board.
#[derive(Debug)]
pub(super) enum Unread {
    /// Nobody was asked, or Trello is to blame.
    Stopped(Stop),
    /// Trello does not show this board, and answers otherwise.
    Refused(Charge),
}

/// Claims whose boards are read together.
#[derive(Debug)]
pub struct Group {
    pub claims: Vec<Claim>,
    /// Whether others would have been read with them, had they been due.
    pub may_grow: bool,
}

/// Divides claims into groups.
#[must_use]
pub fn groups(claims: Vec<Claim>) -> Vec<Group> {
    let (alone, together): (Vec<_>, Vec<_>) = claims
        .into_iter()
        .partition(|claim| is_suspect(&claim.record));
    let mut together = together.into_iter().peekable();
    let mut groups = Vec::new();
    while together.peek().is_some() {
        let claims: Vec<_> = together.by_ref().take(TOGETHER).collect();
        let may_grow = claims.len() < TOGETHER;
        groups.push(Group { claims, may_grow });
    }
    groups.extend(alone.into_iter().map(|claim| Group {
        claims: vec![claim],
        may_grow: false,
    }));
    groups
}

/// Whether a read that failed as a whole may have failed for the sake of this board: the next time it spoils no other's.
fn is_suspect(record: &Record) -> bool {
    let (Status::Pending(Some(code)) | Status::Failed(code)) = record.status else {
        return false;
    };
    matches!(
        code,
        Code::TrelloUnauthorized
            | Code::TrelloForbidden
            | Code::TrelloNotFound
            | Code::TrelloRateLimited
            | Code::TrelloUnavailable
            | Code::TrelloUnreachable
            | Code::TrelloRejected
            | Code::TrelloUnintelligible
    )
}

impl Mirror {
    /// How long boards are gathered before the next few are read. Nothing while half of the budget is left, so that a board waits for
    /// nobody; from there on reads of a few boards get a quarter of it.
    #[must_use]
    pub fn gathering(&self) -> Duration {
        let budget = self.trello.budget();
        let (left, most) = budget.left();
        if left >= most / 2 {
            return Duration::ZERO;
        }
        (budget.per() * 4 / most).min(LONGEST_GATHERING)
    }

    /// Reads claimed boards, right after they were claimed, with one request if they are of one [group](groups). Answers in the order of
    /// `claims`.
    pub async fn glimpse(&self, claims: &[Claim]) -> Vec<Glimpse> {
        let since = Instant::now();
        let waits: Vec<_> = claims.iter().map(|claim| self.waits_for(claim)).collect();
        let asked = claims.iter().zip(&waits);
        let asked: Vec<_> = asked
            .filter(|(_, waits)| waits.is_none())
            .map(|(claim, _)| claim.fence.board)
            .collect();
        let read = unless_stopped(&self.stop, async { Ok(self.read_fairly(&asked).await) });
        let read = while_held(self.lease() / 6, read, || self.hold(claims)).await;
        let mut read = read.unwrap_or_default().into_iter();
        let read = waits.into_iter().map(|waits| match waits {
            Some(lane) => Err(Unread::Stopped(Stop::wait(Waiting::Lane(lane)))),
            // The service is stopping.
            None => read.next().unwrap_or(Err(Unread::Stopped(Stop::Lost))),
        });
        read.map(|read| Glimpse { since, read }).collect()
    }

    /// The closed lane that keeps this board from being read: what waits for a service that is still away asks nobody, and burns nothing.
    fn waits_for(&self, claim: &Claim) -> Option<Lane> {
        let waits_for = match claim.record.status {
            Status::Waiting(Waiting::Lane(lane @ (Lane::Trello | Lane::DocSpace))) => Some(lane),
            Status::Waiting(_)
            | Status::Pending(_)
            | Status::Mirrored(_)
            | Status::Ignored(_)
            | Status::Failed(_) => None,
        };
        [waits_for, Some(Lane::Trello)]
            .into_iter()
            .flatten()
            .find(|lane| !self.lanes.is_open(*lane))
    }

    /// Reads boards and finds out who is to blame for those that could not be read: once, however many they are.
    async fn read_fairly(&self, boards: &[BoardId]) -> Vec<Result<Board, Unread>> {
        let read = match boards {
            [] => return Vec::new(),
            [board] => vec![
                self.trello
                    .board(*board)
                    .await
                    .map_err(|error| unseen(&error)),
            ],
            several => match self.trello.boards(several).await {
                Ok(read) => {
                    let unseen = |read: Result<Board, _>| read.map_err(|error| unseen(&error));
                    read.into_iter().map(unseen).collect()
                }
                Err(error) => vec![Err(of_all(&error)); several.len()],
            },
        };
        let mut charges = read.iter().filter_map(|read| read.as_ref().err());
        // What is certainly the call's own fault tells nothing of Trello.
        let doubtful = charges.find(|charge| charge.suspect == Suspect::Service);
        let verdict = match doubtful {
            Some(charge) => self.lanes.judge(Lane::Trello, charge).await,
            None => Verdict::Call,
        };
        let blamed = |charge: Charge| match (verdict, charge.suspect) {
            (Verdict::Lane(lane), Suspect::Service) => {
                Unread::Stopped(Stop::wait(Waiting::Lane(lane)))
            }
            (Verdict::Lane(_) | Verdict::Call, _) => Unread::Refused(charge),
        };
        read.into_iter().map(|read| read.map_err(blamed)).collect()
    }

    /// Who has lost a lease finds out when he writes.
    async fn hold(&self, claims: &[Claim]) {
        for claim in claims {
            if let Err(error) = self.store.hold(claim.fence, self.lease()).await {
                tracing::error!(board.id = %claim.fence.board, %error, "a lease could not be prolonged");
            }
        }
    }
}

/// Keeps leases, by `hold` once per `share`, while something is waited for that may take longer than they last. It goes on while they are
/// prolonged: it may have the only turn to write, for which that waits.
async fn while_held<T, Held: Future<Output = ()>>(
    share: Duration,
    work: impl Future<Output = T>,
    hold: impl Fn() -> Held,
) -> T {
    let (mut work, mut kept_at) = (pin!(work), Instant::now());
    let done = loop {
        let keep = async {
            sleep(share).await;
            hold().await;
        };
        tokio::select! {
            biased;
            done = &mut work => break done,
            () = keep => kept_at = Instant::now(),
        }
    };
    // What follows has a whole lease before it.
    if kept_at.elapsed() >= share {
        hold().await;
    }
    done
}

/// Why one board could not be read: a board that Trello will not show is told apart from a call that it refuses.
fn unseen(error: &TrelloError) -> Charge {
    let code = match error {
        TrelloError::Unauthorized(_) => Code::BoardNotVisible,
        TrelloError::NotFound(_) => Code::BoardNotFound,
        TrelloError::Forbidden(_)
        | TrelloError::RateLimited { .. }
        | TrelloError::Unavailable { .. }
        | TrelloError::Rejected { .. }
        | TrelloError::Unintelligible(_)
        | TrelloError::Unreachable(_) => error.code(),
    };
    Charge {
        failure: Failure::new(code, error),
        ..Charge::from(error)
    }
}

/// Why several boards could not be read at once: it tells nothing of any single one.
fn of_all(error: &TrelloError) -> Charge {
    Charge {
        suspect: Suspect::Service,
        ..Charge::from(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::time::Timestamp;
    use crate::store::Fence;

    fn claim(number: u32, status: Status) -> Claim {
        let board = format!("6400000000000000{number:08x}").parse().unwrap();
        let mut record = Record::of_nothing(board);
        record.status = status;
        Claim {
            fence: Fence { board, attempt: 1 },
            record,
            hints: 1,
            due: Timestamp(0),
            taken: Timestamp(0),
            trace: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_goes_on_while_its_leases_are_prolonged() {
        let (turn, times) = (tokio::sync::Mutex::new(()), AtomicUsize::new(0));
        let share = Duration::from_secs(5);
        let write = || async {
            drop(turn.lock().await);
            times.fetch_add(1, Ordering::Relaxed);
        };
        let work = async {
            sleep(share * 2).await;
            let turn = turn.lock().await;
            sleep(share * 2).await;
            drop(turn);
            sleep(share).await;
        };
        let begun = Instant::now();
        let done = tokio::time::timeout(share * 10, while_held(share, work, write)).await;
        assert!(done.is_ok(), "it stood still with the turn that it had");
        assert_eq!(begun.elapsed(), share * 5);
        // After one share, after the second as soon as there was a turn again, and at the end.
        assert_eq!(times.load(Ordering::Relaxed), 3);
        while_held(share, sleep(share / 2), write).await;
        assert_eq!(
            times.load(Ordering::Relaxed),
            3,
            "it took too short for that"
        );
    }

    #[test]
    fn boards_are_read_by_tens_and_those_under_suspicion_alone() {
        let suspect = |code| Status::Pending(Some(code));
        let statuses = (0..25).map(|number| match number {
            3 => suspect(Code::TrelloUnavailable),
            4 => Status::Failed(Code::TrelloRejected),
            // What Trello said of them alone, or DocSpace, casts no suspicion on their reads.
            5 => suspect(Code::BoardNotVisible),
            6 => suspect(Code::DocSpaceUnavailable),
            _ => Status::Pending(None),
        });
        let claims = (0..).zip(statuses);
        let claims = claims.map(|(number, status)| claim(number, status));
        let groups = groups(claims.collect());
        let shapes: Vec<_> = groups
            .iter()
            .map(|group| (group.claims.len(), group.may_grow))
            .collect();
        assert_eq!(
            shapes,
            [(10, false), (10, false), (3, true), (1, false), (1, false)]
        );
    }
}
