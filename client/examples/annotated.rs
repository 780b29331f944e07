//! Handlers that are found by themselves: write one, and it runs.

use antares_client::{BoxError, Client, Context, Job, job};

/// Named `settle`, as jobs ask for it.
#[job("settle")]
async fn settle_orders(ctx: Context) -> Result<String, BoxError> {
    let region: Option<String> = ctx.param()?;
    Ok(format!(
        "settled {}",
        region.as_deref().unwrap_or("everything")
    ))
}

/// Named `tick`, as the function.
#[job]
async fn tick() {}

/// A type works too, if it has a default.
#[job("report")]
#[derive(Default)]
struct Report {
    title: Option<String>,
}

impl Job for Report {
    type Output = String;

    async fn run(&self, _ctx: Context) -> String {
        self.title.clone().unwrap_or_else(|| "untitled".to_owned())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .discover()
        .build()?
        .run()
        .await;
    Ok(())
}
