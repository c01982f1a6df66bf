//! The import rule: who may use whom within the crate, in one table, and the form that every file has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod source;

use std::path::{Path, PathBuf};

use crate::source::{Edge, blanked, edges, uses};

/// A module and what it may use. Arrows only go down: whoever adds one says so here. Itself it may always use.
/// `mirror::plan` has a row of its own; every other row speaks for all that is below it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("retry", &[]),
    ("redact", &[]),
    ("api", &["redact"]),
    ("metrics", &[]),
    ("panics", &[]),
    ("supervisor", &[]),
    ("telemetry", &["redact", "panics"]),
    ("sandbox", &[]),
    ("config", &["model"]),
    ("watched", &["model"]),
    ("store", &["model"]),
    ("inbox", &["store", "model"]),
    ("trello", &["api", "metrics", "model", "redact"]),
    ("docspace", &["api", "metrics", "model", "redact"]),
    ("scope", &["trello", "store", "model"]),
    ("lane", &["trello", "docspace", "store", "model", "retry"]),
    ("heartbeat", &["notices", "model", "api"]),
    ("notices", &["store", "model", "api", "retry"]),
    ("figures", &["store", "metrics"]),
    ("leader", &["store"]),
    ("knowledge", &["store", "scope", "lane", "watched"]),
    ("mirror::plan", &["model", "scope"]),
    (
        "mirror",
        &[
            "trello", "docspace", "store", "lane", "scope", "metrics", "retry", "model",
        ],
    ),
    (
        "worker",
        &[
            "mirror",
            "store",
            "lane",
            "retry",
            "model",
            "metrics",
            "scope",
            "heartbeat",
            "telemetry",
        ],
    ),
    (
        "sweep",
        &[
            "trello",
            "store",
            "lane",
            "retry",
            "model",
            "metrics",
            "scope",
            "heartbeat",
        ],
    ),
    (
        "audit",
        &[
            "docspace", "store", "lane", "retry", "model", "metrics", "scope",
        ],
    ),
    (
        "guardian",
        &[
            "trello", "store", "lane", "retry", "model", "metrics", "scope", "watched",
        ],
    ),
    (
        "http",
        &[
            "inbox",
            "store",
            "lane",
            "trello",
            "docspace",
            "watched",
            "model",
            "metrics",
            "panics",
            "api",
            "redact",
            "telemetry",
        ],
    ),
    // What people ask and tell, whichever way they come.
    ("desk", &["store", "trello", "docspace", "model", "api"]),
    // What people see and do. It shares the clients of the public listener, and how a listener is served.
    (
        "admin",
        &[
            "desk",
            "http",
            "store",
            // What it takes for a database that is away.
            "inbox",
            "lane",
            "trello",
            "docspace",
            "model",
            "metrics",
            "api",
            "redact",
            "exposition",
            "figures",
            // What would become of a board.
            "survey",
        ],
    ),
    (
        "exposition",
        &[
            "http", "metrics", "store", "lane", "inbox", "trello", "docspace", "model",
        ],
    ),
    (
        "survey",
        &[
            "trello",
            "docspace",
            "store",
            "scope",
            "mirror",
            "mirror::plan",
            "model",
        ],
    ),
    // The command line wires everything together, and nothing else knows of it.
    (
        "cli",
        &[
            "model",
            "retry",
            "redact",
            "api",
            "metrics",
            "supervisor",
            "telemetry",
            "sandbox",
            "config",
            "watched",
            "store",
            "inbox",
            "trello",
            "docspace",
            "figures",
            "scope",
            "lane",
            "leader",
            "knowledge",
            "mirror",
            "worker",
            "sweep",
            "audit",
            "guardian",
            "survey",
            "http",
            "exposition",
            "desk",
            "admin",
            "heartbeat",
            "notices",
        ],
    ),
    ("main", &["cli"]),
];

/// Longer than this, a file holds more than one thing.
const MOST_LINES: usize = 420;
/// The files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[(
    "src/config/tests.rs",
    "one test module over all layers of the configuration",
)];

#[test]
fn imports_only_go_where_the_table_says() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let module = module_of(&file);
        for edge in edges(&file, &module, &read(&file)) {
            seen += 1;
            if !allowed(&edge) {
                wrong.push(edge.to_string());
            }
        }
    }
    assert!(seen > 100, "only {seen} uses were found: is `src` read?");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_table_has_every_module_and_no_other() {
    let lib = blanked(&read(Path::new("src/lib.rs")));
    let mut modules: Vec<_> = lib
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub ")
                .strip_prefix("mod ")?
                .strip_suffix(';')
        })
        .chain(["main", "mirror::plan"])
        .collect();
    modules.sort_unstable();
    let mut rows: Vec<_> = MAY_USE.iter().map(|(module, _)| *module).collect();
    rows.sort_unstable();
    assert_eq!(rows, modules);
}

#[test]
fn the_table_has_no_circle() {
    // Whoever uses nobody is at the bottom; what is above the bottom is so again, until nobody is left.
    let mut left: Vec<_> = MAY_USE.to_vec();
    while !left.is_empty() {
        let is_left = |module: &str| left.iter().any(|(other, _)| *other == module);
        let above: Vec<_> = left
            .iter()
            .filter(|(_, used)| used.iter().any(|module| is_left(module)))
            .copied()
            .collect();
        assert!(above.len() < left.len(), "a circle among {above:?}");
        left = above;
    }
}

/// `mirror::plan` to the parts of `mirror` is a use like any other; `mirror` to its own plan is none.
fn allowed(edge: &Edge) -> bool {
    let row = MAY_USE.iter().find(|(module, _)| *module == edge.from);
    edge.to == edge.from || row.is_some_and(|(_, used)| used.contains(&edge.to.as_str()))
}

/// `src/mirror/plan.rs` is `mirror::plan`.
fn module_of(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix("src").unwrap().with_extension("");
    let parts = inside.components();
    parts
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What was built for fuzzing is not ours.
            if path.ends_with("tests/fuzz/target") {
                continue;
            }
            found.extend(rust_files(path.to_str().unwrap()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn every_file_says_what_it_holds_and_is_not_too_long() {
    let files: Vec<_> = ["src", "tests"].into_iter().flat_map(rust_files).collect();
    for file in &files {
        let (name, text) = (file.display(), read(file));
        assert!(
            text.starts_with("//! ") && text.lines().next().unwrap().len() > 20,
            "{name} does not open with what it holds"
        );
        let lines = text.lines().count();
        let may_be_longer = LONGER.iter().any(|(longer, _)| Path::new(longer) == file);
        assert_eq!(
            lines > MOST_LINES,
            may_be_longer,
            "{name} has {lines} lines"
        );
    }
}

#[test]
fn a_use_that_the_table_lacks_is_told_with_its_place() {
    let module = ["store".to_owned()];
    let source = "//! The store.\n\nuse crate::trello::Trello;\nuse crate::model::id::RoomId;\n";
    let edges = edges(Path::new("src/store.rs"), &module, source);
    let verdicts: Vec<_> = edges.iter().map(allowed).collect();
    assert_eq!(verdicts, [false, true]);
    assert!(
        edges[0]
            .to_string()
            .starts_with("src/store.rs:3: store uses trello")
    );
    let unknown = uses("store", "use crate::Sqlite;");
    assert_eq!(unknown, ["Sqlite @ 1"]);
}
