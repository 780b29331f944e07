//! Fires the ticks of the buckets this replica owns, when they are due.

use std::time::Duration;

use chrono::TimeDelta;

use super::board::Known;
use super::driver::{self, Backoff};
use super::hint::Hint;
use super::membership::Ownership;
use crate::app::{App, Shared};
use crate::pipeline::fire::{self, Ahead, Expressions, Owner, Pass};
use crate::store::shard::Ready;

/// Name in logs and in `/readyz`.
const PART: &str = "firing";
/// How often to look when nothing is near.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the replica stops.
pub async fn run(app: Shared, mut ownership: Ownership) {
    let mut backoff = Backoff::default();
    let mut expressions = Expressions::default();
    let mut ahead = Ahead::default();
    while !app.stopping.is_cancelled() {
        match pass(&app, &mut ownership, &mut expressions, &ahead).await {
            Ok(pass) => {
                backoff.reset();
                driver::well(&app, PART);
                if pass.more && pass.decided > 0 {
                    ahead = Ahead::default();
                    continue;
                }
                ahead = pass.ahead;
            }
            Err(error) => {
                driver::note(&app, PART, &error);
                ahead = Ahead::default();
                backoff.wait().await;
                continue;
            }
        }
        let wait = ahead.next_in().unwrap_or(PERIOD).min(PERIOD);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.hints.firer.notified() => {}
            () = ownership.changed() => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

/// Fires what was read ahead and is due by now, and then what else is due.
async fn pass(
    app: &App,
    ownership: &mut Ownership,
    expressions: &mut Expressions,
    ahead: &Ahead,
) -> sqlx::Result<Pass> {
    // Past the lease this replica does not trust itself, before anything else.
    let Some((server, owned)) = ownership.trusted() else {
        return Ok(Pass::default());
    };
    if owned.is_empty() {
        return Ok(Pass::default());
    }
    let by = Owner {
        server,
        owned: &owned,
        threshold: TimeDelta::from_std(app.config.misfire_threshold).unwrap_or(TimeDelta::MAX),
    };
    let fired = |instances| tell(app, instances);
    let mut conn = app.hot.acquire().await?;
    fire::fire_ahead(&mut conn, &by, ahead, expressions, fired).await?;
    let pass = fire::fire_due(&mut conn, &by, expressions, fired).await?;
    drop(conn);
    // Their definitions are needed when they fire, and read now.
    app.jobs.get(&app.hot, &pass.ahead.jobs()).await?;
    Ok(pass)
}

/// Offers new instances to the clients that wait here, and lets the other replicas know.
fn tell(app: &App, instances: Vec<Ready>) {
    let Some(lowest) = instances.iter().map(|ready| ready.id).min() else {
        return;
    };
    app.metrics.fired.add(instances.len());
    let known: Option<Vec<Known>> = instances
        .into_iter()
        .map(|ready| {
            let job = app.jobs.known(ready.job_id, ready.job_version)?;
            Some(Known { ready, job })
        })
        .collect();
    let hint = Hint::ready(lowest);
    match known {
        Some(known) => {
            app.claimer.offer(known);
            app.hints.send_to_others(&hint);
        }
        None => app.hints.send(&hint),
    }
}
