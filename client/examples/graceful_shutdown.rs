//! A client inside a program that has a life of its own, stopped gracefully with the rest of it.

use std::time::Duration;

use antares_client::{BoxError, Client, Context, Listener, Outcome};

/// Counts what fails.
struct Alarm;

impl Listener for Alarm {
    async fn fail(&self, ctx: &Context, error: &str) {
        tracing::error!(job = ctx.job(), error, "a shard failed");
    }
}

async fn slow(ctx: Context) -> Outcome {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(20)) => Outcome::success(),
        // After the drain timeout. The shard goes back, for another client to run.
        () = ctx.cancelled() => Outcome::fail("interrupted"),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let client = Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .listener(Alarm)
        .handler("slow", slow)
        .drain_timeout(Duration::from_secs(10))
        .build()?
        .spawn();

    // The program's own work goes here; this one waits for Ctrl-C.
    tokio::select! {
        id = client.registered() => tracing::info!(%id, "ready"),
        () = tokio::time::sleep(Duration::from_secs(5)) => tracing::warn!("no server yet, still trying"),
    }
    tokio::signal::ctrl_c().await?;

    tracing::info!(running = client.running(), "draining");
    client.shutdown().await;
    Ok(())
}
