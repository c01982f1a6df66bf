//! As much Markdown as the README uses: sections, tables, code.

/// The text below a heading, up to the next one of the same or a higher level.
pub(crate) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = format!("\n{heading}\n");
    let (_, rest) = text
        .split_once(&start)
        .unwrap_or_else(|| panic!("there is no heading `{heading}`"));
    let level = heading.chars().take_while(|sign| *sign == '#').count();
    let end = headings(rest)
        .find(|(_, line)| line.chars().take_while(|sign| *sign == '#').count() <= level);
    end.map_or(rest, |(at, _)| &rest[..at])
}

/// Where headings are, and their lines; what begins with `#` inside of a fence is none.
pub(crate) fn headings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        let here = at;
        at += line.len() + 1;
        fenced ^= is_fence(line);
        (line.starts_with('#') && !fenced).then_some((here, line))
    })
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// The cells of the first table of a section, without its head.
pub(crate) fn table(section: &str) -> Vec<Vec<&str>> {
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<Vec<_>> = rows
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "there is no table");
    rows
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The inline code of one line.
pub(crate) fn spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// All code: inline code, and the lines of fences that hold shell.
pub(crate) fn code(text: &str) -> Vec<&str> {
    let mut fence = None;
    let mut code = Vec::new();
    for line in text.lines() {
        if is_fence(line) {
            fence = match fence {
                Some(_) => None,
                None => Some(line.trim_start().trim_start_matches('`')),
            };
            continue;
        }
        match fence {
            Some("sh") => code.push(line),
            Some(_) => {}
            None => code.extend(spans(line)),
        }
    }
    assert!(fence.is_none(), "a fence is not closed");
    code
}

/// The targets of links.
pub(crate) fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}
