//! Other queues on PostgreSQL, run beside ours by the scripts in `bench/peers`.
//!
//! A peer is a folder with two programs. `install` brings it here, into `PEERS_DIR`; `run drain N` and
//! `run sustained SECONDS` measure it on `DATABASE_URL` and say in JSON, on the last line, what they found.
//! A peer that cannot be installed or run is reported as missing, with the reason it gave.

use std::path::PathBuf;

use crate::report::{Must, Outcome, workspace};
use crate::{Options, Result};

use run::Run;
pub(crate) use run::{Shape, Task};

mod run;

/// The bare claim and completion in SQL, which is the limit and not a peer.
const BARE_SQL: &str = "pgbench";

/// A peer and what it has shown so far.
#[derive(Debug)]
struct Peer {
    name: String,
    state: std::result::Result<Vec<Run>, String>,
}

/// Those asked for.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    folder: PathBuf,
    database_url: String,
    list: Vec<Peer>,
}

impl Peers {
    /// Installs those that `--peers` names.
    pub(crate) async fn install(options: &Options) -> Result<Self> {
        let folder = workspace().join("bench/peers");
        let mut all: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().join("run").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        all.sort();
        let names = match options.peers.as_str() {
            "none" => Vec::new(),
            "all" => all,
            names => names.split(',').map(|n| n.trim().to_owned()).collect(),
        };
        let mut peers = Self {
            folder,
            database_url: options.database_url.clone(),
            list: Vec::new(),
        };
        for name in names {
            println!("peer {name}: installing");
            let state = run::install(&peers.folder.join(&name)).await;
            let state = state.map(|()| Vec::new());
            if let Err(reason) = &state {
                println!("peer {name}: missing: {reason}");
            }
            peers.list.push(Peer { name, state });
        }
        Ok(peers)
    }

    /// Forgets what was measured, for the next workload. A peer that failed may do better at another task;
    /// one that is not installed stays missing.
    pub(crate) fn again(&self) -> Self {
        let list = self.list.iter().map(|peer| Peer {
            name: peer.name.clone(),
            state: peer
                .state
                .as_ref()
                .map(|_| Vec::new())
                .map_err(Clone::clone),
        });
        Self {
            folder: self.folder.clone(),
            database_url: self.database_url.clone(),
            list: list.collect(),
        }
    }

    /// Runs each once, in a database of its own that is dropped afterwards.
    pub(crate) async fn run(&mut self, task: Task) -> Result {
        for index in 0..self.list.len() {
            let peer = &self.list[index];
            if peer.state.is_err() {
                continue;
            }
            println!("peer {}: {task:?}", peer.name);
            let name = peer.name.clone();
            let found = run::run(&self.folder.join(&name), &self.database_url, task).await?;
            let peer = &mut self.list[index];
            match (found, &mut peer.state) {
                (Ok(run), Ok(runs)) => runs.push(run),
                (Err(reason), state) => {
                    println!("peer {name}: missing: {reason}");
                    *state = Err(reason);
                }
                (Ok(_), Err(_)) => {}
            }
        }
        Ok(())
    }

    /// Adds what the peers did to the table.
    pub(crate) fn describe(&self, outcome: &mut Outcome) {
        for peer in &self.list {
            let runs = match &peer.state {
                Ok(runs) if !runs.is_empty() => runs,
                Ok(_) => {
                    outcome.missing(format!("peer {}", peer.name), "not run", None);
                    continue;
                }
                Err(reason) => {
                    outcome.missing(format!("peer {}", peer.name), reason, None);
                    continue;
                }
            };
            let rates: Vec<f64> = runs.iter().map(|run| run.per_second).collect();
            let first = &runs[0];
            let settings = match &first.settings {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => format!(", {text}"),
                other => format!(", {other}"),
            };
            let name = format!("peer {} {}{settings}", peer.name, first.version);
            outcome.spread(name, "jobs/s", &rates, None);
            outcome.draw(&peer.name);
            for batch in &first.batches {
                let rates = self.batch_rates(&peer.name, batch.shape, batch.size);
                let shape = batch.shape.name();
                let name = format!("{} {shape} batch {}", peer.name, batch.size);
                outcome.spread(&name, "shards/s", &rates, None);
                outcome.draw(&name);
            }
        }
    }

    fn runs(&self, name: &str) -> std::result::Result<&[Run], String> {
        let Some(peer) = self.list.iter().find(|peer| peer.name == name) else {
            return Err(format!("{name} was not run"));
        };
        match &peer.state {
            Ok(runs) if runs.is_empty() => Err(format!("{name} was not run")),
            Ok(runs) => Ok(runs),
            Err(reason) => Err(format!("{name} is missing: {reason}")),
        }
    }

    fn batch_rates(&self, name: &str, shape: Shape, batch: u32) -> Vec<f64> {
        let batches = self.runs(name).unwrap_or_default().iter();
        let batches = batches.flat_map(|run| &run.batches);
        let batches = batches.filter(|b| b.shape == shape && b.size == batch);
        batches.map(|b| b.per_second).collect()
    }

    /// Median rate of a peer.
    pub(crate) fn median(&self, name: &str) -> std::result::Result<f64, String> {
        let rates: Vec<f64> = self.runs(name)?.iter().map(|run| run.per_second).collect();
        Ok(crate::stats::Spread::of(&rates).median)
    }

    /// Median rate of the bare SQL on tables of `shape`, at `batch` shards a statement.
    pub(crate) fn bare_sql(&self, shape: Shape, batch: u32) -> std::result::Result<f64, String> {
        self.runs(BARE_SQL)?;
        match self.batch_rates(BARE_SQL, shape, batch) {
            rates if rates.is_empty() => Err(format!(
                "{BARE_SQL} did not run {} in batches of {batch}",
                shape.name()
            )),
            rates => Ok(crate::stats::Spread::of(&rates).median),
        }
    }

    /// Compares with the fastest peer that ran.
    pub(crate) fn compare_with_best(&self, outcome: &mut Outcome, ours: Option<f64>, must: Must) {
        let peers = self.list.iter().filter(|peer| peer.name != BARE_SQL);
        let best = peers
            .filter_map(|peer| Some((self.median(&peer.name).ok()?, &peer.name)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((rate, name)) => {
                outcome.ratio(format!("to the best peer, {name}"), ours, Ok(rate), must);
            }
            None => outcome.ratio(
                "to the best peer",
                ours,
                Err("no peer was run".to_owned()),
                must,
            ),
        }
    }
}
