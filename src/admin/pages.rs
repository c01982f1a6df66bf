//! The pages: what a person sees in a browser.

use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, extract::rejection::FormRejection};
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::access::Access;

/// What only those see who are in. A `Router` with further pages is merged in here.
pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/", get(home))
        .route("/logout", post(log_out))
}

/// What everybody may see who reaches the listener: where to log in, and the files that this page needs.
pub(super) fn open() -> Router<Admin> {
    Router::new().route("/login", get(login).post(log_in))
}

/// The page for an address at which there is nothing.
pub(super) fn lost() -> Response {
    let body = "<h1>There is nothing here</h1>\n<p><a href=\"/\">To the status page</a></p>";
    (StatusCode::NOT_FOUND, page("Not found", body)).into_response()
}

async fn home(State(access): State<Access>) -> Html<String> {
    let out = if access.is_locked() {
        "\n<form method=\"post\" action=\"/logout\"><button>Log out</button></form>"
    } else {
        ""
    };
    let body = format!(
        "<h1>boardroom</h1>\n<p><a href=\"/api/v1/status\">Status</a>, <a href=\"/api/v1/boards\">boards</a>, \
         <a href=\"/metrics\">metrics</a></p>{out}"
    );
    page("boardroom", &body)
}

async fn login(State(access): State<Access>, headers: HeaderMap) -> Response {
    if access.lets_in(&headers) {
        return Redirect::to("/").into_response();
    }
    form("").into_response()
}

/// What the form sends.
#[derive(Deserialize)]
struct Given {
    token: String,
}

async fn log_in(
    State(access): State<Access>,
    headers: HeaderMap,
    given: Result<Form<Given>, FormRejection>,
) -> Response {
    let Ok(Form(Given { token })) = given else {
        let again = form("Give the token.");
        return (StatusCode::BAD_REQUEST, again).into_response();
    };
    if !access.is_locked() {
        return Redirect::to("/").into_response();
    }
    match access.log_in(token.trim(), &headers).await {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(refusal) => {
            let status = refusal.into_response().status();
            (status, form(refused(status))).into_response()
        }
    }
}

fn refused(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => {
            "This is not the token. It is the value of BOARDROOM_ADMIN_TOKEN as the service was started with."
        }
        StatusCode::TOO_MANY_REQUESTS => "Too many wrong tokens were given at once. Try again.",
        _ => "This failed for a reason of our own. Look into the log of the service.",
    }
}

async fn log_out(State(access): State<Access>, headers: HeaderMap) -> Response {
    let forget = access.log_out(&headers);
    ([(SET_COOKIE, forget)], Redirect::to("/login")).into_response()
}

fn form(said: &str) -> Html<String> {
    let said = if said.is_empty() {
        String::new()
    } else {
        format!("\n<p role=\"alert\">{said}</p>")
    };
    let body = format!(
        "<h1>boardroom</h1>{said}\n<form method=\"post\" action=\"/login\">\n<label for=\"token\">Admin token</label>\n\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\n\
         <button>Log in</button>\n</form>"
    );
    page("Log in · boardroom", &body)
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n</head>\n\
         <body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    ))
}
