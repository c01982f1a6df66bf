//! The signature of a delivery, written out from RFC 2104 so that it shares no code with what verifies it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// SHA-1's block, in bytes.
const BLOCK: usize = 64;

/// The value of `X-Trello-Webhook`: base64 of HMAC-SHA1 with the application's secret over the body followed by the
/// callback URL exactly as it was registered
/// (<https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/#webhook-signatures>).
#[must_use]
pub fn sign(secret: &str, body: &[u8], callback: &str) -> String {
    STANDARD.encode(hmac(
        secret.as_bytes(),
        &[body, callback.as_bytes()].concat(),
    ))
}

/// The scheme that Trello gave up in September 2016: of every UTF-16 unit only the low byte counted
/// (<https://github.com/trello-archive/api-docs/pull/26>). A verifier must refuse it.
pub(crate) fn sign_low_bytes(secret: &str, body: &[u8], callback: &str) -> String {
    let text = format!("{}{callback}", String::from_utf8_lossy(body));
    let low: Vec<u8> = text
        .encode_utf16()
        .map(|unit| unit.to_le_bytes()[0])
        .collect();
    STANDARD.encode(hmac(secret.as_bytes(), &low))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        let digest = Sha1::digest(key);
        block[..digest.len()].copy_from_slice(&digest);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha1::digest([block.map(|byte| byte ^ 0x36).as_slice(), message].concat());
    let outer = Sha1::digest([block.map(|byte| byte ^ 0x5c).as_slice(), inner.as_slice()].concat());
    outer.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|start| u8::from_str_radix(&hex[start..start + 2], 16).unwrap())
            .collect()
    }

    /// RFC 2202, test cases 1, 2 and 6.
    #[test]
    fn the_hmac_is_the_one_of_the_rfc() {
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for (key, message, digest) in [
            (
                vec![0x0b; 20],
                b"Hi There".as_slice(),
                "b617318655057264e28bc0b6fb378c8ef146be00",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                vec![0xaa; 80],
                long,
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ] {
            assert_eq!(hmac(&key, message), bytes(digest));
        }
    }

    #[test]
    fn only_plain_text_signs_alike_in_the_old_scheme() {
        let callback = "https://boards.example/hook";
        assert_eq!(
            sign("secret", b"{\"name\":\"plain\"}", callback),
            sign_low_bytes("secret", b"{\"name\":\"plain\"}", callback)
        );
        let body = "{\"name\":\"Gr\u{fc}n\"}".as_bytes();
        assert_ne!(
            sign("secret", body, callback),
            sign_low_bytes("secret", body, callback)
        );
    }

    /// Computed with Python's `hmac` and `hashlib`.
    #[test]
    fn a_body_beyond_ascii_is_signed_as_raw_utf8() {
        let body = "{\"name\":\"Gr\u{fc}n \u{1f4c1}\"}".as_bytes();
        let callback = "https://boards.example/hook?x=1";
        assert_eq!(
            sign("secret", body, callback),
            "SrI0hySbfiOJOBTxHlnsLhIUiJI="
        );
        assert_eq!(
            sign_low_bytes("secret", body, callback),
            "AF2lDnuQ/fK1z0bymQ1x44bauBw="
        );
    }
}
