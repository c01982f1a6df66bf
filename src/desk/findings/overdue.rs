//! What has not come to its end for far longer than usual, where nothing else says why.

use std::time::Duration;

use super::{Finding, Kind, Situation, Tone};
use crate::desk::clock;
use crate::model::lane::Lane;
use crate::model::time::{Timestamp, overdue_after};

/// A board that is due is mostly looked at within seconds; many at once may take as long as Trello's limit lets them.
const QUEUE_SLOW: Duration = Duration::from_mins(10);

/// How often something is done that comes again and again, and since when this service has been there to do it.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    pub started: Timestamp,
    pub sweep_every: Duration,
    pub audit_every: Duration,
}

/// Sweeps, looks over all rooms, and boards that are due.
pub(super) fn overdue(situation: &Situation<'_>) -> Vec<Finding> {
    let is_paused = |lane: Lane| situation.pauses.iter().any(|(paused, _)| *paused == lane);
    if situation.unready.is_some() {
        return Vec::new();
    }
    let (rounds, progress) = (&situation.rounds, &situation.progress);
    let mut findings = Vec::new();
    if !is_paused(Lane::Trello)
        && let Some(since) = late(situation, progress.swept_at, rounds.sweep_every)
    {
        findings.push(Finding {
            kind: Kind::SweepStale,
            // Where no delivery can come, nothing else finds new boards.
            tone: if situation.has_public_url { Tone::Care } else { Tone::Wrong },
            sentence: format!("No sweep has come to its end since {since}."),
            advice: vec![
                "Boards that no delivery tells of are not found meanwhile. The log says why, beginning with “the sweep was cut short” or “could not be listed”; boardroom check tries what a sweep needs.".to_owned(),
            ],
        });
    }
    if !is_paused(Lane::DocSpace)
        && let Some(since) = late(situation, progress.audited_at, rounds.audit_every)
    {
        findings.push(Finding {
            kind: Kind::AuditStale,
            tone: Tone::Care,
            sentence: format!("The rooms have not been looked over since {since}."),
            advice: vec![
                "What people change in DocSpace is not noticed meanwhile. The log says why, beginning with “the audit was cut short”; boardroom check tries what it needs.".to_owned(),
            ],
        });
    }
    let due = progress
        .due_since
        .filter(|since| !is_paused(Lane::Trello) && situation.now.since(*since) >= QUEUE_SLOW);
    findings.extend(due.map(|since| Finding {
        kind: Kind::QueueSlow,
        tone: Tone::Care,
        sentence: format!("Boards have been waiting to be looked at since {}.", clock(since, situation.now)),
        advice: vec![
            "A long queue grows shorter by itself, as fast as the limit on requests to Trello allows. If this one does not, look into the log; a restart loses nothing.".to_owned(),
        ],
    }));
    findings
}

/// Since when, if it is too long ago. What should have happened before this service was there is not held against it.
fn late(situation: &Situation<'_>, last: Option<Timestamp>, every: Duration) -> Option<String> {
    let expected = last.map_or(situation.rounds.started, |last| {
        last.max(situation.rounds.started)
    });
    let is_late = !every.is_zero() && situation.now.since(expected) >= overdue_after(every);
    is_late.then(|| match last {
        Some(last) => clock(last, situation.now),
        None => format!(
            "the start at {}",
            clock(situation.rounds.started, situation.now)
        ),
    })
}
