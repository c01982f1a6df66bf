//! The callback URLs that a sender may have meant: the configured ones, those that are nearly the same, and those that the request and
//! the body name. For finding out what is wrong; the service itself believes none of them.

use std::collections::HashSet;

use serde::Deserialize;

use crate::config::CALLBACK_PATH;

/// More than this wrong at once is no mistake but another address.
const MOST_MISTAKES: u8 = 3;

/// A URL, and in how many ways it is not the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) mistakes: u8,
}

/// What is known of where a delivery was sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) callbacks: &'a [&'a str],
    /// What the request said of its own address.
    pub(super) asked: Option<&'a str>,
    /// What the body says.
    pub(super) told: Option<&'a str>,
    /// Where the service listens: people take this port for the public one.
    pub(super) port: u16,
}

/// The callback URL that a body of Trello's says it was sent to (since 2023).
pub(super) fn told(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        webhook: Webhook,
    }
    #[derive(Deserialize)]
    struct Webhook {
        #[serde(rename = "callbackURL")]
        callback: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    Some(body.webhook.callback).filter(|callback| !callback.is_empty())
}

/// All that may have been meant, the likeliest first, each once.
pub(super) fn addresses(sources: Sources<'_>) -> Vec<Address> {
    let mut all = Vec::new();
    let mut add = |url: String, mistakes| all.push(Address { url, mistakes });
    for callback in sources.callbacks {
        add((*callback).to_owned(), 0);
    }
    for named in [sources.asked, sources.told].into_iter().flatten() {
        add(named.to_owned(), 1);
        if let Some(split) = Split::of(named) {
            add(
                Split {
                    scheme: other(split.scheme),
                    ..split
                }
                .whole(),
                1,
            );
        }
    }
    // Signed without any.
    add(String::new(), 1);
    for callback in sources.callbacks {
        if let Some(split) = Split::of(callback) {
            variants(&split, sources, &mut all);
        }
    }
    all.sort_by_key(|address| address.mistakes);
    let mut known = HashSet::new();
    all.retain(|address| known.insert(address.url.clone()));
    all
}

/// The parts of a URL, as they are written.
#[derive(Debug, Clone, Copy)]
struct Split<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Split<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                (host, Some(port))
            }
            Some(_) | None => (authority, None),
        };
        Some(Self {
            scheme,
            host,
            port,
            path,
            query,
        })
    }

    fn whole(&self) -> String {
        let mut url = format!("{}://{}", self.scheme, self.host);
        if let Some(port) = self.port {
            url.push(':');
            url.push_str(port);
        }
        url.push_str(self.path);
        if let Some(query) = self.query {
            url.push('?');
            url.push_str(query);
        }
        url
    }
}

fn other(scheme: &str) -> &'static str {
    if scheme.eq_ignore_ascii_case("https") {
        "http"
    } else {
        "https"
    }
}

/// Whether two URLs lead to the same host, give or take `www.`.
pub(super) fn same_host(one: &str, another: &str) -> bool {
    let host = |url| {
        let host = Split::of(url)?.host.to_ascii_lowercase();
        Some(host.strip_prefix("www.").unwrap_or(&host).to_owned())
    };
    host(one).is_some() && host(one) == host(another)
}

/// Every part as it is, or as people get it wrong; at most so many wrong at once.
fn variants(own: &Split<'_>, sources: Sources<'_>, all: &mut Vec<Address>) {
    let asked = sources.asked.and_then(Split::of);
    let www = match own.host.strip_prefix("www.") {
        Some(bare) => bare.to_owned(),
        None => format!("www.{}", own.host),
    };
    let listening = sources.port.to_string();
    let paths = paths(own.path);
    for scheme in [own.scheme, other(own.scheme)] {
        let usual = if scheme.eq_ignore_ascii_case("https") {
            "443"
        } else {
            "80"
        };
        let mut hosts = vec![(own.host, own.port), (www.as_str(), own.port)];
        hosts.extend(asked.map(|asked| (asked.host, asked.port)));
        for (host, port) in hosts {
            for port in [port, None, Some(usual), Some(listening.as_str())] {
                for path in &paths {
                    for query in [own.query, None, asked.and_then(|asked| asked.query)] {
                        let wrong = [
                            scheme != own.scheme,
                            host != own.host,
                            port != own.port,
                            *path != own.path,
                            query != own.query,
                        ];
                        let mistakes = wrong.into_iter().map(u8::from).sum();
                        let split = Split {
                            scheme,
                            host,
                            port,
                            path,
                            query,
                        };
                        if mistakes <= MOST_MISTAKES {
                            all.push(Address {
                                url: split.whole(),
                                mistakes,
                            });
                        }
                    }
                }
            }
        }
    }
}

/// With and without a slash at the end, with and without what is appended to the public URL.
fn paths(own: &str) -> Vec<String> {
    let bare = own.trim_end_matches('/');
    let root = bare.strip_suffix(CALLBACK_PATH).unwrap_or(bare);
    let mut paths = vec![own.to_owned()];
    for path in [bare, root] {
        paths.push(path.to_owned());
        paths.push(format!("{path}/"));
    }
    paths.push(format!("{root}{CALLBACK_PATH}"));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://rooms.example/webhooks/trello";

    fn mistakes(of: &str, asked: Option<&str>) -> Option<u8> {
        let sources = Sources {
            callbacks: &[OWN],
            asked,
            told: Some("https://told.example/cb"),
            port: 8080,
        };
        let addresses = addresses(sources);
        let found = addresses.iter().find(|address| address.url == of);
        found.map(|address| address.mistakes)
    }

    #[test]
    fn every_part_may_be_wrong() {
        let asked = Some("http://10.0.0.7:3000/webhooks/trello?x=1");
        let table = [
            (OWN, Some(0)),
            ("https://rooms.example/webhooks/trello/", Some(1)),
            ("http://rooms.example/webhooks/trello", Some(1)),
            ("https://rooms.example:443/webhooks/trello", Some(1)),
            ("https://rooms.example:8080/webhooks/trello", Some(1)),
            ("http://rooms.example:80/webhooks/trello", Some(2)),
            ("https://www.rooms.example/webhooks/trello", Some(1)),
            ("https://rooms.example/webhooks/trello?x=1", Some(1)),
            ("https://rooms.example", Some(1)),
            ("https://rooms.example/", Some(1)),
            ("http://10.0.0.7:3000/webhooks/trello?x=1", Some(1)),
            ("https://10.0.0.7:3000/webhooks/trello?x=1", Some(1)),
            ("https://10.0.0.7/webhooks/trello", Some(1)),
            ("https://told.example/cb", Some(1)),
            ("", Some(1)),
            ("https://elsewhere.example/webhooks/trello", None),
        ];
        for (url, expected) in table {
            assert_eq!(mistakes(url, asked), expected, "{url}");
        }
        assert!(same_host(OWN, "http://www.rooms.example:80"));
        assert!(!same_host(OWN, "https://told.example/cb"));
    }

    #[test]
    fn a_body_names_where_it_was_sent_to() {
        let body = br#"{"webhook":{"callbackURL":"https://a.example/x","y":1},"z":2}"#;
        assert_eq!(told(body).as_deref(), Some("https://a.example/x"));
        for without in ["", "[]", "{}", r#"{"webhook":{"callbackURL":""}}"#] {
            assert_eq!(told(without.as_bytes()), None, "{without}");
        }
    }
}
