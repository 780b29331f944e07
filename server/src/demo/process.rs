//! The processes of the demo: spawned from this very program, and never left behind.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child as Process, Command};

use super::{APP, NAMESPACE, Result, StartError, failed};

/// One of the demo's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Child {
    /// A replica, from 1.
    Server(usize),
    /// A client, from 1.
    Client(usize),
}

impl std::fmt::Display for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(n) => write!(f, "server-{n}"),
            Self::Client(n) => write!(f, "client-{n}"),
        }
    }
}

/// All processes of the demo. Each stops when this one ends, however it ends: their standard input closes.
pub(super) struct Crew {
    folder: PathBuf,
    database_url: String,
    children: BTreeMap<Child, Process>,
}

impl Crew {
    pub(super) fn new(folder: PathBuf, database_url: String) -> Self {
        Self {
            folder,
            database_url,
            children: BTreeMap::new(),
        }
    }

    fn log(&self, child: Child) -> PathBuf {
        self.folder.join(format!("{child}.log"))
    }

    fn spawn(&mut self, child: Child, prepare: impl FnOnce(&mut Command)) -> Result<()> {
        let program = std::env::current_exe().map_err(|error| failed("the demo")(&error))?;
        let log = std::fs::File::create(self.log(child))
            .map_err(|error| failed("the demo's log")(&error))?;
        let mut command = Command::new(program);
        // Settings meant for a real server in this shell must not reach the demo's.
        for (name, _) in std::env::vars() {
            if name.starts_with("ANTARES_") {
                command.env_remove(name);
            }
        }
        command
            .env("DATABASE_URL", &self.database_url)
            // The script of a client that is killed stays behind: in the folder that is removed.
            .env("TMPDIR", &self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for the demo, which stops its processes in order.
            .process_group(0)
            .kill_on_drop(true);
        prepare(&mut command);
        let process = command
            .spawn()
            .map_err(|error| failed(&child.to_string())(&error))?;
        self.children.insert(child, process);
        Ok(())
    }

    /// Starts a replica on `port`, or on a free one if that is taken. Returns its address.
    pub(super) fn server(&mut self, port: u16, password: &str) -> Result<String> {
        let address = TcpListener::bind(("127.0.0.1", port))
            .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| failed("listen")(&error))?;
        let child = Child::Server(1 + self.children.len());
        self.spawn(child, |command| {
            command
                .args([
                    "run",
                    "--stop-with-stdin",
                    "--failover-wait",
                    "3s",
                    "--namespace",
                    NAMESPACE,
                ])
                .arg("--listen")
                .arg(address.to_string())
                .env("ANTARES_ADMIN_PASSWORD", password);
        })?;
        Ok(format!("http://{address}"))
    }

    /// Starts client `n`.
    pub(super) fn client(&mut self, n: usize, servers: &[String], secret: &str) -> Result<()> {
        self.spawn(Child::Client(n), |command| {
            command
                .args(["demo-client", "--stop-with-stdin"])
                .env("ANTARES_SERVERS", servers.join(","))
                .env("ANTARES_APP", APP)
                .env("ANTARES_SECRET", secret);
        })
    }

    /// Process number of a child that has not been killed.
    pub(super) fn pid(&self, child: Child) -> Option<u32> {
        self.children.get(&child)?.id()
    }

    /// Kills a child with SIGKILL.
    pub(super) async fn kill(&mut self, child: Child) -> Result<()> {
        let mut process = self
            .children
            .remove(&child)
            .ok_or_else(|| StartError(format!("{child} is not running")))?;
        process
            .kill()
            .await
            .map_err(|error| failed(&child.to_string())(&error))
    }

    /// Stops all: clients first, so that they can report and leave.
    pub(super) async fn stop(&mut self) {
        let children = std::mem::take(&mut self.children);
        let (servers, clients): (Vec<_>, Vec<_>) = children
            .into_iter()
            .partition(|(child, _)| matches!(child, Child::Server(_)));
        for group in [clients, servers] {
            let mut group: Vec<Process> = group.into_iter().map(|(_, process)| process).collect();
            for process in &mut group {
                drop(process.stdin.take());
            }
            for mut process in group {
                if tokio::time::timeout(Duration::from_secs(15), process.wait())
                    .await
                    .is_err()
                {
                    let _ = process.kill().await;
                }
            }
        }
    }

    /// Prints the end of each log: for a demo that failed.
    pub(super) fn print_logs(&self) {
        let Ok(files) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for file in files.flatten() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(15)..].join("\n");
                eprintln!("--- {}\n{tail}", file.file_name().to_string_lossy());
            }
        }
    }
}
