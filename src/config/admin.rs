//! What the texts of the admin listener's address and token mean. Pure functions of the text, like those of `value`.

use std::net::SocketAddr;

use secrecy::SecretString;

use crate::config::value;

/// Characters of the token: nobody is to guess it.
const SHORTEST_TOKEN: usize = 16;

/// An address, or none for `off`.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        "not an address; write an IP address and a port, such as 127.0.0.1:8081, or off".into()
    })
}

pub(super) fn token(text: &str) -> Result<SecretString, String> {
    if text.len() < SHORTEST_TOKEN {
        return Err(format!(
            "shorter than {SHORTEST_TOKEN} characters; make one with `openssl rand -hex 32`"
        ));
    }
    value::secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_address_or_off_and_a_token_is_long_enough() {
        assert_eq!(listen("off"), Ok(None));
        assert_eq!(listen("[::1]:8081"), Ok("[::1]:8081".parse().ok()));
        assert!(listen("localhost:8081").is_err() && listen("8081").is_err());
        assert!(token(&"x".repeat(16)).is_ok());
        assert!(token(&"x".repeat(15)).is_err());
        assert!(token("a token with blanks").is_err());
    }
}
