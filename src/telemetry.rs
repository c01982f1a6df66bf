//! Logs: to stderr, as text for people or JSON for machines, with every secret of this process blotted out.
//!
//! Our own code logs no secret. Dependencies at debug level might: so what is written passes a filter that knows the secrets themselves.

use std::io::{self, Write};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// What stands in a secret's place.
const BLOT: &str = "[redacted]";
/// Anything shorter would blot out words by chance.
const SHORTEST: usize = 6;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text { colour: bool },
    Json,
}

/// Starts logging. Called once, first thing.
pub fn init(filter: &str, format: Format, secrets: &[SecretString]) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = Blotting::new(secrets);
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
}

/// Writes to stderr, without secrets.
#[derive(Clone)]
struct Blotting {
    secrets: Arc<[String]>,
}

impl Blotting {
    fn new(secrets: &[SecretString]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets
            .iter()
            .map(ExposeSecret::expose_secret)
            .filter(|secret| secret.len() >= SHORTEST)
        {
            let escaped = serde_json::Value::from(secret).to_string();
            forms.push(escaped.trim_matches('"').to_owned());
            forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
            forms.push(secret.to_owned());
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self {
            secrets: forms.into(),
        }
    }

    fn blot(&self, line: &str) -> String {
        let mut clean = line.to_owned();
        for secret in self
            .secrets
            .iter()
            .filter(|secret| line.contains(secret.as_str()))
        {
            clean = clean.replace(secret.as_str(), BLOT);
        }
        clean
    }
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
        let line = self.blotting.blot(&String::from_utf8_lossy(&self.bytes));
        // A log that cannot be written must not stop the service.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_in_every_spelling() {
        let secrets = [
            SecretString::from("ATTA0123\"x/y"),
            SecretString::from("short"),
            SecretString::from("sk-abcdef"),
        ];
        let blotting = Blotting::new(&secrets);
        let line =
            r#"GET /1/tokens/ATTA0123%22x%2Fy {"t":"ATTA0123\"x/y"} ATTA0123"x/y short sk-abcdef0"#;
        assert_eq!(
            blotting.blot(line),
            r#"GET /1/tokens/[redacted] {"t":"[redacted]"} [redacted] short [redacted]0"#
        );
    }
}
