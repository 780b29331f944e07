//! Takes back what the dead hold, makes delayed shards ready, and ends instances that are out of time.
//! Every replica does all of it: each statement is idempotent and passes over rows another one has locked.

use std::time::Duration;

use super::driver::{self, Backoff};
use super::hint::Hint;
use super::reporter;
use crate::app::Shared;
use crate::pipeline::{attempt, instance};
use crate::store::{shard, sweep};

/// Names in logs and in `/readyz`.
const RESCUER: &str = "rescue";
const STAGER: &str = "stage";
/// How often to look whether there is anything to do.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the stager may sleep when it knows of no delayed shard: the look tells it of any.
const REST: Duration = Duration::from_mins(1);
/// Every so many looks, claims without a lease are searched for even if no lease has just ended.
const ORPHANS_EVERY: u32 = 10;

/// Looks, rescues claims, times instances out, and wakes the other loops if there is something for them, until
/// the replica stops.
pub async fn rescue(app: Shared) {
    let mut backoff = Backoff::default();
    let mut looks: u32 = 0;
    loop {
        match rescue_once(&app, looks.is_multiple_of(ORPHANS_EVERY)).await {
            Ok(()) => {
                backoff.reset();
                driver::well(&app, RESCUER);
                driver::database_works(&app);
                looks = looks.wrapping_add(1);
                tokio::select! {
                    () = tokio::time::sleep(PERIOD) => {}
                    () = app.stopping.cancelled() => return,
                }
            }
            Err(error) => {
                driver::note(&app, RESCUER, &error);
                looks = 0;
                backoff.wait().await;
                if app.stopping.is_cancelled() {
                    return;
                }
            }
        }
    }
}

async fn rescue_once(app: &Shared, look_for_orphans: bool) -> sqlx::Result<()> {
    let mut conn = app.hot.acquire().await?;
    let found = sweep::look(&mut conn).await?;
    if let Some(from) = found.ready_from {
        app.hints.send_backstop(from);
    }
    if found.delayed {
        app.hints.stager.notify_one();
    }
    if found.overdue_instances && instance::time_out(&mut conn).await? > 0 {
        app.hints.send(&Hint::instances());
    }
    let sweep = attempt::rescue(&mut conn, &found, look_for_orphans).await?;
    if !sweep.expired.is_empty() || !sweep.ended.is_empty() {
        tracing::info!(
            clients = sweep.expired.len(),
            shards = sweep.ended.len(),
            "took back what lost clients held"
        );
        app.metrics.rescued.add(sweep.ended.len());
    }
    for client in &sweep.expired {
        app.clients.forget(*client);
    }
    if !sweep.expired.is_empty() {
        app.hints.send(&Hint::clients());
    }
    reporter::after(app, &sweep.ended);
    Ok(())
}

/// Makes delayed shards ready, until the replica stops.
pub async fn stage(app: Shared) {
    let mut backoff = Backoff::default();
    loop {
        match stage_once(&app).await {
            Ok(more) => {
                backoff.reset();
                driver::well(&app, STAGER);
                if more {
                    continue;
                }
                let wait = app.hints.next_due().map_or(REST, |due| due.min(REST));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = app.hints.stager.notified() => {}
                    () = app.stopping.cancelled() => return,
                }
            }
            Err(error) => {
                driver::note(&app, STAGER, &error);
                backoff.wait().await;
                if app.stopping.is_cancelled() {
                    return;
                }
            }
        }
    }
}

async fn stage_once(app: &Shared) -> sqlx::Result<bool> {
    let mut conn = app.hot.acquire().await?;
    let (lowest, staged) = shard::stage(&mut conn).await?;
    if let Some(lowest) = lowest {
        app.hints.send(&Hint::ready(lowest));
    }
    Ok(staged > 0)
}
