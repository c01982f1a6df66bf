//! What the text of a value means: flags, numbers, durations, times, names and secrets. Pure functions of the text.
//! An error says what is expected, and never repeats the text: whether it may be seen is not known here.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{ExistingBoards, Follow, LogFormat, OnBoardDeleted, OnDrift, Workspaces};
use crate::model::time::Timestamp;

/// The longest duration; anything longer is a slip, and could not be added to a clock everywhere.
const YEAR: Duration = Duration::from_hours(366 * 24);

/// So many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    pub per: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.count, self.per)
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "not an address; write an IP address and a port, such as 0.0.0.0:8080 or [::]:8080".into()
    })
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("neither true nor false; write one of the two".into()),
    }
}

pub(super) fn number(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            format!(
                "write a whole number from {} to {}",
                range.start(),
                range.end()
            )
        })
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let unit = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let long = "longer than a year; write a shorter duration";
    if milliseconds == 0 || number.is_empty() {
        return Err(
            "not a duration; write a whole number and ms, s, m, h or d, such as 30s or 5m".into(),
        );
    }
    let number: u64 = number.parse().map_err(|_| long)?;
    let duration = Duration::from_millis(number.checked_mul(milliseconds).ok_or(long)?);
    if duration > YEAR {
        Err(long.into())
    } else {
        Ok(duration)
    }
}

/// A duration within limits, both of which are allowed.
pub(super) fn duration_within(
    limits: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let duration = duration(text)?;
        if duration < *limits.start() {
            Err(format!("too short; write at least {:?}", limits.start()))
        } else if duration > *limits.end() {
            Err(format!("too long; write at most {:?}", limits.end()))
        } else {
            Ok(duration)
        }
    }
}

/// A duration of at least `shortest`.
pub(super) fn duration_from(shortest: Duration) -> impl Fn(&str) -> Result<Duration, String> {
    duration_within(shortest..=YEAR)
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let parts = text.split_once('/').and_then(|(count, per)| {
        let count: u32 = count.trim_end().parse().ok().filter(|count| *count > 0)?;
        let per = duration(per.trim_start())
            .ok()
            .filter(|per| !per.is_zero())?;
        Some(Rate { count, per })
    });
    parts
        .ok_or_else(|| "not a rate; write how many (at least 1) in how long, such as 90/10s".into())
}

/// A date, which means 00:00 UTC, or an RFC 3339 time with its offset.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let time: Option<jiff::Timestamp> = if text.len() == "2026-11-23".len() {
        let midnight = text.parse().ok().map(|date: Date| date.at(0, 0, 0, 0));
        midnight
            .and_then(|midnight| midnight.to_zoned(TimeZone::UTC).ok())
            .map(|zoned| zoned.timestamp())
    } else {
        text.parse().ok()
    };
    let time = time.ok_or(
        "neither a date nor a time; write 2026-11-23 or, with an offset, 2026-11-23T08:00:00Z",
    )?;
    Ok(Timestamp(time.as_millisecond()))
}

/// The name by which an installation knows its webhooks again.
pub(super) fn instance(text: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if text.len() > 64 || !text.chars().all(allowed) {
        return Err("write 1 to 64 letters (a-z), digits, dots, underscores and hyphens".into());
    }
    Ok(text.to_owned())
}

pub(super) fn workspaces(texts: &[String]) -> Workspaces {
    let mut names: Vec<String> = Vec::new();
    for name in texts
        .iter()
        .map(|text| text.trim())
        .filter(|name| !name.is_empty())
    {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        Workspaces::All
    } else {
        Workspaces::Named(names)
    }
}

pub(super) fn existing_boards(text: &str) -> Result<ExistingBoards, String> {
    match text {
        "ignore" => Ok(ExistingBoards::Ignore),
        "mirror" => Ok(ExistingBoards::Mirror),
        _ => Err("write ignore or mirror".into()),
    }
}

pub(super) fn follow(text: &str) -> Result<Follow, String> {
    match text {
        "live" => Ok(Follow::Live),
        "sweep" => Ok(Follow::Sweep),
        _ => Err("write live or sweep".into()),
    }
}

pub(super) fn on_board_deleted(text: &str) -> Result<OnBoardDeleted, String> {
    match text {
        "archive" => Ok(OnBoardDeleted::Archive),
        "keep" => Ok(OnBoardDeleted::Keep),
        _ => Err("write archive or keep".into()),
    }
}

pub(super) fn on_drift(text: &str) -> Result<OnDrift, String> {
    match text {
        "respect" => Ok(OnDrift::Respect),
        "restore" => Ok(OnDrift::Restore),
        _ => Err("write respect or restore".into()),
    }
}

/// None is no brake.
pub(super) fn brake(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" {
        return Ok(None);
    }
    rate(text).map(Some).map_err(|_| {
        "not a rate; write how many (at least 1) in how long, such as 200/10m, or off".into()
    })
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("write auto, text or json".into()),
    }
}

/// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
pub(super) fn log(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| word.parse::<LevelFilter>().is_err())
    {
        // A lone word that is no level is a target, so `warning` would silence everything without an error.
        let meant = LEVELS
            .into_iter()
            .find(|level| word.starts_with(level) || strsim::damerau_levenshtein(level, word) <= 1);
        if let Some(level) = meant.filter(|_| word.chars().all(char::is_alphabetic)) {
            return Err(format!("a word in it is no level; did you mean {level}?"));
        }
    }
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("not a log filter; write a level (error, warn, info, debug, trace), or levels by module, \
                       such as info,boardroom=debug"
            .into()),
    }
}

/// A key, token or secret as it may stand in a header.
pub(super) fn secret(text: &str) -> Result<SecretString, String> {
    if text.contains(['"', '\'']) {
        return Err("there is a quotation mark in it; write the value without quotes (`docker run --env-file` keeps them)".into());
    }
    if !text.chars().all(|character| character.is_ascii_graphic()) {
        return Err("there is a blank, a line break or another character in it that no key has; copy the value again, \
                    in one line and without anything around it"
            .into());
    }
    Ok(SecretString::from(text))
}

/// The application's secrets: several while one is being replaced by the next.
pub(super) fn secrets(texts: &[String]) -> Result<Vec<SecretString>, String> {
    if texts.is_empty() {
        return Err("there is no secret in it; write the secret, or several with commas".into());
    }
    texts.iter().map(|text| secret(text)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[rstest]
    #[case("0s", Some(0))]
    #[case("250ms", Some(250))]
    #[case("5m", Some(300_000))]
    #[case("6h", Some(21_600_000))]
    #[case("2d", Some(172_800_000))]
    #[case("30 s", Some(30_000))]
    #[case("366d", Some(31_622_400_000))]
    #[case("367d", None)]
    #[case("99999999999999999999s", None)]
    #[case("18446744073709551615d", None)]
    #[case("5", None)]
    #[case("m", None)]
    #[case("-5m", None)]
    #[case("1.5h", None)]
    #[case("1h30m", None)]
    #[case("5min", None)]
    fn durations(#[case] text: &str, #[case] milliseconds: Option<u64>) {
        assert_eq!(duration(text).ok(), milliseconds.map(Duration::from_millis));
    }

    #[test]
    fn limits_are_allowed_themselves() {
        let within = duration_within(Duration::from_secs(1)..=Duration::from_mins(1));
        assert!(within("1s").is_ok() && within("60s").is_ok());
        assert_eq!(within("999ms"), Err("too short; write at least 1s".into()));
        assert_eq!(within("2m"), Err("too long; write at most 60s".into()));
        assert_eq!(number(1..=1000)("1000"), Ok(1000));
        for wrong in ["0", "1001", "-1", "many"] {
            assert!(
                number(1..=1000)(wrong)
                    .unwrap_err()
                    .contains("from 1 to 1000"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn rates() {
        assert_eq!(
            rate("90/10s"),
            Ok(Rate {
                count: 90,
                per: Duration::from_secs(10)
            })
        );
        assert_eq!(
            rate("1 / 1s").map(|rate| rate.to_string()),
            Ok("1 in 1s".into())
        );
        for wrong in ["0/10s", "90", "90/0s", "90/10", "/10s", "-1/10s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_date_is_midnight_utc_and_a_time_needs_its_offset() {
        assert_eq!(
            moment("2026-11-23").map(|time| time.to_string()),
            Ok("2026-11-23T00:00:00.000Z".into())
        );
        assert_eq!(
            moment("2026-11-23T10:00:00+02:00").map(|time| time.to_string()),
            Ok("2026-11-23T08:00:00.000Z".into())
        );
        for wrong in [
            "2026-11-31",
            "23.11.2026",
            "2026-11-23T10:00:00",
            "yesterday",
            "1763856000",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_and_names() {
        assert!(flag("TRUE") == Ok(true) && flag("off") == Ok(false) && flag("maybe").is_err());
        assert!(address("127.0.0.1:0").is_ok() && address("[::]:8080").is_ok());
        for wrong in [
            ":8080",
            "8080",
            "localhost:8080",
            "0.0.0.0",
            "0.0.0.0:70000",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert!(instance("eu-1.boardroom_b").is_ok() && instance(&"x".repeat(64)).is_ok());
        for wrong in ["a b", "bücher", "a/b", &"x".repeat(65)] {
            assert!(instance(wrong).is_err(), "{wrong}");
        }
        let named = workspaces(&["Sales".into(), " ".into(), "Ops".into(), "Sales ".into()]);
        assert_eq!(named, Workspaces::Named(vec!["Sales".into(), "Ops".into()]));
        assert_eq!(workspaces(&[]), Workspaces::All);
    }

    #[test]
    fn a_log_level_that_would_silence_the_log_is_refused() {
        for fine in [
            "info",
            "WARN",
            "info,boardroom=debug",
            "boardroom::worker=trace,hyper=off",
            "boardroom",
            "off",
        ] {
            assert!(log(fine).is_ok(), "{fine}");
        }
        for (wrong, meant) in [
            ("warning", "warn"),
            ("inof", "info"),
            ("errors", "error"),
            ("info,debg", "debug"),
        ] {
            assert!(
                log(wrong)
                    .unwrap_err()
                    .ends_with(&format!("did you mean {meant}?")),
                "{wrong}"
            );
        }
        assert!(
            log("boardroom=loud")
                .unwrap_err()
                .contains("not a log filter")
        );
    }

    #[test]
    fn a_secret_must_fit_into_a_header() {
        assert_eq!(secret("ATTA00ff").unwrap().expose_secret(), "ATTA00ff");
        for wrong in [
            "a b",
            "a\n",
            " a",
            "a\tb",
            "a\u{7f}",
            "schlüssel",
            "\"a\"",
            "'a'",
        ] {
            assert!(secret(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(secrets(&["one".into(), "two".into()]).unwrap().len(), 2);
        assert!(secrets(&[]).is_err());
    }
}
