//! The benchmarks of Antares: real processes, real HTTP, a PostgreSQL that waits for its disk.
//!
//! Each workload runs in a namespace of its own, which is dropped afterwards. After each an oracle recounts
//! in SQL what the figures claim; a benchmark that lost something has no speed.

mod admin;
mod clock;
mod entries;
mod environment;
mod feeder;
mod in_process;
mod jobs;
mod load;
mod oracle;
mod peer;
mod probe;
mod process;
mod report;
mod stats;
mod worker;
mod workload;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use environment::Environment;
use peer::Peers;
use report::Report;
use workload::Workload;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The reason is shown as it is.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// Benchmarks of Antares.
#[derive(Debug, Parser)]
#[command(
    name = "antares-bench",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// What to run; all of them if none is named. Ratios between two workloads need both in one run.
    workloads: Vec<Workload>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What all workloads need to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// PostgreSQL to measure on; schemas are created in it and dropped.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "")]
    pub(crate) database_url: String,
    /// The server program; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,
    /// A small part of the work and fewer runs: shows that it works, not how fast.
    #[arg(long)]
    pub(crate) short: bool,
    /// How often a workload that has runs is repeated.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: Option<u32>,
    /// Other queues to run beside ours in drain and sustained: names of folders in bench/peers with commas
    /// between, `all` or `none`.
    #[arg(long, value_name = "NAMES", default_value = "all")]
    pub(crate) peers: String,
    /// Where to write the figures; by default `bench/results/<name>.json`. Markdown and the plot go beside it.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Processes that the workloads start.
#[derive(Debug, Subcommand)]
enum Part {
    /// An application on the SDK.
    #[command(hide = true)]
    Client(worker::Worker),
    /// Very many clients of the protocol.
    #[command(hide = true)]
    Load(load::Load),
    /// A server with clients in its own process.
    #[command(hide = true)]
    InProcess(Box<in_process::InProcess>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut runtime = match &cli.part {
        // As in the server.
        Some(Part::InProcess(_)) => tokio::runtime::Builder::new_multi_thread(),
        // This program waits most of the time; what it measures needs the cores.
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build();
    let done = match (runtime, &cli.part) {
        (Err(error), _) => Err(error.into()),
        (Ok(runtime), Some(Part::Client(worker))) => runtime.block_on(worker.run()),
        (Ok(runtime), Some(Part::Load(load))) => runtime.block_on(load.run()),
        (Ok(runtime), Some(Part::InProcess(server))) => runtime.block_on(server.run()),
        (Ok(runtime), None) => runtime.block_on(bench(&cli.options, &cli.workloads)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn bench(options: &Options, chosen: &[Workload]) -> Result<ExitCode> {
    if options.database_url.is_empty() {
        return Err(
            "database-url: there is none; type `cargo xtask bench`, or set DATABASE_URL".into(),
        );
    }
    let environment = Environment::look(options).await?;
    println!("{environment}");
    let all = Workload::value_variants();
    let workloads = if chosen.is_empty() { all } else { chosen };
    let peers = if workloads.iter().any(|workload| workload.has_peers()) {
        Peers::install(options).await?
    } else {
        Peers::default()
    };
    let mut report = Report::new(environment, options.short);
    for workload in workloads {
        println!("\n== {}", workload.name());
        let outcome = workload.run(options, &peers, &report).await;
        report.add(outcome);
    }
    let name = match chosen {
        [] => "all".to_owned(),
        chosen => chosen
            .iter()
            .map(|w| w.name())
            .collect::<Vec<_>>()
            .join("-"),
    };
    for file in report.write(options.json.as_deref(), &name)? {
        println!("written to {}", file.display());
    }
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
