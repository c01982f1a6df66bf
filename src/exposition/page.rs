//! The text under way: gauges that exist for one reading only, and the form of the whole.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Value = Gauge<f64, AtomicU64>;

/// A reading.
#[derive(Debug, Default)]
pub(super) struct Page(Registry);

impl Page {
    pub(super) fn registry(&mut self) -> &mut Registry {
        &mut self.0
    }

    /// A gauge with one value.
    pub(super) fn one(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&'static str, &'static str)],
        value: f64,
    ) {
        self.family(name, help, [(labels.to_vec(), value)]);
    }

    pub(super) fn yes_or_no(&mut self, name: &str, help: &str, value: bool) {
        self.one(name, help, &[], f64::from(u8::from(value)));
    }

    /// A gauge with a value for each set of labels.
    pub(super) fn family(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'static str, &'static str)>, f64)>,
    ) {
        let family = Family::<Vec<(&'static str, &'static str)>, Value>::default();
        for (labels, value) in values {
            // What several have in common is theirs together.
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
    }

    /// A number that only grows and is read elsewhere.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        let counter = Counter::<f64, AtomicU64>::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode_registry(&mut text, &self.0).expect("writing to a string does not fail");
        plain(&text)
    }
}

/// The text format of Prometheus from that of `OpenMetrics`. They differ in that the former knows no units and calls a counter as it calls its
/// values.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ');
        } else if let Some(said) = line.strip_prefix("# TYPE ") {
            let (name, kind) = said.split_once(' ').unwrap_or((said, "untyped"));
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                let _ = writeln!(plain, "# HELP {name}{suffix} {help}");
            }
            let _ = writeln!(plain, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            // What has no labels is written without braces.
            match line.split_once("{} ") {
                Some((name, value)) if !name.contains('"') => {
                    let _ = writeln!(plain, "{name} {value}");
                }
                Some(_) | None => {
                    let _ = writeln!(plain, "{line}");
                }
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_that_of_prometheus() {
        let mut page = Page::default();
        page.counter("things", "How many \"things\"", 1.5);
        page.family(
            "state",
            "How it is",
            [(vec![("of", "a\"b")], 1.0), (vec![("of", "a\"b")], 2.0)],
        );
        page.yes_or_no("there", "Whether it is there", false);
        assert_eq!(
            page.text(),
            "# HELP things_total How many \"things\".\n# TYPE things_total counter\nthings_total 1.5\n\
             # HELP state How it is.\n# TYPE state gauge\nstate{of=\"a\\\"b\"} 3.0\n\
             # HELP there Whether it is there.\n# TYPE there gauge\nthere 0.0\n"
        );
    }
}
