//! What a person does on the pages: plain forms, answered by a way back to where he was, with what came of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::pages::done::Done;
use crate::admin::pages::snapshot::Watch;
use crate::admin::pages::view;
use crate::admin::pages::{goes_on, lost, trouble};
use crate::admin::to_its_end;
use crate::desk::words::{self, Mirrored, Which};
use crate::model::id::BoardId;
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
}
