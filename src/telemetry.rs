//! Logs: to stderr, as text for people or JSON for machines, with every secret of this process blotted out.
//!
//! Our own code logs no secret. Dependencies at debug level might: so what is written passes a filter that knows the secrets themselves.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::panics;
use crate::redact::Redactor;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text { colour: bool },
    Json,
}

/// Starts logging. Called once, first thing.
pub fn init(filter: &str, format: Format, redactor: Redactor) {
    let filter = EnvFilter::try_new(quieted(filter)).unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = Blotting { redactor };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match format {
        Format::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
        Format::Text { colour } => layer.with_ansi(colour).with_target(false).boxed(),
    };
    // A second call, as tests make in one process, changes nothing.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
    panics::log_all();
}

/// PostgreSQL's notices and the driver's remarks on how long it waited are for whoever asks for more, or for these by name.
fn quieted(filter: &str) -> String {
    match filter.trim() {
        level @ ("info" | "warn") => {
            format!("{level},sqlx::postgres::notice=error,sqlx::pool::acquire=error")
        }
        other => other.to_owned(),
    }
}

/// Writes to stderr, without secrets.
#[derive(Clone)]
struct Blotting {
    redactor: Redactor,
}

impl<'a> MakeWriter<'a> for Blotting {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            blotting: self.clone(),
            bytes: Vec::new(),
        }
    }
}

/// One event, collected whole, so that no secret is split over two writes.
struct Line {
    blotting: Blotting,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.bytes);
        let line = self.blotting.redactor.clean(&line);
        // A log that cannot be written must not stop the service.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_quiet_unless_somebody_asks_for_more() {
        let quiet = ",sqlx::postgres::notice=error,sqlx::pool::acquire=error";
        for (filter, expected) in [
            ("info", format!("info{quiet}")),
            (" warn", format!("warn{quiet}")),
            ("error", "error".to_owned()),
            ("debug", "debug".to_owned()),
            ("info,sqlx=debug", "info,sqlx=debug".to_owned()),
        ] {
            assert_eq!(quieted(filter), expected);
            assert!(EnvFilter::try_new(expected).is_ok());
        }
    }
}
