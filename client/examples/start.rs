//! A client with one handler.
// Cargo.toml: antares-client = { path = "<checkout of Antares>/client" }, tokio = { version = "1", features = ["full"] }

use antares_client::{BoxError, Client, Context, job};

#[job("my-job")]
async fn my_job(ctx: Context) -> Result<String, BoxError> {
    ctx.log()
        .info(format!("shard {} of {}", ctx.item(), ctx.total()));
    Ok("done".to_owned())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Client::builder("{app}", "{secret}")
        .server("{url}")
        .discover()
        .build()?
        .run()
        .await;
    Ok(())
}
