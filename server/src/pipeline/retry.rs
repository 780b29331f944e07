//! Another try after a deadlock or serialisation failure.

use std::time::Duration;

use crate::app::App;
use crate::store::pool;

/// Runs `work` again, a few times, while PostgreSQL gives up on it only because of what others do.
pub async fn on_conflict<T, E, F>(app: &App, mut work: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: Conflict,
{
    for round in 1..pool::RETRIES {
        match work().await {
            Err(error) if error.is_conflict() => {
                app.metrics.conflicts.add(1);
                tracing::debug!(round, "repeating a transaction after a conflict");
                // The other side needs a moment; which side repeats first is left to chance of timing.
                tokio::time::sleep(Duration::from_millis(u64::from(5 * round * round))).await;
            }
            done => return done,
        }
    }
    work().await
}

/// Errors that may stem from a conflict.
pub trait Conflict {
    /// Whether this one does.
    fn is_conflict(&self) -> bool;
}

impl Conflict for sqlx::Error {
    fn is_conflict(&self) -> bool {
        pool::is_conflict(self)
    }
}
