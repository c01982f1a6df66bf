//! Traces, sent to a collector by OTLP over HTTP. Without a collector nothing of this is loaded. What goes wrong on the way is said once in
//! the log and disturbs nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// How long the last spans may take to be sent when the service stops.
const CLOSING: Duration = Duration::from_secs(3);
/// The longest answer of a collector that is read.
const LONGEST_ANSWER: usize = 64 << 10;
/// Spans with this target are for logs alone: probes come every second and are nobody's trace.
const UNTRACED: &str = "boardroom::probe";

/// Whether there are traces; without, nobody asks a span for its trace.
static ON: AtomicBool = AtomicBool::new(false);

/// What the standard's variables say of a collector. Its address, its headers, the sampler and the resource are read by the library.
#[derive(Clone, Default)]
pub struct Collector {
    pub disabled: Option<String>,
    pub endpoint: Option<Said>,
    pub exporter: Option<String>,
    pub protocol: Option<Said>,
    /// Whether the service has a name.
    pub is_named: bool,
    /// How this one of several is called.
    pub instance: String,
}

/// What is said, and by which of the variables that may: those of traces alone go before those of everything.
#[derive(Clone)]
pub struct Said {
    pub variable: &'static str,
    pub value: String,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An endpoint may carry a key.
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

/// Why nobody gets traces although somebody is to.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("the collector is to be spoken to in a protocol other than http/protobuf")]
    Protocol(&'static str),
    #[error("the collector's address is no URL")]
    Endpoint(&'static str),
}

impl TracesError {
    /// What to do about it, with the variable that was found.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Protocol(variable) => {
                format!(
                    "Set {variable}=http/protobuf and the collector's port for it, usually 4318."
                )
            }
            Self::Endpoint(variable) => {
                format!("Set {variable} to a URL such as http://localhost:4318.")
            }
        }
    }
}

impl Collector {
    /// Whether traces are wanted: an endpoint is set, and nothing says otherwise.
    pub fn is_wanted(&self) -> Result<bool, TracesError> {
        let is = |value: &str, word: &str| value.trim().eq_ignore_ascii_case(word);
        let is_disabled = self.disabled.as_deref().is_some_and(|it| is(it, "true"));
        let is_off = is_disabled || self.exporter.as_deref().is_some_and(|it| is(it, "none"));
        let Some(endpoint) = self.endpoint.as_ref().filter(|_| !is_off) else {
            return Ok(false);
        };
        match &self.protocol {
            Some(said) if !is(&said.value, "http/protobuf") => {
                return Err(TracesError::Protocol(said.variable));
            }
            Some(_) | None => {}
        }
        match url::Url::parse(&endpoint.value) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(true),
            Ok(_) | Err(_) => Err(TracesError::Endpoint(endpoint.variable)),
        }
    }
}

/// What sends spans.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to collect spans, which are sent by `client` on this runtime, now and then and many at a time.
    pub fn begin(collector: &Collector, client: reqwest::Client) -> Result<Self, TracesError> {
        let sender = Sender {
            client,
            runtime: Handle::current(),
            is_failing: Arc::default(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(sender)
            .build();
        let variable = collector.endpoint.as_ref().map(|said| said.variable);
        let variable = variable.unwrap_or("OTEL_EXPORTER_OTLP_ENDPOINT");
        let exporter = exporter.map_err(|_| TracesError::Endpoint(variable))?;
        let mut resource = Resource::builder().with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", collector.instance.clone()),
        ]);
        if !collector.is_named {
            resource = resource.with_service_name("boardroom");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        ON.store(true, Ordering::Relaxed);
        Ok(Self(provider))
    }

    /// What turns our spans into those of a trace. What others log and the lines of our own log stay out of it.
    pub(super) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let ours = filter_fn(|metadata| {
            let target = metadata.target();
            metadata.is_span() && target.starts_with("boardroom") && target != UNTRACED
        });
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("boardroom"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(tracing::Level::DEBUG))
            .boxed()
    }

    /// Sends what was not sent yet, if the collector takes it soon.
    pub async fn end(self) {
        ON.store(false, Ordering::Relaxed);
        // The library waits for its thread, which waits for this runtime.
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(CLOSING));
        let _ = tokio::time::timeout(CLOSING, ended).await;
    }
}

/// The current span as one that follows it elsewhere names it (W3C Trace Context, `traceparent`). None without traces.
#[must_use]
pub fn traceparent() -> Option<String> {
    if !ON.load(Ordering::Relaxed) {
        return None;
    }
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8()
        )
    })
}

/// Makes a span a part of the trace that it follows, and writes down which that is.
pub fn follow(span: &Span, traceparent: Option<&str>) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    if let Some(parent) = traceparent.and_then(parsed) {
        // A span that nobody collects follows nobody.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    identify(span);
}

/// Writes down in a span to which trace it belongs, for the lines of the log.
pub fn identify(span: &Span) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let context = span.context();
    let known = context.span().span_context().clone();
    if known.is_valid() {
        span.record("trace.id", tracing::field::display(known.trace_id()));
    }
}

fn parsed(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(flags),
        true,
        TraceState::default(),
    );
    (version == "00" && context.is_valid()).then_some(context)
}

/// Sends on our own runtime: the library's thread has none, and its own clients would bring a second one along.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    is_failing: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, is_failing) = (self.client.clone(), self.is_failing.clone());
        let sent = self.runtime.spawn(async move {
            let sent = send(&client, request).await;
            tell(&is_failing, &sent);
            sent
        });
        Ok(sent.await??)
    }
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, reqwest::Error> {
    let request = reqwest::Request::try_from(request.map(reqwest::Body::from))?;
    let mut answer = client.execute(request).await?;
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER
        && let Some(piece) = answer.chunk().await?
    {
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// Says once that traces are lost, and once that they are not any more. No address: it may carry a key.
fn tell(is_failing: &AtomicBool, sent: &Result<Response<Bytes>, reqwest::Error>) {
    let why = match sent {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!(
            "the collector answers {}",
            answer.status().as_u16()
        )),
        Err(error) if error.is_timeout() => {
            Some("the collector does not answer in time".to_owned())
        }
        Err(_) => Some("the collector cannot be reached".to_owned()),
    };
    let before = is_failing.swap(why.is_some(), Ordering::Relaxed);
    match (before, why) {
        (false, Some(why)) => tracing::warn!(
            fix = "check OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS, or those with TRACES in their names, which go before them",
            "traces are lost: {why}"
        ),
        (true, None) => tracing::info!("the collector takes traces again"),
        (true, Some(_)) | (false, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_by(variable: &'static str, value: &str) -> Said {
        let value = value.to_owned();
        Said { variable, value }
    }

    fn collector(endpoint: &str) -> Collector {
        Collector {
            endpoint: Some(said_by("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)),
            ..Collector::default()
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one row a setting")]
    fn traces_are_wanted_when_a_collector_is_set_and_nothing_says_otherwise() {
        let http = "http://localhost:4318";
        let said = |value: &str| Some(value.to_owned());
        let spoken = |value| Some(said_by("OTEL_EXPORTER_OTLP_PROTOCOL", value));
        let table = [
            (Collector::default(), "no"),
            (collector(http), "yes"),
            (
                Collector {
                    disabled: said("TRUE"),
                    ..collector(http)
                },
                "no",
            ),
            (
                Collector {
                    disabled: said("false"),
                    ..collector(http)
                },
                "yes",
            ),
            (
                Collector {
                    exporter: said("none"),
                    ..collector(http)
                },
                "no",
            ),
            (
                Collector {
                    exporter: said("otlp"),
                    ..collector(http)
                },
                "yes",
            ),
            (
                Collector {
                    protocol: spoken("http/protobuf"),
                    ..collector(http)
                },
                "yes",
            ),
            (
                Collector {
                    protocol: spoken("grpc"),
                    ..collector(http)
                },
                "the collector is to be spoken to",
            ),
            (
                Collector {
                    protocol: spoken("grpc"),
                    ..Collector::default()
                },
                "no",
            ),
            (collector("localhost:4318"), "the collector's address"),
            (collector("unix:///x"), "the collector's address"),
        ];
        for (collector, expected) in table {
            let found = match collector.is_wanted() {
                Ok(true) => "yes".to_owned(),
                Ok(false) => "no".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(
                found.starts_with(expected),
                "{:?}: {found}",
                collector.endpoint
            );
        }
    }

    #[test]
    fn only_a_whole_traceparent_is_followed() {
        let whole = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = parsed(whole).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-xyz-00f067aa0ba902b7-01",
        ] {
            assert!(parsed(wrong).is_none(), "{wrong}");
        }
    }
}
