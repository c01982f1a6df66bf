//! A histogram of durations that is added to without a lock: the library's takes one, and every delivery would wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in seconds for what is done in memory or in one commit.
pub(super) const SHORT: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// … for calls over a network.
pub(super) const CALL: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// … for what takes many calls, or waits for somebody.
pub(super) const LONG: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

/// Durations by buckets. Clones share them.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// In rising order.
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    /// The sum; enough for five centuries.
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0));
        Self(Arc::new(Inner {
            bounds,
            counts: counts.collect(),
            nanoseconds: AtomicU64::new(0),
        }))
    }

    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.0.bounds.partition_point(|bound| *bound < seconds);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How many were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.0.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = self.0.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.0.counts.iter();
        let buckets: Vec<_> = bounds
            .zip(counts.map(|count| count.load(Ordering::Relaxed)))
            .collect();
        // The sum of these very buckets, for they may grow meanwhile.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.nanoseconds.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum.as_secs_f64(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_duration_counts_in_the_bucket_that_it_just_fills_and_in_all_above() {
        let histogram = Histogram::new(&[0.001, 0.01]);
        for milliseconds in [0, 1, 2, 10, 11] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        assert_eq!(histogram.count(), 5);
        let mut registry = Registry::default();
        registry.register("took_seconds", "How long", histogram);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert_eq!(
            text,
            "# HELP took_seconds How long.\n# TYPE took_seconds histogram\ntook_seconds_sum 0.024\ntook_seconds_count 5\n\
             took_seconds_bucket{le=\"0.001\"} 2\ntook_seconds_bucket{le=\"0.01\"} 4\ntook_seconds_bucket{le=\"+Inf\"} 5\n# EOF\n"
        );
    }

    #[test]
    fn bounds_rise() {
        for bounds in [SHORT, CALL, LONG] {
            assert!(bounds.is_sorted() && bounds.len() > 10);
        }
    }
}
