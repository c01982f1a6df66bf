//! When a credential expires, as a verdict. The present moment is an argument.

use std::time::Duration;

use crate::cli::check::report::Finding;
use crate::model::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);
/// Time enough to make another one and to roll it out.
const NOTICE: Duration = Duration::from_hours(14 * 24);

/// The finding on a credential that expires then, or never.
pub(super) fn finding(
    subject: &'static str,
    expires: Option<Timestamp>,
    now: Timestamp,
    fix: &str,
) -> Finding {
    let Some(expires) = expires else {
        return Finding::ok(subject, "never");
    };
    let left = expires.since(now);
    let date: String = expires.to_string().chars().take(10).collect();
    if left.is_zero() {
        Finding::failed(subject, format!("it expired on {date}"), fix)
    } else if left < NOTICE {
        Finding::warning(subject, format!("{date}, {}", in_days(left)), fix)
    } else {
        Finding::ok(subject, format!("{date}, {}", in_days(left)))
    }
}

fn in_days(left: Duration) -> String {
    match left.as_secs() / DAY.as_secs() {
        0 => "in less than a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn two_weeks_before_the_end_a_warning_is_given() {
        let now = Timestamp(1_790_000_000_000);
        let table = [
            (None, Verdict::Ok),
            (Some(now.plus(DAY * 15)), Verdict::Ok),
            (Some(now.plus(NOTICE)), Verdict::Ok),
            (Some(now.plus(DAY * 13)), Verdict::Warning),
            (Some(now.plus(Duration::from_secs(1))), Verdict::Warning),
            (Some(now), Verdict::Failed),
            (Some(now.minus(DAY)), Verdict::Failed),
        ];
        for (expires, verdict) in table {
            let finding = finding("key expiry", expires, now, "Make another one.");
            assert_eq!(finding.verdict, verdict, "{expires:?}");
        }
    }

    #[test]
    fn days_are_counted_down() {
        let table = [
            (1, "in less than a day"),
            (30, "in 1 day"),
            (48, "in 2 days"),
        ];
        for (hours, words) in table {
            assert_eq!(in_days(Duration::from_hours(hours)), words);
        }
    }
}
