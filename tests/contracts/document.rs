//! A published document (`OpenAPI` 3.0) with its errata put right: which operations it has, and what its references mean.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::errata::{Erratum, Fault};

/// Marks a corrected place with the number of its erratum.
pub(crate) const ERRATUM: &str = "x-erratum";
/// What the document said at a corrected place.
pub(crate) const ORIGINAL: &str = "x-original";

/// A document that its errata have been applied to.
#[derive(Debug)]
pub(crate) struct Document {
    tree: Value,
    /// What every path of the document follows in the URL: Trello's `/1`.
    base: String,
    /// The place of each erratum, and its reason.
    errata: Vec<(&'static str, &'static str)>,
    needed: RefCell<BTreeSet<usize>>,
}

/// An operation that a request was meant for.
#[derive(Debug)]
pub(crate) struct Operation<'d> {
    pub(crate) method: String,
    /// The path with its names in braces, the base before it.
    pub(crate) template: String,
    /// What stands where the names are, as it was sent.
    pub(crate) path: Vec<(&'d str, String)>,
    pub(crate) parameters: Vec<&'d Value>,
    pub(crate) body: Option<&'d Value>,
    pub(crate) responses: &'d Map<String, Value>,
}

impl Document {
    /// Refuses errata that can be seen to be outdated already.
    pub(crate) fn new(mut tree: Value, errata: Vec<Erratum>) -> Result<Self, Vec<String>> {
        let table: Vec<_> = errata
            .iter()
            .map(|erratum| (erratum.at, erratum.why))
            .collect();
        let applied = errata.into_iter().enumerate();
        let stale: Vec<_> = applied
            .filter_map(|(number, erratum)| apply(&mut tree, number, erratum).err())
            .collect();
        if !stale.is_empty() {
            return Err(stale);
        }
        let server = tree.pointer("/servers/0/url").and_then(Value::as_str);
        let server = server.and_then(|server| url::Url::parse(server).ok());
        let base = server.map_or_else(String::new, |server| {
            server.path().trim_end_matches('/').to_owned()
        });
        Ok(Self {
            tree,
            base,
            errata: table,
            needed: RefCell::default(),
        })
    }

    /// The operation of a path as it was sent. A template with fewer names in it goes before one with more.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.strip_prefix(&self.base)?;
        let templates = self.tree.get("paths")?.as_object()?;
        let (template, item, names) = templates
            .iter()
            .filter_map(|(template, item)| Some((template, item, matched(template, path)?)))
            .min_by_key(|(_, _, names)| names.len())?;
        let operation = item.get(method.to_ascii_lowercase())?;
        if let Some(number) = erratum(item) {
            self.note(number);
        }
        let parameters = [item, operation]
            .into_iter()
            .filter_map(|holder| holder.get("parameters")?.as_array())
            .flatten();
        Some(Operation {
            method: method.to_owned(),
            template: format!("{}{template}", self.base),
            path: names,
            parameters: parameters
                .map(|parameter| self.resolved(parameter))
                .collect(),
            body: operation.get("requestBody").map(|body| self.resolved(body)),
            responses: operation.get("responses")?.as_object()?,
        })
    }

    /// Follows `$ref`, as often as there is one.
    pub(crate) fn resolved<'d>(&'d self, mut value: &'d Value) -> &'d Value {
        while let Some(target) = self.target(value) {
            value = target;
        }
        value
    }

    /// What `$ref` points at, where there is one.
    pub(crate) fn target(&self, value: &Value) -> Option<&Value> {
        let reference = value.get("$ref")?.as_str()?;
        let place = reference
            .strip_prefix('#')
            .and_then(|place| self.tree.pointer(place));
        Some(place.unwrap_or_else(|| panic!("nothing is at {reference}")))
    }

    /// An erratum has corrected something that would have been refused otherwise.
    pub(crate) fn note(&self, erratum: usize) {
        self.needed.borrow_mut().insert(erratum);
    }

    /// The places of errata that nothing has met yet, with their reasons.
    pub(crate) fn not_needed(&self) -> Vec<(&'static str, &'static str)> {
        let needed = self.needed.borrow();
        let numbered = self.errata.iter().enumerate();
        numbered
            .filter(|(number, _)| !needed.contains(number))
            .map(|(_, erratum)| *erratum)
            .collect()
    }
}

/// The erratum that a place was corrected by.
pub(crate) fn erratum(place: &Value) -> Option<usize> {
    place
        .get(ERRATUM)
        .and_then(Value::as_u64)
        .and_then(|number| usize::try_from(number).ok())
}

fn apply(tree: &mut Value, number: usize, erratum: Erratum) -> Result<(), String> {
    let Erratum {
        at, fault, means, ..
    } = erratum;
    let original = tree.pointer(at).cloned();
    let mut corrected = means;
    corrected[ERRATUM] = json!(number);
    match (fault, original) {
        (Fault::Wrong, Some(original)) => {
            corrected[ORIGINAL] = original;
            *tree.pointer_mut(at).expect("it was read a moment ago") = corrected;
            Ok(())
        }
        (Fault::Missing, None) => add(tree, at, corrected),
        (Fault::Wrong, None) => Err(format!(
            "the erratum at {at} is outdated: nothing is there any more"
        )),
        (Fault::Missing, Some(_)) => Err(format!(
            "the erratum at {at} is outdated: the document knows it by now"
        )),
    }
}

/// Puts in what is missing: a member, or where the pointer ends with `-` one more parameter.
fn add(tree: &mut Value, at: &str, missing: Value) -> Result<(), String> {
    let (parent, name) = at.rsplit_once('/').expect("a pointer begins with a slash");
    if name != "-" {
        let parent = tree.pointer_mut(parent);
        let parent = parent.ok_or_else(|| format!("the erratum at {at} has no place"))?;
        parent[name.replace("~1", "/").replace("~0", "~")] = missing;
        return Ok(());
    }
    let operation = parent.trim_end_matches("/parameters");
    let operation = tree.pointer_mut(operation);
    let operation = operation.ok_or_else(|| format!("the erratum at {at} has no place"))?;
    let list = operation["parameters"].take();
    let mut list = list.as_array().cloned().unwrap_or_default();
    let known = list.iter().any(|one| one["name"] == missing["name"]);
    list.push(missing);
    operation["parameters"] = Value::Array(list);
    if known {
        return Err(format!(
            "the erratum at {at} is outdated: the document declares it by now"
        ));
    }
    Ok(())
}

/// What stands where the template has names. A trailing slash counts, and a name never stands for nothing.
fn matched<'t>(template: &'t str, path: &str) -> Option<Vec<(&'t str, String)>> {
    let (wanted, given): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        let name = wanted
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) if !given.is_empty() => names.push((name, given.to_owned())),
            None if wanted == given => {}
            Some(_) | None => return None,
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Value {
        let item = json!({ "get": { "responses": {} } });
        json!({
            "servers": [{ "url": "https://api.example.com/1" }],
            "paths": { "/rooms/{id}": item, "/rooms/quota": item, "/hooks/": item },
        })
    }

    #[test]
    fn a_path_is_found_with_its_base_its_names_and_its_slashes() {
        let document = Document::new(paths(), Vec::new()).unwrap();
        let template = |method: &str, path: &str| {
            document
                .operation(method, path)
                .map(|found| (found.template, found.path))
        };
        assert_eq!(
            template("GET", "/1/rooms/38"),
            Some(("/1/rooms/{id}".to_owned(), vec![("id", "38".to_owned())]))
        );
        assert_eq!(
            template("GET", "/1/rooms/quota"),
            Some(("/1/rooms/quota".to_owned(), Vec::new()))
        );
        assert!(template("GET", "/1/hooks/").is_some());
        for wrong in [
            "/1/hooks",
            "/rooms/38",
            "/1/rooms/",
            "/1/rooms/38/",
            "/1/Rooms/38",
            "/1/elsewhere",
        ] {
            assert_eq!(template("GET", wrong), None, "{wrong}");
        }
        assert_eq!(template("PUT", "/1/rooms/38"), None);
    }

    #[test]
    fn an_erratum_that_the_document_has_outgrown_is_refused() {
        let known = Erratum::missing("/paths/~1rooms~1{id}", json!({}), "it was not documented");
        let gone = Erratum::wrong("/components/schemas/Gone", json!({}), "its type was wrong");
        for erratum in [known, gone] {
            let stale = Document::new(paths(), vec![erratum]).unwrap_err();
            assert!(stale[0].contains("outdated"), "{stale:?}");
        }
    }

    #[test]
    fn a_parameter_that_is_missing_is_put_in_once() {
        let count = || {
            let count = json!({ "name": "count", "in": "query" });
            Erratum::missing("/paths/~1hooks~1/get/parameters/-", count, "it is taken")
        };
        let document = Document::new(paths(), vec![count()]).unwrap();
        let operation = document.operation("GET", "/1/hooks/").unwrap();
        assert_eq!(operation.parameters[0]["name"], "count");
        let stale = Document::new(paths(), vec![count(), count()]).unwrap_err();
        assert!(stale[0].contains("outdated"), "{stale:?}");
    }

    #[test]
    fn an_operation_that_is_missing_is_needed_only_when_it_is_called() {
        let item = json!({ "get": { "responses": {} } });
        let erratum = Erratum::missing("/paths/~1build", item, "it is hidden");
        let document = Document::new(paths(), vec![erratum]).unwrap();
        assert_eq!(document.not_needed(), [("/paths/~1build", "it is hidden")]);
        assert!(document.operation("GET", "/1/build").is_some());
        assert!(document.not_needed().is_empty());
    }
}
