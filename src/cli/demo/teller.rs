//! What the demo says, on stdout: wrapped to 80 columns, with a little colour on a terminal.

use std::io::{self, Stdout, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

/// Every line ends before the 80th column.
const WIDTH: usize = 79;
const HEADING: Style = Style::new().bold();
const HAPPENED: Style = AnsiColor::Green.on_default();
const MISSED: Style = AnsiColor::Red.on_default().bold();

/// Tells the story. An error means that nobody can hear it any more.
#[derive(Debug)]
pub(super) struct Teller {
    out: AutoStream<Stdout>,
    /// The step that is being told; 0 before the first.
    step: usize,
    steps: usize,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self {
            out: anstream::stdout(),
            step: 0,
            steps: 0,
        }
    }

    /// A paragraph at the margin.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        for line in wrapped(text, WIDTH) {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    /// An empty line.
    pub(super) fn pause(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// How many steps there are to tell.
    pub(super) fn announce(&mut self, steps: usize) {
        self.steps = steps;
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: &str) -> io::Result<()> {
        self.step += 1;
        let number = self.step;
        writeln!(self.out, "\n{HEADING}{number}  {title}{HEADING:#}")?;
        self.out.flush()
    }

    /// Something that was checked and is so.
    pub(super) fn happened(&mut self, text: &str) -> io::Result<()> {
        self.marked("✓", HAPPENED, text)
    }

    /// What did not happen, and what was therefore not tried.
    pub(super) fn missed(&mut self, missed: &anyhow::Error) -> io::Result<()> {
        self.marked("✗", MISSED, &format!("This did not happen: {missed:#}."))?;
        match self.steps.saturating_sub(self.step) {
            0 => Ok(()),
            1 => self.say(&format!("\nStep {} was not tried.", self.steps)),
            _ => self.say(&format!(
                "\nSteps {} to {} were not tried.",
                self.step + 1,
                self.steps
            )),
        }
    }

    fn marked(&mut self, mark: &str, style: Style, text: &str) -> io::Result<()> {
        let indent = "   ";
        let mut lines = wrapped(text, WIDTH - indent.len() - 2).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(self.out, "{indent}{style}{mark}{style:#} {first}")?;
        for line in lines {
            writeln!(self.out, "{indent}  {line}")?;
        }
        self.out.flush()
    }

    /// A name and what belongs to it, such as an address, which is never broken.
    pub(super) fn entry(&mut self, name: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "   {name:<18}{value}")?;
        self.out.flush()
    }
}

/// Breaks a text at spaces. Line breaks in it stay; a word that is longer than a line gets one of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let longer = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && longer > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_only() {
        assert_eq!(
            wrapped("\none two three", 8),
            ["", "one two", "three"],
            "line breaks stay"
        );
        assert_eq!(
            wrapped("see http://127.0.0.1 now", 8),
            ["see", "http://127.0.0.1", "now"]
        );
        assert_eq!(
            wrapped("Büro – ja", 9),
            ["Büro – ja"],
            "letters count, not bytes"
        );
    }
}
