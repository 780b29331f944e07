//! What the figures were measured on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;
use sqlx::{Connection, PgConnection};

use crate::{Options, Result};

/// Machine, versions and settings.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Environment {
    antares: String,
    postgresql: String,
    settings: Vec<(String, String)>,
    cores: usize,
    cpu: String,
    /// Of the last minute, when the benchmark began: what else this machine was doing.
    load: String,
}

/// Settings that decide how fast PostgreSQL is. The first two must be on.
const SETTINGS: [&str; 9] = [
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "wal_sync_method",
    "max_connections",
    "shared_preload_libraries",
    "autovacuum_naptime",
];

impl Environment {
    /// Looks, and refuses a debug build or a PostgreSQL that does not wait for its disk.
    pub(crate) async fn look(options: &Options) -> Result<Self> {
        if cfg!(debug_assertions) {
            return Err("this is a debug build; type `cargo xtask bench`".into());
        }
        let server = server_program(options)?;
        let version = Command::new(&server).arg("--version").output()?;
        let mut conn = PgConnection::connect(&options.database_url).await?;
        let postgresql: String = sqlx::query_scalar("show server_version")
            .fetch_one(&mut conn)
            .await?;
        let mut settings = Vec::new();
        for name in SETTINGS {
            let value: String = sqlx::query_scalar("select current_setting($1)")
                .bind(name)
                .fetch_one(&mut conn)
                .await?;
            if settings.len() < 2 && value != "on" {
                return Err(format!("PostgreSQL runs with {name} = {value}; it must be on").into());
            }
            settings.push((name.to_owned(), value));
        }
        conn.close().await?;
        Ok(Self {
            antares: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            postgresql,
            settings,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: cpu(),
            load: load(),
        })
    }
}

/// Load average of the last minute; empty where there is none to read.
pub(crate) fn load() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next().map(str::to_owned))
        .unwrap_or_default()
}

fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned())
}

/// The server program to measure.
pub(crate) fn server_program(options: &Options) -> Result<PathBuf> {
    let program = match &options.server {
        Some(given) => given.clone(),
        None => std::env::current_exe()?.with_file_name("antares-server"),
    };
    if !Path::new(&program).is_file() {
        return Err(format!(
            "{} is not there; type `cargo xtask bench`, or give --server",
            program.display()
        )
        .into());
    }
    Ok(program)
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, PostgreSQL {}, {} cores ({}), load {}",
            self.antares, self.postgresql, self.cores, self.cpu, self.load
        )?;
        let settings: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        write!(f, "{}", settings.join(", "))
    }
}
