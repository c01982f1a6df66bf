//! What Prometheus reads of a service, and its own checker, promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a text that Prometheus reads has of each metric, as the README's table has it: name, type, labels, meaning.
pub(crate) fn rows(exposition: &str) -> BTreeSet<String> {
    let (mut helps, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    let mut labels = BTreeMap::<_, BTreeSet<_>>::new();
    for line in exposition.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helps.extend(help.split_once(' '));
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            kinds.extend(kind.split_once(' '));
        } else {
            let name = *named(line).first().expect("a line is a metric's");
            let braced = line
                .split_once('{')
                .and_then(|(_, rest)| rest.rsplit_once('}'));
            let pairs = braced.map_or("", |(pairs, _)| pairs).split("\",");
            let keys = pairs.filter_map(|pair| pair.split_once('='));
            let keys = keys.map(|(key, _)| key).filter(|key| *key != "le");
            labels.entry(name).or_default().extend(keys);
        }
    }
    let row = |(name, kind): (&&str, &&str)| {
        let spans = labels[name].iter().map(|label| format!("`{label}`"));
        let spans = spans.collect::<Vec<_>>().join(" ");
        let spans = if spans.is_empty() { "–" } else { &spans };
        let help = helps[name].trim_end_matches('.');
        format!("`{name}` | {kind} | {spans} | {help}")
    };
    kinds.iter().map(row).collect()
}

/// The same, as the README has it.
pub(crate) fn documented(readme: &str) -> BTreeSet<String> {
    let rows = readme.lines().filter_map(|line| {
        let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let is_metric = ["`boardroom_", "`process_"]
            .iter()
            .any(|name| row.starts_with(name));
        is_metric.then(|| row.to_owned())
    });
    rows.collect()
}

/// The names of our metrics in any text: rules, queries, tables.
pub(crate) fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("boardroom_") || word.starts_with("process_"))
        .map(|word| {
            // The parts of a histogram.
            ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|suffix| word.strip_suffix(suffix))
                .filter(|histogram| histogram.ends_with("_seconds"))
                .unwrap_or(word)
        })
        .collect()
}

/// Runs promtool with this for its input; what it said, and whether it was content.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("promtool is missing: install Debian's package prometheus");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It need not read what it has no use for.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let ended = child.wait_with_output().expect("it was started");
    let said = [ended.stdout, ended.stderr].concat();
    (
        ended.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}
