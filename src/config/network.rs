//! Ranges of addresses, as deliveries may come from and as trusted proxies have.

use std::net::IpAddr;

use ipnet::IpNet;

pub(super) fn ranges(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let texts = texts.iter().map(|text| text.trim());
    texts.filter(|text| !text.is_empty()).map(range).collect()
}

/// Ranges of proxies: not everybody, for then everybody could say where he comes from.
pub(super) fn proxies(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let ranges = ranges(texts)?;
    if ranges.iter().any(|range| range.prefix_len() == 0) {
        return Err("a range of all addresses lets anybody say where he comes from; write the addresses of your proxies alone".into());
    }
    Ok(ranges)
}

fn range(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let range: IpNet = text.parse().map_err(|_| {
        "there is an entry that is no range of addresses; write such as 104.192.142.240/28 or 2001:db8::/32, or a single address"
    })?;
    let whole = range.trunc();
    if whole != range {
        return Err(format!(
            "{range} is no range, for bits of its address are beyond the /{}; write {whole} or {}",
            range.prefix_len(),
            range.addr()
        ));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<String, String> {
        let texts: Vec<_> = texts.iter().map(|&text| text.to_owned()).collect();
        let shown = |ranges: Vec<IpNet>| ranges.iter().map(ToString::to_string).collect::<Vec<_>>();
        ranges(&texts).map(|ranges| shown(ranges).join(" "))
    }

    #[test]
    fn ranges_and_single_addresses() {
        let good = read(&[
            " 104.192.142.240/28",
            "10.0.0.1",
            "",
            "2401:1d80::/32 ",
            "::1",
            "::ffff:1.2.3.4",
        ]);
        assert_eq!(
            good.as_deref(),
            Ok("104.192.142.240/28 10.0.0.1/32 2401:1d80::/32 ::1/128 1.2.3.4/32")
        );
        assert_eq!(read(&[]).as_deref(), Ok(""));
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_fix() {
        for bad in [
            "trello.com",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "1.2.3.4:80",
            "10.0.0.0-10.0.0.9",
        ] {
            let message = read(&["10.0.0.0/8", bad]).unwrap_err();
            assert!(message.contains("104.192.142.240/28"), "{bad}: {message}");
        }
        let message = read(&["104.192.142.244/28"]).unwrap_err();
        assert!(
            message.contains("write 104.192.142.240/28 or 104.192.142.244"),
            "{message}"
        );
    }

    #[test]
    fn nobody_trusts_everybody() {
        for all in ["0.0.0.0/0", "::/0"] {
            assert!(ranges(&[all.to_owned()]).is_ok());
            assert!(proxies(&[all.to_owned()]).is_err());
        }
    }
}
