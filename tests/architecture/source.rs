//! Reading sources as text: comments and literals are blanked, then every path from the crate's root is followed.

use std::fmt;
use std::path::{Path, PathBuf};

/// One use of a module by another.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            file,
            line,
        } = self;
        write!(
            f,
            "{}:{line}: {from} uses {to}, which the table in tests/architecture does not allow",
            file.display()
        )
    }
}

/// Every use of another module, or of another part of the own one, by its path from the crate's root.
pub(crate) fn edges(file: &Path, module: &[String], source: &str) -> Vec<Edge> {
    let clean = blanked(source);
    let tokens = tokens(&clean);
    let mut edges = Vec::new();
    let mut inner = 0;
    for at in 0..tokens.len() {
        let (line, word) = tokens[at];
        // rustfmt puts the brace that closes a module of the file into the first column.
        match word {
            "mod" if tokens.get(at + 2).is_some_and(|(_, next)| *next == "{") => inner = 1,
            "}" if clean.lines().nth(line - 1) == Some("}") => inner = 0,
            _ => {}
        }
        let is_head = at == 0 || tokens[at - 1].1 != "::";
        let base = match word {
            // The library by its name: this is how `main` sees it.
            "crate" | "boardroom" if is_head && followed(&tokens, at) => Some((at + 2, Vec::new())),
            "super" if is_head && followed(&tokens, at) => up(&tokens, at, module, inner),
            "crate" if tokens.get(at + 1).is_some_and(|(_, next)| *next == "as") => {
                panic!(
                    "{}:{line}: another name for the crate hides its uses",
                    file.display()
                )
            }
            _ => None,
        };
        let Some((next, base)) = base else { continue };
        let mut paths = Vec::new();
        follow(&tokens, next, &base, &mut paths);
        let from = row_of(module);
        edges.extend(paths.into_iter().map(|(line, path)| {
            let is_own = row_of(&path) == from;
            Edge {
                to: if is_own {
                    from.clone()
                } else {
                    path[0].clone()
                },
                from: from.clone(),
                file: file.to_owned(),
                line,
            }
        }));
    }
    edges
}

fn followed(tokens: &[(usize, &str)], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|(_, next)| *next == "::")
}

/// Where a chain of `super::` leads, and where the rest of its path begins. None when it stays within the file.
fn up(
    tokens: &[(usize, &str)],
    at: usize,
    module: &[String],
    inner: usize,
) -> Option<(usize, Vec<String>)> {
    let mut next = at;
    let mut steps = 0;
    while tokens.get(next).is_some_and(|(_, word)| *word == "super") && followed(tokens, next) {
        steps += 1;
        next += 2;
    }
    (steps > inner).then(|| (next, module[..module.len() + inner - steps].to_vec()))
}

/// Collects the paths of a use tree from its token on, each with the line on which it begins. Returns where the tree ends.
fn follow(
    tokens: &[(usize, &str)],
    mut at: usize,
    base: &[String],
    paths: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = base.to_vec();
    let line = tokens[at].0;
    loop {
        match tokens.get(at).map(|(_, word)| *word) {
            Some("{") => {
                at += 1;
                while tokens[at].1 != "}" {
                    at = follow(tokens, at, &path, paths);
                    if tokens[at].1 == "as" {
                        at += 2;
                    }
                    if tokens[at].1 == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(word) => path.push(word.to_owned()),
            None => return at,
        }
        if !followed(tokens, at) {
            paths.push((line, path));
            return at + 1;
        }
        at += 2;
    }
}

/// Words, `::` and other signs, each with its line, counted from 1.
fn tokens(source: &str) -> Vec<(usize, &str)> {
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut tokens = Vec::new();
    for (index, text) in source.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|sign| !is_word(sign)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((index + 1, &rest[..length]));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The source with comments, texts and characters blanked out; lines stay where they are.
pub(crate) fn blanked(source: &str) -> String {
    let mut clean = String::with_capacity(source.len());
    let mut rest = source;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = literal(rest, before).unwrap_or(0);
        if length == 0 {
            clean.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
        } else {
            clean.extend(
                rest[..length]
                    .chars()
                    .map(|sign| if sign == '\n' { '\n' } else { ' ' }),
            );
            before = ' ';
            rest = &rest[length..];
        }
    }
    clean
}

/// The length of the comment or literal that begins here, if one does.
fn literal(rest: &str, before: char) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    let word_before = before.is_alphanumeric() || before == '_';
    if rest.starts_with('r') && !word_before {
        let hashes = rest[1..].chars().take_while(|sign| *sign == '#').count();
        let body = rest[1 + hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 2;
        return Some(
            body.find(&end)
                .map_or(rest.len(), |at| start + at + end.len()),
        );
    }
    if rest.starts_with('\'') {
        // A lifetime has no quote behind its first character.
        let mut signs = rest.char_indices().skip(1);
        let (_, first) = signs.next()?;
        let (_, second) = signs.next()?;
        return (first == '\\' || second == '\'').then(|| quoted(rest, '\''));
    }
    None
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, sign) in rest.char_indices().skip(1) {
        if !escaped && sign == quote {
            return at + 1;
        }
        escaped = sign == '\\' && !escaped;
    }
    rest.len()
}

/// The row of the table that speaks for a module.
fn row_of(module: &[String]) -> String {
    match module {
        [mirror, plan, ..] if mirror == "mirror" && plan == "plan" => "mirror::plan".to_owned(),
        _ => module[0].clone(),
    }
}

/// What a text uses, as `module @ line`.
pub(crate) fn uses(module: &str, source: &str) -> Vec<String> {
    let module: Vec<_> = module.split("::").map(str::to_owned).collect();
    let edges = edges(Path::new("x.rs"), &module, source);
    edges
        .iter()
        .map(|edge| format!("{} @ {}", edge.to, edge.line))
        .collect()
}

#[test]
fn uses_are_found_however_they_are_written() {
    let table: [(&str, &str, &[&str]); 7] = [
        ("http", "use crate::store::Store;", &["store @ 1"]),
        (
            "cli::serve",
            "use crate::{api,\n    config::{Config, Needs}, model as m};",
            &["api @ 1", "config @ 2", "config @ 2", "model @ 2"],
        ),
        (
            "sweep",
            "fn f() {\n    crate::retry::wait(crate::api::X)\n}",
            &["retry @ 2", "api @ 2"],
        ),
        ("main", "boardroom::cli::run()", &["cli @ 1"]),
        (
            "api",
            "// crate::cli\n/* crate::cli /* */ crate::cli */\nlet a = \"crate::cli\\\" crate::cli\";",
            &[],
        ),
        (
            "api",
            "let a = (r#\"\" crate::cli\"#, '\"', '\\'', b'\"', crate::model::Y);",
            &["model @ 1"],
        ),
        (
            "api",
            "fn f<'a>(a: &'a str) -> crate::model::X<'a> {}\npub(crate) fn g() {}",
            &["model @ 1"],
        ),
    ];
    for (module, source, expected) in table {
        assert_eq!(uses(module, source), expected, "{source}");
    }
}

#[test]
fn uses_by_way_of_super_are_found() {
    let in_tests = "mod tests {\n    use super::*;\n}\nuse super::X;";
    let table: [(&str, &str, &[&str]); 5] = [
        ("sweep", "use super::trello::Trello;", &["trello @ 1"]),
        ("mirror::find", "use super::super::cli::X;", &["cli @ 1"]),
        ("mirror::plan", "use super::Look;", &["mirror @ 1"]),
        ("mirror::plan", in_tests, &["mirror @ 4"]),
        (
            "retry",
            "mod tests {\n    use super::super::cli::X;\n}",
            &["cli @ 2"],
        ),
    ];
    for (module, source, expected) in table {
        assert_eq!(uses(module, source), expected, "{source}");
    }
}
