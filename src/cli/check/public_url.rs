//! The public URL, asked as Trello asks before it registers a webhook: one `HEAD`, no redirects, exactly 200.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderMap, LOCATION};
use url::{Host, Url};

use crate::api;
use crate::cli::check::report::Finding;
use crate::config::{CALLBACK_PATH, CallbackUrl, Config, ProxyUrl};

const SUBJECT: &str = "public URL";
/// Trello does not say how long it waits; a service that needs longer is ill.
const PATIENCE: Duration = Duration::from_secs(10);

const SET_IT: &str = "Set BOARDROOM_PUBLIC_URL and TRELLO_API_SECRET if Trello can reach this machine: rooms then come within seconds.";
const PUBLISH_IT: &str = "Trello reaches public addresses alone: give the service one, or leave BOARDROOM_PUBLIC_URL out.";
const SERVE_FIRST: &str = "`boardroom serve` must be running for this: start it, then check again.";

/// Reaches the URL as the service reaches Trello: by the same proxies, without following redirects.
pub(in crate::cli) fn client(config: &Config) -> Result<Client, api::BuildError> {
    let proxy = |url: &Option<ProxyUrl>| url.as_ref().map(|url| url.expose().clone());
    api::client(&api::Options {
        timeout: PATIENCE,
        ca_file: None,
        https_proxy: proxy(&config.proxy.https),
        http_proxy: proxy(&config.proxy.http),
        no_proxy: config.proxy.no_proxy.clone(),
    })
}

pub(super) async fn check(config: Arc<Config>, client: Client) -> Vec<Finding> {
    let Some(callback) = &config.callback else {
        let every = in_words(config.sweep_every);
        let detail = format!("not set: new boards are found by sweeps alone, every {every}");
        return vec![Finding::warning(SUBJECT, detail, SET_IT)];
    };
    let finding = match ask(&client, callback).await {
        Ok(answer) if answer.status == 200 && out_of_trellos_reach(&config, callback) => {
            let detail = format!("{callback} answers 200, but its address is a private one");
            Finding::warning(SUBJECT, detail, PUBLISH_IT)
        }
        Ok(answer) if answer.status == 200 => {
            Finding::ok(SUBJECT, format!("{callback} answers 200"))
        }
        Ok(answer) => {
            let detail = format!("{callback} answers {}", answer.words());
            Finding::failed(SUBJECT, detail, answer.fix())
        }
        Err(error) => {
            let (what, fix) = Obstacle::of(&error).explained();
            Finding::failed(SUBJECT, format!("{callback}: {what}"), fix)
        }
    };
    vec![finding]
}

fn in_words(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// Why a request to the public URL did not come to what was wanted.
#[derive(Debug)]
pub(in crate::cli) struct Missed {
    /// None: there was no answer.
    pub(in crate::cli) status: Option<u16>,
    pub(in crate::cli) what: String,
    pub(in crate::cli) fix: String,
}

/// What comes of one request to the public URL: the status where it is the wanted one, else what happened and what to do.
pub(in crate::cli) async fn knock(
    request: reqwest::RequestBuilder,
    wanted: u16,
) -> Result<u16, Missed> {
    match answer(request).await {
        Ok(answer) if answer.status == wanted => Ok(wanted),
        Ok(answer) => Err(Missed {
            status: Some(answer.status),
            what: format!("answered {}", answer.status),
            fix: answer.fix(),
        }),
        Err(error) => {
            let (what, fix) = Obstacle::of(&error).explained();
            let status = None;
            Err(Missed { status, what, fix })
        }
    }
}

async fn ask(client: &Client, callback: &CallbackUrl) -> Result<Answer, reqwest::Error> {
    answer(client.head(callback.as_str())).await
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        target: target(response.url(), response.headers()),
    })
}

/// Whether the callback has an address that means nothing on the internet, where Trello is. A Trello on this network,
/// such as that of the sandbox, reaches it all the same.
fn out_of_trellos_reach(config: &Config, callback: &CallbackUrl) -> bool {
    let callback = Url::parse(callback.as_str());
    callback.is_ok_and(|callback| is_private(&callback)) && !is_private(&config.trello.api_url)
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Where a redirect leads.
    target: Option<Url>,
}

/// The target of a redirect, without what may be secret in it.
fn target(from: &Url, headers: &HeaderMap) -> Option<Url> {
    let mut target = from.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    target.set_query(None);
    target.set_fragment(None);
    // Only a URL without a host refuses these, and has none to show.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    Some(target)
}

impl Answer {
    fn words(&self) -> String {
        let status = self.status;
        match &self.target {
            Some(target) => format!("{status}, a redirect to {}", api::quote(target.as_str())),
            None => format!("{status} where Trello needs 200"),
        }
    }

    /// What usually stands behind such an answer, and what to do.
    fn fix(&self) -> String {
        match self.status {
            300..=399 => self.fix_of_redirect(),
            401 | 403 => {
                "Something before the service asks for a login or keeps robots out: let everybody reach /webhooks/trello; every delivery is verified by its signature.".to_owned()
            }
            404 => {
                "Something else answers, or a proxy changes the path: it must pass this path on to the service as /webhooks/trello.".to_owned()
            }
            405 | 501 => {
                "Something else answers there, for the service answers HEAD: pass this path on to it.".to_owned()
            }
            502..=504 | 520..=530 => {
                format!("A proxy answers, and does not reach the service. {SERVE_FIRST} If it is, let the proxy pass on to BOARDROOM_LISTEN.")
            }
            _ => "Something before the service answers in its place: pass this path on to the service unchanged.".to_owned(),
        }
    }

    fn fix_of_redirect(&self) -> String {
        let base = self
            .target
            .as_ref()
            .and_then(|target| target.as_str().strip_suffix(CALLBACK_PATH));
        match base {
            Some(base) => {
                format!("Trello follows no redirect: set BOARDROOM_PUBLIC_URL={}", api::quote(base))
            }
            None => "Trello follows no redirect: if this is a page for logging in, let everybody reach /webhooks/trello.".to_owned(),
        }
    }
}

/// Why there was no answer at all.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Obstacle {
    Refused,
    UnknownName,
    /// In the words of the TLS library.
    Tls(String),
    TimeIsUp,
    Other(String),
}

impl Obstacle {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimeIsUp;
        }
        let mut cause: &(dyn Error + 'static) = error;
        loop {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls(api::quote(&tls.to_string()));
            }
            // The resolver's error has no public type.
            if cause.to_string().starts_with("dns error") {
                return Self::UnknownName;
            }
            let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            if kind == Some(io::ErrorKind::ConnectionRefused) {
                return Self::Refused;
            }
            match inside(cause) {
                Some(deeper) => cause = deeper,
                None => return Self::Other(api::quote(&cause.to_string())),
            }
        }
    }

    fn explained(self) -> (String, String) {
        match self {
            Self::Refused => (
                "connection refused".to_owned(),
                format!("Nothing listens there. {SERVE_FIRST} If it is, check the proxy, the port and the firewall."),
            ),
            Self::UnknownName => (
                "its name is not known".to_owned(),
                "Check the name in BOARDROOM_PUBLIC_URL and its entry in the DNS.".to_owned(),
            ),
            Self::Tls(why) => (
                format!("TLS: {why}"),
                "Trello refuses it, too: use a certificate of a public authority, for this name, with its whole chain; or http:// if there is no TLS.".to_owned(),
            ),
            Self::TimeIsUp => (
                "no answer in time".to_owned(),
                format!("A firewall may drop what comes, or the router may not lead this machine to its own public address: then ask from outside, with curl -I. {SERVE_FIRST}"),
            ),
            Self::Other(why) => (why, format!("Check the proxy before the service. {SERVE_FIRST}")),
        }
    }
}

/// The cause of an error. An I/O error's `source` skips what the error wraps.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_the_url_to_configure() {
        let from = Url::parse("http://b.example/webhooks/trello").unwrap();
        let answer = |location: &'static str| {
            let headers = [(LOCATION, location.parse().unwrap())]
                .into_iter()
                .collect();
            let target = target(&from, &headers);
            Answer {
                status: 301,
                target,
            }
        };
        let moved = answer("https://ann:pw@b.example/webhooks/trello?key=hidden");
        assert_eq!(
            moved.words(),
            "301, a redirect to https://b.example/webhooks/trello"
        );
        assert!(
            moved
                .fix()
                .ends_with("BOARDROOM_PUBLIC_URL=https://b.example")
        );
        let login = answer("/login?next=/webhooks/trello");
        assert_eq!(login.words(), "301, a redirect to http://b.example/login");
        assert!(login.fix().contains("logging in"));
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        let table = [
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("https://192.168.1.7/x", true),
            ("https://[fd00::1]", true),
            ("https://b.example", false),
            ("https://93.184.216.34", false),
        ];
        for (url, private) in table {
            assert_eq!(is_private(&Url::parse(url).unwrap()), private, "{url}");
        }
    }

    #[test]
    fn gateways_that_find_no_service_say_so() {
        for status in [502, 503, 504, 530] {
            let answer = Answer {
                status,
                target: None,
            };
            assert!(answer.fix().contains("`boardroom serve`"), "{status}");
        }
    }
}
