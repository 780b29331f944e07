//! One client process: an application on the SDK whose handlers do nothing, or tell when they began.

use std::io::Write as _;
use std::process::ExitCode;

use antares_client::{BoxError, Client, Context};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;

use crate::{Result, clock};

/// Name of the app of all benchmarks.
pub(crate) const APP: &str = "bench";
/// Handler that does nothing.
pub(crate) const NOOP: &str = "noop";
/// Handler that says when it was entered.
pub(crate) const ENTER: &str = "enter";

/// Handler that gives its item back as its result.
pub(crate) const OUTPUT: &str = "output";
/// Handler that says when it was entered, and never ends the first attempt.
pub(crate) const HOLD: &str = "hold";

/// How a client process runs. It stops when its standard input closes.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<String>,
    /// Secret of the app.
    #[arg(long, env = "ANTARES_SECRET", hide_env_values = true)]
    secret: String,
    #[arg(long)]
    slots: u32,
}

/// A line on standard output: the handler [`ENTER`] was entered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entered {
    pub(crate) instance_id: i64,
    pub(crate) attempt: i16,
    /// By [`clock::monotonic_ns`].
    pub(crate) monotonic_ns: i64,
    /// By [`clock::wall_us`].
    pub(crate) wall_us: i64,
    /// The tick, as microseconds since 1970.
    pub(crate) scheduled_us: i64,
}

impl Worker {
    pub(crate) async fn run(&self) -> Result<ExitCode> {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_writer(std::io::stderr)
            .init();
        Client::builder(APP, &self.secret)
            .servers(&self.servers)
            .slots(self.slots)
            .handler(NOOP, async |_ctx: Context| {})
            .handler(OUTPUT, async |ctx: Context| ctx.item())
            .handler(ENTER, async |ctx: Context| say(&ctx))
            .handler(HOLD, async |ctx: Context| {
                say(&ctx)?;
                if ctx.attempt() == 1 {
                    std::future::pending::<()>().await;
                }
                Ok::<(), BoxError>(())
            })
            .build()?
            .run_until(async {
                let mut rest = Vec::new();
                // An error ends it as well.
                let _ = tokio::io::stdin().read_to_end(&mut rest).await;
            })
            .await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes [`Entered`].
fn say(ctx: &Context) -> std::result::Result<(), BoxError> {
    let entered = Entered {
        monotonic_ns: clock::monotonic_ns(),
        wall_us: clock::wall_us(),
        instance_id: ctx.instance_id(),
        attempt: ctx.attempt(),
        scheduled_us: ctx.scheduled_at().timestamp_micros(),
    };
    // Only after the times were taken.
    let line = serde_json::to_string(&entered)? + "\n";
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}
