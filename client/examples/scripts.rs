//! A client that runs script jobs: commands and scripts that come from the job's definition.
//!
//! Whoever may edit the app's jobs chooses what runs here, as this process's user.

use antares_client::{BoxError, Client};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .slots(4)
        .allow_scripts(true)
        .build()?
        .run()
        .await;
    Ok(())
}
