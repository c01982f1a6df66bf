//! The plot of what was counted: bars as plain numbers, from stored figures. A pure function of them.

use std::time::Duration;

use serde::Deserialize;

use crate::admin::pages::view::{Bar, Plot, Row, Series};
use crate::desk::{day_and_time, number};
use crate::model::time::Timestamp;
use crate::store::{Counted, Figures, Grain};

/// How far back the plot goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Span {
    #[default]
    Hour,
    Day,
    Week,
}

impl Span {
    pub(in crate::admin) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    pub(in crate::admin) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Week => "Week",
        }
    }

    /// The figures from which it is drawn.
    pub(in crate::admin) fn grain(self) -> Grain {
        match self {
            Self::Hour | Self::Day => Grain::Minute,
            Self::Week => Grain::Hour,
        }
    }

    /// How much time a bar stands for, and how many bars there are.
    pub(in crate::admin) fn bars(self) -> (Duration, usize) {
        match self {
            Self::Hour => (Duration::from_mins(1), 60),
            Self::Day => (Duration::from_mins(30), 48),
            Self::Week => (Duration::from_hours(3), 56),
        }
    }
}

/// Where a bar begins in the next; the rest is the gap to it.
const STEP: u32 = 10;
const GAP: u32 = 2;
/// The height of the tallest bar.
const HEIGHT: u64 = 100;

/// Draws what was counted until `now`.
pub(super) fn plot(span: Span, spans: &[Counted], now: Timestamp) -> Plot {
    let (width, count) = span.bars();
    let steps = steps(spans, now, width, count);
    let ago = match span {
        Span::Hour => "in the last hour",
        Span::Day => "in the last day",
        Span::Week => "in the last week",
    };
    let rooms = steps.iter().map(|(at, figures)| (*at, figures.rooms));
    let deliveries = steps.iter().map(|(at, figures)| (*at, figures.deliveries));
    let label = |at| label(span, at);
    Plot {
        said: ago,
        width: u32::try_from(count).unwrap_or(u32::MAX) * STEP,
        series: vec![
            series("rooms", "Rooms made", rooms.collect(), &label),
            series(
                "deliveries",
                "Deliveries received",
                deliveries.collect(),
                &label,
            ),
        ],
        ticks: ticks(&steps, &label),
        rows: steps
            .iter()
            .filter(|(_, figures)| !figures.is_zero())
            .map(|(at, figures)| Row {
                from: label(*at),
                rooms: number(figures.rooms),
                deliveries: number(figures.deliveries),
            })
            .collect(),
    }
}

/// What was counted in each of so many steps of time; the last is the one that goes on now.
pub(in crate::admin) fn steps(
    spans: &[Counted],
    now: Timestamp,
    width: Duration,
    count: usize,
) -> Vec<(Timestamp, Figures)> {
    let width = i64::try_from(width.as_millis()).expect("a bar stands for hours at most");
    let last = now.0.div_euclid(width);
    let count = i64::try_from(count).expect("there are dozens of bars");
    let first = last - count + 1;
    let mut steps: Vec<_> = (first..=last)
        .map(|step| (Timestamp(step * width), Figures::default()))
        .collect();
    for counted in spans {
        let step = counted.at.0.div_euclid(width) - first;
        // What is older is shown no more; a moment to come is one of a clock that was set back.
        if let Some(step) = usize::try_from(step).ok().and_then(|at| steps.get_mut(at)) {
            step.1 += counted.figures;
        }
    }
    steps
}

fn series(
    id: &'static str,
    name: &'static str,
    values: Vec<(Timestamp, u64)>,
    label: &impl Fn(Timestamp) -> String,
) -> Series {
    let sum: u64 = values.iter().map(|(_, value)| value).sum();
    let most = values.iter().max_by_key(|(_, value)| *value).copied();
    let (at, most) = most.unwrap_or((Timestamp(0), 0));
    let top = top(most);
    let description = if most == 0 {
        "None.".to_owned()
    } else {
        format!(
            "{} in all; the most at once were {} at {}.",
            number(sum),
            number(most),
            label(at)
        )
    };
    let bar = |(index, (at, value)): (u32, (Timestamp, u64))| {
        // One that is there is seen.
        let height = (value.saturating_mul(HEIGHT) / top).max(2);
        (value > 0).then(|| Bar {
            x: index * STEP + GAP / 2,
            y: HEIGHT - height,
            width: STEP - GAP,
            height,
            said: format!("{}: {}", label(at), number(value)),
        })
    };
    Series {
        id,
        name,
        sum: number(sum),
        description,
        top: number(top),
        bars: (0..).zip(values).filter_map(bar).collect(),
    }
}

/// The round number at the top of the scale: an even one, so that the line in the middle means something.
fn top(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for round in [2, 4, 6, 10] {
            let top = round * unit;
            if top >= most || top > u64::MAX / 20 {
                return top;
            }
        }
        unit *= 10;
    }
}

/// Five moments along the axis, the last of them now.
fn ticks(steps: &[(Timestamp, Figures)], label: &impl Fn(Timestamp) -> String) -> Vec<String> {
    let last = steps.len().saturating_sub(1);
    let tick = |quarter: usize| steps.get(last * quarter / 4).map(|(at, _)| label(*at));
    let mut ticks: Vec<_> = (0..4).filter_map(tick).collect();
    ticks.push("now".to_owned());
    ticks
}

/// `14:13` within a day, `09-21 12:00` within a week.
fn label(span: Span, at: Timestamp) -> String {
    let (day, time) = day_and_time(at);
    let (day, time) = (day.get(5..).unwrap_or(&day), time.get(..5).unwrap_or(&time));
    match span {
        Span::Hour | Span::Day => time.to_owned(),
        Span::Week => format!("{day} {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_123);

    fn counted(minutes_ago: i64, deliveries: u64, rooms: u64) -> Counted {
        Counted {
            at: Timestamp((NOW.0 / 60_000 - minutes_ago) * 60_000),
            figures: Figures { deliveries, rooms },
        }
    }

    #[test]
    fn bars_stand_where_it_was_counted() {
        let spans = [
            counted(9_000, 7, 7),
            counted(60, 9, 9),
            counted(59, 1, 0),
            counted(1, 300, 1),
            counted(0, 150, 0),
        ];
        let plot = plot(Span::Hour, &spans, NOW);
        let [rooms, deliveries] = &plot.series[..] else {
            panic!("two series");
        };
        assert_eq!((rooms.sum.as_str(), rooms.top.as_str()), ("1", "2"));
        assert_eq!(
            (deliveries.sum.as_str(), deliveries.top.as_str()),
            ("451", "400")
        );
        let bars: Vec<_> = deliveries
            .bars
            .iter()
            .map(|bar| (bar.x, bar.y, bar.height))
            .collect();
        assert_eq!(bars, [(1, 98, 2), (581, 25, 75), (591, 63, 37)]);
        assert_eq!(deliveries.bars[1].said, "14:12: 300");
        assert_eq!(
            deliveries.description,
            "451 in all; the most at once were 300 at 14:12."
        );
        assert_eq!(plot.width, 600);
        assert_eq!(plot.ticks, ["13:14", "13:28", "13:43", "13:58", "now"]);
        assert_eq!(plot.rows.len(), 3);
    }

    #[test]
    fn a_week_is_drawn_of_hours_and_nothing_of_nothing() {
        let plot = plot(Span::Week, &[], NOW);
        assert_eq!(plot.series[0].description, "None.");
        assert!(plot.series[0].bars.is_empty() && plot.rows.is_empty());
        assert_eq!(plot.ticks[0], "09-14 15:00");
    }

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (most, round) in [
            (0, 2),
            (1, 2),
            (3, 4),
            (5, 6),
            (7, 10),
            (11, 20),
            (401, 600),
            (9_999, 10_000),
        ] {
            assert_eq!(top(most), round, "{most}");
        }
        assert!(
            top(u64::MAX) > u64::MAX / 100,
            "and there is one for every number"
        );
    }
}
