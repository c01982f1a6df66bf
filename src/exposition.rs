//! What Prometheus reads: everything that is counted and measured, as it is now, in one text. No board and no person is named in it.
//!
//! What this process knows is always told. What only the database knows is asked for once a second at most, and left out while it is away.

mod page;
mod process;
mod stored;

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::exposition::page::Page;
use crate::exposition::stored::{Stored, read};
use crate::http::Shared;
use crate::metrics::{Clocked, Seen};
use crate::model::lane::{Lane, LaneKind};

/// The content type of the text, for the form in which every version of Prometheus reads it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders the text. Clones share what was read of the database.
#[derive(Debug, Clone)]
pub struct Exposition {
    shared: Shared,
    last: Arc<Mutex<Option<Stored>>>,
}

impl Exposition {
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        Self {
            shared,
            last: Arc::default(),
        }
    }

    /// All metrics as they are now, in [`CONTENT_TYPE`].
    pub async fn render(&self) -> String {
        let (stored, unready) = tokio::join!(self.stored(), self.shared.why_unready());
        let mut page = Page::default();
        self.shared.metrics.register(page.registry());
        page.one(
            "boardroom_build_info",
            "Always 1; the version of the program is in the label",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        );
        page.yes_or_no(
            "boardroom_ready",
            "Whether a delivery can be stored now, as /readyz says",
            unready.is_none(),
        );
        self.show_lanes(&mut page);
        self.show_limits(&mut page);
        self.show_lead(&mut page);
        stored.show(&mut page);
        process::show(&mut page, self.shared.metrics.began);
        page.text()
    }

    /// Who comes while somebody asks the database gets the same answer.
    async fn stored(&self) -> Stored {
        let mut last = self.last.lock().await;
        match &*last {
            Some(stored) if stored.is_fresh() => stored.clone(),
            Some(_) | None => {
                let stored = read(&*self.shared.store).await;
                *last = Some(stored.clone());
                stored
            }
        }
    }

    fn show_lanes(&self, page: &mut Page) {
        let closed = self.shared.lanes.closed();
        let paused = Lane::ALL.map(|lane| {
            let is_paused = closed.iter().any(|(other, _)| *other == lane);
            let labels = vec![("lane", lane.as_str()), ("kind", kind(lane))];
            (labels, f64::from(u8::from(is_paused)))
        });
        page.family(
            "boardroom_lane_paused",
            "Whether a service (kind service), one sort of call to it (gate) or a brake keeps boards waiting",
            paused,
        );
        let since = closed.iter().map(|(lane, pause)| {
            let labels = vec![
                ("lane", lane.as_str()),
                ("kind", kind(*lane)),
                ("code", pause.failure.code.as_str()),
            ];
            (labels, seconds(pause.since.0))
        });
        page.family(
            "boardroom_lane_paused_since_timestamp_seconds",
            "Since when a lane is paused, with the code of the cause; only of those that are",
            since,
        );
    }

    fn show_limits(&self, page: &mut Page) {
        let (inbox, clients) = (&self.shared.inbox, &self.shared.clients);
        let (writes, most_writes) = clients.docspace.writes_in_flight();
        let (left, allowed) = clients.trello.budget().left();
        let numbers = [
            (
                "boardroom_inbox_waiting",
                "Deliveries that wait to be stored",
                number(inbox.waiting()),
            ),
            (
                "boardroom_inbox_capacity",
                "How many deliveries may wait to be stored before more are refused",
                number(inbox.capacity()),
            ),
            (
                "boardroom_docspace_writes_in_flight",
                "Writes to DocSpace under way",
                number(writes),
            ),
            (
                "boardroom_docspace_writes_allowed",
                "How many writes to DocSpace may be under way",
                number(most_writes),
            ),
            (
                "boardroom_trello_requests_left",
                "Requests to Trello that this process could make at once",
                f64::from(left),
            ),
            (
                "boardroom_trello_requests_allowed",
                "Requests to Trello that are allowed in the span of the budget",
                f64::from(allowed),
            ),
        ];
        for (name, help, value) in numbers {
            page.one(name, help, &[], value);
        }
    }

    fn show_lead(&self, page: &mut Page) {
        let metrics = &self.shared.metrics;
        let seen = metrics.lead.seen();
        page.yes_or_no(
            "boardroom_leader",
            "Whether this process sweeps, audits and looks after the webhooks; of several on one database one does",
            seen.is_some(),
        );
        show_clocked(page, &Repeated::SWEEP, &metrics.sweep);
        show_clocked(page, &Repeated::AUDIT, &metrics.audit);
        let Seen {
            webhooks,
            token_expires,
        } = seen.unwrap_or_default();
        let webhooks = webhooks.map(|webhooks| {
            [
                ("healthy", webhooks.healthy),
                ("failing", webhooks.failing),
                ("off", webhooks.off),
                ("refused", webhooks.refused),
            ]
        });
        let webhooks = webhooks.into_iter().flatten();
        page.family(
            "boardroom_webhooks",
            "Webhooks of this installation by how they were when last listed; told by whoever leads",
            webhooks.map(|(state, count)| (vec![("state", state)], number(count))),
        );
        page.family(
            "boardroom_trello_token_expiry_timestamp_seconds",
            "When the Trello token expires; absent when it never does, told by whoever leads",
            token_expires.map(|at| (Vec::new(), seconds(at))),
        );
    }
}

/// Names and texts of something that is done every so often.
struct Repeated {
    last: (&'static str, &'static str),
    every: (&'static str, &'static str),
}

impl Repeated {
    const SWEEP: Self = Self {
        last: (
            "boardroom_sweep_last_success_timestamp_seconds",
            "When this process last swept over all boards; 0 when it never did",
        ),
        every: (
            "boardroom_sweep_interval_seconds",
            "How often all boards are to be swept over",
        ),
    };
    const AUDIT: Self = Self {
        last: (
            "boardroom_audit_last_success_timestamp_seconds",
            "When this process last audited all rooms; 0 when it never did",
        ),
        every: (
            "boardroom_audit_interval_seconds",
            "How often all rooms are to be audited",
        ),
    };
}

fn show_clocked(page: &mut Page, names: &Repeated, clocked: &Clocked) {
    page.one(names.last.0, names.last.1, &[], seconds(clocked.last()));
    let every = clocked.every().as_secs_f64();
    page.one(names.every.0, names.every.1, &[], every);
}

fn kind(lane: Lane) -> &'static str {
    match lane.kind() {
        LaneKind::Service => "service",
        LaneKind::Gate => "gate",
        LaneKind::Brake => "brake",
    }
}

/// Seconds since 1970 of milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact for moments of the next 285,000 years"
)]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "exact below nine quadrillions")]
fn number(count: usize) -> f64 {
    count as f64
}
