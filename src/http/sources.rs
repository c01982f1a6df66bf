//! Where a delivery comes from, and whether deliveries may come from there. A second lock beside the signature: off unless ranges are given.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// From where deliveries are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// From anywhere if there is none.
    pub allowed: Vec<IpNet>,
    /// Proxies that are believed when they say for whom they ask. Everybody else can write what he likes into a header.
    pub trusted: Vec<IpNet>,
}

/// Whom a delivery is not taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    #[error("{0} is in no range of BOARDROOM_TRELLO_SOURCES")]
    Outside(IpAddr),
    /// A trusted proxy passed on headers that name no client, or two.
    #[error("{0} does not say clearly for whom it asks")]
    Unclear(IpAddr),
}

impl Sources {
    /// Whether a delivery is taken that came over a connection from `peer` with these headers.
    pub fn admit(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Stranger> {
        if self.allowed.is_empty() {
            return Ok(());
        }
        let peer = peer.ip().to_canonical();
        let client = self.client(peer, headers).ok_or(Stranger::Unclear(peer))?;
        if holds(&self.allowed, client) {
            Ok(())
        } else {
            Err(Stranger::Outside(client))
        }
    }

    /// The nearest address that is not one of a trusted proxy; none when that cannot be told. Each proxy adds whom it got the request from,
    /// so from the right on all is true as long as it was added by somebody who is trusted.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !holds(&self.trusted, peer) {
            return Some(peer);
        }
        // A proxy knows one of the two headers, and may pass on the other as anybody wrote it.
        let ways = [X_FORWARDED_FOR, FORWARDED].map(|name| hops(headers, &name));
        let mut clients = ways
            .iter()
            .filter(|hops| !hops.is_empty())
            .map(|hops| self.nearest(peer, hops));
        match (clients.next(), clients.next()) {
            (None, _) => Some(peer),
            (Some(client), None) => client,
            (Some(one), Some(other)) => one.filter(|_| one == other),
        }
    }

    fn nearest(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut client = peer;
        for hop in hops.iter().rev() {
            client = (*hop)?;
            if !holds(&self.trusted, client) {
                break;
            }
        }
        Some(client)
    }
}

fn holds(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

/// The hops that a header names, the nearest last. One that is no address (`unknown`, `_hidden`, nonsense) is none.
fn hops(headers: &HeaderMap, name: &HeaderName) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    for value in headers.get_all(name) {
        let Ok(text) = value.to_str() else {
            hops.push(None);
            continue;
        };
        if *name == FORWARDED {
            // A quoted text with a comma in it is no address either way.
            hops.extend(text.split(',').map(forwarded_for));
        } else {
            hops.extend(text.split(',').map(address));
        }
    }
    hops
}

/// The client of one element of `Forwarded` (RFC 7239): `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut clients = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    let client = clients.next()?.trim();
    if clients.next().is_some() {
        return None;
    }
    let quoted = client.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    address(quoted.unwrap_or(client))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address
        .or_else(|| Some(IpAddr::V6(bare()?)))
        .map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let ranges = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Sources {
            allowed: ranges(&["104.192.142.240/28", "2401:1d80::/32"]),
            trusted: ranges(&["10.0.0.0/8", "fd00::/8"]),
        }
    }

    fn admitted(peer: &str, headers: &[(&'static str, &str)]) -> Result<(), Stranger> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        sources().admit(peer, &headers)
    }

    const TRELLO: &str = "104.192.142.244";

    #[test]
    fn deliveries_come_from_the_ranges_alone() {
        assert_eq!(admitted(TRELLO, &[]), Ok(()));
        assert_eq!(
            admitted("::ffff:104.192.142.244", &[]),
            Ok(()),
            "the same address"
        );
        assert_eq!(admitted("2401:1d80:3000::1", &[]), Ok(()));
        for stranger in [
            "104.192.142.239",
            "104.193.0.0",
            "127.0.0.1",
            "2401:1d81::1",
        ] {
            let outside = Stranger::Outside(stranger.parse().unwrap());
            assert_eq!(admitted(stranger, &[]), Err(outside));
        }
        let anybody = SocketAddr::from(([192, 0, 2, 1], 1));
        assert_eq!(Sources::default().admit(anybody, &HeaderMap::new()), Ok(()));
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let forged = admitted("192.0.2.7", &[("x-forwarded-for", TRELLO)]);
        assert_eq!(forged, Err(Stranger::Outside("192.0.2.7".parse().unwrap())));
        let good = [
            ("x-forwarded-for", "104.192.142.244"),
            (
                "x-forwarded-for",
                "evil, 192.0.2.7 , 104.192.142.244:5000,10.1.1.1",
            ),
            ("x-forwarded-for", "[2401:1d80::7]:443"),
            ("x-forwarded-for", "[2401:1d80::7]"),
            ("forwarded", "for=104.192.142.244;proto=https"),
            (
                "forwarded",
                r#"for=192.0.2.7, Proto=https ; FOR="[2401:1d80::7]:443", for=10.9.9.9"#,
            ),
        ];
        for header in good {
            assert_eq!(admitted("10.0.0.1", &[header]), Ok(()), "{header:?}");
        }
        let bad = [
            ("x-forwarded-for", "104.192.142.244, 192.0.2.7"),
            ("x-forwarded-for", "104.192.142.244, unknown"),
            ("x-forwarded-for", "104.192.142.244,"),
            ("forwarded", "for=104.192.142.244, for=_hidden"),
            ("forwarded", "for=104.192.142.244;for=192.0.2.7"),
            ("forwarded", "proto=https"),
            (
                "forwarded",
                r#"for=104.192.142.244, for="10.0.0.1,for=104.192.142.244""#,
            ),
        ];
        for header in bad {
            assert!(admitted("10.0.0.1", &[header]).is_err(), "{header:?}");
        }
    }

    #[test]
    fn two_headers_must_agree_and_lines_count_as_one_list() {
        let both = |one, other| {
            admitted(
                "10.0.0.1",
                &[("x-forwarded-for", one), ("forwarded", other)],
            )
        };
        assert_eq!(both(TRELLO, "for=104.192.142.244"), Ok(()));
        let unclear = Err(Stranger::Unclear("10.0.0.1".parse().unwrap()));
        assert_eq!(both("192.0.2.7", "for=104.192.142.244"), unclear);
        assert_eq!(both(TRELLO, "for=192.0.2.7"), unclear);
        assert_eq!(both("x", "for=y"), unclear);
        let lines = [
            ("x-forwarded-for", TRELLO),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        assert_eq!(
            admitted("10.0.0.1", &lines),
            Err(Stranger::Outside("192.0.2.7".parse().unwrap()))
        );
        // Who asks from the proxies' own network is the client.
        assert_eq!(
            admitted("10.0.0.1", &[]),
            Err(Stranger::Outside("10.0.0.1".parse().unwrap()))
        );
    }
}
