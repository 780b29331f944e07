//! `cargo xtask bench`: the benchmarks, optimised, on a PostgreSQL that waits for its disk.

use std::process::{Command, ExitCode};

use crate::{Result, cargo, console, setup};

/// Runs the benchmarks with `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    setup::compiler()?;
    let binaries = setup::postgresql()?;
    console::build()?;
    cargo::run(&[
        "build",
        "--release",
        "--package",
        "antares-bench",
        "--package",
        "antares-server",
    ])?;
    let mut bench = Command::new(cargo::built("release", "antares-bench")?);
    setup::hand_over(&binaries, &mut bench);
    let postgres = if setup::variable("DATABASE_URL").is_some() {
        setup::say("postgresql: the one in DATABASE_URL");
        None
    } else {
        let durable = [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
            ("shared_buffers", "2GB"),
            ("max_wal_size", "8GB"),
            ("max_connections", "300"),
            ("shared_preload_libraries", "pg_stat_statements"),
            ("autovacuum_naptime", "10s"),
        ];
        let postgres = setup::private_postgresql(&binaries, &durable)?;
        bench.env("DATABASE_URL", postgres.url("postgres"));
        Some(postgres)
    };
    let status = bench.args(arguments).status()?;
    if let Some(postgres) = postgres {
        postgres.stop()?;
    }
    Ok(cargo::exit_code(status))
}
