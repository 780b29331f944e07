//! One client process of the demo: what an application that uses the SDK looks like.

use std::process::ExitCode;
use std::time::Duration;

use antares_client::{BoxError, Client, Context, Outcome};
use clap::Args;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::admin::Admin;
use super::orders;
use crate::boot::StartError;
use crate::cli::{init_log, stop_on_signal, stop_with_stdin};
use crate::config::LogFormat;

/// How a client process of the demo runs.
#[derive(Debug, Args)]
pub struct DemoClient {
    /// Addresses of the servers, with commas between them.
    #[arg(long, env = "ANTARES_SERVERS", value_delimiter = ',', required = true)]
    servers: Vec<String>,
    /// Name of the app.
    #[arg(long, env = "ANTARES_APP", default_value = super::APP)]
    app: String,
    /// Secret of the app.
    #[arg(long, env = "ANTARES_SECRET", hide_env_values = true)]
    secret: String,
    /// PostgreSQL with the orders.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Password of the user admin. With it the client first creates the orders, the app and the jobs, if
    /// they are not there.
    #[arg(long, env = "ANTARES_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// Stop when standard input closes.
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// Parameter of `settle-orders`.
#[derive(Deserialize)]
struct Settle {
    /// How many orders a shard settles at most.
    most: i64,
}

/// Orders that a client generates on its own.
const ORDERS: u32 = 100_000;

impl DemoClient {
    async fn set_up(&self, pool: &sqlx::PgPool, password: &str) -> Result<(), StartError> {
        orders::create(pool, ORDERS).await?;
        let admin = Admin::new(&self.servers, password);
        admin.wait_ready().await?;
        admin.create_app(&self.app, &self.secret).await?;
        admin.create_jobs(&self.app, ORDERS).await?;
        Ok(())
    }

    /// Runs until it is told to stop.
    pub async fn run(&self) -> Result<ExitCode, StartError> {
        init_log(LogFormat::Text, "info")?;
        let stopping = CancellationToken::new();
        stop_on_signal(stopping.clone())?;
        if self.stop_with_stdin {
            stop_with_stdin(stopping.clone());
        }
        let pool = orders::connect(&self.database_url).await?;
        if let Some(password) = &self.admin_password {
            self.set_up(&pool, password).await?;
        }
        let client = Client::builder(&self.app, &self.secret)
            .servers(&self.servers)
            .slots(8)
            .allow_scripts(true)
            .handler("settle-orders", move |ctx: Context| {
                let pool = pool.clone();
                async move {
                    let most = ctx.job_param::<Settle>()?.most;
                    let settled = orders::settle(&pool, ctx.item(), most).await?;
                    ctx.log().info(format!("settled {settled} orders"));
                    Ok::<_, BoxError>(Outcome::output(settled))
                }
            })
            .handler("settlement-report", async |ctx: Context| {
                let settled: Vec<Option<String>> = ctx.job_param()?;
                let settled = settled.iter().flatten();
                let total: i64 = settled.filter_map(|n| n.parse::<i64>().ok()).sum();
                Ok::<_, BoxError>(Outcome::output(total))
            })
            .handler("always-fails", async |_: Context| {
                Outcome::fail("this job fails on purpose, to show what a failure looks like")
            })
            .handler("not-yet", async |ctx: Context| {
                if ctx.attempt() < 3 {
                    Outcome::later(Duration::from_millis(300))
                } else {
                    Outcome::output("the third attempt succeeds")
                }
            })
            .build()
            .map_err(|error| StartError(error.to_string()))?;
        client.run_until(stopping.cancelled_owned()).await;
        Ok(ExitCode::SUCCESS)
    }
}
