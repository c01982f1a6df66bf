//! The pages: what a person sees in a browser. Written by the server and complete without a script; with a little of one they stay as it is.
//!
//! Whatever somebody named may be hostile: the templates escape all of it, and what would turn the direction of a text is taken out.

mod assets;
mod board;
mod deeds;
mod done;
mod home;
mod list;
mod live;
mod login;
mod plot;
mod services;
mod snapshot;
mod view;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::admin::access::Access;
use crate::admin::pages::assets::{ICON, SCRIPT, STYLE};
use crate::admin::pages::view::{Frame, Trouble, rendered};
use crate::admin::refusal::Refusal;
use crate::admin::{About, Admin};
use crate::inbox::is_unreachable;
use crate::store::StoreError;

pub(super) use plot::{Span, steps};
pub use snapshot::Watch;

/// What somebody may bring who is not in yet: a token.
pub(super) const LARGEST_OUTSIDE: usize = 4 * 1024;

/// What only those see who are in.
pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/", get(home::show))
        .route("/boards/{board}", get(board::show))
        .route("/live", get(live::stream))
        .route("/logout", post(login::log_out))
        .merge(deeds::routes())
}

/// What everybody may see who reaches the listener: where to log in, and the files that this page needs.
pub(super) fn open() -> Router<Admin> {
    Router::new()
        .route("/login", get(login::show).post(login::log_in))
        .merge(assets::routes())
        .layer(DefaultBodyLimit::max(LARGEST_OUTSIDE))
}

/// The page for an address at which there is nothing.
pub(super) fn lost() -> Response {
    let page = Trouble {
        frame: frame_outside(),
        title: "There is nothing here",
        said: "The address may be mistyped, or the board is not known any more.".to_owned(),
    };
    (StatusCode::NOT_FOUND, rendered(&page)).into_response()
}

/// The page for what was refused before any page was asked.
pub(super) fn refused(refusal: &Refusal) -> Response {
    rendered(&Trouble {
        frame: frame_outside(),
        title: "This did not work",
        said: refusal.in_words(),
    })
}

/// The page that says so of what takes long.
fn goes_on() -> Response {
    let page = Trouble {
        frame: frame_outside(),
        title: "It goes on",
        said: "This takes longer than usual, and goes on by itself.".to_owned(),
    };
    (StatusCode::ACCEPTED, rendered(&page)).into_response()
}

/// The page for what the database could not do.
fn trouble(error: &StoreError) -> Response {
    let said = if is_unreachable(error) {
        "The database does not answer. Look after it: boardroom goes on by itself, and nothing is lost."
    } else {
        // What it says may name hosts and statements: it is for the log.
        tracing::error!(%error, "the database could not answer a page");
        "The database refuses. The log of the service says why."
    };
    let page = Trouble {
        frame: frame_outside(),
        title: "This did not work",
        said: said.to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, rendered(&page)).into_response()
}

/// The frame of a page that tells nothing of the installation.
fn frame_outside() -> Frame {
    Frame {
        style: &STYLE.address,
        script: &SCRIPT.address,
        icon: &ICON.address,
        version: env!("CARGO_PKG_VERSION"),
        instance: None,
        is_live: false,
        is_in: false,
        can_log_out: false,
    }
}

/// The frame of a page for somebody who is in.
fn frame(about: &About, access: &Access) -> Frame {
    Frame {
        instance: Some(crate::api::one_line(&about.instance)),
        is_live: true,
        is_in: true,
        can_log_out: access.is_locked(),
        ..frame_outside()
    }
}
