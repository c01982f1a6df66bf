//! What both services have in common: state behind a lock, a port, a fault plan, a log, and waiting without polling.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::call::{Answer, Call};
use super::fault::{Ending, Fate, Fault, FaultId, Plan};
use super::journal::{Entry, Exchange, Journal};
use super::listener::{Port, Switch};

/// What answers a request.
pub(crate) type Handler<W> = fn(Service<W>, Call) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A handle to one of the two services, [`crate::sandbox::Trello`] or [`crate::sandbox::DocSpace`]; clones share everything.
pub struct Service<W> {
    inner: Arc<Inner<W>>,
}

struct Inner<W> {
    world: Mutex<W>,
    handler: Handler<W>,
    plan: Mutex<Plan>,
    journal: Arc<Journal>,
    changes: watch::Sender<u64>,
    skew: Mutex<SignedDuration>,
    port: Port,
    stop: CancellationToken,
    runtime: tokio::runtime::Handle,
}

/// A condition did not come true in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the condition did not come true in time")
    }
}

impl std::error::Error for TimedOut {}

impl<W> Clone for Service<W> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<W> fmt::Debug for Service<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("address", &self.inner.port.address())
            .finish_non_exhaustive()
    }
}

impl<W: Send + 'static> Service<W> {
    pub(crate) async fn open(world: W, handler: Handler<W>) -> io::Result<Self> {
        let service = Self {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                handler,
                plan: Mutex::default(),
                journal: Arc::default(),
                changes: watch::Sender::new(0),
                skew: Mutex::new(SignedDuration::ZERO),
                port: Port::reserve()?,
                stop: CancellationToken::new(),
                runtime: tokio::runtime::Handle::current(),
            }),
        };
        service.up().await?;
        Ok(service)
    }

    pub(crate) fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// The state. Held only for a moment, never across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, W> {
        self.inner
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes everybody who waits for it to change.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut W) -> T) -> T {
        let result = change(&mut self.world());
        self.changed();
        result
    }

    pub(crate) fn changed(&self) {
        self.inner.changes.send_modify(|version| *version += 1);
    }

    /// Runs a task that ends with the sandbox, from any thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.inner.stop.clone();
        self.inner.runtime.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// The address to configure, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.inner.port.address())
    }

    /// The service's own clock, which its `Date` header, ids and dates follow.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let skew = *self
            .inner
            .skew
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Timestamp::now()
            .saturating_add(skew)
            .unwrap_or(Timestamp::MAX)
    }

    /// Sets the service's clock before (negative) or after the machine's.
    pub fn set_clock_skew(&self, skew: SignedDuration) {
        *self
            .inner
            .skew
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = skew;
    }

    /// Makes something go wrong. Faults add up: delays are summed, of the rest the first planned wins.
    pub fn fail(&self, fault: Fault) -> FaultId {
        self.plan().add(fault)
    }

    /// How many requests a fault has struck so far; 0 once it was cleared.
    #[must_use]
    pub fn struck(&self, fault: FaultId) -> usize {
        self.plan().struck(fault)
    }

    /// Ends one fault.
    pub fn clear(&self, fault: FaultId) {
        self.plan().clear(fault);
    }

    /// Ends all faults. What hangs already keeps hanging.
    pub fn clear_faults(&self) {
        self.plan().clear_all();
    }

    /// What the faults have in mind for a read inside another request. Those that match the other one have had their turn.
    pub(crate) fn fate_inside(&self, call: &Call, outer: &Call) -> Fate {
        self.plan().fate(call, Some(outer))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.inner
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the service down: every connection is cut, new ones are refused, work that was begun goes on.
    pub async fn down(&self) -> io::Result<()> {
        self.inner.port.refuse().await?;
        self.changed();
        Ok(())
    }

    /// Brings the service up again, on the same port.
    pub async fn up(&self) -> io::Result<()> {
        let router = Router::new()
            .fallback(exchange::<W>)
            .with_state(self.clone());
        self.inner.port.listen(router, &self.inner.stop).await?;
        self.changed();
        Ok(())
    }

    /// Every request so far, in order of arrival (the newest 50,000).
    #[must_use]
    pub fn requests(&self) -> Vec<Exchange> {
        self.inner.journal.exchanges()
    }

    /// How many requests of a method had a path that begins so.
    #[must_use]
    pub fn requests_to(&self, method: &str, path_prefix: &str) -> usize {
        self.inner.journal.count(method, path_prefix)
    }

    /// Empties the log and resets the peaks.
    pub fn forget_requests(&self) {
        self.inner.journal.forget();
    }

    /// How many requests other than `GET` are in flight now. Work that outlives its client counts.
    #[must_use]
    pub fn writes_in_flight(&self) -> usize {
        self.inner.journal.writing()
    }

    /// The most requests other than `GET` that were in flight at the same time. Work that outlives its client counts.
    #[must_use]
    pub fn peak_in_flight_writes(&self) -> usize {
        self.inner.journal.peak_writing()
    }

    /// The most requests that arrived within any window of this length.
    #[must_use]
    pub fn peak_requests_in(&self, window: Duration) -> usize {
        self.inner.journal.peak_within(window)
    }

    /// Waits until a condition on the service holds. It is looked at when a request arrives, when it ends and after every change, never by
    /// the clock, so `condition` must depend on nothing but this service.
    pub async fn wait_until(
        &self,
        condition: impl FnMut(&Self) -> bool,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        tokio::time::timeout(timeout, self.until(condition))
            .await
            .map_err(|_elapsed| TimedOut)
    }

    pub(crate) async fn until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changes = self.inner.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if condition(self) {
                return;
            }
            if changes.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}

/// One request from arrival to answer.
async fn exchange<W: Send + 'static>(
    State(service): State<Service<W>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let Ok(mut call) = Call::read(request).await else {
        return Answer::html(413).into_response();
    };
    let entry = service.inner.journal.begin(&mut call);
    service.changed();
    let fate = service.plan().fate(&call, None);
    // In a task of its own: the work goes on when the client has left, as it does in both real services.
    let work = service
        .inner
        .runtime
        .spawn(perform(service.clone(), call, fate, entry));
    // The entry is held until the answer is on its way, and for ever by a request that hangs.
    let (ending, _entry) = match work.await {
        Ok(done) => done,
        Err(_panicked) => (Ending::Answer(Answer::html(500)), None),
    };
    match ending {
        Ending::Answer(answer) => dated(answer, service.now()).into_response(),
        Ending::Drop => {
            switch.cut();
            pending().await
        }
        Ending::Hang => pending().await,
        Ending::Garbage => {
            switch.say_instead(b"\x16\x03\x01 this is not HTTP\r\n\r\n".to_vec());
            Answer::empty(200).into_response()
        }
        Ending::HalfBody(answer) => {
            switch.say_instead(half(&answer));
            Answer::empty(200).into_response()
        }
    }
}

async fn perform<W: Send + 'static>(
    service: Service<W>,
    mut call: Call,
    mut fate: Fate,
    entry: Entry,
) -> (Ending, Option<Entry>) {
    pause(fate.delay_before).await;
    let ending = if let Some(ending) = fate.instead() {
        ending
    } else {
        call.untagged = fate.untagged;
        let answer = (service.inner.handler)(service.clone(), call).await;
        pause(fate.delay_after).await;
        fate.afterwards(answer)
    };
    entry.finish(&ending);
    let held = matches!(ending, Ending::Hang).then_some(entry);
    service.changed();
    (ending, held)
}

/// A sleep of no length would still cost a tick of the timer.
pub(crate) async fn pause(length: Duration) {
    if !length.is_zero() {
        tokio::time::sleep(length).await;
    }
}

fn dated(answer: Answer, now: Timestamp) -> Answer {
    answer.with_header("Date", &httpdate::fmt_http_date(SystemTime::from(now)))
}

/// A whole head and half of the body that it announces.
fn half(answer: &Answer) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {} OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        answer.status,
        answer.body.len().max(2)
    )
    .into_bytes();
    bytes.extend_from_slice(&answer.body[..answer.body.len() / 2]);
    bytes
}
