//! Calls the programs of a peer, and reads what they print.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;

use crate::Result;
use crate::report::workspace;

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

/// The last line of a run.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) version: String,
    pub(super) per_second: f64,
    verified: bool,
    #[serde(default)]
    pub(super) settings: serde_json::Value,
    #[serde(default)]
    pub(super) batches: Vec<Batch>,
}

/// The bare SQL, so many shards in a statement.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    pub(super) shape: Shape,
    #[serde(rename = "batch")]
    pub(super) size: u32,
    pub(super) per_second: f64,
}

/// What a row of the tables of the bare SQL stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// A shard.
    Rows,
    /// Up to 64 consecutive shards, as ours.
    Chunks,
    /// Any range of shards that were appended.
    Ranges,
}

impl Shape {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Chunks => "chunks",
            Self::Ranges => "ranges",
        }
    }
}

/// Brings the peer whose programs are in `folder` here.
pub(super) async fn install(folder: &Path) -> std::result::Result<(), String> {
    call(folder, "install", &[], INSTALL_BOUND).await?;
    Ok(())
}

/// Runs it once, in a database of its own that is dropped afterwards.
pub(super) async fn run(
    folder: &Path,
    database_url: &str,
    task: Task,
) -> Result<std::result::Result<Run, String>> {
    let database = format!("antares_bench_peer_{}", uuid::Uuid::now_v7().simple());
    let mut conn = PgConnection::connect(database_url).await?;
    sqlx::query(AssertSqlSafe(format!("create database {database}")))
        .execute(&mut conn)
        .await?;
    let mut url = reqwest::Url::parse(database_url)?;
    url.set_path(&database);
    let (task, amount) = match task {
        Task::Drain(jobs) => ("drain", jobs.to_string()),
        Task::Sustained(seconds) => ("sustained", seconds.to_string()),
    };
    let arguments = [task, &amount, url.as_str()];
    let found = match call(folder, "run", &arguments, BOUND).await {
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
    folder: &Path,
    program: &str,
    arguments: &[&str],
    bound: Duration,
) -> std::result::Result<Output, String> {
    let file = folder.join(program);
    if !file.is_file() {
        return Err(format!("there is no {}", file.display()));
    }
    let mut command = Command::new(&file);
    command
        .env("PEERS_DIR", peers_dir())
        .current_dir(folder)
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
