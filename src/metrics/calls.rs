//! The requests to both services, by the template of their route. Calls over a network are rare enough for a table with a lock.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::histogram::{CALL, Histogram, LONG};

/// A shorter wait for the budget is none: it is the time that taking a permit takes.
const NO_WAIT: Duration = Duration::from_millis(1);

/// Whom a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Trello,
    DocSpace,
}

impl Service {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trello => "trello",
            Self::DocSpace => "docspace",
        }
    }
}

/// What tells requests apart: labels with their values.
type Request = Vec<(&'static str, String)>;

/// Requests by service, method, route and status. Clones share them.
#[derive(Debug, Clone)]
pub struct Calls {
    answers: Family<Request, Counter>,
    durations: Family<Request, Histogram, fn() -> Histogram>,
    budget_waits: Histogram,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            answers: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(CALL)),
            budget_waits: Histogram::new(LONG),
        }
    }
}

impl Calls {
    /// A request that begins now. `route` is a template: no id, no token.
    #[must_use]
    pub fn begin(&self, service: Service, method: &str, route: &'static str) -> Calling {
        Calling {
            calls: self.clone(),
            labels: vec![
                ("service", service.as_str().to_owned()),
                ("method", method.to_owned()),
                ("route", route.to_owned()),
            ],
            begun: Instant::now(),
            status: None,
        }
    }

    /// A request waited so long for its permit.
    pub fn waited(&self, span: Duration) {
        if span > NO_WAIT {
            self.budget_waits.observe(span);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "boardroom_service_requests",
            "Requests to Trello and DocSpace by route and status; none where no answer came",
            self.answers.clone(),
        );
        registry.register(
            "boardroom_service_request_duration_seconds",
            "How long requests to Trello and DocSpace took, by route",
            self.durations.clone(),
        );
        registry.register(
            "boardroom_trello_budget_wait_seconds",
            "How long requests to Trello waited for the budget, those that waited",
            self.budget_waits.clone(),
        );
    }
}

/// A request under way. It is counted when this is dropped.
#[derive(Debug)]
pub struct Calling {
    calls: Calls,
    labels: Request,
    begun: Instant,
    status: Option<u16>,
}

impl Calling {
    /// An answer came.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        let mut labels = std::mem::take(&mut self.labels);
        self.calls
            .durations
            .get_or_create(&labels)
            .observe(self.begun.elapsed());
        let status = self
            .status
            .map_or("none".to_owned(), |status| status.to_string());
        labels.push(("status", status));
        self.calls.answers.get_or_create(&labels).inc();
    }
}
