//! What all who look at the pages see, read once for all of them, and only while somebody looks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::admin::About;
use crate::admin::pages::deeds::Deed;
use crate::admin::pages::services::services;
use crate::admin::pages::view;
use crate::desk::findings::{Counts, Finding, Kind, Situation, Tone, findings};
use crate::desk::number;
use crate::figures::Clerk;
use crate::http::Shared;
use crate::model::id::ModelId;
use crate::model::time::Timestamp;
use crate::store::{Concern, Figures, Grain, Group, Past, Progress, Store, StoreError};

/// However many look, the database is read no more often than this.
pub(super) const FRESH: Duration = Duration::from_millis(1_500);
/// What the database does not answer in this time is shown as it was known last.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many may watch at the same time.
const SEATS: usize = 100;
/// How many searches of the page read names at the same time: the service itself reads, too.
const SEARCHES: usize = 2;

/// Who looks for all. Clones share what was seen.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Shared,
    about: About,
    clerk: Clerk,
    seats: Arc<Semaphore>,
    /// Told when streams are to end.
    stop: CancellationToken,
    last: Mutex<Option<Seen>>,
    /// Those who may search at the same time.
    searches: Semaphore,
}

#[derive(Debug)]
struct Seen {
    /// When it was read; none when something was done since.
    at: Option<Instant>,
    snapshot: Arc<Snapshot>,
}

/// What was seen.
#[derive(Debug)]
pub(in crate::admin) struct Snapshot {
    /// Another number when anything that is shown is another.
    pub(super) version: u64,
    /// Whether the database could be read; or else this is what was known last.
    pub(in crate::admin) is_read: bool,
    pub(super) status: Arc<view::Status>,
    pub(in crate::admin) minutes: Past,
    pub(in crate::admin) hours: Past,
    kept: Kept,
}

/// What the database says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) groups: Vec<(Group, u64)>,
    pub(super) concerns: Vec<Concern>,
    pub(super) progress: Progress,
    pub(super) sources: Vec<(ModelId, Option<String>)>,
    /// How many requests to Trello are taken, by all services together.
    pub(super) occupied: u32,
    pulse: i64,
}

impl Watch {
    #[must_use]
    pub fn new(shared: Shared, about: About, clerk: Clerk, stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            shared,
            about,
            clerk,
            seats: Arc::new(Semaphore::new(SEATS)),
            stop,
            last: Mutex::default(),
            searches: Semaphore::new(SEARCHES),
        }))
    }

    pub(super) fn seats(&self) -> &Arc<Semaphore> {
        &self.0.seats
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// How it is now, or was a moment ago.
    pub(in crate::admin) async fn look(&self) -> Arc<Snapshot> {
        let mut last = self.0.last.lock().await;
        if let Some(seen) = &*last
            && seen.at.is_some_and(|at| at.elapsed() < FRESH)
        {
            return seen.snapshot.clone();
        }
        let before = last.as_ref().map(|seen| seen.snapshot.clone());
        let snapshot = Arc::new(self.read(before.as_deref()).await);
        *last = Some(Seen {
            at: Some(Instant::now()),
            snapshot: snapshot.clone(),
        });
        snapshot
    }

    /// Something was done: whoever looks next sees what came of it.
    pub(super) async fn look_again(&self) {
        if let Some(seen) = &mut *self.0.last.lock().await {
            seen.at = None;
        }
    }

    pub(super) fn searches(&self) -> &Semaphore {
        &self.0.searches
    }

    async fn read(&self, before: Option<&Snapshot>) -> Snapshot {
        let inner = &*self.0;
        let store = &*inner.shared.store;
        let read = timeout(PATIENCE, self.ask(store));
        let read = match inner.shared.inbox.door().why_shut() {
            Some(why) => Err(why),
            None => match read.await {
                Ok(Ok(read)) => Ok(read),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the page shows what was known last");
                    Err("the database does not answer")
                }
                Err(_) => Err("the database does not answer in time"),
            },
        };
        let is_read = read.is_ok();
        let unready = match &read {
            Err(why) => Some(*why),
            // That it can be read does not say that it can be written.
            Ok(_) => inner.shared.why_unready().await,
        };
        let (kept, minutes, hours) = read.unwrap_or_else(|_| known(before));
        let now = minutes.now;
        let status = Arc::new(self.status(unready, &kept, now));
        let version = before.map_or(1, |before| {
            let is_same = before.status == status
                && before.kept == kept
                && before.minutes.spans == minutes.spans;
            before.version + u64::from(!is_same)
        });
        Snapshot {
            version,
            is_read,
            status,
            minutes,
            hours,
            kept,
        }
    }

    async fn ask(&self, store: &dyn Store) -> Result<(Kept, Past, Past), StoreError> {
        let per = self.0.shared.clients.trello.budget().per();
        let (groups, concerns, progress, sources, occupied) = tokio::try_join!(
            store.groups(),
            store.concerns(),
            store.progress(),
            store.sources(),
            store.occupied_permits(per),
        )?;
        let (pulse, mut minutes, mut hours) = tokio::try_join!(
            store.pulse(),
            store.counted(Grain::Minute),
            store.counted(Grain::Hour),
        )?;
        let unwritten = self.0.clerk.unwritten().await;
        for (grain, past) in [(Grain::Minute, &mut minutes), (Grain::Hour, &mut hours)] {
            past.add(grain, unwritten);
        }
        let kept = Kept {
            groups,
            concerns,
            progress,
            sources,
            occupied,
            pulse,
        };
        Ok((kept, minutes, hours))
    }

    fn status(&self, unready: Option<&str>, kept: &Kept, now: Timestamp) -> view::Status {
        let (inner, pauses) = (&*self.0, self.0.shared.lanes.closed());
        let names = kept.sources.iter().filter_map(|(_, name)| name.as_deref());
        let workspaces: Vec<_> = names.map(crate::api::printable).collect();
        let mut all = findings(&Situation {
            now,
            unready,
            pauses: &pauses,
            groups: &kept.groups,
            concerns: &kept.concerns,
            progress: kept.progress,
            rounds: inner.about.rounds(&inner.shared, now),
            workspaces: &workspaces,
            is_begun: !kept.sources.is_empty(),
            has_public_url: inner.about.webhooks.callback.is_some(),
        })
        .into_iter();
        let first = all.next().expect("there is always something to say");
        // One button for one deed.
        let mut buttons = vec![deed(first.kind)];
        let rest = all.map(|one| {
            let deed = deed(one.kind).filter(|deed| !buttons.contains(&Some(*deed)));
            buttons.push(deed);
            finding(one, deed)
        });
        view::Status {
            findings: rest.collect(),
            headline: headline(first),
            totals: totals(Counts::of(&kept.groups)),
            services: services(&inner.shared, &inner.about, kept, &pauses, now),
        }
    }
}

/// What is shown while nothing can be read.
fn known(before: Option<&Snapshot>) -> (Kept, Past, Past) {
    let now = Timestamp::now();
    let past = |past: Option<&Past>| Past {
        now,
        spans: past.map(|past| past.spans.clone()).unwrap_or_default(),
    };
    let kept = before.map(|before| before.kept.clone());
    let kept = kept.unwrap_or_else(|| Kept {
        groups: Vec::new(),
        concerns: Vec::new(),
        progress: Progress::default(),
        sources: Vec::new(),
        occupied: 0,
        pulse: 0,
    });
    (
        kept,
        past(before.map(|before| &before.minutes)),
        past(before.map(|before| &before.hours)),
    )
}

fn headline(finding: Finding) -> view::Headline {
    let title = match finding.tone {
        Tone::Wrong => "Needs you",
        Tone::Care => "Have a look",
        Tone::Busy => "Beginning",
        Tone::Well | Tone::Still => "All is well",
    };
    view::Headline {
        tone: finding.tone,
        title: title.to_owned(),
        deed: deed(finding.kind).map(Deed::button),
        list: list(finding.kind),
        sentence: finding.sentence,
        advice: finding.advice,
    }
}

fn finding(finding: Finding, deed: Option<Deed>) -> view::Finding {
    view::Finding {
        tone: finding.tone,
        deed: deed.map(Deed::button),
        list: list(finding.kind),
        sentence: finding.sentence,
        advice: finding.advice,
    }
}

/// What a person may want to do about it here.
fn deed(kind: Kind) -> Option<Deed> {
    match kind {
        Kind::ServicePaused | Kind::CallsPaused | Kind::BoardsFailed => Some(Deed::RetryAll),
        Kind::BrakeOn => Some(Deed::Release),
        Kind::SweepStale => Some(Deed::Sweep),
        Kind::NotStoring
        | Kind::Twins
        | Kind::Concern
        | Kind::AuditStale
        | Kind::QueueSlow
        | Kind::Beginning
        | Kind::Empty
        | Kind::Well
        | Kind::SweepsAlone => None,
    }
}

/// The list of the boards that it is about.
fn list(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::BoardsFailed => Some("/?status=failed#boards"),
        Kind::BrakeOn => Some("/?status=waiting%2Fbrake#boards"),
        Kind::Twins => Some("/?status=mirrored%2Ftwins#boards"),
        Kind::NotStoring
        | Kind::ServicePaused
        | Kind::CallsPaused
        | Kind::Concern
        | Kind::SweepStale
        | Kind::AuditStale
        | Kind::QueueSlow
        | Kind::Beginning
        | Kind::Empty
        | Kind::Well
        | Kind::SweepsAlone => None,
    }
}

fn totals(counts: Counts) -> Vec<view::Total> {
    let total = |status: &str, tone, count, label| view::Total {
        href: match status {
            "" => "/#boards".to_owned(),
            status => format!("/?status={status}#boards"),
        },
        tone,
        count: number(count),
        label,
    };
    // A status that no board has is not a matter of colour.
    let tone = |tone, count| if count == 0 { Tone::Still } else { tone };
    let on_their_way = counts.pending + counts.failing;
    vec![
        total("", Tone::Still, counts.all(), "All boards"),
        total(
            "mirrored",
            tone(Tone::Well, counts.mirrored),
            counts.mirrored,
            "Mirrored",
        ),
        total(
            "pending",
            tone(Tone::Busy, on_their_way),
            on_their_way,
            "Pending",
        ),
        total(
            "waiting",
            tone(Tone::Care, counts.waiting),
            counts.waiting,
            "Waiting",
        ),
        total(
            "failed",
            tone(Tone::Wrong, counts.failed),
            counts.failed,
            "Failed",
        ),
        total("ignored", Tone::Still, counts.ignored, "Ignored"),
    ]
}

impl Past {
    /// Adds what was counted just now and is not written down yet.
    fn add(&mut self, grain: Grain, figures: Figures) {
        let at = Timestamp(self.now.0 - self.now.0.rem_euclid(grain.width()));
        match self.spans.last_mut().filter(|span| span.at == at) {
            Some(span) => span.figures += figures,
            None if figures.is_zero() => {}
            None => self.spans.push(crate::store::Counted { at, figures }),
        }
    }
}
