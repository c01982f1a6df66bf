//! Secrets are blotted out of whatever somebody else wrote: dependencies' logs, and answers that repeat what they were asked.

use std::borrow::Cow;
use std::sync::Arc;

use secrecy::SecretString;

/// What stands in a secret's place.
const BLOT: &str = "[redacted]";
/// Anything shorter would blot out words by chance.
const SHORTEST: usize = 6;

/// What stands in the place of what may be a secret.
const HIDDEN: &str = "(hidden)";
/// A parameter whose name has one of these in it may carry a secret.
const SECRETIVE: [&str; 8] = [
    "auth", "code", "key", "pass", "secret", "session", "sig", "token",
];

/// A URL as it may be shown and kept: without user and password, and without the values of parameters that may be secrets.
#[must_use]
pub fn url(text: &str) -> String {
    let (head, query) = match text.split_once('?') {
        Some((head, query)) => (head, Some(query)),
        None => (text, None),
    };
    let mut shown = match head.split_once("://") {
        Some((scheme, rest)) => {
            let path = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(path);
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => head.to_owned(),
    };
    for (at, parameter) in query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .enumerate()
    {
        shown.push(if at == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_secretive(name) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(HIDDEN);
            }
            Some(_) | None => shown.push_str(parameter),
        }
    }
    shown
}

fn is_secretive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETIVE.iter().any(|word| name.contains(word))
}

/// Knows secrets in every spelling that a text may have them in. Clones share them.
#[derive(Clone, Default)]
pub struct Redactor(Arc<[String]>);

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Redactor").field(&self.0.len()).finish()
    }
}

impl Redactor {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets
            .into_iter()
            .map(secrecy::ExposeSecret::expose_secret)
        {
            if secret.len() < SHORTEST {
                continue;
            }
            let escaped = serde_json::Value::from(secret).to_string();
            forms.push(escaped.trim_matches('"').to_owned());
            forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
            forms.push(secret.to_owned());
        }
        // The longest first: one form may hold another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms.into())
    }

    /// One that knows these secrets as well.
    #[must_use]
    pub fn knowing<'a>(self, secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let more = Self::new(secrets);
        let mut forms: Vec<_> = self.0.iter().chain(more.0.iter()).cloned().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms.into())
    }

    /// How many bytes the longest of them has, in its longest spelling.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }

    /// The text without any of the secrets.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in self.0.iter() {
            if clean.contains(secret.as_str()) {
                clean = Cow::Owned(clean.replace(secret.as_str(), BLOT));
            }
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_a_url_is_hidden() {
        let table = [
            ("https://b.example/x?y=1&z", "https://b.example/x?y=1&z"),
            ("https://ann:p@w@b.example:8/x@y", "https://b.example:8/x@y"),
            ("https://ann:pw@b.example", "https://b.example"),
            (
                "/x?apiKey=a&Token=b=c&n=d",
                "/x?apiKey=(hidden)&Token=(hidden)&n=d",
            ),
        ];
        for (text, shown) in table {
            assert_eq!(url(text), shown);
        }
    }

    #[test]
    fn secrets_are_blotted_out_in_every_spelling() {
        let secrets = ["ATTA0123\"x/y", "short", "sk-abcdef"].map(SecretString::from);
        let redactor = Redactor::new(&secrets);
        let line =
            r#"GET /1/tokens/ATTA0123%22x%2Fy {"t":"ATTA0123\"x/y"} ATTA0123"x/y short sk-abcdef0"#;
        let clean = r#"GET /1/tokens/[redacted] {"t":"[redacted]"} [redacted] short [redacted]0"#;
        assert_eq!(redactor.clean(line), clean);
        assert!(!format!("{redactor:?}").contains("ATTA"));
    }
}
