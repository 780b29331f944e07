//! What all workloads of a run found: on the terminal, as JSON, as Markdown and as a plot.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Result;
use crate::environment::Environment;

pub(crate) use outcome::{Must, Outcome};

mod outcome;
mod plot;
mod table;

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
        println!("\n{}", outcome.headline());
        print!("{}", table::text(&table::rows(&outcome)));
        for line in outcome.complaints() {
            println!("oracle: {line}");
        }
        self.workloads.push(outcome);
    }

    /// The median of a figure of a workload of this run; `None` if it was not run.
    pub(crate) fn median(&self, workload: &str, figure: &str) -> Option<f64> {
        let outcome = self.workloads.iter().find(|o| o.is(workload))?;
        outcome.median(figure)
    }

    /// Whether every oracle was content, and every workload came to its end.
    pub(crate) fn is_clean(&self) -> bool {
        self.workloads.iter().all(Outcome::is_clean)
    }

    /// Prints the whole table, and writes JSON to `file`, or else to bench/results of the workspace this is
    /// run in; Markdown and the plot beside it. Returns the files.
    pub(crate) fn write(&self, file: Option<&Path>, name: &str) -> Result<Vec<PathBuf>> {
        let rows: Vec<table::Row> = self.workloads.iter().flat_map(table::rows).collect();
        if self.workloads.len() > 1 {
            println!("\n{}", table::text(&rows));
        }
        let json = file.map_or_else(|| results().join(format!("{name}.json")), Path::to_path_buf);
        if let Some(folder) = json.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&json, serde_json::to_string_pretty(self)? + "\n")?;
        let mut files = vec![json.clone()];
        let plot = json.with_extension("svg");
        let is_plotted = plot::write(&plot, &self.workloads)?;
        let markdown = json.with_extension("md");
        std::fs::write(
            &markdown,
            self.markdown(&rows, is_plotted.then_some(&*plot))?,
        )?;
        files.push(markdown);
        files.extend(is_plotted.then_some(plot));
        Ok(files)
    }

    fn markdown(&self, rows: &[table::Row], plot: Option<&Path>) -> Result<String> {
        let mut text = format!("# Benchmarks\n\n{}\n\n", self.environment);
        if self.short {
            text += "A short run: it shows that the workloads work, not how fast they are.\n\n";
        }
        text += &table::markdown(rows);
        if let Some(name) = plot.and_then(|plot| plot.file_name()) {
            writeln!(text, "\n![Rates beside those of peers]({})", name.display())?;
        }
        text += "\n## What was run\n\n";
        for outcome in &self.workloads {
            writeln!(text, "- {}", outcome.headline())?;
            for line in outcome.complaints() {
                writeln!(text, "  - oracle: {line}")?;
            }
        }
        Ok(text)
    }
}

fn results() -> PathBuf {
    workspace().join("bench/results")
}

/// The root of the workspace this is run in, or else the folder it is run in.
pub(crate) fn workspace() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let root = here
        .ancestors()
        .find(|folder| folder.join("bench/Cargo.toml").is_file());
    root.unwrap_or(&here).to_path_buf()
}
