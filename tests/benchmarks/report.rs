//! Figures, what they are held against, and the table that is printed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::machine::DISTURBED;

/// One run of one contender: its figures by name, and how many cores other programs used meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) figures: Value,
    pub(crate) foreign: f64,
}

impl Sample {
    pub(crate) fn is_disturbed(&self) -> bool {
        self.foreign > DISTURBED
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.figures[name].as_f64()
    }
}

/// All runs of one contender.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(pub(crate) Vec<Sample>);

impl Samples {
    /// The median of a figure over the runs that nobody has disturbed, if there are any.
    pub(crate) fn median(&self, name: &str) -> f64 {
        let clean = self.0.iter().filter(|sample| !sample.is_disturbed());
        let mut figures: Vec<_> = clean.filter_map(|sample| sample.figure(name)).collect();
        if figures.is_empty() {
            let all = self.0.iter();
            figures = all.filter_map(|sample| sample.figure(name)).collect();
        }
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        match figures.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => figures[middle],
            _ => f64::midpoint(figures[middle - 1], figures[middle]),
        }
    }

    fn disturbed(&self) -> usize {
        self.0.iter().filter(|sample| sample.is_disturbed()).count()
    }
}

/// What a figure must not be below, or above.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    what: String,
    ours: String,
    beside: String,
    figure: String,
    goal: String,
    met: Option<bool>,
    note: String,
}

/// Collects lines and prints them; every run goes to a file as well.
#[derive(Debug)]
pub(crate) struct Report {
    raw: File,
    rows: Vec<Row>,
    remarks: Vec<String>,
}

impl Report {
    /// Runs are added to this file, one JSON object a line.
    pub(crate) fn into_file(raw: &Path) -> Result<Self> {
        let raw = File::options().create(true).append(true).open(raw);
        Ok(Self {
            raw: raw.context("cannot write down the runs")?,
            rows: Vec::new(),
            remarks: Vec::new(),
        })
    }

    pub(crate) fn write_down(
        &mut self,
        phase: &str,
        contender: &str,
        sample: &Sample,
    ) -> Result<()> {
        let line = json!({
            "at": jiff::Timestamp::now().to_string(), "phase": phase, "contender": contender,
            "foreign_cores": sample.foreign, "figures": sample.figures,
        });
        eprintln!(
            "   {contender}: {} (others: {:.2} cores)",
            sample.figures, sample.foreign
        );
        Ok(writeln!(self.raw, "{line}")?)
    }

    /// A figure of ours beside another one, as their ratio.
    pub(crate) fn ratio(&mut self, what: &str, ours: Figure<'_>, beside: Figure<'_>, goal: Goal) {
        let ratio = ours.value() / beside.value();
        let (disturbed, all) = (
            ours.samples.disturbed() + beside.samples.disturbed(),
            ours.samples.0.len() + beside.samples.0.len(),
        );
        self.rows.push(Row {
            what: what.to_owned(),
            ours: ours.to_string(),
            beside: format!("{}: {beside}", beside.of),
            figure: format!("{ratio:.2}"),
            goal: goal.to_string(),
            met: Some(goal.is_met(ratio)),
            note: note(disturbed, all),
        });
    }

    /// A figure of ours as it is.
    pub(crate) fn value(&mut self, what: &str, ours: Figure<'_>, goal: Goal) {
        let value = ours.value();
        self.rows.push(Row {
            what: what.to_owned(),
            ours: ours.to_string(),
            beside: String::new(),
            figure: String::new(),
            goal: format!("{goal} {}", ours.unit),
            met: Some(goal.is_met(value)),
            note: note(ours.samples.disturbed(), ours.samples.0.len()),
        });
    }

    /// Something that is no figure.
    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        let remark = remark.into();
        eprintln!("   {remark}");
        self.remarks.push(remark);
    }

    /// How many goals are missed.
    pub(crate) fn missed(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.met == Some(false))
            .count()
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = "| What | boardroom | Beside it | Ratio | Goal | Met |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
        for row in &self.rows {
            let Row {
                what,
                ours,
                beside,
                figure,
                goal,
                met,
                note,
            } = row;
            let met = match met {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            let _ = writeln!(
                table,
                "| {what} | {ours} | {beside} | {figure} | {goal} | {met}{note} |"
            );
        }
        for remark in &self.remarks {
            let _ = writeln!(table, "\n{remark}");
        }
        table
    }
}

fn note(disturbed: usize, all: usize) -> String {
    if disturbed == 0 {
        return String::new();
    }
    format!(" ({disturbed} of {all} runs disturbed)")
}

/// One figure of one contender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure<'a> {
    /// Whose it is.
    pub(crate) of: &'a str,
    pub(crate) samples: &'a Samples,
    pub(crate) name: &'a str,
    pub(crate) unit: &'a str,
}

impl Figure<'_> {
    fn value(&self) -> f64 {
        self.samples.median(self.name)
    }
}

impl std::fmt::Display for Figure<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.value();
        let digits = match value.abs() {
            large if large >= 100.0 => 0,
            middle if middle >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.digits$} {}", self.unit)
    }
}
