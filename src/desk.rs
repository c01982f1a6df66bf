//! The desk: what people ask of boardroom and what they tell it, the same whichever way they come, by a command, the page or the API.
//! It needs no running service: it speaks to the database, and to Trello or DocSpace only about what nothing else can tell.

pub mod findings;
pub mod link;
pub mod lookup;
pub mod reference;
pub mod standings;
pub mod webhooks;
pub mod words;

use std::time::Duration;

use crate::model::time::Timestamp;

/// How many there are of something.
#[must_use]
pub fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

/// A span in one unit, as a table has room for: `12 s`, `5 min`, `3 h`, `9 d`.
#[must_use]
pub fn roughly(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A span as the time between two events: `12 ms`, `0.2 s`, `5 min 3 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn exactly(span: Duration) -> String {
    match span.as_secs() {
        0 if span.as_millis() < 100 => format!("{} ms", span.as_millis()),
        0..60 => format!("{:.1} s", span.as_secs_f64()),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds @ 3_600..172_800 => {
            format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60)
        }
        seconds => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `2026-09-21` and `14:13:20.123`.
#[must_use]
pub fn day_and_time(at: Timestamp) -> (String, String) {
    let text = at.to_string();
    match text.split_once('T') {
        Some((day, time)) => (day.to_owned(), time.trim_end_matches('Z').to_owned()),
        None => (text, String::new()),
    }
}

/// `14:13` of today, `2026-09-20 14:13` of another day. Unlike a span it stays the same while it is looked at.
#[must_use]
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let (day, time) = day_and_time(at);
    let time = time.get(..5).unwrap_or(&time);
    if day_and_time(now).0 == day {
        time.to_owned()
    } else {
        format!("{day} {time}")
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut said = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let table = [
            (12, "0 s", "12 ms"),
            (200, "0 s", "0.2 s"),
            (59_900, "59 s", "59.9 s"),
            (303_000, "5 min", "5 min 3 s"),
            (7_500_000, "2 h", "2 h 5 min"),
            (273_600_000, "3 d", "3 d 4 h"),
        ];
        for (ms, rough, exact) in table {
            let span = Duration::from_millis(ms);
            assert_eq!((roughly(span), exactly(span)), (rough.into(), exact.into()));
        }
    }

    #[test]
    fn numbers_and_moments_read_well() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(100_000), "100,000");
        assert_eq!(number(1_234_567), "1,234,567");
        let at = Timestamp(1_790_000_000_123);
        assert_eq!(clock(at, at.plus(Duration::from_hours(1))), "14:13");
        let tomorrow = at.plus(Duration::from_hours(20));
        assert_eq!(clock(at, tomorrow), "2026-09-21 14:13");
    }
}
