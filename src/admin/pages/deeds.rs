//! What a person does on the pages: plain forms, answered by a way back to where he was, with what came of it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, FromRef as _, FromRequestParts, Path, State};
use axum::http::header::{HOST, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::pages::snapshot::Watch;
use crate::admin::pages::view;
use crate::admin::pages::words::counted;
use crate::admin::pages::{goes_on, lost, trouble};
use crate::admin::to_its_end;
use crate::desk::findings::Tone;
use crate::desk::words::{self, Mirrored, Which};
use crate::lane::Lanes;
use crate::model::id::BoardId;
use crate::model::lane::Lane;
use crate::store::{Store, StoreError};

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    RetryAll,
    Release,
    Sweep,
    Retry(BoardId),
    Ignore(BoardId),
    Mirror(BoardId),
}

impl Deed {
    pub(super) fn button(self) -> view::Deed {
        let (action, label) = match self {
            Self::RetryAll => ("/retry".to_owned(), "Try all again"),
            Self::Release => ("/release".to_owned(), "Release the brake"),
            Self::Sweep => ("/sweep".to_owned(), "Sweep now"),
            Self::Retry(board) => (format!("/boards/{board}/retry"), "Retry"),
            Self::Ignore(board) => (format!("/boards/{board}/ignore"), "Ignore"),
            Self::Mirror(board) => (format!("/boards/{board}/mirror"), "Give it a room"),
        };
        view::Deed { action, label }
    }

    /// Where one is afterwards.
    fn place(self) -> String {
        match self {
            Self::RetryAll | Self::Release | Self::Sweep => "/".to_owned(),
            Self::Retry(board) | Self::Ignore(board) | Self::Mirror(board) => {
                format!("/boards/{board}")
            }
        }
    }
}

/// What was done, as it stands in the address of the page that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Done {
    Retried,
    /// Trying again does not let a brake go.
    Held,
    RetriedAll,
    Released,
    Swept,
    Ignored,
    Mirrored,
    /// A member's inbox gets no room, whoever says so.
    Inbox,
}

impl Done {
    fn as_str(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Held => "held",
            Self::RetriedAll => "retried-all",
            Self::Released => "released",
            Self::Swept => "swept",
            Self::Ignored => "ignored",
            Self::Mirrored => "mirrored",
            Self::Inbox => "inbox",
        }
    }

    /// Whether what was asked for is done by asking the services.
    fn needs_services(self) -> bool {
        match self {
            Self::Retried | Self::RetriedAll | Self::Released | Self::Swept | Self::Mirrored => {
                true
            }
            Self::Held | Self::Ignored | Self::Inbox => false,
        }
    }

    /// What is said of it; `count` is of boards.
    pub(super) fn said(self, count: u64) -> view::Done {
        let boards = counted(count, "board", "boards");
        let is = if count == 1 { "is" } else { "are" };
        let goes = if count == 1 { "goes" } else { "go" };
        let (tone, said) = match (self, count) {
            (Self::Retried, _) => (Tone::Well, "The board is tried again now.".to_owned()),
            (Self::Held, _) => (
                Tone::Care,
                "The board goes on waiting: the brake is on until somebody releases it on the status page."
                    .to_owned(),
            ),
            (Self::RetriedAll, 0) => (
                Tone::Still,
                "No board failed or waits for what can be tried again. Paused services are tried now.".to_owned(),
            ),
            (Self::RetriedAll, _) => (Tone::Well, format!("{boards} {is} tried again now.")),
            (Self::Released, 0) => {
                (Tone::Well, "The brake is off. No board waited for it.".to_owned())
            }
            (Self::Released, _) => (Tone::Well, format!("The brake is off. {boards} {goes} on now.")),
            (Self::Swept, _) => (
                Tone::Well,
                "A sweep begins within seconds: it finds what no delivery has told of.".to_owned(),
            ),
            (Self::Ignored, _) => (
                Tone::Well,
                "The board is ignored from now on. A room that it has is kept as it is.".to_owned(),
            ),
            (Self::Mirrored, _) => (Tone::Well, "The board gets its room now.".to_owned()),
            (Self::Inbox, _) => (
                Tone::Care,
                "The board gets no room: it is the inbox of a member.".to_owned(),
            ),
        };
        view::Done { tone, said }
    }
}

/// Who looks at a page, and what keeps from being done what was asked for there.
#[derive(Debug)]
pub(super) struct Visitor {
    comes_from_us: bool,
    /// The service that does not work.
    paused: Option<&'static str>,
}

impl Visitor {
    /// What the address says was done, where one of our own pages led here. A link from elsewhere tells of what nobody did.
    pub(super) fn told(&self, done: Option<Done>, count: u64) -> Option<view::Done> {
        let done = done.filter(|_| self.comes_from_us)?;
        let mut told = done.said(count);
        if let Some(service) = self.paused.filter(|_| done.needs_services()) {
            told.said = format!("{} It waits until {service} works again.", told.said);
            told.tone = Tone::Care;
        }
        Some(told)
    }
}

impl FromRequestParts<Admin> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Infallible> {
        let lanes = Lanes::from_ref(admin);
        let services = [(Lane::Trello, "Trello"), (Lane::DocSpace, "DocSpace")];
        let paused = services.into_iter().find(|(lane, _)| !lanes.is_open(*lane));
        Ok(Self {
            comes_from_us: comes_from_us(&parts.headers),
            paused: paused.map(|(_, name)| name),
        })
    }
}

/// Over plain HTTP browsers say only from which page they come.
fn comes_from_us(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let page: Option<Uri> = text(REFERER).and_then(|page| page.parse().ok());
    let page = page.as_ref().and_then(Uri::authority);
    page.is_some_and(|page| text(HOST).is_some_and(|host| page.as_str().eq_ignore_ascii_case(host)))
}

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/retry", of_all(Deed::RetryAll))
        .route("/release", of_all(Deed::Release))
        .route("/sweep", of_all(Deed::Sweep))
        .route("/boards/{board}/retry", of_board(Deed::Retry))
        .route("/boards/{board}/ignore", of_board(Deed::Ignore))
        .route("/boards/{board}/mirror", of_board(Deed::Mirror))
}

fn of_all(deed: Deed) -> MethodRouter<Admin> {
    post(
        async move |State(store): State<Arc<dyn Store>>,
                    State(watch): State<Watch>,
                    given: GivenForm| answered((store, watch), deed, given).await,
    )
}

fn of_board(deed: fn(BoardId) -> Deed) -> MethodRouter<Admin> {
    post(
        async move |State(store): State<Arc<dyn Store>>,
                    State(watch): State<Watch>,
                    board: Result<Path<String>, PathRejection>,
                    given: GivenForm| {
            match board.ok().and_then(|Path(board)| board.parse().ok()) {
                Some(board) => answered((store, watch), deed(board), given).await,
                None => lost(),
            }
        },
    )
}

/// What a form brings beside its address.
#[derive(Debug, Default, Deserialize)]
struct Given {
    /// The list from which it was sent.
    back: Option<String>,
}

type GivenForm = Result<Form<Given>, FormRejection>;

async fn answered(
    (store, watch): (Arc<dyn Store>, Watch),
    deed: Deed,
    given: GivenForm,
) -> Response {
    let back = given.ok().and_then(|Form(given)| given.back);
    let place = back
        .filter(|back| is_a_list(back))
        .unwrap_or_else(|| deed.place());
    let deed = async move {
        let done = done(&*store, deed).await;
        match &done {
            Ok((_, boards)) => tracing::info!(?deed, boards, "done by the page"),
            Err(error) => tracing::warn!(?deed, %error, "not done by the page"),
        }
        watch.look_again().await;
        done
    };
    match to_its_end(deed).await {
        Err(_) => goes_on(),
        Ok(Ok((done, count))) => {
            let and = if place.contains('?') { '&' } else { '?' };
            let place = format!("{place}{and}done={}&count={count}", done.as_str());
            Redirect::to(&place).into_response()
        }
        Ok(Err(error)) => trouble(&error),
    }
}

/// One of our own addresses: a form of another site must not lead anybody away from here.
fn is_a_list(place: &str) -> bool {
    place.starts_with("/?")
        && place
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '\\' && c != '#')
}

/// Does it; says what was done, and to how many boards.
async fn done(store: &dyn Store, deed: Deed) -> Result<(Done, u64), StoreError> {
    Ok(match deed {
        Deed::RetryAll => {
            let tried = words::retry(Which::All, store).await?;
            (Done::RetriedAll, tried.boards)
        }
        Deed::Release => (Done::Released, words::release(store).await?.boards),
        Deed::Sweep => {
            store.ask_for_sweep().await?;
            (Done::Swept, 0)
        }
        Deed::Retry(board) => {
            let tried = words::retry(Which::Boards(&[board]), store).await?;
            let done = if tried.held > 0 {
                Done::Held
            } else {
                Done::Retried
            };
            (done, tried.boards)
        }
        Deed::Ignore(board) => {
            words::ignore(board, store).await?;
            (Done::Ignored, 1)
        }
        Deed::Mirror(board) => {
            let done = match words::mirror(board, store).await? {
                Mirrored::Asked | Mirrored::Before(_) => Done::Mirrored,
                Mirrored::Never(_) => Done::Inbox,
            };
            (done, 1)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_a_list_of_ours_and_nowhere_else() {
        for place in ["/?status=failed", "/?q=a+b&before=12"] {
            assert!(is_a_list(place), "{place}");
        }
        for place in [
            "//evil.example",
            "https://evil.example/?",
            "/?a\r\nb: c",
            "/?\\",
            "/login",
            "",
        ] {
            assert!(!is_a_list(place), "{place}");
        }
    }

    #[test]
    fn what_was_done_is_said_to_whom_our_own_page_led_there() {
        let table: [(&[(&str, &str)], bool); 8] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("host", "a:1"),
                    ("referer", "http://a:1/"),
                ],
                false,
            ),
            (
                &[("host", "a:1"), ("referer", "http://a:1/boards/x?y")],
                true,
            ),
            (&[("host", "a:1"), ("referer", "http://a:2/")], false),
            (
                &[("host", "a:1"), ("referer", "http://evil.example/a:1")],
                false,
            ),
            (&[("host", "a:1"), ("referer", "/")], false),
            (&[("host", "a:1")], false),
        ];
        for (given, is_told) in table {
            let headers: HeaderMap = given
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            let mut visitor = Visitor {
                comes_from_us: comes_from_us(&headers),
                paused: None,
            };
            let told = visitor.told(Some(Done::Released), 2);
            assert_eq!(told.is_some(), is_told, "{given:?}");
            visitor.paused = Some("DocSpace");
            let waits = |done| {
                let told = visitor.told(Some(done), 2);
                told.is_some_and(|told| told.said.ends_with("until DocSpace works again."))
            };
            assert_eq!(waits(Done::Retried), is_told, "{given:?}");
            assert!(!waits(Done::Ignored));
        }
    }

    #[test]
    fn what_was_done_is_said_in_whole_sentences() {
        let all = [
            Done::Retried,
            Done::Held,
            Done::RetriedAll,
            Done::Released,
            Done::Swept,
            Done::Ignored,
            Done::Mirrored,
        ];
        for done in all {
            for count in [0, 1, 2] {
                assert!(done.said(count).said.ends_with('.'), "{done:?} {count}");
            }
            let word = serde_json::json!(done.as_str());
            assert_eq!(serde_json::from_value::<Done>(word).unwrap(), done);
        }
        assert_eq!(Done::RetriedAll.said(1).said, "1 board is tried again now.");
        assert_eq!(
            Done::Released.said(2_000).said,
            "The brake is off. 2,000 boards go on now."
        );
    }
}
