//! Fires the ticks of the buckets this replica owns, when they are due.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::driver::{self, Backoff};
use super::membership::Ownership;
use super::offer::offer;
use crate::app::{App, Shared};
use crate::pipeline::fire::{self, Ahead, Expressions, Owner, Pass};
use crate::store::bucket::Owned;
use crate::store::shard::Ready;

/// Name in logs and in `/readyz`.
const PART: &str = "firing";
/// How often half of the buckets are read again before the other half is waited for.
const ROUNDS: usize = 4;
/// How often to look when nothing is near.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the replica stops.
pub async fn run(app: Shared, mut ownership: Ownership) {
    let mut backoff = Backoff::default();
    let mut expressions = [Expressions::default(), Expressions::default()];
    let mut ahead = Ahead::default();
    let mut many = false;
    while !app.stopping.is_cancelled() {
        match pass(&app, &mut ownership, &mut expressions, &ahead, many).await {
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
    expressions: &mut [Expressions; 2],
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
    let by = |owned| Owner {
        server,
        owned,
        threshold,
    };
    let mut conn = app.hot.acquire().await?;
    let spare = if many || ahead.has_many_due() {
        app.hot.try_acquire()
    } else {
        None
    };
    let [first, second] = expressions;
    let pass = if let Some(mut spare) = spare {
        let (even, odd): (Vec<Owned>, Vec<Owned>) = owned.iter().partition(|o| o.bucket % 2 == 0);
        let (even, odd) = (by(&even), by(&odd));
        // Not `try_join`: a statement that is given up half-way costs its connection.
        let (even, odd) = tokio::join!(
            fire(app, &mut conn, &even, first, ahead, many),
            fire(app, &mut spare, &odd, second, ahead, many)
        );
        even?.and(odd?)
    } else {
        fire(app, &mut conn, &by(&owned), first, ahead, many).await?
    };
    drop(conn);
    // Their definitions are needed when they fire, and read now.
    app.jobs.get(&app.hot, &pass.ahead.jobs()).await?;
    Ok(pass)
}

/// Does so for the buckets of `by`.
async fn fire(
    app: &App,
    conn: &mut PgConnection,
    by: &Owner<'_>,
    expressions: &mut Expressions,
    ahead: &Ahead,
    many: bool,
) -> sqlx::Result<Pass> {
    let fired = |instances: Vec<Ready>| {
        app.metrics.fired.add(instances.len());
        offer(app, instances);
    };
    fire::fire_ahead(conn, by, ahead, expressions, fired).await?;
    let mut pass = fire::fire_due(conn, by, many, expressions, fired).await?;
    // While there is much, the halves need not wait for each other, but now and then for the lease to be looked at.
    for _ in 0..ROUNDS {
        if !(many && pass.more && pass.decided > 0) {
            break;
        }
        pass = fire::fire_due(conn, by, many, expressions, fired).await?;
    }
    Ok(pass)
}
