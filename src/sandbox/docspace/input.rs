//! Reading request bodies as ASP.NET does: names in any case, numbers quoted or not, refusals in its own shapes.

use serde_json::{Map, Value, json};

use super::render;
use crate::sandbox::call::{Answer, Call};

/// A JSON object from a request.
#[derive(Debug)]
pub(super) struct Input(Map<String, Value>);

impl Input {
    pub(super) fn parse(call: &Call) -> Result<Self, Answer> {
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(Value::Null) => Err(invalid(call, "", "A non-empty request body is required.")),
            Ok(_) | Err(_) => Err(invalid(call, "$", "The JSON value could not be converted.")),
        }
    }

    /// A member by its name in any case; `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self
            .0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| key.eq_ignore_ascii_case(name))
    }

    pub(super) fn text(&self, call: &Call, name: &str) -> Result<Option<String>, Answer> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(unconvertible(call, name)),
        }
    }

    pub(super) fn flag(&self, call: &Call, name: &str) -> Result<bool, Answer> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(unconvertible(call, name)),
        }
    }

    pub(super) fn texts(&self, call: &Call, name: &str) -> Result<Option<Vec<String>>, Answer> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let items = value.as_array().ok_or_else(|| unconvertible(call, name))?;
        let text = |item: &Value| item.as_str().map(str::to_owned);
        items
            .iter()
            .map(text)
            .collect::<Option<Vec<String>>>()
            .map(Some)
            .ok_or_else(|| unconvertible(call, name))
    }
}

/// A number, also when it comes in quotes.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn unconvertible(call: &Call, name: &str) -> Answer {
    let message = format!(
        "The JSON value could not be converted to the expected type. Path: $.{name} | LineNumber: 0."
    );
    invalid(call, &format!("$.{name}"), &message)
}

/// Model validation's 400, wrapped in the envelope.
pub(super) fn invalid(call: &Call, field: &str, message: &str) -> Answer {
    Answer::json(
        400,
        &json!({
            "response": {
                "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
                "title": "One or more validation errors occurred.",
                "status": 400,
                "errors": { field: [message] },
                "traceId": render::trace_id(),
            },
            "count": 1,
            "links": [{ "href": call.path, "action": call.method }],
            "status": 1,
            "statusCode": 400,
        }),
    )
}
