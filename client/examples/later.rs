//! A handler that is not ready yet: the shard goes back, and any client gets it after the delay.

use std::path::Path;
use std::time::Duration;

use antares_client::{BoxError, Client, Context, Outcome};

async fn import(ctx: Context) -> Result<Outcome, BoxError> {
    let file: String = ctx.job_param()?;
    if !Path::new(&file).exists() {
        ctx.log().warn(format!(
            "{file} is not there yet, attempt {}",
            ctx.attempt()
        ));
        return Ok(Outcome::later(Duration::from_secs(10)));
    }
    let rows = tokio::fs::read_to_string(&file).await?.lines().count();
    Ok(Outcome::output(rows))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .handler("import", import)
        .build()?
        .run()
        .await;
    Ok(())
}
