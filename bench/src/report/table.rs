//! The table: a row for each figure, as text and as Markdown.

use std::fmt::Write as _;

use super::outcome::{Figure, Must, Outcome, Value, Verdict};

const HEAD: [&str; 6] = [
    "workload",
    "figure",
    "measured (median, spread)",
    "must reach",
    "verdict",
    "oracle",
];

pub(super) type Row = [String; 6];

pub(super) fn rows(outcome: &Outcome) -> Vec<Row> {
    let row = |figure: &Figure| {
        [
            outcome.name().to_owned(),
            figure.name.clone(),
            measured(figure),
            figure.must.map(must_reach).unwrap_or_default(),
            figure.verdict.map(verdict).unwrap_or_default().to_owned(),
            outcome.oracle(),
        ]
    };
    outcome.figures.iter().map(row).collect()
}

/// With columns as wide as what is in them.
pub(super) fn text(rows: &[Row]) -> String {
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; HEAD.len()];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in [&head].into_iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string does not fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

pub(super) fn markdown(rows: &[Row]) -> String {
    let mut text = format!("| {} |\n|{}\n", HEAD.join(" | "), "---|".repeat(HEAD.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn measured(figure: &Figure) -> String {
    let unit = figure.unit;
    match &figure.value {
        Value::One(value) => format!("{} {unit}", number(*value)),
        Value::Spread(s) if s.runs == 1 => format!("{} {unit} (1 run)", number(s.median)),
        Value::Spread(s) => format!(
            "{} {unit} ({} to {}, {} runs)",
            number(s.median),
            number(s.least),
            number(s.most),
            s.runs
        ),
        Value::Percentiles(p) => format!(
            "p50 {} p95 {} p99 {} most {} {unit} ({} samples)",
            number(p.p50),
            number(p.p95),
            number(p.p99),
            number(p.most),
            p.samples
        ),
        Value::Missing(why) => format!("missing: {why}"),
    }
}

fn must_reach(must: Must) -> String {
    match must {
        Must::AtLeast(bound) => format!("≥ {}", number(bound)),
        Must::AtMost(bound) => format!("≤ {}", number(bound)),
        Must::Percentiles(p50, p99) => format!("p50 ≤ {}, p99 ≤ {}", number(p50), number(p99)),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::NotRun => "not run",
        Verdict::NotJudged => "short run",
    }
}

/// Three digits or so.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                let left = digits.len() - index;
                if index > 0 && left.is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped.replace("-,", "-")
        }
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
