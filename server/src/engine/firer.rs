//! Fires the ticks of the buckets this replica owns, when they are due.

use std::time::Duration;

use chrono::TimeDelta;

use super::driver::{self, Backoff};
use super::hint::Hint;
use super::membership::Ownership;
use crate::app::Shared;
use crate::pipeline::fire::{self, Expressions, Pass};

/// Name in logs and in `/readyz`.
const PART: &str = "firing";
/// How often to look when nothing is near.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the replica stops.
pub async fn run(app: Shared, mut ownership: Ownership) {
    let mut backoff = Backoff::default();
    let mut expressions = Expressions::default();
    while !app.stopping.is_cancelled() {
        let wait = match pass(&app, &mut ownership, &mut expressions).await {
            Ok(pass) => {
                backoff.reset();
                driver::well(&app, PART);
                if pass.more && pass.decided > 0 {
                    continue;
                }
                pass.next_in.unwrap_or(PERIOD).min(PERIOD)
            }
            Err(error) => {
                driver::note(&app, PART, &error);
                backoff.wait().await;
                continue;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.hints.firer.notified() => {}
            () = ownership.changed() => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

async fn pass(
    app: &Shared,
    ownership: &mut Ownership,
    expressions: &mut Expressions,
) -> sqlx::Result<Pass> {
    // Past the lease this replica does not trust itself, before anything else.
    let Some((server, owned)) = ownership.trusted() else {
        return Ok(Pass::default());
    };
    if owned.is_empty() {
        return Ok(Pass::default());
    }
    let mut conn = app.hot.acquire().await?;
    let threshold = TimeDelta::from_std(app.config.misfire_threshold).unwrap_or(TimeDelta::MAX);
    let pass = fire::fire_due(&mut conn, server, &owned, expressions, threshold).await?;
    app.metrics.fired.add(pass.instances.len());
    if let Some(lowest) = pass.instances.iter().min() {
        app.hints.send(&Hint::ready(*lowest));
    }
    Ok(pass)
}
