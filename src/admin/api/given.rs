//! What a request brings, read by our own rules: what is wrong with it is said in our own words, with the name of the parameter or member
//! that is meant and with what may stand there.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde_json::error::Category;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::admin::LARGEST_BODY;
use crate::admin::refusal::{Reason, Refusal};
use crate::api::quote;

/// What an address names. Not every percent-encoded one is text.
#[derive(Debug)]
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => Err(malformed(
                "the board in this address is not percent-encoded UTF-8",
            )),
        }
    }
}

/// The parameters of an address, as they were given.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let all = form_urlencoded::parse(query.as_bytes());
        Ok(Self(all.into_owned().collect()))
    }
}

impl Parameters {
    /// Refuses every other parameter, and one that is there twice: what is meant by it would be guessed.
    pub(super) fn only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !allowed.contains(&name.as_str()) {
                let (name, allowed) = (quote(name), listed(allowed));
                return Err(malformed(format!(
                    "`{name}` is no parameter of this address: {allowed} may be given"
                )));
            }
            if self.0[..index].iter().any(|(before, _)| before == name) {
                return Err(malformed(format!("`{name}` is given more than once")));
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A body of JSON: an object.
#[derive(Debug)]
pub(super) struct Body(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Reason::NotJson.into());
        }
        // It was read already, and is not longer than it may be.
        let body = to_bytes(request.into_body(), LARGEST_BODY).await;
        let body = body.map_err(|_| Refusal::from(Reason::TooLarge))?;
        Self::read(&body)
    }
}

impl Body {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.trim_ascii().is_empty() {
            return Err(malformed("there is no body: a JSON object is wanted"));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(other) => Err(malformed(format!(
                "the body is {}: a JSON object is wanted",
                kind(&other)
            ))),
            Err(error) => Err(malformed(match error.classify() {
                Category::Eof => "the body ends before its JSON does".to_owned(),
                Category::Syntax | Category::Data | Category::Io => format!(
                    "the body is no JSON from line {}, column {} on",
                    error.line(),
                    error.column()
                ),
            })),
        }
    }

    /// Refuses every other member.
    pub(super) fn only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        let mut others = self
            .0
            .keys()
            .filter(|name| !allowed.contains(&name.as_str()));
        others.next().map_or(Ok(()), |other| {
            let (other, allowed) = (quote(other), listed(allowed));
            Err(malformed(format!(
                "`{other}` is no member of this body: {allowed} may be given"
            )))
        })
    }

    /// What is not there is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(name, other, "true or false")),
        }
    }

    /// What is not there is an empty list.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let all = match self.0.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(all)) => all,
            Some(other) => return Err(wrong(name, other, "a list of texts")),
        };
        let texts = all.iter().enumerate().map(|(index, one)| match one {
            Value::String(text) => Ok(text.clone()),
            other => Err(wrong(&format!("{name}[{index}]"), other, "a text")),
        });
        texts.collect()
    }

    /// A whole number as it is, or a text.
    pub(super) fn number_or_text(&self, name: &str, wanted: &str) -> Result<String, Refusal> {
        match self.0.get(name) {
            None => Err(malformed(format!("`{name}` is missing: give {wanted}"))),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
            Some(other) => Err(wrong(name, other, wanted)),
        }
    }
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::saying(Reason::Malformed, message)
}

fn wrong(name: &str, found: &Value, wanted: &str) -> Refusal {
    malformed(format!("`{name}` is {}: give {wanted}", kind(found)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// ``` `limit` and `cursor` ```
fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// `application/json`, also with parameters, or any type that is written as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let declared = declared.and_then(|it| it.split(';').next());
    let declared = declared.unwrap_or_default().trim().to_ascii_lowercase();
    declared
        .strip_prefix("application/")
        .is_some_and(|name| name == "json" || name.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        let all = form_urlencoded::parse(query.as_bytes());
        Parameters(all.into_owned().collect())
    }

    fn said<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        result.unwrap_err().in_words()
    }

    #[test]
    fn a_parameter_that_is_wrong_is_named_with_those_that_may_be_given() {
        let allowed = ["limit", "cursor"];
        assert!(parameters("limit=1&cursor=%C3%A9").only(&allowed).is_ok());
        assert_eq!(parameters("cursor=%C3%A9").get("cursor"), Some("é"));
        for (query, words) in [
            (
                "page=2",
                "`page` is no parameter of this address: `limit` and `cursor` may be given.",
            ),
            ("limit=1&limit=2", "`limit` is given more than once."),
            ("=", "`` is no parameter"),
        ] {
            let said = said(parameters(query).only(&allowed));
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn a_body_that_is_wrong_is_told_of_by_its_member() {
        let table: [(&str, &str); 10] = [
            ("", "There is no body: a JSON object is wanted."),
            ("[1]", "The body is a list: a JSON object is wanted."),
            ("{\"all\":", "The body ends before its JSON does."),
            (
                "{\"all\":tru}",
                "The body is no JSON from line 1, column 11 on.",
            ),
            ("{\n\u{1}}", "The body is no JSON from line 2, column 1 on."),
            (
                "{\"al\":true}",
                "`al` is no member of this body: `all` and `boards` may be given.",
            ),
            ("{\"all\":1}", "`all` is a number: give true or false."),
            (
                "{\"boards\":\"x\"}",
                "`boards` is a text: give a list of texts.",
            ),
            (
                "{\"boards\":[\"x\",null]}",
                "`boards[1]` is null: give a text.",
            ),
            ("{\"room\":1.5}", "`room` is a number: give a room."),
        ];
        for (body, words) in table {
            let allowed = if body.contains("room") {
                &["room"][..]
            } else {
                &["all", "boards"]
            };
            let read = Body::read(body.as_bytes()).and_then(|body| {
                body.only(allowed)?;
                body.flag("all")?;
                body.texts("boards")?;
                body.number_or_text("room", "a room")
            });
            let said = said(read);
            assert!(said.starts_with(words), "{body}: {said}");
        }
    }

    #[test]
    fn json_is_declared_in_more_than_one_way() {
        for (declared, is_taken) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/json", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            let headers = [(CONTENT_TYPE, declared.parse().unwrap())]
                .into_iter()
                .collect();
            assert_eq!(is_json(&headers), is_taken, "{declared}");
        }
    }
}
