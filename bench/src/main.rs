//! The benchmarks of Antares: real processes, real HTTP, a PostgreSQL that waits for its disk.
//!
//! Each workload runs in a namespace of its own, which is dropped afterwards. After each an oracle recounts
//! in SQL what the figures claim; a benchmark that lost something has no speed.

mod admin;
mod clock;
mod environment;
mod oracle;
mod process;
mod report;
mod stats;
mod worker;
mod workload;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use environment::Environment;
use report::Report;

/// The reason is shown as it is.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// Benchmarks of Antares.
#[derive(Debug, Parser)]
#[command(name = "antares-bench", version, about)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What all workloads need to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// PostgreSQL to measure on; schemas are created in it and dropped.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        global = true,
        default_value = ""
    )]
    pub(crate) database_url: String,
    /// The server program; by default the one beside this program.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) server: Option<PathBuf>,
    /// A tenth of the work and fewer runs: shows that it works, not how fast.
    #[arg(long, global = true)]
    pub(crate) short: bool,
    /// How often a workload that has runs is repeated.
    #[arg(long, value_name = "NUMBER", global = true)]
    pub(crate) runs: Option<u32>,
    /// Where to write the figures; by default `bench/results/<name>.json`.
    #[arg(long, value_name = "FILE", global = true)]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shards drained a second, through the protocol.
    Drain,
    /// Jobs that are due in one second, fired by one replica and by two.
    Herd,
    /// From a trigger, or a tick, to the start of the handler.
    Latency,
    /// One client process of the benchmarks.
    #[command(hide = true)]
    Client(worker::Worker),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // This program waits most of the time; what it measures needs the cores.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match (runtime, &cli.command) {
        (Err(error), _) => Err(error.into()),
        (Ok(runtime), Some(Command::Client(worker))) => runtime.block_on(worker.run()),
        (Ok(runtime), command) => runtime.block_on(bench(&cli.options, command.as_ref())),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn bench(options: &Options, command: Option<&Command>) -> Result<ExitCode> {
    if options.database_url.is_empty() {
        return Err(
            "database-url: there is none; type `cargo xtask bench`, or set DATABASE_URL".into(),
        );
    }
    let environment = Environment::look(options).await?;
    println!("{environment}");
    let name = match command {
        Some(Command::Drain) => "drain",
        Some(Command::Herd) => "herd",
        Some(Command::Latency) => "latency",
        Some(Command::Client(_)) | None => "all",
    };
    let mut report = Report::new(environment, options.short);
    if matches!(name, "drain" | "all") {
        report.add(workload::drain::run(options).await?);
    }
    if matches!(name, "herd" | "all") {
        report.add(workload::herd::run(options).await?);
    }
    if matches!(name, "latency" | "all") {
        report.add(workload::latency::run(options).await?);
    }
    let file = report.write(options.json.as_deref(), name)?;
    println!("written to {}", file.display());
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
