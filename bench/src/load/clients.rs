//! The process of very many clients, seen from a workload.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use super::Summary;
use crate::Result;
use crate::process::{CpuTimes, Process};
use crate::world::World;

/// A running process.
pub(crate) struct Clients {
    process: Process,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    /// Starts `clients` of an app at the first server, and waits until they have registered.
    pub(crate) async fn start(
        world: &mut World,
        (app, secret): (&str, &str),
        clients: usize,
        think: Duration,
        wait: Duration,
    ) -> Result<Self> {
        let log = world.next_log("load");
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("load")
            .args([
                "--server",
                world.servers[0].url.trim_start_matches("http://"),
            ])
            .args(["--app", app])
            .args(["--clients", &clients.to_string()])
            .args(["--think-ms", &think.as_millis().to_string()])
            .args(["--wait-ms", &wait.as_millis().to_string()])
            .env("ANTARES_SECRET", secret)
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command, &log)?;
        let stdout = process.stdout().ok_or("the process has no output")?;
        let mut clients = Self {
            process,
            stdout: BufReader::new(stdout).lines(),
        };
        match clients.line().await {
            Ok(_) => Ok(clients),
            Err(error) => {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                Err(format!("the clients did not register: {error}; they say: {log}").into())
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let line = self.stdout.next_line();
        let line = tokio::time::timeout(Duration::from_mins(2), line).await??;
        Ok(line.ok_or("the process has ended")?)
    }

    /// Forgets what was seen so far.
    pub(crate) async fn clear(&mut self) -> Result {
        self.process.tell("clear\n").await
    }

    /// CPU time used so far, in seconds, by process number.
    pub(crate) fn cpu_time(&self) -> CpuTimes {
        CpuTimes::of(self.process.pid())
    }

    /// Ends them. They must hold nothing any more.
    pub(crate) async fn end(mut self) -> Result<Summary> {
        self.process.hush();
        let line = self.line().await?;
        self.process.stop().await;
        Ok(serde_json::from_str(&line)?)
    }
}
