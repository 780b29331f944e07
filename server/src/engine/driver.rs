//! Runs a step over and over: on a period, when woken, and again after the database was away.

use std::time::Duration;

use crate::app::Shared;
use crate::store::pool;

/// Whether another try may help after `error`, and what to say. Counts and logs it, once for each spell.
pub fn note(app: &Shared, part: &'static str, error: &sqlx::Error) {
    app.metrics.database_errors.add(1);
    let what = if pool::is_unavailable(error) {
        format!("the database is away: {error}")
    } else {
        format!("the database refused a statement: {error}")
    };
    if app.health.trouble(part, &what) {
        tracing::warn!(part, "{what}; trying again");
    }
}

/// As [`note`], for a loop that works only when asked: an error that lies in what was asked is logged, and
/// is no trouble of the server.
pub fn note_request(app: &Shared, part: &'static str, error: &sqlx::Error) {
    if pool::is_unavailable(error) || pool::is_conflict(error) {
        note(app, part, error);
    } else {
        app.metrics.database_errors.add(1);
        tracing::error!(part, %error, "the database refused a statement");
    }
}

/// Parts that work only when asked, and so may not find out that the database is back.
const ON_REQUEST: [&str; 3] = ["claims", "reports", "renewals"];

/// Notes that the database works, on behalf of the parts that nobody may be asking at the moment.
pub fn database_works(app: &Shared) {
    for part in ON_REQUEST {
        well(app, part);
    }
}

/// Notes that `part` works again.
pub fn well(app: &Shared, part: &'static str) {
    if app.health.well(part) {
        tracing::info!(part, "works again");
    }
}

/// Grows the pause after each failure in a row, up to two seconds, and spreads replicas.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// Waits, longer each time.
    pub async fn wait(&mut self) {
        let base = 50 << self.0.min(5);
        self.0 += 1;
        let mut byte = [0_u8; 1];
        // Without randomness the replicas merely retry in step.
        let _ = getrandom::fill(&mut byte);
        let jitter = base * u64::from(byte[0]) / 512;
        tokio::time::sleep(Duration::from_millis(base + jitter)).await;
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.0 = 0;
    }
}
