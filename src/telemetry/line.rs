//! A line of JSON: one thing that happened, with what identifies it on top, wherever it stands.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// What a line takes over from what it happened in: the request, the trace and the board. The names are pinned by a test.
const IDS: [&str; 3] = ["request.id", "trace.id", "board.id"];

/// The form of the lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line;

impl<S> FormatEvent<S, JsonFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(known) = extensions.get::<FormattedFields<JsonFields>>() {
                fields.inherit(known);
            }
        }
        let now = jiff::Timestamp::now();
        let mut line = vec![
            ("timestamp".to_owned(), format!("{now:.6}").into()),
            ("level".to_owned(), metadata.level().as_str().into()),
            ("message".to_owned(), fields.message),
        ];
        line.append(&mut fields.others);
        line.push(("target".to_owned(), metadata.target().into()));
        write(writer, &line)
    }
}

/// In this order, which a map would not keep.
fn write(mut writer: Writer<'_>, line: &[(String, Value)]) -> fmt::Result {
    for (at, (name, value)) in line.iter().enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        write!(writer, "{before}{}:{value}", Value::from(name.as_str()))?;
    }
    writeln!(writer, "}}")
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: Value,
    others: Vec<(String, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name.to_owned(), value)),
        }
    }

    /// Takes over what identifies the event, unless it says so itself.
    fn inherit(&mut self, known: &str) {
        let Ok(known) = serde_json::from_str::<Map<String, Value>>(known) else {
            return;
        };
        for name in IDS {
            let says_so = self.others.iter().any(|(own, _)| own == name);
            if let (false, Some(value)) = (says_so, known.get(name)) {
                self.others.push((name.to_owned(), value.clone()));
            }
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}
