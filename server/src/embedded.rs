//! The private PostgreSQL of `run --embedded` and of the demo.

use std::path::PathBuf;

use antares_embedded::{Binaries, Options, Postgres};

use crate::boot::StartError;

/// Starts a private PostgreSQL in `data_dir`, installing its binaries if need be.
pub async fn start(data_dir: PathBuf) -> Result<Postgres, StartError> {
    tokio::task::spawn_blocking(move || {
        let binaries = Binaries::locate_for(&data_dir, &mut |line| tracing::info!("{line}"))?;
        Postgres::start(&binaries, Options::persistent(data_dir))
    })
    .await
    .map_err(|error| StartError(format!("postgresql: {error}")))?
    .map_err(|error| StartError(format!("postgresql: {error}")))
}
