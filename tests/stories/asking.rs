//! The API: it shows what the commands show, does what they do, and answers as its own document says.

mod figures;
mod linking;
mod refusals;
mod rooms;
mod webhooks;
mod words;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, eventually};
use crate::visiting::{Reply, Visitor};

const BASE: &str = "/api/v1";

/// Somebody who holds every answer against the document that the service itself serves.
#[derive(Debug)]
struct Reader {
    visitor: Visitor,
    document: Value,
}

impl Reader {
    async fn new(visitor: &Visitor) -> Self {
        let visitor = visitor.with_token();
        let document = visitor.get("/api/v1/openapi.json").await.json();
        Self { visitor, document }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Option<&str>) -> Reply {
        self.ask(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        self.ask(Method::PUT, path, Some(&body.to_string())).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&str>) -> Reply {
        let name = method.as_str().to_lowercase();
        let visitor = match body {
            Some(_) => self.visitor.with("content-type", "application/json"),
            None => self.visitor.clone(),
        };
        let reply = visitor.send(method, &format!("{BASE}{path}"), body).await;
        self.judge(&name, path, &reply);
        reply
    }

    /// Asserts that the document has this answer.
    fn judge(&self, method: &str, path: &str, reply: &Reply) {
        let operation = &self.document["paths"][template(path)][method];
        assert!(operation.is_object(), "{method} {path} is not documented");
        let mut response = &operation["responses"][reply.status.to_string()];
        if let Some(name) = response["$ref"].as_str() {
            response = self.document.pointer(name.trim_start_matches('#')).unwrap();
        }
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path}: {reply:?}");
        let schema = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let value = reply.json();
        let wrong: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{method} {path}: {wrong:?}\n{value:#}");
    }

    /// The names of all boards of a list, read in pages of two.
    async fn names(&self, query: &str) -> Vec<String> {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("/boards?limit=2{query}{cursor}"))
                .await
                .json();
            let boards = page["boards"].as_array().unwrap().clone();
            assert!(boards.len() <= 2);
            names.extend(
                boards
                    .iter()
                    .map(|board| board["name"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    }
}

impl House {
    /// The lines of JSON that a command prints.
    fn run(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.command(arguments).output().unwrap().stdout;
        let lines = String::from_utf8(printed).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// `/boards/64…/history?limit=1` is `/boards/{board}/history`.
fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "boards", _] => "/boards/{board}".to_owned(),
        ["", "boards", _, verb] => format!("/boards/{{board}}/{verb}"),
        _ => path.to_owned(),
    }
}

#[tokio::test]
async fn what_the_service_knows_is_told_as_the_document_says() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let empty = reader.get("/status").await.json();
    assert_eq!(
        empty["summary"]["state"], "empty",
        "the member's inbox is there"
    );
    let board = house.board("Launch \"><script>");
    house.status(&board, "mirrored").await;
    let checked = "SELECT count(*) FROM meta WHERE name = 'webhooks_at'";
    eventually("the webhooks were seen to work", || async {
        house.count(checked).await == 1
    })
    .await;
    let status = reader.get("/status").await.json();
    assert_eq!(
        status["summary"]["sentence"],
        "All is well: 1 board has its room."
    );
    assert_eq!(status["boards"]["by_status"]["mirrored"], 1);
    assert_eq!(status["services"][1]["state"], "open");
    assert_eq!(status["webhooks"]["state"], "works");
    let webhooks = reader.get("/webhooks").await.json();
    let all = webhooks["webhooks"].as_array().unwrap();
    assert!(
        all.iter().all(|hook| hook["whose"] == "ours") && all.len() >= 2,
        "{webhooks}"
    );
}

#[tokio::test]
async fn a_board_and_its_history_read_as_the_commands_tell_them() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let board = house.board("Launch \"><script>");
    house.status(&board, "mirrored").await;
    // A late delivery may make it due between the one and the other.
    eventually("both tell the same of the board", || async {
        let boards = reader.get("/boards").await.json();
        let told = house.run(&["boards", "--json", "--status", "mirrored"]);
        let told = told.first().and_then(Value::as_object).cloned();
        let mut members = told.iter().flatten();
        told.is_some() && members.all(|(name, value)| &boards["boards"][0][name] == value)
    })
    .await;
    let one = reader.get(&format!("/boards/{board}")).await.json();
    assert_eq!(one["room"]["room_id"], one["room_id"]);
    assert!(
        one["room_url"]
            .as_str()
            .unwrap()
            .starts_with(&house.docspace.url())
    );
    let named = reader
        .get("/boards/Launch%20%22%3E%3Cscript%3E")
        .await
        .json();
    assert_eq!(named["board_id"], one["board_id"]);

    eventually("both tell the same history", || async {
        let path = format!("/boards/{board}/history?limit=500");
        let history = reader.get(&path).await.json();
        history["history"] == json!(house.run(&["explain", "--json", &board]))
    })
    .await;
    let explained = house.run(&["explain", "--json", &board]);
    let first = reader
        .get(&format!("/boards/{board}/history?limit=1"))
        .await
        .json();
    let next = first["next"].as_str().unwrap();
    let second = reader
        .get(&format!("/boards/{board}/history?limit=1&cursor={next}"))
        .await
        .json();
    assert_eq!(second["history"][0], explained[1]);
}

#[tokio::test]
async fn boards_are_filtered_searched_and_read_on() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let names = ["Launch", "Élan", "relaunch", "Plan", "Budget"];
    let mut boards = Vec::new();
    for name in names {
        let board = house.board(name);
        house.status(&board, "mirrored").await;
        boards.push(board);
    }
    let reader = Reader::new(&visitor).await;
    assert_eq!(
        reader.names("&status=mirrored").await,
        names,
        "in the order in which they came"
    );
    assert_eq!(reader.names("&search=LAUNCH").await, ["Launch", "relaunch"]);
    assert_eq!(reader.names("&search=%C3%A9lan").await, ["Élan"]);
    assert_eq!(reader.names("&search=nothing").await, Vec::<String>::new());
    let ignored = reader
        .post(&format!("/boards/{}/ignore", boards[3]), None)
        .await
        .json();
    assert_eq!(ignored["known"], true);
    house.status(&boards[3], "ignored told").await;
    assert_eq!(reader.names("&status=ignored").await, ["Inbox", "Plan"]);
    assert_eq!(
        reader.names("&status=mirrored").await,
        ["Launch", "Élan", "relaunch", "Budget"]
    );
    assert_eq!(
        reader.names("&status=ignored/told&search=plan").await,
        ["Plan"]
    );
    assert_eq!(
        reader.names("&status=mirrored&search=plan").await,
        Vec::<String>::new()
    );
    let all = reader.names("").await;
    assert_eq!(
        all,
        ["Launch", "Élan", "relaunch", "Budget", "Inbox", "Plan"],
        "what is ignored comes last"
    );
    for (query, code) in [
        ("?status=lost", "status_unknown"),
        ("?status=failed/lost", "status_unknown"),
        ("?limit=0", "limit_out_of_range"),
        ("?limit=501", "limit_out_of_range"),
        ("?limit=many", "malformed"),
        ("?cursor=x", "cursor_unknown"),
        ("?page=2", "malformed"),
    ] {
        let refused = reader.get(&format!("/boards{query}")).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, code),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_database_that_is_read_but_not_written_is_told_of_alike_everywhere() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let reader = Reader::new(&visitor).await;
    let everywhere = async |ready: u16, state: &str, words: &str| {
        let probe = Visitor::at(house.port).get("/readyz").await.status;
        let status = reader.get("/status").await.json();
        let page = visitor.with_token().get("/").await.text;
        let stored = ready == 200;
        probe == ready
            && status["summary"]["state"] == state
            && status["summary"]["well"] == stored
            && status["deliveries"]["stored"] == stored
            && page.contains(words)
    };
    eventually("all is well", || everywhere(200, "empty", "All is ready")).await;
    let writing = "BEGIN; LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE";
    let held = house.storage.hold("BEGIN IMMEDIATE", writing).await;
    eventually("nothing can be stored", || {
        everywhere(503, "not_storing", "No delivery can be stored")
    })
    .await;
    held.end().await;
    eventually("all is well", || everywhere(200, "empty", "All is ready")).await;
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_route_answers() {
    let mut house = House::new().await;
    let visitor = house.administered();
    let _service = house.start().await;
    let board = house.board("Launch");
    house.status(&board, "mirrored").await;
    let reader = Reader::new(&visitor).await;
    let room = reader.get(&format!("/boards/{board}")).await.json()["room_id"].clone();
    let room = json!({ "room": room }).to_string();
    let source = std::fs::read_to_string("src/admin/api.rs").unwrap();
    let routes: BTreeSet<_> = source
        .split(".route(")
        .skip(1)
        .map(|rest| rest.split('"').nth(1).unwrap().to_owned())
        .collect();
    let paths = reader.document["paths"].as_object().unwrap().clone();
    assert_eq!(paths.keys().cloned().collect::<BTreeSet<_>>(), routes);
    for (path, operations) in paths {
        let at = path.replace("{board}", &board);
        for method in operations.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = match path.as_str() {
                "/retry" => Some("{\"all\":true}"),
                "/boards/{board}/room" => Some(&*room),
                _ => None,
            };
            let reply = reader.ask(method.clone(), &at, body).await;
            assert!(reply.status < 300, "{method} {path}: {reply:?}");
            let outside = visitor
                .send(method.clone(), &format!("{BASE}{at}"), None)
                .await;
            reader.judge(&method.as_str().to_lowercase(), &at, &outside);
            assert_eq!(outside.status, 401, "{method} {path}");
        }
    }
}
