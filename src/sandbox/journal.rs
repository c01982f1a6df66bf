//! The log of every request, and the figures that are read from it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::call::{Answer, Call};
use super::fault::Ending;
use super::window;

/// A demo may run for days: the oldest requests are forgotten above this number.
const KEPT: usize = 50_000;

/// A request that a service got, and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it had arrived in full, by the machine's clock.
    pub time: Timestamp,
    /// The same by the monotonic clock.
    pub moment: Instant,
    /// The request.
    pub call: Call,
    /// What was answered; `None` while it is under way, and when the connection was dropped or hangs.
    pub answer: Option<Answer>,
    /// How long it took until the answer was ready; `None` while it is under way.
    pub duration: Option<Duration>,
}

impl Exchange {
    /// `POST /path`, for messages.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.call.method, self.call.path)
    }

    /// The names of the request's header fields, in lower case.
    #[must_use]
    pub fn header_names(&self) -> Vec<String> {
        self.call
            .headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect()
    }

    /// The request's body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        self.call.json()
    }

    /// The answer's status, when there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    /// The answer's body as JSON.
    #[must_use]
    pub fn answer_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.answer.as_ref()?.body).ok()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    forgotten: u64,
    exchanges: VecDeque<Exchange>,
    reading: usize,
    writing: usize,
    peak_writing: usize,
}

/// A request under way; dropping it takes it out of the count.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Arc<Journal>,
    number: u64,
    reads: bool,
}

impl Journal {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a request down and tells it how many of its kind are in flight.
    pub(crate) fn begin(self: &Arc<Self>, call: &mut Call) -> Entry {
        let mut pages = self.pages();
        let reads = call.reads();
        if reads {
            pages.reading += 1;
            call.crowd = pages.reading;
        } else {
            pages.writing += 1;
            call.crowd = pages.writing;
            pages.peak_writing = pages.peak_writing.max(pages.writing);
        }
        if pages.exchanges.len() == KEPT {
            pages.exchanges.pop_front();
            pages.forgotten += 1;
        }
        let number = pages.forgotten + pages.exchanges.len() as u64;
        pages.exchanges.push_back(Exchange {
            time: Timestamp::now(),
            moment: Instant::now(),
            call: call.clone(),
            answer: None,
            duration: None,
        });
        Entry {
            journal: Arc::clone(self),
            number,
            reads,
        }
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.pages().exchanges.iter().cloned().collect()
    }

    pub(crate) fn count(&self, method: &str, prefix: &str) -> usize {
        let matches = |exchange: &&Exchange| {
            exchange.call.method == method && exchange.call.path.starts_with(prefix)
        };
        self.pages().exchanges.iter().filter(matches).count()
    }

    pub(crate) fn writing(&self) -> usize {
        self.pages().writing
    }

    pub(crate) fn forget(&self) {
        let mut pages = self.pages();
        pages.forgotten += pages.exchanges.len() as u64;
        pages.exchanges.clear();
        pages.peak_writing = pages.writing;
    }

    pub(crate) fn peak_writing(&self) -> usize {
        self.pages().peak_writing
    }

    pub(crate) fn peak_within(&self, span: Duration) -> usize {
        let moments: Vec<Instant> = self
            .pages()
            .exchanges
            .iter()
            .map(|exchange| exchange.moment)
            .collect();
        window::peak(&moments, span)
    }
}

impl Entry {
    /// Writes down how the request ended.
    pub(crate) fn finish(&self, ending: &Ending) {
        let mut pages = self.journal.pages();
        let Some(index) = self.number.checked_sub(pages.forgotten) else {
            return;
        };
        let exchange = usize::try_from(index)
            .ok()
            .and_then(|index| pages.exchanges.get_mut(index));
        if let Some(exchange) = exchange {
            exchange.duration = Some(exchange.moment.elapsed());
            if let Ending::Answer(answer) | Ending::HalfBody(answer) = ending {
                exchange.answer = Some(answer.clone());
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut pages = self.journal.pages();
        if self.reads {
            pages.reading -= 1;
        } else {
            pages.writing -= 1;
        }
    }
}
