//! What the templates show: text and numbers that are ready to be read, apart from what the store keeps. Askama escapes all of it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

use crate::desk::findings::Tone;

/// What every page has around it.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
    pub(super) version: &'static str,
    pub(super) instance: Option<String>,
    /// Whether it is kept as it is now.
    pub(super) is_live: bool,
    /// Whether who sees it may see the rest.
    pub(super) is_in: bool,
    pub(super) can_log_out: bool,
}

#[derive(Debug, Template)]
#[template(path = "login.html", config = "src/admin/pages/askama.toml")]
pub(super) struct Login {
    pub(super) frame: Frame,
    pub(super) refused: Option<&'static str>,
}

/// A page that says why another one cannot be shown.
#[derive(Debug, Template)]
#[template(path = "trouble.html", config = "src/admin/pages/askama.toml")]
pub(super) struct Trouble {
    pub(super) frame: Frame,
    pub(super) title: &'static str,
    pub(super) said: String,
}

#[derive(Debug, Template)]
#[template(path = "home.html", config = "src/admin/pages/askama.toml")]
pub(super) struct Home {
    pub(super) frame: Frame,
    pub(super) done: Option<Done>,
    pub(super) status: std::sync::Arc<Status>,
    pub(super) spans: Vec<Choice>,
    pub(super) plot: Plot,
    /// The span of the plot, for forms, where it is not the usual one.
    pub(super) span_kept: Option<&'static str>,
    pub(super) list: List,
}

#[derive(Debug, Template)]
#[template(path = "board.html", config = "src/admin/pages/askama.toml")]
pub(super) struct BoardPage {
    pub(super) frame: Frame,
    pub(super) done: Option<Done>,
    pub(super) board: Board,
}

/// What is the same for everybody who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) headline: Headline,
    pub(super) findings: Vec<Finding>,
    pub(super) totals: Vec<Total>,
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Headline {
    pub(super) tone: Tone,
    /// The sentence in a few words, for the title of the window.
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: Vec<String>,
    pub(super) deed: Option<Deed>,
    pub(super) list: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) tone: Tone,
    pub(super) sentence: String,
    pub(super) advice: Vec<String>,
    pub(super) deed: Option<Deed>,
    pub(super) list: Option<&'static str>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) action: String,
    pub(super) label: &'static str,
}

/// What was just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) tone: Tone,
    pub(super) said: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) href: String,
    pub(super) tone: Tone,
    pub(super) count: String,
    pub(super) label: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) mark: Mark,
    pub(super) pause: Option<Pause>,
    pub(super) facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) reason: String,
    pub(super) since: Moment,
    /// When it is tried again.
    pub(super) next: String,
    pub(super) fix: &'static str,
}

/// A line with a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) mark: Option<Mark>,
    pub(super) link: Option<Link>,
    pub(super) said: Vec<String>,
    pub(super) meter: Option<Meter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) tone: Tone,
    pub(super) percent: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) tone: Tone,
    pub(super) word: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) exact: String,
    pub(super) said: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) url: String,
    pub(super) text: String,
}

/// A link, of which one is chosen.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) href: String,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

#[derive(Debug)]
pub(super) struct Plot {
    /// Of which time.
    pub(super) said: &'static str,
    pub(super) width: u32,
    pub(super) series: Vec<Series>,
    pub(super) ticks: Vec<String>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) sum: String,
    pub(super) description: String,
    /// The number at the top of the scale.
    pub(super) top: String,
    pub(super) bars: Vec<Bar>,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) y: u64,
    pub(super) width: u32,
    pub(super) height: u64,
    pub(super) said: String,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) from: String,
    pub(super) rooms: String,
    pub(super) deliveries: String,
}

/// Boards.
#[derive(Debug)]
pub(super) struct List {
    pub(super) search: String,
    pub(super) choices: Vec<StatusChoice>,
    pub(super) is_filtered: bool,
    /// The address of this list.
    pub(super) here: String,
    pub(super) rows: Vec<BoardRow>,
    /// What is said where there are none.
    pub(super) emptiness: &'static str,
    pub(super) first: Option<String>,
    pub(super) next: Option<Link>,
}

#[derive(Debug)]
pub(super) struct StatusChoice {
    pub(super) value: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

#[derive(Debug)]
pub(super) struct BoardRow {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) trello: Option<Link>,
    pub(super) mark: Mark,
    pub(super) why: Option<String>,
    pub(super) can_retry: bool,
    pub(super) room: Option<Link>,
    pub(super) since: Moment,
}

/// A board on its own page.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) sentence: String,
    pub(super) fix: Option<&'static str>,
    pub(super) deeds: Vec<Deed>,
    pub(super) facts: Vec<Fact>,
    pub(super) record: Vec<Fact>,
    /// The latest day first.
    pub(super) days: Vec<Day>,
    pub(super) first: Option<String>,
    pub(super) next: Option<String>,
}

#[derive(Debug)]
pub(super) struct Day {
    pub(super) day: String,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) exact: String,
    pub(super) time: String,
    /// Since what happened before it.
    pub(super) passed: String,
    pub(super) event: String,
    pub(super) detail: String,
}

impl Mark {
    pub(super) fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self {
            tone,
            word: word.into(),
        }
    }
}

/// A page, or what is said when it could not be written.
pub(super) fn rendered(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
