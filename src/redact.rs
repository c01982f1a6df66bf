//! Secrets are blotted out of whatever somebody else wrote: dependencies' logs, and answers that repeat what they were asked.

use std::borrow::Cow;
use std::sync::Arc;

use secrecy::SecretString;

/// What stands in a secret's place.
const BLOT: &str = "[redacted]";
/// Anything shorter would blot out words by chance.
const SHORTEST: usize = 6;

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
