//! A namespace with servers and clients for one workload.

use std::path::PathBuf;
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
use crate::{Options, Result, environment};

/// Everything a workload needs. [`World::end`] removes it.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) admins: Vec<Admin>,
    pub(crate) clients: Vec<Process>,
    servers: Vec<Process>,
    addresses: Vec<String>,
    namespace: String,
    database_url: String,
    program: PathBuf,
    password: String,
    secret: String,
    logs: TempDir,
}

impl World {
    /// A fresh namespace with `replicas` servers that are ready and share the buckets, and an app.
    pub(crate) async fn new(options: &Options, replicas: usize) -> Result<Self> {
        let namespace = format!("antares_bench_{}", Uuid::now_v7().simple());
        let connect = PgConnectOptions::from_str(&options.database_url)?
            .application_name("antares-bench")
            .options([("search_path", namespace.as_str()), ("timezone", "UTC")]);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(connect)
            .await?;
        let mut world = Self {
            pool,
            admins: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            addresses: Vec::new(),
            namespace,
            database_url: options.database_url.clone(),
            program: environment::server_program(options)?,
            password: Uuid::now_v7().to_string(),
            secret: Uuid::now_v7().to_string(),
            logs: tempfile::tempdir()?,
        };
        for _ in 0..replicas {
            world.start_server().await?;
        }
        world.admins[0].create_app(&world.secret).await?;
        world.wait_for_buckets().await?;
        Ok(world)
    }

    async fn start_server(&mut self) -> Result {
        let address = free_address()?;
        let log = self
            .logs
            .path()
            .join(format!("server-{}.log", self.servers.len()));
        let mut command = Command::new(&self.program);
        // Settings meant for a real server in this shell must not reach this one.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"ANTARES_") {
                command.env_remove(name);
            }
        }
        command
            .args(["run", "--stop-with-stdin", "--namespace", &self.namespace])
            .args(["--listen", &address])
            .env("DATABASE_URL", &self.database_url)
            .env("ANTARES_ADMIN_PASSWORD", &self.password)
            .stdout(Stdio::null());
        self.servers.push(Process::start(&mut command, &log)?);
        let url = format!("http://{address}");
        let admin = Admin::new(&url, &self.password)?;
        let ready = wait_for("a server to be ready", Duration::from_mins(1), async || {
            Ok(admin.is_ready().await)
        });
        if let Err(error) = ready.await {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("{error}; it says:\n{log}").into());
        }
        self.addresses.push(url);
        self.admins.push(admin);
        Ok(())
    }

    /// Waits until every server owns its part of the buckets.
    async fn wait_for_buckets(&self) -> Result {
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
            let log = self
                .logs
                .path()
                .join(format!("client-{}.log", self.clients.len()));
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(["client", "--servers", &self.addresses.join(",")])
                .args(["--slots", &slots.to_string()])
                .env("ANTARES_SECRET", &self.secret)
                .stdout(Stdio::piped());
            self.clients.push(Process::start(&mut command, &log)?);
        }
        Ok(())
    }

    /// Waits until as many clients as were started have registered.
    pub(crate) async fn wait_for_clients(&self) -> Result {
        let expected = self.clients.len() as i64;
        wait_for(
            "the clients to register",
            Duration::from_secs(30),
            async || {
                Ok(self
                    .count("select count(*) from client_lease where expires_at > now()")
                    .await?
                    >= expected)
            },
        )
        .await
    }

    /// Lets the clients drain and leave.
    pub(crate) async fn stop_clients(&mut self) {
        let clients = std::mem::take(&mut self.clients);
        futures_util::future::join_all(clients.into_iter().map(Process::stop)).await;
    }

    /// One number.
    pub(crate) async fn count(&self, statement: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(statement).fetch_one(&self.pool).await?)
    }

    /// Id of the app.
    pub(crate) async fn app_id(&self) -> Result<i64> {
        let id = sqlx::query_scalar("select id from app where name = $1").bind(APP);
        Ok(id.fetch_one(&self.pool).await?)
    }

    /// Writes out what earlier steps have left in memory, so that no run pays for another. A user who may
    /// not do that measures without.
    pub(crate) async fn settle(&self) {
        let _ = sqlx::query("checkpoint").execute(&self.pool).await;
    }

    /// CPU time so far: of the servers, the clients and PostgreSQL.
    pub(crate) async fn cpu_times(&self) -> Result<[CpuTimes; 3]> {
        Ok([
            CpuTimes::of(self.servers.iter().filter_map(Process::pid)),
            CpuTimes::of(self.clients.iter().filter_map(Process::pid)),
            CpuTimes::of_postgresql(&self.pool).await?,
        ])
    }

    /// What servers and clients warned of.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for file in std::fs::read_dir(self.logs.path())
            .into_iter()
            .flatten()
            .flatten()
        {
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

    /// Stops all and drops the namespace.
    pub(crate) async fn end(mut self) -> Result {
        self.stop_clients().await;
        let servers = std::mem::take(&mut self.servers);
        futures_util::future::join_all(servers.into_iter().map(Process::stop)).await;
        for warning in self.warnings() {
            println!("  {warning}");
        }
        self.pool.close().await;
        let mut conn = PgConnection::connect(&self.database_url).await?;
        let drop = format!("drop schema if exists \"{}\" cascade", self.namespace);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await?;
        Ok(conn.close().await?)
    }
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
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
