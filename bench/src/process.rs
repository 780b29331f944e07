//! Servers and clients as processes of their own. They stop when this one ends, however it ends: their
//! standard input closes.

use std::collections::HashMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sqlx::PgPool;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdout, Command};

use crate::Result;

/// A running process.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command` with its log in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stderr(File::create(log)?)
            // Ctrl-C ends this program, and thereby the others.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self(child))
    }

    /// Standard output, if it was piped and not taken before.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Process number, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.0.id()
    }

    /// Writes to its standard input.
    pub(crate) async fn tell(&mut self, line: &str) -> Result {
        let stdin = self.0.stdin.as_mut().ok_or("the process has no input")?;
        stdin.write_all(line.as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    /// Closes its standard input: it is to end by itself.
    pub(crate) fn hush(&mut self) {
        drop(self.0.stdin.take());
    }

    /// Ends it as a crash does (SIGKILL).
    pub(crate) async fn kill(&mut self) -> Result {
        Ok(self.0.kill().await?)
    }

    /// Lets it drain and end.
    pub(crate) async fn stop(mut self) {
        drop(self.0.stdin.take());
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0.wait());
        if ended.await.is_err() {
            // Nothing more can be done about one that does not even die.
            let _ = self.0.kill().await;
        }
    }
}

/// An address that is free at this moment.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.to_string())
}

/// CPU time used so far, in seconds, by processes; by process number. Empty where there is no `/proc`.
#[derive(Debug, Default)]
pub(crate) struct CpuTimes(HashMap<u32, f64>);

impl CpuTimes {
    pub(crate) fn of(pids: impl IntoIterator<Item = u32>) -> Self {
        Self(
            pids.into_iter()
                .filter_map(|pid| Some((pid, cpu_seconds(pid)?)))
                .collect(),
        )
    }

    /// Of the PostgreSQL processes, if they are on this machine.
    pub(crate) async fn of_postgresql(pool: &PgPool) -> Result<Self> {
        let pids: Vec<i32> = sqlx::query_scalar("select pid from pg_stat_activity")
            .fetch_all(pool)
            .await?;
        Ok(Self::of(pids.into_iter().map(i32::unsigned_abs)))
    }

    /// Seconds used since `before`; processes that are new count from their start.
    pub(crate) fn since(&self, before: &Self) -> f64 {
        self.0
            .iter()
            .map(|(pid, now)| now - before.0.get(pid).unwrap_or(&0.0))
            .sum()
    }
}

/// Resident memory of a process in MB; `None` where there is no `/proc`.
pub(crate) fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Raises the number of files and connections this process may have as far as it may.
pub(crate) fn raise_open_files() -> Result<u64> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(limits.maximum.unwrap_or(u64::MAX))
}

fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / rustix::param::clock_ticks_per_second() as f64)
}
