//! From the configuration to the logs and traces, and to all secrets that neither may show.

use std::io::IsTerminal as _;
use std::time::Duration;

use secrecy::SecretString;

use crate::api;
use crate::cli::wiring::http;
use crate::config::{Config, Database, Environment, LogFormat, SecretUrl};
use crate::redact::Redactor;
use crate::telemetry::{self, Collector, Said, Traces, TracesError};

/// How long a collector may take to take spans.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(10);

/// Begins to log for a command: what it does it says itself, so warnings suffice unless a person wants more.
pub(in crate::cli) fn start_logging_of_command(config: &Config) {
    let wanted = match config.log.as_str() {
        "info" => "warn",
        other => other,
    };
    log(config, wanted);
}

/// Begins to log. Secrets that the configuration holds are blotted out from here on.
pub(in crate::cli) fn start_logging(
    config: &Config,
    environment: &Environment,
) -> anyhow::Result<Option<Traces>> {
    let collector = collector(config, environment);
    let traces = traces(config, &collector);
    let (traces, error) = match traces {
        Ok(traces) => (traces, None),
        Err(error) => (None, Some(error)),
    };
    let redactor = redactor(config).knowing(&secrets_of_collector(environment));
    log_with(config, &config.log, redactor, traces.as_ref());
    match error.map(anyhow::Error::downcast::<TracesError>) {
        None => {}
        // The mirror works without anybody who looks on.
        Some(Ok(error)) => tracing::error!(%error, fix = error.fix(), "nobody gets traces"),
        Some(Err(error)) => return Err(error),
    }
    Ok(traces)
}

/// The variable that says who is to get traces, if somebody is, or why they cannot.
pub(in crate::cli) fn wants_traces(
    config: &Config,
    environment: &Environment,
) -> Result<Option<&'static str>, TracesError> {
    let collector = collector(config, environment);
    let is_wanted = collector.is_wanted()?;
    let endpoint = collector.endpoint.filter(|_| is_wanted);
    Ok(endpoint.map(|said| said.variable))
}

fn traces(config: &Config, collector: &Collector) -> anyhow::Result<Option<Traces>> {
    if !collector.is_wanted()? {
        return Ok(None);
    }
    let client = api::client(&http(&config.proxy, COLLECTOR_PATIENCE))?;
    Ok(Some(Traces::begin(collector, client)?))
}

/// What the variables of OpenTelemetry's standard say.
fn collector(config: &Config, environment: &Environment) -> Collector {
    let one = |name: &str| environment.of_standard(name);
    let first = |names: [&'static str; 2]| {
        names.into_iter().find_map(|variable| {
            let value = one(variable)?;
            Some(Said { variable, value })
        })
    };
    let attributes = one("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    Collector {
        disabled: one("OTEL_SDK_DISABLED"),
        endpoint: first([
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ]),
        exporter: one("OTEL_TRACES_EXPORTER"),
        protocol: first([
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ]),
        is_named: one("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name="),
        instance: config.instance.clone(),
    }
}

/// A collector's headers carry its key.
fn secrets_of_collector(environment: &Environment) -> Vec<SecretString> {
    let names = [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ];
    let headers: Vec<_> = names
        .iter()
        .filter_map(|name| environment.of_standard(name))
        .collect();
    let values = headers.iter().flat_map(|headers| headers.split(','));
    let values = values.filter_map(|header| Some(header.split_once('=')?.1.trim()));
    values
        .flat_map(|value| {
            let plain = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            [value.to_owned(), plain.into_owned()]
        })
        .map(SecretString::from)
        .collect()
}

/// Whether programs read the log.
pub(in crate::cli) fn is_logged_as_json(config: &Config) -> bool {
    match config.log_format {
        LogFormat::Json => true,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
    }
}

fn log(config: &Config, wanted: &str) {
    log_with(config, wanted, redactor(config), None);
}

fn log_with(config: &Config, wanted: &str, redactor: Redactor, traces: Option<&Traces>) {
    let format = if is_logged_as_json(config) {
        telemetry::Format::Json
    } else {
        telemetry::Format::Text {
            colour: std::io::stderr().is_terminal(),
        }
    };
    telemetry::init(wanted, format, redactor, traces);
}

/// Knows every secret that the configuration holds.
pub(in crate::cli) fn redactor(config: &Config) -> Redactor {
    let single = [
        &config.trello.key,
        &config.trello.token,
        &config.docspace.key,
        &config.admin.token,
    ];
    let single = single.into_iter().flatten();
    let others = secrets_of_database(config).into_iter();
    let others: Vec<_> = others.chain(secrets_of_watchers(config)).collect();
    Redactor::new(single.chain(&config.trello.secrets).chain(&others))
}

/// The password of the database, in every spelling.
pub(in crate::cli) fn secrets_of_database(config: &Config) -> Vec<SecretString> {
    match &config.database {
        Database::Sqlite { .. } => Vec::new(),
        Database::Postgres { url } => url.secrets(),
    }
}

/// Where notices go and what signs them, and where the heartbeat goes.
fn secrets_of_watchers(config: &Config) -> Vec<SecretString> {
    let notify = config.watchers.notify.as_ref();
    let secret = notify.and_then(|notify| notify.secret.clone());
    let urls = notify
        .map(|notify| &notify.url)
        .into_iter()
        .chain(&config.watchers.heartbeat);
    urls.flat_map(SecretUrl::secrets).chain(secret).collect()
}
