//! Whether one exchange fits the operation that it was meant for: path, query, body and, of a success, the answer.

use std::collections::BTreeMap;

use boardroom::sandbox::Exchange;
use serde_json::Value;

use crate::document::{self, Document, Operation};
use crate::schema::{self, Complaint, Strangers};

const JSON: &str = "application/json";

/// A request and its answer, as far as a document can speak of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spoken {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Decoded, in the order in which it was sent.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    /// None when the connection was cut.
    pub(crate) answer: Option<(u16, Vec<u8>)>,
}

impl From<&Exchange> for Spoken {
    fn from(exchange: &Exchange) -> Self {
        let call = &exchange.call;
        let answer = exchange.answer.as_ref();
        Self {
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            content_type: call.header("content-type").unwrap_or_default().to_owned(),
            body: call.body.to_vec(),
            answer: answer.map(|answer| (answer.status, answer.body.to_vec())),
        }
    }
}

/// All that does not fit. Each place begins with the operation.
pub(crate) fn check(document: &Document, spoken: &Spoken) -> Vec<Complaint> {
    let Some(operation) = document.operation(&spoken.method, &spoken.path) else {
        let place = format!("{} {}", spoken.method, spoken.path);
        return vec![complaint(place, "is not in the document")];
    };
    let mut all = path(document, &operation);
    all.extend(query(document, &operation, &spoken.query));
    all.extend(body(document, &operation, spoken));
    all.extend(answer(document, &operation, spoken));
    for complaint in &mut all {
        let Operation {
            method, template, ..
        } = &operation;
        complaint.place = format!("{method} {template}: {}", complaint.place);
    }
    all
}

fn complaint(place: impl Into<String>, why: impl Into<String>) -> Complaint {
    Complaint {
        place: place.into(),
        why: why.into(),
    }
}

/// The declared parameters of one kind, by their names.
fn declared<'d>(operation: &Operation<'d>, kind: &str) -> BTreeMap<&'d str, &'d Value> {
    let of_kind = operation
        .parameters
        .iter()
        .filter(|parameter| parameter["in"] == *kind);
    let named = of_kind.filter_map(|parameter| Some((parameter["name"].as_str()?, *parameter)));
    named.collect()
}

fn path(document: &Document, operation: &Operation<'_>) -> Vec<Complaint> {
    let declared = declared(operation, "path");
    let values = operation.path.iter();
    values
        .flat_map(|(name, value)| match declared.get(name) {
            Some(parameter) => fits(document, parameter, value, &format!("path {name}")),
            None => vec![complaint(format!("path {name}"), "is not declared")],
        })
        .collect()
}

fn query(
    document: &Document,
    operation: &Operation<'_>,
    query: &[(String, String)],
) -> Vec<Complaint> {
    let declared = declared(operation, "query");
    let mut all = Vec::new();
    for (index, (name, value)) in query.iter().enumerate() {
        let place = format!("query {name}");
        let Some(parameter) = declared.get(name.as_str()) else {
            all.push(complaint(place, "is not declared"));
            continue;
        };
        if query[..index].iter().any(|(earlier, _)| earlier == name) {
            all.push(complaint(place.as_str(), "is sent twice"));
        }
        all.extend(fits(document, parameter, value, &place));
    }
    for (name, parameter) in declared {
        let sent = query.iter().any(|(sent, _)| sent == name);
        if parameter["required"] == true && !sent {
            all.push(complaint(
                format!("query {name}"),
                "is required and missing",
            ));
        }
    }
    all
}

/// A value of a path or a query. Trello's lists with commas are declared as one text, and told in words alone.
fn fits(document: &Document, parameter: &Value, value: &str, place: &str) -> Vec<Complaint> {
    let description = parameter["description"].as_str().unwrap_or_default();
    let values: Vec<_> = if description.contains("comma-separated") {
        value.split(',').collect()
    } else {
        vec![value]
    };
    let Some(schema) = parameter.get("schema") else {
        return vec![complaint(place, "is declared without a schema")];
    };
    if let Some(missing) = document::erratum(parameter) {
        document.note(missing);
    }
    values
        .into_iter()
        .flat_map(|text| {
            let value = schema::read(document, schema, text);
            schema::check(document, Strangers::Refused, schema, &value, place)
        })
        .collect()
}

fn body(document: &Document, operation: &Operation<'_>, spoken: &Spoken) -> Vec<Complaint> {
    let place = "body";
    let Some(declared) = operation.body else {
        let sent = (!spoken.body.is_empty()).then(|| complaint(place, "is not declared"));
        return sent.into_iter().collect();
    };
    if spoken.body.is_empty() {
        let missing = declared["required"] == true;
        let missing = missing.then(|| complaint(place, "is required and missing"));
        return missing.into_iter().collect();
    }
    let kind = spoken
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if kind != JSON {
        return vec![complaint(place, format!("is sent as `{kind}`"))];
    }
    let schema = &declared["content"][JSON]["schema"];
    against(document, Strangers::Refused, schema, &spoken.body, place)
}

/// Only successes: of refusals both documents know little, and that is wrong.
fn answer(document: &Document, operation: &Operation<'_>, spoken: &Spoken) -> Vec<Complaint> {
    let place = "answer";
    let Some((status, body)) = &spoken.answer else {
        return Vec::new();
    };
    if !(200..300).contains(status) {
        return Vec::new();
    }
    let Some(declared) = operation.responses.get(&status.to_string()) else {
        return vec![complaint(place, format!("{status} is not declared"))];
    };
    match document
        .resolved(declared)
        .pointer("/content/application~1json/schema")
    {
        Some(schema) => against(document, Strangers::Allowed, schema, body, place),
        None => Vec::new(),
    }
}

fn against(
    document: &Document,
    strangers: Strangers,
    schema: &Value,
    body: &[u8],
    place: &str,
) -> Vec<Complaint> {
    match serde_json::from_slice(body) {
        Ok(value) => schema::check(document, strangers, schema, &value, place),
        Err(error) => vec![complaint(place, format!("is no JSON: {error}"))],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Document {
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } });
        let room = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
        let content = json!({ "application/json": { "schema": room } });
        let tree = json!({ "paths": {
            "/rooms/{id}": {
                "parameters": [id],
                "get": {
                    "parameters": [
                        { "name": "count", "in": "query", "required": true, "schema": { "type": "integer", "maximum": 100 } },
                        { "name": "fields", "in": "query", "description": "a comma-separated list", "schema": { "type": "string", "enum": ["id", "name"] } },
                    ],
                    "responses": { "200": { "content": content } },
                },
                "put": { "requestBody": { "required": true, "content": content }, "responses": { "204": {} } },
            },
        } });
        Document::new(tree, Vec::new()).unwrap()
    }

    fn reading(path: &str, query: &[(&str, &str)], status: u16, body: &str) -> Spoken {
        let query = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Spoken {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.collect(),
            answer: Some((status, body.as_bytes().to_vec())),
            ..Spoken::default()
        }
    }

    fn writing(content_type: &str, body: &str) -> Spoken {
        Spoken {
            method: "PUT".to_owned(),
            path: "/rooms/38".to_owned(),
            content_type: content_type.to_owned(),
            body: body.as_bytes().to_vec(),
            ..Spoken::default()
        }
    }

    fn told(spoken: &Spoken) -> Vec<String> {
        let found = check(&document(), spoken);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_fits_is_not_complained_about() {
        let right = [
            reading(
                "/rooms/38",
                &[("count", "100"), ("fields", "name,id")],
                200,
                r#"{"id":38,"new":1}"#,
            ),
            reading("/rooms/38", &[("count", "1")], 404, "not found"),
            writing("application/json; charset=utf-8", r#"{"id":38}"#),
        ];
        for spoken in right {
            assert!(told(&spoken).is_empty(), "{:?}", told(&spoken));
        }
    }

    #[test]
    fn each_part_of_a_request_can_be_wrong() {
        let asked = |query: &[(&str, &str)]| reading("/rooms/38", query, 404, "");
        let wrong = [
            (
                reading("/room/38", &[], 200, "{}"),
                "GET /room/38: is not in the document",
            ),
            (
                reading("/rooms/x", &[("count", "1")], 404, ""),
                "GET /rooms/{id}: path id: \"x\" does not fit `type`",
            ),
            (asked(&[]), "query count: is required and missing"),
            (
                asked(&[("count", "101")]),
                "query count: 101 does not fit `maximum`",
            ),
            (
                asked(&[("count", "1"), ("count", "2")]),
                "query count: is sent twice",
            ),
            (
                asked(&[("count", "1"), ("Count", "1")]),
                "query Count: is not declared",
            ),
            (
                asked(&[("count", "1"), ("fields", "id,nam")]),
                "query fields: \"nam\" does not fit `enum`",
            ),
            (writing("", r#"{"id":38}"#), "body: is sent as ``"),
            (writing(JSON, ""), "body: is required and missing"),
            (writing(JSON, "{"), "body: is no JSON"),
            (
                writing(JSON, r#"{"id":"38"}"#),
                "body.id: \"38\" does not fit `type`",
            ),
            (
                writing(JSON, r#"{"id":38,"titel":""}"#),
                "body.titel: is unknown",
            ),
            (
                Spoken {
                    body: b"{}".to_vec(),
                    ..asked(&[("count", "1")])
                },
                "body: is not declared",
            ),
        ];
        for (spoken, why) in wrong {
            let told = told(&spoken);
            assert!(told.len() == 1 && told[0].contains(why), "{why}: {told:?}");
        }
    }

    #[test]
    fn an_answer_can_be_wrong() {
        for (status, body, why) in [
            (
                200,
                r#"{"id":"38"}"#,
                "answer.id: \"38\" does not fit `type`",
            ),
            (200, "<html>", "answer: is no JSON"),
            (201, "{}", "answer: 201 is not declared"),
        ] {
            let told = told(&reading("/rooms/38", &[("count", "1")], status, body));
            assert!(told.len() == 1 && told[0].contains(why), "{why}: {told:?}");
        }
    }
}
