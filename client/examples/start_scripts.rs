//! A client that runs jobs of kind `script`: commands and scripts come from the job's definition, and run as this
//! process's user.
// Cargo.toml: antares-client = { path = "<checkout of Antares>/client" }, tokio = { version = "1", features = ["full"] }

use antares_client::{BoxError, Client};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    Client::builder("{app}", "{secret}")
        .server("{url}")
        .allow_scripts(true)
        .build()?
        .run()
        .await;
    Ok(())
}
