//! Whether a JSON value fits a schema as these two documents write schemas. That is not JSON Schema: there is `nullable`, Trello's
//! document writes keywords beside `$ref` and alternatives that overlap in `oneOf`, and DocSpace's closes `allOf` with
//! `additionalProperties`, all of which a validator of JSON Schema reads otherwise. A keyword that is not understood is a complaint.

use std::fmt;

use serde_json::{Map, Value};

use crate::document::{Document, ORIGINAL, erratum};

/// Keywords that are read for all parts of a schema together, and those that ask for nothing.
const ELSEWHERE: [&str; 11] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "default",
    "deprecated",
    "description",
    "example",
    "items",
    "nullable",
    "properties",
    "readOnly",
];

/// A value that does not fit, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Such as `answer.folders[].title`.
    pub(crate) place: String,
    pub(crate) why: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.why)
    }
}

/// What becomes of members that an object's schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// In requests: nobody would read them.
    Refused,
    /// In answers: both services add members at any time.
    Allowed,
}

/// All that does not fit.
pub(crate) fn check(
    document: &Document,
    strangers: Strangers,
    schema: &Value,
    value: &Value,
    place: &str,
) -> Vec<Complaint> {
    let mut walk = Walk {
        document,
        strangers,
        complaints: Vec::new(),
    };
    walk.any(schema, value, place);
    walk.complaints
}

/// What a parameter's text stands for, by its declared type. A text that cannot be of that type stays a text.
pub(crate) fn read(document: &Document, schema: &Value, text: &str) -> Value {
    let kind = parts(document, schema)
        .into_iter()
        .find_map(|part| part.get("type")?.as_str());
    let read = match kind {
        Some("integer" | "number") => text
            .parse()
            .ok()
            .filter(|read| matches!(read, Value::Number(_))),
        Some("boolean") => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A schema with all that it is made of: what it refers to, what `allOf` adds, and an only alternative, which is none.
fn parts<'d>(document: &'d Document, schema: &'d Value) -> Vec<&'d Value> {
    let list = |keyword| schema.get(keyword).and_then(Value::as_array);
    let added = list("allOf").into_iter().flatten();
    let only = list("oneOf").filter(|all| all.len() == 1);
    let more = document.target(schema).into_iter().chain(added);
    let more = more.chain(only.into_iter().flatten());
    let more = more.flat_map(|part| parts(document, part));
    std::iter::once(schema).chain(more).collect()
}

struct Walk<'d> {
    document: &'d Document,
    strangers: Strangers,
    complaints: Vec<Complaint>,
}

impl<'d> Walk<'d> {
    fn complain(&mut self, place: &str, why: String) {
        self.complaints.push(Complaint {
            place: place.to_owned(),
            why,
        });
    }

    fn any(&mut self, schema: &'d Value, value: &Value, place: &str) {
        let parts = parts(self.document, schema);
        for part in &parts {
            self.note_erratum(part, value);
        }
        let says_null = |part: &&Value| part.get("nullable") == Some(&Value::Bool(true));
        if value.is_null() && parts.iter().any(says_null) {
            return;
        }
        for keywords in parts.iter().filter_map(|part| part.as_object()) {
            for (keyword, said) in keywords {
                self.keyword(keyword, said, value, place);
            }
        }
        match value {
            Value::Object(members) => self.members(&parts, members, place),
            Value::Array(items) => self.items(&parts, items, place),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Needed is a correction of what would have refused this value.
    fn note_erratum(&self, part: &'d Value, value: &Value) {
        if let (Some(number), Some(original)) = (erratum(part), part.get(ORIGINAL)) {
            let refused = check(self.document, Strangers::Refused, original, value, "");
            if !refused.is_empty() {
                self.document.note(number);
            }
        }
    }

    fn keyword(&mut self, keyword: &str, said: &'d Value, value: &Value, place: &str) {
        let fits = match keyword {
            "type" => is_a(said, value),
            "enum" => said.as_array().is_some_and(|all| all.contains(value)),
            "format" => has_format(said, value),
            "pattern" => has_pattern(said, value),
            "minimum" => number(value).is_none_or(|it| Some(it) >= number(said)),
            "maximum" => number(value).is_none_or(|it| Some(it) <= number(said)),
            "minLength" => length(value).is_none_or(|it| Some(it) >= number(said)),
            "maxLength" => length(value).is_none_or(|it| Some(it) <= number(said)),
            "oneOf" if said.as_array().is_some_and(|all| all.len() == 1) => true,
            "oneOf" | "anyOf" => self.alternative(said, value, place),
            "required" => return self.required(said, value, place),
            other => ELSEWHERE.contains(&other) || other.starts_with("x-"),
        };
        if !fits {
            let said: String = said.to_string().chars().take(120).collect();
            let value: String = value.to_string().chars().take(60).collect();
            self.complain(place, format!("{value} does not fit `{keyword}` {said}"));
        }
    }

    /// Trello's alternatives overlap (an id is a string, too), so more than one may fit.
    fn alternative(&self, all: &'d Value, value: &Value, place: &str) -> bool {
        let mut fitting =
            all.as_array().into_iter().flatten().filter(|schema| {
                check(self.document, self.strangers, schema, value, place).is_empty()
            });
        fitting.next().is_some()
    }

    fn required(&mut self, names: &Value, value: &Value, place: &str) {
        let Value::Object(members) = value else {
            return;
        };
        let names = names.as_array().into_iter().flatten();
        for name in names.filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.complain(
                    &format!("{place}.{name}"),
                    "is required and missing".to_owned(),
                );
            }
        }
    }

    fn members(&mut self, parts: &[&'d Value], members: &Map<String, Value>, place: &str) {
        let described: Vec<_> = parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .collect();
        let open = |part: &&Value| part.get("additionalProperties").is_some_and(is_open);
        let open = parts.iter().any(open);
        for (name, value) in members {
            let place = format!("{place}.{name}");
            let schemas: Vec<_> = described.iter().filter_map(|all| all.get(name)).collect();
            for schema in &schemas {
                self.any(schema, value, &place);
            }
            if schemas.is_empty()
                && !described.is_empty()
                && !open
                && self.strangers == Strangers::Refused
            {
                self.complain(&place, "is unknown".to_owned());
            }
        }
    }

    fn items(&mut self, parts: &[&'d Value], items: &[Value], place: &str) {
        let place = format!("{place}[]");
        for schema in parts.iter().filter_map(|part| part.get("items")) {
            for item in items {
                self.any(schema, item, &place);
            }
        }
    }
}

fn is_open(additional: &Value) -> bool {
    *additional != Value::Bool(false)
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// A format says something of values of its own type alone.
fn has_format(format: &Value, value: &Value) -> bool {
    let text = value.as_str();
    match format.as_str() {
        Some("int32") => value
            .as_i64()
            .is_none_or(|number| i32::try_from(number).is_ok()),
        Some("int64" | "float" | "double") => true,
        Some("date-time") => text.is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Some("date") => text.is_none_or(|text| text.parse::<jiff::civil::Date>().is_ok()),
        Some("uri" | "url") => text.is_none_or(|text| url::Url::parse(text).is_ok()),
        Some("email") => text.is_none_or(|text| text.split('@').count() == 2),
        Some("uuid") => text.is_none_or(is_uuid),
        _ => false,
    }
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// The one pattern that is in the documents.
fn has_pattern(pattern: &Value, value: &Value) -> bool {
    let is_id = |text: &str| text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    pattern == "^[0-9a-fA-F]{24}$" && value.as_str().is_none_or(is_id)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// In UTF-16 units, as both services count.
fn length(value: &Value) -> Option<f64> {
    let units = value.as_str()?.encode_utf16().count();
    u32::try_from(units).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::errata::Erratum;

    fn document(errata: Vec<Erratum>) -> Document {
        let tree = json!({ "components": { "schemas": {
            "Id": { "type": "string", "pattern": "^[0-9a-fA-F]{24}$" },
            "Kind": { "type": "integer", "enum": [2, 5] },
            "Entry": {
                "type": "object", "additionalProperties": false, "required": ["title"],
                "properties": { "title": { "type": "string", "maxLength": 3 } },
            },
            "Folder": {
                "additionalProperties": false,
                "allOf": [
                    { "$ref": "#/components/schemas/Entry" },
                    { "type": "object", "properties": {
                        "kind": { "$ref": "#/components/schemas/Kind" },
                        "tags": { "type": "array", "items": { "type": "string" }, "nullable": true },
                        "owner": { "$ref": "#/components/schemas/Id", "nullable": true },
                        "id": { "oneOf": [{ "type": "integer" }, { "type": "string" }] },
                        "made": { "type": "string", "format": "date-time" },
                        "size": { "type": "integer", "format": "int32", "minimum": 1 },
                    } },
                ],
            },
        } } });
        Document::new(tree, errata).unwrap()
    }

    fn complaints(document: &Document, strangers: Strangers, value: &Value) -> Vec<String> {
        let schema = json!({ "$ref": "#/components/schemas/Folder" });
        let found = check(document, strangers, &schema, value, "it");
        found.into_iter().map(|complaint| complaint.place).collect()
    }

    #[test]
    fn a_value_that_fits_is_not_complained_about() {
        let document = document(Vec::new());
        for fits in [
            json!({ "title": "abc", "kind": 2, "tags": ["a"], "id": 1, "size": 1 }),
            json!({ "title": "🚀a", "tags": null, "owner": null, "id": "box-1" }),
            json!({ "title": "", "owner": "64f0c0ffee0123456789abcd", "made": "2026-06-30T12:13:11.0000000+02:00" }),
        ] {
            let found = complaints(&document, Strangers::Refused, &fits);
            assert!(found.is_empty(), "{fits}: {found:?}");
        }
    }

    #[test]
    fn each_way_not_to_fit_is_told_with_its_place() {
        let document = document(Vec::new());
        for (member, wrong) in [
            ("title", json!(5)),
            ("title", json!(null)),
            ("title", json!("🚀🚀")),
            ("kind", json!(3)),
            ("kind", json!("2")),
            ("owner", json!("64f0")),
            ("id", json!(true)),
            ("id", json!(null)),
            ("made", json!("yesterday")),
            ("made", json!({ "utcTime": "2026-06-30T12:13:11Z" })),
            ("size", json!(0)),
            ("size", json!(1.5)),
            ("size", json!(5_000_000_000_i64)),
            ("tags", json!("a")),
            ("stranger", json!(1)),
        ] {
            let mut value = json!({ "title": "abc" });
            value[member] = wrong;
            let found = complaints(&document, Strangers::Refused, &value);
            assert!(
                !found.is_empty() && found.iter().all(|place| *place == format!("it.{member}")),
                "{value}: {found:?}"
            );
        }
        let found = complaints(&document, Strangers::Refused, &json!({ "tags": ["a", 1] }));
        assert_eq!(found, ["it.title", "it.tags[]"]);
    }

    #[test]
    fn strangers_may_be_in_answers() {
        let value = json!({ "title": "abc", "new": { "member": 1 } });
        let found = complaints(&document(Vec::new()), Strangers::Allowed, &value);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_keyword_or_a_format_that_is_not_understood_is_a_complaint() {
        let document = document(Vec::new());
        for schema in [
            json!({ "not": {} }),
            json!({ "format": "date-span" }),
            json!({ "pattern": "^a" }),
        ] {
            let found = check(&document, Strangers::Allowed, &schema, &json!("a"), "it");
            assert_eq!(found.len(), 1, "{schema}");
        }
    }

    #[test]
    fn an_erratum_is_followed_and_is_needed_once_it_has_saved_a_value() {
        let at = "/components/schemas/Kind";
        let wider = Erratum::wrong(at, json!({ "type": "integer" }), "the list is too short");
        let document = document(vec![wider]);
        let kind = |kind: u8| json!({ "title": "abc", "kind": kind });
        assert!(complaints(&document, Strangers::Refused, &kind(2)).is_empty());
        assert_eq!(document.not_needed().len(), 1, "2 was in the list");
        assert!(complaints(&document, Strangers::Refused, &kind(7)).is_empty());
        assert!(document.not_needed().is_empty());
    }

    #[test]
    fn a_parameters_text_is_read_by_its_declared_type() {
        let document = document(Vec::new());
        for (schema, text, value) in [
            (json!({ "type": "boolean" }), "true", json!(true)),
            (json!({ "type": "boolean" }), "1", json!("1")),
            (
                json!({ "$ref": "#/components/schemas/Kind" }),
                "2",
                json!(2),
            ),
            (json!({ "type": "integer" }), "two", json!("two")),
            (json!({ "type": "string" }), "2", json!("2")),
        ] {
            assert_eq!(read(&document, &schema, text), value, "{schema} {text}");
        }
    }
}
