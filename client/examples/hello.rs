//! The smallest client: one handler.
//!
//! ```text
//! ANTARES_SERVER=http://127.0.0.1:22122 ANTARES_APP=demo ANTARES_SECRET=… cargo run -p antares-client --example hello
//! ```

use antares_client::{BoxError, Client, Context};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .handler("hello", async |ctx: Context| {
            ctx.log().info("hello from a handler");
            format!("greeted by {}", std::process::id())
        })
        .build()?
        .run()
        .await;
    Ok(())
}
