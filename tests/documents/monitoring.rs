//! The alert rules and the dashboard: Prometheus' own checker is content with them, and they name nothing that the program does not tell.
//! A story holds the README's table of metrics to what a service tells, so that here the table speaks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::markdown::{headings, section, table};
use crate::prometheus::{documented, named, promtool};
use crate::read;

const RULES: &str = "config/prometheus/boardroom.rules.yml";
const TESTS: &str = "config/prometheus/boardroom.rules.test.yml";
const DASHBOARD: &str = "config/grafana/boardroom.json";

fn yaml(path: &str) -> Value {
    yaml_serde::from_str(&read(path)).unwrap()
}

#[test]
fn what_the_operator_is_given_are_the_rules_as_they_are() {
    let readme = read("README.md");
    let (_, rest) = section(&readme, "## Metrics")
        .split_once("  ```sh\n")
        .unwrap();
    let (commands, _) = rest.split_once("  ```").unwrap();
    // Shows what it is given instead of taking it to a cluster.
    let kubectl = "kubectl() { [ \"$1\" != apply ] || cat; }";
    let run = std::process::Command::new("bash")
        .args(["-euc", &format!("{kubectl}\n{commands}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let given: Value = yaml_serde::from_slice(&run.stdout).unwrap();
    assert_eq!(given["kind"], "PrometheusRule");
    assert_eq!(given["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(given["spec"], yaml(RULES));
}

fn alerts() -> Vec<Value> {
    let groups = yaml(RULES)["groups"].as_array().unwrap().clone();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Those of the names in a text that the table of the README lacks.
fn unknown(text: &str) -> Vec<String> {
    let readme = read("README.md");
    let rows = documented(&readme);
    let known: BTreeSet<_> = rows.iter().flat_map(|row| named(row)).collect();
    let found = named(text).into_iter().filter(|name| !known.contains(name));
    found.map(str::to_owned).collect()
}

/// Both files in a folder, where something of them was replaced.
fn with_rules(replace: &str, by: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in [RULES, TESTS] {
        let mut file = read(path);
        if path == RULES {
            assert!(file.contains(replace), "{replace}");
            file = file.replacen(replace, by, 1);
        }
        let name = Path::new(path).file_name().unwrap();
        std::fs::write(folder.path().join(name), file).unwrap();
    }
    folder
}

fn check(folder: &Path) -> [(bool, String); 2] {
    let place = |path: &str| {
        let name = Path::new(path).file_name().unwrap();
        folder.join(name).display().to_string()
    };
    [
        promtool(&["check", "rules", &place(RULES)], ""),
        promtool(&["test", "rules", &place(TESTS)], ""),
    ]
}

#[test]
fn promtool_is_content_with_the_alert_rules_and_with_no_wrong_one() {
    let right = with_rules("boardroom", "boardroom");
    for (content, said) in check(right.path()) {
        assert!(content, "{said}");
    }
    let misspelt = with_rules("boardroom_ready == 0", "boardroom_ready = 0");
    let [checked, tested] = check(misspelt.path());
    assert!(!checked.0 && !tested.0, "{}", checked.1);
    // It is a rule all the same, and another one.
    let others = [
        ("boardroom_ready == 0", "boardroom_ready == 1"),
        ("< 14 * 86400", "< 10 * 86400"),
        ("kind=\"service\"}", "kind=\"gate\"}"),
    ];
    for (right, wrong) in others {
        let [checked, tested] = check(with_rules(right, wrong).path());
        assert!(checked.0 && !tested.0, "{wrong}: {}", tested.1);
    }
}

#[test]
fn every_alert_says_what_is_wrong_and_where_to_look_and_is_tested_both_ways() {
    let readme = read("README.md");
    let headings: BTreeSet<_> = headings(&readme)
        .map(|(_, line)| line.trim_start_matches('#').trim())
        .collect();
    let mut tested = BTreeMap::<String, BTreeSet<bool>>::new();
    for test in yaml(TESTS)["tests"].as_array().unwrap() {
        for one in test["alert_rule_test"].as_array().unwrap() {
            let fires = !one["exp_alerts"].as_array().unwrap().is_empty();
            let name = text(one, "alertname").to_owned();
            tested.entry(name).or_default().insert(fires);
        }
    }
    let alerts = alerts();
    assert!(alerts.len() > 15);
    for alert in &alerts {
        let name = text(alert, "alert");
        let severity = text(&alert["labels"], "severity");
        assert!(["critical", "warning"].contains(&severity), "{name}");
        for annotation in ["summary", "description"] {
            assert!(text(&alert["annotations"], annotation).len() > 10, "{name}");
        }
        let runbook = text(&alert["annotations"], "runbook");
        let (_, place) = runbook.split_once("README, \"").unwrap();
        let place = place.split('"').next().unwrap();
        assert!(headings.contains(place), "{name}: README has no `{place}`");
        let both = tested.get(name).is_some_and(|fires| fires.len() == 2);
        assert!(both, "{name} is not tested firing and silent");
    }
}

#[test]
fn rules_and_dashboard_name_only_metrics_that_the_program_tells() {
    for path in [RULES, TESTS, DASHBOARD] {
        assert_eq!(unknown(&read(path)), Vec::<String>::new(), "{path}");
    }
    assert_eq!(
        unknown("rate(boardroom_no_such_total[5m])"),
        ["boardroom_no_such_total"]
    );
    let readme = read("README.md");
    let rows = table(section(&readme, "### All metrics"));
    assert_eq!(rows.len(), documented(&readme).len());
}

#[test]
fn every_panel_of_the_dashboard_can_be_read_and_asks_the_chosen_prometheus() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let datasource = variables.iter().find(|one| one["type"] == "datasource");
    assert_eq!(datasource.unwrap()["query"], "prometheus");
    let panels = dashboard["panels"].as_array().unwrap();
    let (rows, panels): (Vec<_>, Vec<_>) = panels.iter().partition(|panel| panel["type"] == "row");
    assert!(rows.len() > 3 && panels.len() > 20);
    let mut queries = Vec::new();
    for panel in panels {
        let title = text(panel, "title");
        assert!(text(panel, "description").len() > 10, "{title}");
        let unit = text(&panel["fieldConfig"]["defaults"], "unit");
        assert!(!unit.is_empty(), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let query = text(target, "expr");
            assert!(!named(query).is_empty(), "{title}");
            queries.push(query.replace("$__rate_interval", "5m"));
        }
    }
    // Prometheus reads them, too: a query is what a rule may record.
    let rules: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(number, query)| serde_json::json!({ "record": format!("query:{number}"), "expr": query }))
        .collect();
    let rules = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rules.to_string()).unwrap();
    let (content, said) = promtool(&["check", "rules", &file.path().display().to_string()], "");
    assert!(content, "{said}");
}
