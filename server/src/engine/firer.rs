//! Fires the ticks of the buckets this replica owns, when they are due.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use sqlx::{PgConnection, PgPool};

use super::driver::{self, Backoff};
use super::membership::Ownership;
use super::offer::offer;
use crate::app::{App, Shared};
use crate::pipeline::fire::{self, Ahead, Owner, Pass, Schedules};
use crate::store::bucket::BUCKETS;
use crate::store::shard::Ready;

/// Name in logs and in `/readyz`.
const PART: &str = "firing";
/// Into how many parts all buckets are divided when there is much to fire, each on a connection of its own. Three fired
/// no faster on two cores, and let claims wait for longer.
const PARTS: usize = 2;
/// How often one part of the buckets is read again before the others are waited for.
const ROUNDS: usize = 4;
/// How long to leave PostgreSQL to the claims of what was fired, before ticks are read that fall due in a second.
const COURTESY: Duration = Duration::from_millis(5);
/// How often to look when nothing is near.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the replica stops.
pub async fn run(app: Shared, mut ownership: Ownership) {
    let mut backoff = Backoff::default();
    let mut schedules: [Schedules; PARTS] = Default::default();
    let mut ahead = Ahead::default();
    let mut many = false;
    while !app.stopping.is_cancelled() {
        match pass(&app, &mut ownership, &mut schedules, &ahead, many).await {
            Ok(pass) => {
                backoff.reset();
                driver::well(&app, PART);
                many = pass.more && pass.decided > 0;
                if many {
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

/// Fires what was read ahead and is due by now, and then what else is due. `many` says that there is much.
async fn pass(
    app: &App,
    ownership: &mut Ownership,
    schedules: &mut [Schedules; PARTS],
    ahead: &Ahead,
    many: bool,
) -> sqlx::Result<Pass> {
    // Past the lease this replica does not trust itself, before anything else.
    let Some((server, owned)) = ownership.trusted() else {
        return Ok(Pass::default());
    };
    if owned.is_empty() {
        return Ok(Pass::default());
    }
    let threshold = TimeDelta::from_std(app.config.misfire_threshold).unwrap_or(TimeDelta::MAX);
    let mut conns = vec![app.hot.acquire().await?];
    let is_burst = many || ahead.has_many_due();
    while is_burst && conns.len() < parts_of(owned.len()) && has_spare(&app.hot) {
        conns.push(app.hot.acquire().await?);
    }
    let mut parts = vec![Vec::new(); conns.len()];
    for owned in owned.iter() {
        parts[owned.bucket as usize % conns.len()].push(*owned);
    }
    let parts = conns.iter_mut().zip(&parts).zip(schedules);
    let fires = parts.map(async |((conn, owned), schedules)| {
        let part = Owner {
            server,
            owned,
            threshold,
            jobs: &app.jobs,
        };
        fire(app, conn, &part, schedules, ahead, many).await
    });
    // To the end of each: a statement that is given up half-way costs its connection.
    let passes = join_all(fires).await;
    drop(conns);
    let mut pass = Pass::default();
    for part in passes {
        pass = pass.and(part?);
    }
    // Their definitions are needed when they fire, and read now.
    app.jobs.get(&app.hot, &pass.ahead.jobs()).await?;
    Ok(pass)
}

/// How many of the parts are this replica's, which owns so many buckets: at least one.
fn parts_of(owned: usize) -> usize {
    ((PARTS * owned + BUCKETS / 2) / BUCKETS).max(1)
}

/// Whether a connection can be had without waiting for one that is in use. `try_acquire` never opens one.
fn has_spare(pool: &PgPool) -> bool {
    pool.num_idle() > 0 || pool.size() < pool.options().get_max_connections()
}

/// Does so for the buckets of `by`.
async fn fire(
    app: &App,
    conn: &mut PgConnection,
    by: &Owner<'_>,
    schedules: &mut Schedules,
    ahead: &Ahead,
    many: bool,
) -> sqlx::Result<Pass> {
    let fired = |instances: Vec<Ready>, is_queued: bool| {
        if is_queued {
            app.hints.queued();
        }
        app.metrics.fired.add(instances.len());
        offer(app, instances);
    };
    let early = fire::fire_ahead(conn, by, ahead, schedules, fired).await?;
    if early.decided > 0 && !many && !ahead.has_many_due() {
        tokio::time::sleep(COURTESY).await;
    }
    let mut pass = fire::fire_due(conn, by, many, schedules, fired).await?;
    if !early.some_refused {
        pass.ahead = pass.ahead.sharpened_by(ahead);
    }
    // While there is much, the parts need not wait for each other, but now and then for the lease to be looked at.
    for _ in 0..ROUNDS {
        if !(many && pass.more && pass.decided > 0) {
            break;
        }
        pass = fire::fire_due(conn, by, many, schedules, fired).await?;
    }
    Ok(pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_the_parts_and_each_has_one() {
        assert_eq!(parts_of(BUCKETS), PARTS);
        assert_eq!(parts_of(BUCKETS / 2), 1);
        // An odd one out makes no part.
        assert_eq!(parts_of(BUCKETS / 2 + 1), 1);
        assert_eq!(parts_of(1), 1);
    }
}
