//! What every request must keep to and every answer carries, whoever sends it: the name by which this listener was called, and the headers
//! that bind the browser.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::admin::access::Access;
use crate::admin::refusal::{Reason, Refusal};
use crate::admin::{is_for_programs, pages};

/// No script and no style but our own files, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// With `no-referrer` browsers would send `Origin: null` with our own forms.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Puts the headers on. What may be kept by a browser, such as a stylesheet, says so itself.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let is_for_programs = is_for_programs(request.uri().path());
    let mut response = next.run(request).await;
    if !is_for_programs && let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = for_a_person(response, &refusal);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The same refusal as a page.
fn for_a_person(response: Response, refusal: &Refusal) -> Response {
    let (page, body) = pages::refused(refusal).into_parts();
    let mut parts = response.into_parts().0;
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}

/// On loopback a page of another site could reach us under a name of its own that it lets point here (DNS rebinding), and its browser would
/// take us for that site. So only names of this machine are answered, with any port: it may have been forwarded.
pub(super) async fn check_host(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    if access.is_loopback() && !is_called_right(&request) {
        return Refusal::from(Reason::HostRefused).into_response();
    }
    next.run(request).await
}

fn is_called_right(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let authority = request.uri().authority().map(Authority::as_str);
    host.to_str().is_ok_and(is_this_machine) && authority.is_none_or(is_this_machine)
}

/// `localhost`, or an address of loopback, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => match port.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    is_port && is_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered_on_loopback() {
        for ours in [
            "localhost",
            "LocalHost:8081",
            "127.0.0.1:8081",
            "127.0.0.2",
            "[::1]",
            "[::1]:9000",
        ] {
            assert!(is_this_machine(ours), "{ours}");
        }
        for other in [
            "",
            ":8081",
            "evil.example",
            "evil.example:8081",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:x",
            "10.0.0.1:8081",
            "[::2]:1",
            "[::1]evil",
            "localhost@evil.example",
        ] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
