//! Whether a delivery is signed for us.
//!
//! `X-Trello-Webhook` = base64(HMAC-SHA1(application secret, raw body ‖ callback URL as registered)); Atlassian, "Webhooks: Webhook signatures".
//! The callback URL is the configured one, never one that the request names: the same secret signs the webhooks of everybody who uses the app.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;

/// The length of an HMAC-SHA1, in bytes.
const MAC_LENGTH: usize = 20;

/// Checks signatures against every configured secret and callback URL.
#[derive(Clone)]
pub struct Verifier {
    /// One keyed state per secret, so that the key schedule is paid once.
    keys: Vec<Hmac<Sha1>>,
    callbacks: Vec<String>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("callbacks", &self.callbacks)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Several secrets while one is rotated, several callback URLs while the service moves. Without either, nothing is accepted.
    #[must_use]
    pub fn new(secrets: &[SecretString], callbacks: Vec<String>) -> Self {
        Self {
            keys: secrets.iter().map(keyed).collect(),
            callbacks,
        }
    }

    /// Whether `signature` (the header's value) signs `body` for one of our callback URLs. The comparison takes constant time.
    #[must_use]
    pub fn accepts(&self, body: &[u8], signature: &[u8]) -> bool {
        // Room for one more block than the 28 characters of a signature; anything longer is none.
        let mut decoded = [0; MAC_LENGTH + 4];
        if BASE64_STANDARD.decode_slice(signature, &mut decoded) != Ok(MAC_LENGTH) {
            return false;
        }
        self.keys.iter().any(|key| {
            let over_body = key.clone().chain_update(body);
            self.callbacks.iter().any(|callback| {
                over_body
                    .clone()
                    .chain_update(callback)
                    .verify_slice(&decoded[..MAC_LENGTH])
                    .is_ok()
            })
        })
    }
}

/// The header's value for a body that is sent to a callback URL.
#[must_use]
pub fn sign(secret: &SecretString, body: &[u8], callback: &str) -> String {
    let mac = keyed(secret).chain_update(body).chain_update(callback);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

fn keyed(secret: &SecretString) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLBACK: &str = "https://rooms.example/webhooks/trello";

    fn verifier(secrets: &[&str], callbacks: &[&str]) -> Verifier {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| SecretString::from(*secret))
            .collect();
        Verifier::new(
            &secrets,
            callbacks.iter().map(|url| (*url).to_owned()).collect(),
        )
    }

    /// Computed with another implementation (Python's `hmac`).
    const ASCII: (&str, &str) = (r#"{"a":1}"#, "zg09+BTVXm8S1IG6O7i9LQAQTL0=");
    const UNICODE: (&str, &str) = (r#"{"name":"Müller – 🚀"}"#, "5/qfQJP9ED0UoUTJFC2z4MCyLlg=");
    const LOW_BYTES: &str = "3zVSRC/OW0fUxwhQdXJMcnuNEXY=";

    #[test]
    fn the_raw_bytes_and_the_configured_url_are_signed() {
        let ours = verifier(&["s3cret"], &[CALLBACK]);
        for (body, signature) in [ASCII, UNICODE] {
            assert!(
                ours.accepts(body.as_bytes(), signature.as_bytes()),
                "{body}"
            );
            assert!(!ours.accepts(format!("{body} ").as_bytes(), signature.as_bytes()));
            assert!(
                !verifier(&["other"], &[CALLBACK]).accepts(body.as_bytes(), signature.as_bytes())
            );
            assert!(
                !verifier(&["s3cret"], &["https://rooms.example/webhooks/trello/"])
                    .accepts(body.as_bytes(), signature.as_bytes())
            );
        }
        for (body, signature) in [ASCII, UNICODE] {
            let secret = SecretString::from("s3cret");
            assert_eq!(sign(&secret, body.as_bytes(), CALLBACK), signature);
        }
        assert!(
            !ours.accepts(UNICODE.0.as_bytes(), LOW_BYTES.as_bytes()),
            "the variant of before 2016 is refused"
        );
    }

    #[test]
    fn any_of_several_secrets_and_urls_will_do() {
        let moving = verifier(
            &["new", "s3cret"],
            &["https://new.example/webhooks/trello", CALLBACK],
        );
        assert!(moving.accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
    }

    #[test]
    fn nothing_is_accepted_without_a_secret_or_a_url() {
        assert!(!verifier(&[], &[CALLBACK]).accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
        assert!(!verifier(&["s3cret"], &[]).accepts(ASCII.0.as_bytes(), ASCII.1.as_bytes()));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let ours = verifier(&["s3cret"], &[CALLBACK]);
        let long = "A".repeat(10_000);
        let hex = "6a27aef5d2bf9b4f1a1b5f3b0a3b7b2fd5a8a6ab";
        for wrong in [
            "",
            "=",
            "AAAA",
            "not base64 at all!",
            hex,
            &long,
            &ASCII.1[..27],
            &format!("{}=", ASCII.1),
            &format!(" {}", ASCII.1),
        ] {
            assert!(
                !ours.accepts(ASCII.0.as_bytes(), wrong.as_bytes()),
                "{wrong}"
            );
        }
    }
}
