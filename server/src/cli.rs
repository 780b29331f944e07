//! The command line of `antares-server`.

mod simulate;

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::boot::{self, StartError};
use crate::config::{Config, LogFormat, apply_file};
use crate::demo;
use crate::domain::job::{parse_cron, parse_zone};

/// Distributed job scheduling on PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "antares-server", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a replica: HTTP API, scheduler and console.
    Run(Box<Config>),
    /// Bring the schema of the database up to date, and end.
    Migrate(Migrate),
    /// Print the next fire times of a cron expression.
    Next(Next),
    /// Print what the schedules of all waiting jobs will do over a period.
    Simulate(simulate::Simulate),
    /// Ask a replica whether it is ready; exit 0 if so. For health checks of containers.
    Health(Health),
    /// Print the OpenAPI document.
    Openapi,
    /// Run the main job: a private PostgreSQL, two servers, three clients and a million orders.
    Demo(demo::Demo),
    /// Run one client process of the demo.
    #[command(hide = true)]
    DemoClient(demo::client::DemoClient),
}

#[derive(Debug, Args)]
struct Migrate {
    /// PostgreSQL to use.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Namespace, which is a schema of the database.
    #[arg(long, env = "ANTARES_NAMESPACE", default_value = "antares", value_parser = crate::config::parse_namespace)]
    namespace: String,
}

#[derive(Debug, Args)]
struct Next {
    /// A Quartz cron expression of 6 or 7 fields.
    expression: String,
    /// IANA time zone in which it is read.
    #[arg(long = "tz", visible_alias = "time-zone", default_value = "UTC")]
    time_zone: String,
    /// RFC 3339 instant after which to begin; now if left out.
    #[arg(long)]
    after: Option<String>,
    /// How many, 1 to 100000; fewer are printed when the schedule ends.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Print a JSON array of RFC 3339 strings.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Health {
    /// Address of the replica.
    #[arg(
        long,
        env = "ANTARES_HEALTH_URL",
        default_value = "http://127.0.0.1:22122"
    )]
    url: String,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    match cli.command {
        Command::Next(next) => return print_next(&next),
        Command::Openapi => {
            println!(
                "{}",
                crate::http::openapi().to_pretty_json().unwrap_or_default()
            );
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Run(config) => run(*config).await,
            Command::Migrate(migrate) => {
                init_log(LogFormat::Text, "info")?;
                let options = boot::connect_options(
                    &migrate.database_url,
                    &migrate.namespace,
                    "antares-server migrate",
                )?;
                boot::wait_for_database(&options, &migrate.namespace, |_| {}).await?;
                println!("the schema is up to date");
                Ok(ExitCode::SUCCESS)
            }
            Command::Simulate(simulate) => simulate.run().await,
            Command::Health(health) => health.ask().await,
            Command::Demo(demo) => demo.run().await,
            Command::DemoClient(client) => client.run().await,
            Command::Next(_) | Command::Openapi => Ok(ExitCode::SUCCESS),
        }
    });
    // A task that will not end must not keep the process from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Flags over environment over the configuration file over defaults.
fn parse() -> Result<Cli, String> {
    let mut command = Cli::command();
    if let Some(path) = config_file() {
        let mut result = Ok(());
        command = command.mut_subcommand("run", |run| match apply_file(run.clone(), &path) {
            Ok(run) => run,
            Err(error) => {
                result = Err(error);
                run
            }
        });
        result?;
    }
    let matches = command.try_get_matches().map_err(|error| {
        let help = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        if !error.use_stderr() || error.kind() == help {
            // Help and version are answers, not errors.
            error.exit();
        }
        one_line(&error)
    })?;
    Cli::from_arg_matches(&matches).map_err(|error| one_line(&error))
}

/// What is wrong, without the usage that follows it: a bad value stops the start with one line.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or_default();
    let what = what
        .split("\n\nFor more information")
        .next()
        .unwrap_or_default();
    let words: Vec<&str> = what.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

/// The configuration file is needed before the rest can be parsed.
fn config_file() -> Option<PathBuf> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != "run" {
        return None;
    }
    let mut args = args.map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        if arg == "--config" {
            return args.next().map(PathBuf::from);
        }
        if let Some(path) = arg.strip_prefix("--config=") {
            return Some(path.into());
        }
    }
    std::env::var_os("ANTARES_CONFIG").map(PathBuf::from)
}

/// Starts the log.
pub fn init_log(format: LogFormat, filter: &str) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| StartError(format!("log: `{filter}` is not a filter: {error}")))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    done.map_err(|error| StartError(format!("log: {error}")))
}

async fn run(config: Config) -> Result<ExitCode, StartError> {
    init_log(config.log_format, &config.log)?;
    let stopping = CancellationToken::new();
    stop_on_signal(stopping.clone())?;
    if config.stop_with_stdin {
        stop_with_stdin(stopping.clone());
    }
    let mut postgres = None;
    let url = if config.embedded {
        if config.database_url.is_some() {
            tracing::warn!("embedded: the private PostgreSQL is used, and not --database-url");
        }
        let running = crate::embedded::start(config.data_dir.clone()).await?;
        let url = running.url("postgres");
        postgres = Some(running);
        url
    } else {
        config.database_url.clone().ok_or_else(|| {
            StartError("database-url: give --database-url, DATABASE_URL, or --embedded".into())
        })?
    };
    let done = boot::run(config, &url, stopping).await;
    if let Some(postgres) = postgres {
        let stopped = tokio::task::spawn_blocking(move || postgres.stop()).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the private PostgreSQL did not stop cleanly");
        }
    }
    done.map(|()| ExitCode::SUCCESS)
}

/// Cancels on SIGTERM or Ctrl-C; a second one ends the process. The signals are caught from here on, and not
/// only when a task first runs.
pub fn stop_on_signal(stopping: CancellationToken) -> Result<(), StartError> {
    let mut signals = Signals::catch()?;
    tokio::spawn(async move {
        signals.next().await;
        stopping.cancel();
        signals.next().await;
        std::process::exit(130);
    });
    Ok(())
}

/// SIGTERM and Ctrl-C.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from here on.
    pub fn catch() -> Result<Self, StartError> {
        let catch = |kind| {
            signal(kind).map_err(|error| StartError(format!("cannot catch signals: {error}")))
        };
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Cancels when standard input closes.
pub fn stop_with_stdin(stopping: CancellationToken) {
    // A thread of its own: a read of standard input cannot be cancelled.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stopping.cancel();
    });
}

fn print_next(next: &Next) -> ExitCode {
    match next_fires(next) {
        Ok(fires) if next.json => {
            println!("{}", serde_json::json!(fires));
            ExitCode::SUCCESS
        }
        Ok(fires) => {
            for fire in fires {
                println!("{fire}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn next_fires(next: &Next) -> Result<Vec<String>, String> {
    let zone = parse_zone(&next.time_zone).map_err(|error| error.to_string())?;
    let expression = parse_cron(&next.expression).map_err(|error| error.to_string())?;
    let after = match &next.after {
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|error| {
                format!("after: `{text}` is not RFC 3339: {error}; write one like 2026-03-09T08:06:09+08:00")
            })?
            .with_timezone(&Utc),
        None => std::time::SystemTime::now().into(),
    };
    Ok(expression
        .upcoming(after, zone)
        .take(next.count as usize)
        .map(|fire| {
            fire.with_timezone(&zone)
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        })
        .collect())
}

impl Health {
    async fn ask(&self) -> Result<ExitCode, StartError> {
        let url = format!("{}/readyz", self.url.trim_end_matches('/'));
        let failed = |error: reqwest::Error| StartError(format!("{url}: {error}"));
        let answer = reqwest::get(&url).await.map_err(failed)?;
        let ready = answer.status().is_success();
        println!("{}", answer.text().await.map_err(failed)?);
        Ok(if ready {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
