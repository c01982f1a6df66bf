//! What a page says of what was done there, and of what that waits for.

use std::convert::Infallible;

use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::header::{HOST, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::pages::view;
use crate::admin::pages::words::counted;
use crate::desk::findings::Tone;
use crate::lane::Lanes;
use crate::model::lane::Lane;

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
    pub(super) fn as_str(self) -> &'static str {
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

    /// The services that must work before what was asked for is done; none where nothing is left to be done.
    fn needs(self, count: u64) -> &'static [Lane] {
        match (self, count) {
            (Self::RetriedAll | Self::Released, 0)
            | (Self::Held | Self::Ignored | Self::Inbox, _) => &[],
            (Self::Swept, _) => &[Lane::Trello],
            (Self::Retried | Self::RetriedAll | Self::Released | Self::Mirrored, _) => {
                &[Lane::Trello, Lane::DocSpace]
            }
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
    /// The services that do not work.
    paused: Vec<Lane>,
}

impl Visitor {
    /// What the address says was done, where one of our own pages led here. A link from elsewhere tells of what nobody did.
    pub(super) fn told(&self, done: Option<Done>, count: u64) -> Option<view::Done> {
        let done = done.filter(|_| self.comes_from_us)?;
        let mut told = done.said(count);
        let mut needed = done.needs(count).iter();
        if let Some(service) = needed.find(|service| self.paused.contains(service)) {
            let name = if *service == Lane::Trello {
                "Trello"
            } else {
                "DocSpace"
            };
            told.said = format!("{} This waits until {name} works again.", told.said);
            told.tone = Tone::Care;
        }
        Some(told)
    }
}

impl FromRequestParts<Admin> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Infallible> {
        let lanes = Lanes::from_ref(admin);
        let services = [Lane::Trello, Lane::DocSpace].into_iter();
        Ok(Self {
            comes_from_us: comes_from_us(&parts.headers),
            paused: services.filter(|lane| !lanes.is_open(*lane)).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let visitor = Visitor {
                comes_from_us: comes_from_us(&headers),
                paused: Vec::new(),
            };
            let told = visitor.told(Some(Done::Released), 2);
            assert_eq!(told.is_some(), is_told, "{given:?}");
        }
    }

    #[test]
    fn what_waits_for_a_service_is_said_to_wait_for_it_and_nothing_else_is() {
        let (trello, docspace) = (Lane::Trello, Lane::DocSpace);
        let table: [(Done, u64, &[Lane], Option<&str>); 12] = [
            (Done::Retried, 1, &[], None),
            (Done::Retried, 1, &[docspace], Some("DocSpace")),
            (Done::Mirrored, 1, &[docspace, trello], Some("Trello")),
            (Done::RetriedAll, 2, &[trello], Some("Trello")),
            (Done::RetriedAll, 0, &[trello], None),
            (Done::Released, 2, &[docspace], Some("DocSpace")),
            (Done::Released, 0, &[docspace], None),
            (Done::Swept, 0, &[trello], Some("Trello")),
            (Done::Swept, 0, &[docspace], None),
            (Done::Held, 1, &[trello], None),
            (Done::Ignored, 1, &[trello, docspace], None),
            (Done::Inbox, 1, &[trello, docspace], None),
        ];
        for (done, count, paused, waits_for) in table {
            let visitor = Visitor {
                comes_from_us: true,
                paused: paused.to_vec(),
            };
            let said = visitor.told(Some(done), count).unwrap().said;
            let end = waits_for.map(|name| format!("This waits until {name} works again."));
            let is_right = match &end {
                Some(end) => said.ends_with(end),
                None => !said.contains("waits until"),
            };
            assert!(is_right, "{done:?} {count} {paused:?}: {said}");
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
