//! A namespace with servers and clients for one workload.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use crate::admin::Admin;
use crate::process::{CpuTimes, Process, free_address};
use crate::worker::APP;
use crate::{Options, Result, clock, environment};

/// Everything a workload needs. [`World::end`] removes it.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) servers: Vec<Server>,
    pub(crate) clients: Vec<Process>,
    pub(crate) namespace: String,
    pub(crate) secret: String,
    database_url: String,
    program: PathBuf,
    /// The command of that program that runs a server.
    command: &'static str,
    flags: Vec<String>,
    password: String,
    /// Processes started so far, which name their logs.
    started: usize,
    logs: TempDir,
}

/// A replica.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) url: String,
    pub(crate) admin: Admin,
}

impl World {
    /// A fresh namespace with `replicas` servers that are ready and share the buckets, and an app.
    pub(crate) async fn new(options: &Options, replicas: usize) -> Result<Self> {
        Self::with(options, &options.database_url, replicas, &[]).await
    }

    /// Like [`World::new`], with a server that runs clients in its own process when it is told to.
    pub(crate) async fn in_process(options: &Options) -> Result<Self> {
        let server = (std::env::current_exe()?, "in-process");
        Box::pin(Self::on(&options.database_url, server, 1, &[])).await
    }

    /// Like [`World::new`], on another database or with more flags of the server.
    pub(crate) async fn with(
        options: &Options,
        database_url: &str,
        replicas: usize,
        flags: &[&str],
    ) -> Result<Self> {
        let server = (environment::server_program(options)?, "run");
        Box::pin(Self::on(database_url, server, replicas, flags)).await
    }

    async fn on(
        database_url: &str,
        (program, command): (PathBuf, &'static str),
        replicas: usize,
        flags: &[&str],
    ) -> Result<Self> {
        let namespace = format!("antares_bench_{}", Uuid::now_v7().simple());
        let connect = PgConnectOptions::from_str(database_url)?
            .application_name("antares-bench")
            .options([("search_path", namespace.as_str()), ("timezone", "UTC")]);
        let pool = PgPoolOptions::new()
            .max_connections(3)
            .connect_with(connect)
            .await?;
        let mut world = Self {
            pool,
            servers: Vec::new(),
            clients: Vec::new(),
            namespace,
            secret: Uuid::now_v7().to_string(),
            database_url: database_url.to_owned(),
            program,
            command,
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            password: Uuid::now_v7().to_string(),
            started: 0,
            logs: tempfile::tempdir()?,
        };
        for _ in 0..replicas {
            world.start_server().await?;
        }
        world.admin().create_app(APP, &world.secret).await?;
        world.wait_for_buckets().await?;
        Ok(world)
    }

    /// The first server.
    pub(crate) fn admin(&self) -> &Admin {
        &self.servers[0].admin
    }

    /// A file for the log of the next process.
    pub(crate) fn next_log(&mut self, what: &str) -> PathBuf {
        self.started += 1;
        let name = format!("{what}-{}.log", self.started);
        self.logs.path().join(name)
    }

    /// Starts a server and waits until it is ready. Returns how long that took.
    pub(crate) async fn start_server(&mut self) -> Result<Duration> {
        let address = free_address()?;
        let log = self.next_log("server");
        let mut command = Command::new(&self.program);
        // Settings meant for a real server in this shell must not reach this one.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"ANTARES_") {
                command.env_remove(name);
            }
        }
        command
            .args([self.command, "--stop-with-stdin"])
            .args(["--namespace", &self.namespace])
            .args(["--listen", &address])
            .args(&self.flags)
            .env("DATABASE_URL", &self.database_url)
            .env("ANTARES_ADMIN_PASSWORD", &self.password)
            .stdout(Stdio::null());
        let begin = Instant::now();
        let process = Process::start(&mut command, &log)?;
        let url = format!("http://{address}");
        let admin = Admin::new(&url, &self.password)?;
        let ready = wait_for("a server to be ready", Duration::from_mins(1), async || {
            Ok(admin.is_ready().await)
        });
        if let Err(error) = ready.await {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("{error}; it says:\n{log}").into());
        }
        let took = begin.elapsed();
        self.servers.push(Server {
            process,
            url,
            admin,
        });
        Ok(took)
    }

    /// Waits until every server owns its part of the buckets.
    pub(crate) async fn wait_for_buckets(&self) -> Result {
        let replicas = self.servers.len() as i64;
        wait_for("the servers to share the buckets", Duration::from_mins(1), async || {
            let even: bool = sqlx::query_scalar(
                "select count(*) = $1 and coalesce(sum(n), 0) = 256 and max(n) - min(n) <= 1
                 from (select count(*) as n from bucket_lease where expires_at > now() group by owner) o",
            )
            .bind(replicas)
            .fetch_one(&self.pool)
            .await?;
            Ok(even)
        })
        .await
    }

    /// Starts `n` client processes with so many slots each, without waiting for them.
    pub(crate) fn start_clients(&mut self, n: usize, slots: u32) -> Result {
        for _ in 0..n {
            let log = self.next_log("client");
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(["client", "--servers", &self.urls().join(",")])
                .args(["--slots", &slots.to_string()])
                .env("ANTARES_SECRET", &self.secret)
                .stdout(Stdio::piped());
            self.clients.push(Process::start(&mut command, &log)?);
        }
        Ok(())
    }

    /// Addresses of the servers.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|s| s.url.clone()).collect()
    }

    /// Waits until `expected` clients have a lease.
    pub(crate) async fn wait_for_clients(&self, expected: usize) -> Result {
        let bound = Duration::from_mins(1);
        let leases = "select count(*) from client_lease where expires_at > now()";
        wait_for("the clients to register", bound, async || {
            Ok(self.count(leases).await? >= expected as i64)
        })
        .await
    }

    /// Waits until no instance runs.
    pub(crate) async fn wait_for_end(&self, bound: Duration) -> Result {
        wait_for("all instances to end", bound, async || {
            // It reads past all that has ended and is yet to be vacuumed: asked without a pause, it took a third of a core from
            // what was measured.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let left = "select exists (select from instance)";
            let left: bool = sqlx::query_scalar(left).fetch_one(&self.pool).await?;
            Ok(!left)
        })
        .await
    }

    /// Lets the clients drain and leave.
    pub(crate) async fn stop_clients(&mut self) {
        let clients = std::mem::take(&mut self.clients);
        futures_util::future::join_all(clients.into_iter().map(Process::stop)).await;
    }

    /// Attempts that ended in a second, from `since` to `until` by [`clock::wall_us`].
    pub(crate) async fn ended_per_second(&self, since: i64, until: i64) -> Result<f64> {
        let ended: i64 = sqlx::query_scalar(
            "select count(*) from attempt_history
             where ended_at >= to_timestamp($1::float8 / 1e6) and ended_at < to_timestamp($2::float8 / 1e6)",
        )
        .bind(since as f64)
        .bind(until as f64)
        .fetch_one(&self.pool)
        .await?;
        Ok(ended as f64 / clock::seconds(until - since))
    }

    /// One number.
    pub(crate) async fn count(&self, statement: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(statement).fetch_one(&self.pool).await?)
    }

    /// Writes out what earlier steps have left in memory, so that no run pays for another. A user who may
    /// not do that measures without.
    pub(crate) async fn settle(&self) {
        let _ = sqlx::query("checkpoint").execute(&self.pool).await;
    }

    /// CPU time so far: of the servers, the clients and PostgreSQL.
    pub(crate) async fn cpu_times(&self) -> Result<[CpuTimes; 3]> {
        Ok([
            CpuTimes::of(self.servers.iter().filter_map(|s| s.process.pid())),
            CpuTimes::of(self.clients.iter().filter_map(Process::pid)),
            CpuTimes::of_postgresql(&self.pool).await?,
        ])
    }

    /// Stops all and drops the namespace.
    pub(crate) async fn end(mut self) -> Result {
        self.stop_clients().await;
        let servers = std::mem::take(&mut self.servers).into_iter();
        futures_util::future::join_all(servers.map(|server| server.process.stop())).await;
        for warning in warnings(self.logs.path()) {
            println!("  {warning}");
        }
        self.pool.close().await;
        let mut conn = PgConnection::connect(&self.database_url).await?;
        let drop = format!("drop schema if exists \"{}\" cascade", self.namespace);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await?;
        Ok(conn.close().await?)
    }
}

/// What servers and clients warned of.
fn warnings(logs: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    for file in std::fs::read_dir(logs).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let lines = text
            .lines()
            .filter(|l| l.contains("WARN") || l.contains("ERROR"));
        let name = file.file_name().to_string_lossy().into_owned();
        warnings.extend(lines.take(5).map(|line| {
            // A warning of a slow statement has the whole statement in it.
            let start: String = line.chars().take(200).collect();
            format!("{name}: {start}")
        }));
    }
    warnings
}

/// Looks every few milliseconds until `look` is true, for `bound` at most.
pub(crate) async fn wait_for(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<bool>,
) -> Result {
    let begin = Instant::now();
    while !look().await? {
        if begin.elapsed() > bound {
            return Err(format!("waited {bound:?} in vain for {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
