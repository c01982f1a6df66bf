//! Logging in and out.

use std::net::SocketAddr;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::admin::access::Access;
use crate::admin::pages::frame_outside;
use crate::admin::pages::view::{Login, rendered};

pub(super) async fn show(State(access): State<Access>, headers: HeaderMap) -> Response {
    if access.lets_in(&headers) {
        return Redirect::to("/").into_response();
    }
    form(None)
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Given {
    token: String,
}

pub(super) async fn log_in(
    State(access): State<Access>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    given: Result<Form<Given>, FormRejection>,
) -> Response {
    let Ok(Form(Given { token })) = given else {
        return (StatusCode::BAD_REQUEST, form(Some("Give the token."))).into_response();
    };
    if !access.is_locked() {
        return Redirect::to("/").into_response();
    }
    match access.log_in(token.trim(), peer, &headers).await {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(refusal) => {
            let status = refusal.into_response().status();
            (status, form(Some(refused(status)))).into_response()
        }
    }
}

fn refused(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => {
            "This is not the token. Give the value of BOARDROOM_ADMIN_TOKEN with which the service was started."
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "Too many wrong tokens were given. Wait ten seconds and try again."
        }
        _ => "This failed for a reason of our own. Look into the log of the service.",
    }
}

pub(super) async fn log_out(
    State(access): State<Access>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    match access.log_out(peer, &headers) {
        Some(forget) => ([(SET_COOKIE, forget)], Redirect::to("/login")).into_response(),
        None => Redirect::to("/").into_response(),
    }
}

fn form(refused: Option<&'static str>) -> Response {
    rendered(&Login {
        frame: frame_outside(),
        refused,
    })
}
