//! Other queues on PostgreSQL, run beside ours by the scripts in `bench/peers`.
//!
//! A peer is a folder with two programs. `install` brings it here, into `PEERS_DIR`; `run drain N` and
//! `run sustained SECONDS` measure it on `DATABASE_URL` and say in JSON, on the last line, what they found.
//! A peer that cannot be installed or run is reported as missing, with the reason it gave.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;

use crate::report::{Must, Outcome, workspace};
use crate::{Options, Result};

/// The bare claim and completion in SQL, which is the limit and not a peer.
pub(crate) const BARE_SQL: &str = "pgbench";
/// How long a run of a peer may take.
const BOUND: Duration = Duration::from_mins(15);
/// How long building one may take.
const INSTALL_BOUND: Duration = Duration::from_mins(40);

/// What a peer is given to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// So many jobs, which are there before the clock starts.
    Drain(i64),
    /// For so many seconds: jobs are added while they are run.
    Sustained(u64),
}

/// A peer and what it has shown so far.
#[derive(Debug)]
struct Peer {
    name: String,
    state: std::result::Result<Vec<Run>, String>,
}

/// The last line of a run.
#[derive(Debug, Deserialize)]
struct Run {
    version: String,
    per_second: f64,
    verified: bool,
    #[serde(default)]
    settings: serde_json::Value,
    #[serde(default)]
    batches: Vec<Batch>,
}

/// The bare SQL, so many rows in a statement.
#[derive(Debug, Deserialize)]
struct Batch {
    batch: u32,
    per_second: f64,
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
            let state = match peers.call(&name, "install", &[], INSTALL_BOUND).await {
                Ok(_) => Ok(Vec::new()),
                Err(reason) => Err(reason),
            };
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
            let found = self.run_one(&name, task).await?;
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

    async fn run_one(&self, name: &str, task: Task) -> Result<std::result::Result<Run, String>> {
        let database = format!("antares_bench_peer_{}", uuid::Uuid::now_v7().simple());
        let mut conn = PgConnection::connect(&self.database_url).await?;
        sqlx::query(AssertSqlSafe(format!("create database {database}")))
            .execute(&mut conn)
            .await?;
        let mut url = reqwest::Url::parse(&self.database_url)?;
        url.set_path(&database);
        let (task, amount) = match task {
            Task::Drain(jobs) => ("drain", jobs.to_string()),
            Task::Sustained(seconds) => ("sustained", seconds.to_string()),
        };
        let arguments = [task, &amount, url.as_str()];
        let found = match self.call(name, "run", &arguments, BOUND).await {
            Ok(output) => parse(&output.stdout),
            Err(reason) => Err(reason),
        };
        let drop = format!("drop database if exists {database} with (force)");
        sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await?;
        conn.close().await?;
        Ok(found)
    }

    /// Runs a program of a peer. A third argument is the address of the database.
    async fn call(
        &self,
        name: &str,
        program: &str,
        arguments: &[&str],
        bound: Duration,
    ) -> std::result::Result<Output, String> {
        let file = self.folder.join(name).join(program);
        if !file.is_file() {
            return Err(format!("there is no {}", file.display()));
        }
        let mut command = Command::new(&file);
        command
            .env("PEERS_DIR", peers_dir())
            .current_dir(self.folder.join(name))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match arguments {
            [task, amount, url] => command.args([task, amount]).env("DATABASE_URL", url),
            _ => &mut command,
        };
        let output = tokio::time::timeout(bound, command.output()).await;
        let output = output
            .map_err(|_| format!("{program} took longer than {bound:?}"))?
            .map_err(|error| format!("{program} cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        Err(format!(
            "{program}: {} ({})",
            last.unwrap_or("it did not say why").trim(),
            output.status
        ))
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
                let rates = self.batch_rates(&peer.name, batch.batch);
                let name = format!("{} batch {}", peer.name, batch.batch);
                outcome.spread(&name, "rows/s", &rates, None);
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

    fn batch_rates(&self, name: &str, batch: u32) -> Vec<f64> {
        let batches = self.runs(name).unwrap_or_default().iter();
        let batches = batches.flat_map(|run| &run.batches);
        let batches = batches.filter(|b| b.batch == batch);
        batches.map(|b| b.per_second).collect()
    }

    /// Median rate of a peer.
    pub(crate) fn median(&self, name: &str) -> std::result::Result<f64, String> {
        let rates: Vec<f64> = self.runs(name)?.iter().map(|run| run.per_second).collect();
        Ok(crate::stats::Spread::of(&rates).median)
    }

    /// Median rate of the bare SQL at `batch` rows a statement.
    pub(crate) fn bare_sql(&self, batch: u32) -> std::result::Result<f64, String> {
        self.runs(BARE_SQL)?;
        match self.batch_rates(BARE_SQL, batch) {
            rates if rates.is_empty() => Err(format!("{BARE_SQL} did not run batch {batch}")),
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

fn peers_dir() -> PathBuf {
    std::env::var_os("PEERS_DIR")
        .filter(|folder| !folder.is_empty())
        .map_or_else(
            || workspace().join("target/peers"),
            |f| Path::new(&f).to_path_buf(),
        )
}

/// Reads the last line. A run that did not find its own work done is no run.
fn parse(stdout: &[u8]) -> std::result::Result<Run, String> {
    let text = String::from_utf8_lossy(stdout);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    let line = line.ok_or("run printed nothing")?;
    let run: Run =
        serde_json::from_str(line).map_err(|error| format!("run printed {line}: {error}"))?;
    if run.verified {
        Ok(run)
    } else {
        Err("its own check of its work failed".to_owned())
    }
}
