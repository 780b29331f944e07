//! The table on the terminal, and the same as JSON.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Result;
use crate::environment::Environment;
use crate::oracle::Verdict;
use crate::stats::{Percentiles, Spread};

/// What a workload found.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    workload: &'static str,
    /// What was run, in a sentence.
    what: String,
    load_before: String,
    figures: Vec<Figure>,
    oracle: Vec<Verdict>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    unit: &'static str,
    #[serde(flatten)]
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Expected>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    One(f64),
    Spread(Spread),
    Percentiles(Percentiles),
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expected {
    /// The median, or the only value, is this or more.
    AtLeast(f64),
    /// The median, the 99th percentile or the only value is this or less.
    AtMost(f64),
}

impl Outcome {
    pub(crate) fn new(workload: &'static str, what: String) -> Self {
        Self {
            workload,
            what,
            load_before: crate::environment::load(),
            figures: Vec::new(),
            oracle: Vec::new(),
        }
    }

    pub(crate) fn one(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        self.push(name, unit, Value::One(value), None);
    }

    pub(crate) fn spread(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        values: &[f64],
        expected: Option<Expected>,
    ) {
        self.push(name, unit, Value::Spread(Spread::of(values)), expected);
    }

    pub(crate) fn percentiles(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        values: &[f64],
        expected: Option<Expected>,
    ) {
        let value = Value::Percentiles(Percentiles::of(values));
        self.push(name, unit, value, expected);
    }

    fn push(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        value: Value,
        expected: Option<Expected>,
    ) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value,
            expected,
        });
    }

    /// Adds what the oracle said about `part` of the workload.
    pub(crate) fn judge(&mut self, verdicts: Vec<Verdict>) {
        self.oracle.extend(verdicts);
    }

    fn print(&self) {
        println!("\n{}: {}", self.workload, self.what);
        for figure in &self.figures {
            println!("  {figure}");
        }
        let bad: Vec<&Verdict> = self.oracle.iter().filter(|v| !v.ok).collect();
        if bad.is_empty() {
            println!("  oracle: clean, {} checks", self.oracle.len());
        }
        for verdict in bad {
            println!("  oracle: FAIL {}: {}", verdict.what, verdict.found);
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = self.unit;
        let shown = match &self.value {
            Value::One(value) => format!("{} {unit}", number(*value)),
            Value::Spread(s) => format!(
                "{} {unit} (median of {}, {} to {})",
                number(s.median),
                s.runs,
                number(s.least),
                number(s.most)
            ),
            Value::Percentiles(p) => format!(
                "p50 {}  p95 {}  p99 {}  most {} {unit} ({} samples)",
                number(p.p50),
                number(p.p95),
                number(p.p99),
                number(p.most),
                p.samples
            ),
        };
        write!(f, "{:<44} {shown}", self.name)?;
        let judged = match &self.value {
            Value::One(value) => *value,
            Value::Spread(spread) => spread.median,
            Value::Percentiles(percentiles) => percentiles.p99,
        };
        match self.expected {
            None => Ok(()),
            Some(Expected::AtLeast(least)) => {
                let verdict = if judged >= least { "met" } else { "MISSED" };
                write!(f, "  expected ≥ {}: {verdict}", number(least))
            }
            Some(Expected::AtMost(most)) => {
                let verdict = if judged <= most { "met" } else { "MISSED" };
                write!(f, "  expected ≤ {}: {verdict}", number(most))
            }
        }
    }
}

/// Three digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => {
            let digits = format!("{value:.0}");
            let split = digits.len() - 3;
            format!("{},{}", &digits[..split], &digits[split..])
        }
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    environment: Environment,
    short: bool,
    workloads: Vec<Outcome>,
}

impl Report {
    pub(crate) fn new(environment: Environment, short: bool) -> Self {
        Self {
            environment,
            short,
            workloads: Vec::new(),
        }
    }

    /// Prints what a workload found, and keeps it.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        outcome.print();
        self.workloads.push(outcome);
    }

    /// Whether every oracle was content.
    pub(crate) fn is_clean(&self) -> bool {
        let mut verdicts = self.workloads.iter().flat_map(|w| &w.oracle);
        verdicts.all(|verdict| verdict.ok)
    }

    /// Writes the JSON to `file`, or else to bench/results of the workspace this is run in.
    pub(crate) fn write(&self, file: Option<&Path>, name: &str) -> Result<PathBuf> {
        let file = file.map_or_else(|| results().join(format!("{name}.json")), Path::to_path_buf);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(file)
    }
}

fn results() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let root = here
        .ancestors()
        .find(|folder| folder.join("bench/Cargo.toml").is_file())
        .unwrap_or(&here);
    root.join("bench/results")
}
