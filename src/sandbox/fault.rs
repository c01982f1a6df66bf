//! What can be made to go wrong: a matcher, a count and an effect. Knows nothing of either service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Answer, Call};

/// Something that goes wrong for the requests it matches; every request until it is cleared, if nothing else is said.
#[derive(Clone)]
pub struct Fault {
    method: Option<String>,
    path: PathMatch,
    about: Option<String>,
    predicate: Option<Predicate>,
    skip: usize,
    left: Option<usize>,
    struck: usize,
    effect: Effect,
}

type Predicate = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

#[derive(Clone, Debug)]
enum PathMatch {
    Any,
    Prefix(String),
    Exactly(String),
}

/// What happens to a request that a [`Fault`] matches. *After* means: the work is done, whatever the client hears.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Waits, then handles the request as usual.
    DelayBefore(Duration),
    /// Handles the request and answers late.
    DelayAfter(Duration),
    /// Answers so; nothing is done.
    Answer(Answer),
    /// Does the work, then answers so.
    AnswerAfter(Answer),
    /// Closes the connection; nothing is done.
    Drop,
    /// Does the work, then closes the connection.
    DropAfter,
    /// Never answers; nothing is done.
    Hang,
    /// Does the work, then never answers.
    HangAfter,
    /// Does the work, then sends bytes that are not HTTP.
    Garbage,
    /// Does the work, then sends a whole head and half of the body.
    HalfBody,
    /// Does the work, then answers 200 with a body that is not JSON.
    NotJson,
    /// DocSpace only: saves the room without its tags, then closes the connection.
    UntaggedDrop,
    /// DocSpace only: saves the room without its tags, then answers so.
    UntaggedAnswer(Answer),
}

/// Names one fault that was planned, for [`crate::sandbox::Service::clear`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultId(u64);

impl Fault {
    /// Matches every request, until it is cleared.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            method: None,
            path: PathMatch::Any,
            about: None,
            predicate: None,
            skip: 0,
            left: None,
            struck: 0,
            effect,
        }
    }

    /// Matches requests of one method whose path begins so.
    #[must_use]
    pub fn on(method: &str, path_prefix: &str, effect: Effect) -> Self {
        Self::new(effect).method(method).path_prefix(path_prefix)
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only paths that begin so, such as `/api/2.0/files/rooms`.
    #[must_use]
    pub fn path_prefix(mut self, prefix: &str) -> Self {
        self.path = PathMatch::Prefix(prefix.to_owned());
        self
    }

    /// Only this very path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = PathMatch::Exactly(path.to_owned());
        self
    }

    /// Only requests whose path, query or body holds this text: a title, a board's id, a room's id.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.about = Some(text.to_owned());
        self
    }

    /// Only requests for which this holds.
    #[must_use]
    pub fn when(mut self, predicate: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Only the first matching request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Only the first `count` matching requests.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }

    /// Lets the first `count` matching requests pass.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    fn matches(&self, call: &Call) -> bool {
        self.method
            .as_ref()
            .is_none_or(|method| *method == call.method)
            && match &self.path {
                PathMatch::Any => true,
                PathMatch::Prefix(prefix) => call.path.starts_with(prefix),
                PathMatch::Exactly(path) => call.path == *path,
            }
            && self.about.as_ref().is_none_or(|text| call.mentions(text))
            && self
                .predicate
                .as_ref()
                .is_none_or(|predicate| predicate(call))
    }

    /// Counts a matching request; whether the effect strikes.
    fn strikes(&mut self, call: &Call) -> bool {
        if self.left == Some(0) || !self.matches(call) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        self.struck += 1;
        true
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fault")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("about", &self.about)
            .field("left", &self.left)
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Ending {
    Answer(Answer),
    Drop,
    Hang,
    Garbage,
    HalfBody(Answer),
}

/// What the faults have in mind for one request.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pub(crate) delay_before: Duration,
    pub(crate) delay_after: Duration,
    pub(crate) untagged: bool,
    instead: Option<Effect>,
    afterwards: Option<Effect>,
}

impl Fate {
    fn add(&mut self, effect: Effect) {
        match effect {
            Effect::DelayBefore(delay) => self.delay_before += delay,
            Effect::DelayAfter(delay) => self.delay_after += delay,
            Effect::Answer(_) | Effect::Drop | Effect::Hang => {
                self.instead.get_or_insert(effect);
            }
            Effect::UntaggedDrop | Effect::UntaggedAnswer(_) => {
                self.untagged = true;
                self.afterwards.get_or_insert(effect);
            }
            Effect::AnswerAfter(_)
            | Effect::DropAfter
            | Effect::HangAfter
            | Effect::Garbage
            | Effect::HalfBody
            | Effect::NotJson => {
                self.afterwards.get_or_insert(effect);
            }
        }
    }

    /// The end of a request that is not handled at all.
    pub(crate) fn instead(&mut self) -> Option<Ending> {
        self.instead.take().map(|effect| ending(effect, None))
    }

    /// The end of a request that was handled.
    pub(crate) fn afterwards(self, answer: Answer) -> Ending {
        match self.afterwards {
            Some(effect) => ending(effect, Some(answer)),
            None => Ending::Answer(answer),
        }
    }
}

fn ending(effect: Effect, answer: Option<Answer>) -> Ending {
    let answer = answer.unwrap_or_else(|| Answer::empty(200));
    match effect {
        Effect::DelayBefore(_) | Effect::DelayAfter(_) => Ending::Answer(answer),
        Effect::Answer(other) | Effect::AnswerAfter(other) | Effect::UntaggedAnswer(other) => {
            Ending::Answer(other)
        }
        Effect::Drop | Effect::DropAfter | Effect::UntaggedDrop => Ending::Drop,
        Effect::Hang | Effect::HangAfter => Ending::Hang,
        Effect::Garbage => Ending::Garbage,
        Effect::HalfBody => Ending::HalfBody(answer),
        Effect::NotJson => Ending::Answer(Answer::html(200)),
    }
}

/// All faults that are planned.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    next: u64,
    faults: Vec<(FaultId, Fault)>,
}

impl Plan {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        self.next += 1;
        let id = FaultId(self.next);
        self.faults.push((id, fault));
        id
    }

    pub(crate) fn clear(&mut self, id: FaultId) {
        self.faults.retain(|(other, _)| *other != id);
    }

    pub(crate) fn struck(&self, id: FaultId) -> usize {
        let found = self.faults.iter().find(|(other, _)| *other == id);
        found.map_or(0, |(_, fault)| fault.struck)
    }

    pub(crate) fn clear_all(&mut self) {
        self.faults.clear();
    }

    /// What becomes of a request, or of a read inside one whose own fate is decided already.
    pub(crate) fn fate(&mut self, call: &Call, outer: Option<&Call>) -> Fate {
        let mut fate = Fate::default();
        for (_, fault) in &mut self.faults {
            let is_over = outer.is_some_and(|outer| fault.matches(outer));
            if !is_over && fault.strikes(call) {
                fate.add(fault.effect.clone());
            }
        }
        fate
    }
}
