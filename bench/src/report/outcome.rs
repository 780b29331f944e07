//! What one workload found: its figures, what they must reach, and what the oracle said.

use serde::Serialize;

use crate::oracle::Finding;
use crate::stats::{Percentiles, Spread};

/// What a workload found.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    workload: &'static str,
    /// What was run, in a sentence.
    what: String,
    load_before: String,
    /// Figures of a short run say that it works, not how fast.
    #[serde(skip)]
    is_judged: bool,
    pub(super) figures: Vec<Figure>,
    oracle: Vec<Finding>,
    /// Why the workload did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    broke: Option<String>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) must: Option<Must>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<Verdict>,
    /// Whose bar this is in the plot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bar: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Value {
    One(f64),
    Spread(Spread),
    Percentiles(Percentiles),
    /// There is none, and why.
    Missing(String),
}

/// What a figure must reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Must {
    /// The median, or the only value, is this or more.
    AtLeast(f64),
    /// The median, the 99th percentile or the only value is this or less.
    AtMost(f64),
    /// The median is at most the first, the 99th percentile at most the second.
    Percentiles(f64, f64),
}

/// Whether it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Met,
    Missed,
    NotRun,
    /// A short run is not judged.
    NotJudged,
}

impl Value {
    /// The value that stands for all: the median, or the 99th percentile.
    fn judged(&self) -> Option<f64> {
        match self {
            Self::One(value) => Some(*value),
            Self::Spread(spread) => Some(spread.median),
            Self::Percentiles(percentiles) => Some(percentiles.p99),
            Self::Missing(_) => None,
        }
    }
}

impl Must {
    fn is_met_by(self, value: &Value) -> Option<bool> {
        let judged = value.judged()?;
        Some(match (self, value) {
            (Self::AtLeast(least), _) => judged >= least,
            (Self::AtMost(most), _) => judged <= most,
            (Self::Percentiles(p50, p99), Value::Percentiles(found)) => {
                found.p50 <= p50 && found.p99 <= p99
            }
            (Self::Percentiles(p50, _), _) => judged <= p50,
        })
    }
}

impl Outcome {
    pub(crate) fn new(options: &crate::Options, workload: &'static str, what: String) -> Self {
        Self {
            workload,
            what,
            load_before: crate::environment::load(),
            is_judged: !options.short,
            figures: Vec::new(),
            oracle: Vec::new(),
            broke: None,
        }
    }

    /// A workload that did not come to its end.
    pub(crate) fn broken(options: &crate::Options, workload: &'static str, why: String) -> Self {
        let mut outcome = Self::new(options, workload, "did not come to its end".to_owned());
        outcome.push("the workload", "", Value::Missing(why.clone()), None);
        outcome.broke = Some(why);
        outcome
    }

    pub(crate) fn one(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        must: Option<Must>,
    ) {
        self.push(name, unit, Value::One(value), must);
    }

    pub(crate) fn spread(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        values: &[f64],
        must: Option<Must>,
    ) {
        self.push(name, unit, Value::Spread(Spread::of(values)), must);
    }

    pub(crate) fn percentiles(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        values: Percentiles,
        must: Option<Must>,
    ) {
        let value = if values.samples == 0 {
            Value::Missing("there are no samples".to_owned())
        } else {
            Value::Percentiles(values)
        };
        self.push(name, unit, value, must);
    }

    /// One value divided by another of the same run; without both of them it was not run.
    pub(crate) fn ratio(
        &mut self,
        name: impl Into<String>,
        ours: Option<f64>,
        other: std::result::Result<f64, String>,
        must: impl Into<Option<Must>>,
    ) {
        let value = match (ours, other) {
            (Some(ours), Ok(other)) if other > 0.0 => Value::One(ours / other),
            (None, _) => Value::Missing("ours was not run".to_owned()),
            (_, Ok(_)) => Value::Missing("the other is 0".to_owned()),
            (_, Err(why)) => Value::Missing(why),
        };
        self.push(name, "×", value, must.into());
    }

    /// A figure that is not there, and why.
    pub(crate) fn missing(
        &mut self,
        name: impl Into<String>,
        why: impl Into<String>,
        must: Option<Must>,
    ) {
        self.push(name, "", Value::Missing(why.into()), must);
    }

    /// Draws the figure added last as the bar of `who`.
    pub(crate) fn draw(&mut self, who: &str) {
        if let Some(figure) = self.figures.last_mut() {
            figure.bar = Some(who.to_owned());
        }
    }

    fn push(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        value: Value,
        must: Option<Must>,
    ) {
        let verdict = must.map(|must| match must.is_met_by(&value) {
            None => Verdict::NotRun,
            Some(_) if !self.is_judged => Verdict::NotJudged,
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
        });
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value,
            must,
            verdict,
            bar: None,
        });
    }

    /// Adds what the oracle said about a part of the workload.
    pub(crate) fn judge(&mut self, findings: Vec<Finding>) {
        self.oracle.extend(findings);
    }

    pub(super) fn is(&self, workload: &str) -> bool {
        self.workload == workload
    }

    pub(super) fn name(&self) -> &'static str {
        self.workload
    }

    pub(super) fn headline(&self) -> String {
        format!("{}: {}", self.workload, self.what)
    }

    /// The median of a figure of this workload.
    pub(crate) fn median(&self, figure: &str) -> Option<f64> {
        let figure = self.figures.iter().find(|f| f.name == figure)?;
        match &figure.value {
            Value::Percentiles(percentiles) => Some(percentiles.p50),
            other => other.judged(),
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.broke.is_none() && self.oracle.iter().all(|finding| finding.ok)
    }

    /// What the oracle said, in a word or two.
    pub(super) fn oracle(&self) -> String {
        let bad = self.oracle.iter().filter(|finding| !finding.ok).count();
        match (self.oracle.len(), bad) {
            (0, _) => "not asked".to_owned(),
            (all, 0) => format!("clean ({all})"),
            (all, bad) => format!("FAILED ({bad} of {all})"),
        }
    }

    /// What the oracle found wrong.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        let bad = self.oracle.iter().filter(|finding| !finding.ok);
        bad.map(|finding| format!("FAILED {}: {}", finding.what, finding.found))
    }
}
