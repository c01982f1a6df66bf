//! What is to be told: a pure function of what holds now and what was told before.

use std::time::Duration;

use crate::model::time::Timestamp;
use crate::notices::cause::{Cause, Firing};
use crate::store::{Alert, Turned};

/// What has just ceased may come back, as a gate does that one board passes: it is over when it stays away for so long.
pub const QUIET: Duration = Duration::from_secs(15);
/// What is paused for less goes on by itself before anybody could do something, and a first registration may come before the reverse
/// proxy knows of this service.
pub const PAUSED_LONG: Duration = Duration::from_mins(5);
/// Boards often fail together, but not in the same moment: a group is told of when it was there for so long.
pub const GATHERED: Duration = Duration::from_secs(10);
/// A group that grows is told of again when it has doubled, and no sooner than this: 1,000 boards that fail one after the other make at
/// most ten notices, and as many that fail at once make two.
pub const GROWN_APART: Duration = Duration::from_mins(10);

/// A change of what people know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub cause: Cause,
    pub turned: Turned,
    /// Since when it holds, or held.
    pub since: Timestamp,
    /// As it holds; none when it holds no more.
    pub firing: Option<Firing>,
}

/// The steps from what was told to what holds. An alert of a newer program is left to that one.
#[must_use]
pub fn steps(now: Timestamp, firing: Vec<Firing>, alerts: &[Alert]) -> Vec<Step> {
    let known: Vec<(Cause, &Alert)> = alerts
        .iter()
        .filter_map(|alert| Some((alert.cause.parse().ok()?, alert)))
        .collect();
    let mut steps: Vec<Step> = known
        .iter()
        .filter(|(cause, _)| firing.iter().all(|one| one.cause != *cause))
        .filter_map(|(cause, alert)| {
            Some(Step {
                cause: *cause,
                turned: ending(now, alert)?,
                since: alert.since,
                firing: None,
            })
        })
        .collect();
    for one in firing {
        let before = known.iter().find(|(cause, _)| *cause == one.cause);
        let (turned, since) = match before {
            None => (beginning(now, &one), one.since),
            Some((_, alert)) => (going_on(now, alert, one.count), alert.since),
        };
        if let Some(turned) = turned {
            steps.push(Step {
                cause: one.cause,
                turned,
                since,
                firing: Some(one),
            });
        }
    }
    steps
}

/// Whether a cause has held for so long that it is to be told of. This is asked before it is told of alone: what was told is not over
/// because it began anew.
#[must_use]
pub fn has_lasted(now: Timestamp, firing: &Firing) -> bool {
    let patience = match firing.cause {
        // What a list of Trello's lacks once may be there again in the next.
        Cause::LanePaused(_)
        | Cause::WebhookRefused
        | Cause::WorkspaceAdminLost
        | Cause::WorkspaceLeft => PAUSED_LONG,
        Cause::BoardsFailed(_) | Cause::TwinRooms => GATHERED,
        // None of these goes away by itself.
        Cause::PlanFull | Cause::BrakeOn(_) | Cause::TokenExpires | Cause::WebhookDead => {
            Duration::ZERO
        }
    };
    now.since(firing.since) >= patience
}

fn beginning(now: Timestamp, firing: &Firing) -> Option<Turned> {
    has_lasted(now, firing).then_some(Turned::Begins {
        since: firing.since,
        told: firing.count,
    })
}

fn ending(now: Timestamp, alert: &Alert) -> Option<Turned> {
    match alert.over_at {
        None => Some(Turned::Rests),
        Some(over_at) if now.since(over_at) >= QUIET => Some(Turned::Ends),
        Some(_) => None,
    }
}

fn going_on(now: Timestamp, alert: &Alert, count: u64) -> Option<Turned> {
    let has_grown = count >= alert.told.saturating_mul(2).max(2);
    if has_grown && now.since(alert.told_at) >= GROWN_APART {
        return Some(Turned::Grows {
            before: alert.told,
            told: count,
        });
    }
    alert.over_at.map(|_| Turned::Returns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::{Code, Failure};
    use crate::model::lane::Lane;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const CAUSE: Cause = Cause::BoardsFailed(Code::DocSpaceRejected);

    fn failed(count: u64) -> Vec<Firing> {
        let firing = Firing {
            cause: CAUSE,
            since: NOW.minus(GATHERED),
            count,
            failure: Failure::new(Code::DocSpaceRejected, ""),
            subjects: Vec::new(),
        };
        vec![firing]
    }

    /// Told of so many so many seconds ago, and over for so many.
    fn alert(told: u64, seconds: u64, over: Option<u64>) -> Vec<Alert> {
        let ago = |seconds| NOW.minus(Duration::from_secs(seconds));
        let alert = Alert {
            cause: CAUSE.to_string(),
            since: ago(seconds),
            told,
            told_at: ago(seconds),
            over_at: over.map(ago),
        };
        vec![alert]
    }

    #[test]
    fn it_is_told_once_again_when_doubled_and_when_it_is_over() {
        let since = NOW.minus(GATHERED);
        let begins = |told| Turned::Begins { since, told };
        let mut just_now = failed(3);
        just_now[0].since = NOW.minus(Duration::from_secs(9));
        let grows = |before, told| Turned::Grows { before, told };
        let table = [
            (vec![], vec![], None),
            (just_now.clone(), vec![], None),
            (just_now, alert(3, 5, Some(1)), Some(Turned::Returns)),
            (failed(3), vec![], Some(begins(3))),
            (failed(3), alert(3, 5, None), None),
            (failed(3), alert(3, 9_999_999, None), None),
            (failed(1_000), alert(3, 599, None), None),
            (failed(1_000), alert(3, 600, None), Some(grows(3, 1_000))),
            (failed(5), alert(3, 600, None), None),
            (failed(6), alert(3, 600, None), Some(grows(3, 6))),
            (failed(2), alert(1, 600, None), Some(grows(1, 2))),
            (failed(1), alert(0, 600, None), None),
            (failed(1), alert(3, 600, None), None),
            (vec![], alert(3, 600, None), Some(Turned::Rests)),
            (vec![], alert(3, 600, Some(14)), None),
            (vec![], alert(3, 600, Some(15)), Some(Turned::Ends)),
            (failed(3), alert(3, 600, Some(14)), Some(Turned::Returns)),
            (failed(6), alert(3, 600, Some(99)), Some(grows(3, 6))),
        ];
        for (firing, alerts, expected) in table {
            let found = steps(NOW, firing.clone(), &alerts);
            let turned: Vec<_> = found.iter().map(|step| step.turned).collect();
            assert_eq!(turned, Vec::from_iter(expected), "{firing:?} {alerts:?}");
        }
    }

    #[test]
    fn a_pause_is_told_when_it_lasts_and_over_only_when_nothing_is_paused() {
        let pause = |seconds| {
            let mut firing = failed(1).remove(0);
            firing.cause = Cause::LanePaused(Lane::DocSpace);
            firing.since = NOW.minus(Duration::from_secs(seconds));
            firing
        };
        let told = |over| {
            let mut alerts = alert(1, 900, over);
            alerts[0].cause = Cause::LanePaused(Lane::DocSpace).to_string();
            alerts
        };
        let begins = Turned::Begins {
            since: NOW.minus(PAUSED_LONG),
            told: 1,
        };
        let table = [
            (vec![pause(299)], vec![], None),
            (vec![pause(300)], vec![], Some(begins)),
            // It went on for a moment, and is paused anew.
            (vec![pause(0)], told(None), None),
            (vec![pause(0)], told(Some(3)), Some(Turned::Returns)),
            (vec![], told(None), Some(Turned::Rests)),
            (vec![], told(Some(15)), Some(Turned::Ends)),
        ];
        for (firing, alerts, expected) in table {
            let found = steps(NOW, firing.clone(), &alerts);
            let turned: Vec<_> = found.iter().map(|step| step.turned).collect();
            assert_eq!(turned, Vec::from_iter(expected), "{firing:?} {alerts:?}");
        }
    }

    #[test]
    fn what_may_go_away_by_itself_is_told_when_it_has_not() {
        let table = [
            (Cause::WebhookRefused, PAUSED_LONG),
            (Cause::WorkspaceAdminLost, PAUSED_LONG),
            (Cause::WorkspaceLeft, PAUSED_LONG),
            (Cause::TwinRooms, GATHERED),
            (Cause::PlanFull, Duration::ZERO),
            (Cause::TokenExpires, Duration::ZERO),
            (Cause::WebhookDead, Duration::ZERO),
        ];
        let moment = Duration::from_millis(1);
        for (cause, patience) in table {
            let mut firing = failed(1).remove(0);
            firing.cause = cause;
            firing.since = NOW.minus(patience);
            assert!(has_lasted(NOW, &firing), "{cause}");
            firing.since = firing.since.plus(moment);
            let is_patient = patience > Duration::ZERO;
            assert_eq!(has_lasted(NOW, &firing), !is_patient, "{cause}");
        }
    }

    #[test]
    fn what_a_newer_program_has_told_is_not_declared_over() {
        let mut unknown = alert(1, 600, Some(600));
        unknown[0].cause = "of_a_newer_program/x".into();
        assert_eq!(steps(NOW, Vec::new(), &unknown), []);
    }

    #[test]
    fn a_thousand_boards_that_fail_one_by_one_make_ten_notices() {
        let (mut alerts, mut told) = (Vec::new(), 0);
        for count in 1..=1_000 {
            for step in steps(NOW, failed(count), &alerts) {
                told += 1;
                alerts = alert(step.firing.unwrap().count, 600, None);
            }
        }
        assert_eq!(told, 10);
    }
}
