//! Takes back what the dead hold, makes delayed shards ready, and ends instances that are out of time.
//! Every replica does all of it: each statement is idempotent and passes over rows another one has locked.

use std::time::{Duration, Instant};

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
/// How often to look thoroughly: at all instances, also below the lowest that the last look saw, and for claims without
/// a lease even if no lease has just ended. Also when servers change: what was queued starts under an id of long ago, and
/// a server may die before it tells of that.
const THOROUGH_PERIOD: Duration = Duration::from_secs(10);
/// While somebody holds a snapshot, a thorough look reads ever more dead rows. It takes no more than this part of the
/// time, up to the longest period: one may also be slow for having much to take back.
const THOROUGH_PART: u32 = 200;
const LONGEST_THOROUGH_PERIOD: Duration = Duration::from_mins(1);

/// Looks, rescues claims, times instances out, and wakes the other loops if there is something for them, until
/// the replica stops.
pub async fn rescue(app: Shared) {
    let mut backoff = Backoff::default();
    let mut from = 0;
    let mut thorough_at = Instant::now();
    loop {
        let began = Instant::now();
        let is_thorough = began >= thorough_at;
        if is_thorough {
            from = 0;
        }
        match rescue_once(&app, from, is_thorough).await {
            Ok(lowest) => {
                backoff.reset();
                driver::well(&app, RESCUER);
                driver::database_works(&app);
                from = lowest.unwrap_or(from);
                if is_thorough {
                    let period = began.elapsed() * THOROUGH_PART;
                    thorough_at = began + period.clamp(THOROUGH_PERIOD, LONGEST_THOROUGH_PERIOD);
                }
                tokio::select! {
                    () = tokio::time::sleep(PERIOD) => {}
                    () = app.hints.sweeper.notified() => thorough_at = Instant::now(),
                    () = app.stopping.cancelled() => return,
                }
            }
            Err(error) => {
                driver::note(&app, RESCUER, &error);
                thorough_at = Instant::now();
                backoff.wait().await;
                if app.stopping.is_cancelled() {
                    return;
                }
            }
        }
    }
}

/// One look, at instances from the id `from` on. Returns the lowest there is of those.
async fn rescue_once(app: &Shared, from: i64, is_thorough: bool) -> sqlx::Result<Option<i64>> {
    let mut conn = app.hot.acquire().await?;
    let found = sweep::look(&mut conn, from).await?;
    if let Some(from) = found.ready_from {
        app.hints.send_backstop(from);
    }
    app.hints.set_follows(found.follows);
    app.hints.set_limited_apps(found.limited_apps.clone());
    if found.startable {
        app.hints.starter.notify_one();
    }
    if found.delayed {
        app.hints.stager.notify_one();
    }
    if found.overdue_instances && instance::time_out(&mut conn).await? > 0 {
        app.hints.send(&Hint::instances());
    }
    if found.broadcasts && instance::end_deserted(&mut conn, &app.jobs).await? > 0 {
        app.hints.ended();
        app.hints.send(&Hint::instances());
    }
    let sweep = attempt::rescue(&mut conn, &found, is_thorough).await?;
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
    Ok(found.lowest)
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
