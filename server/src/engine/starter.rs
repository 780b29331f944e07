//! Starts queued instances, queues what follows ended ones, and dates the ticks of fixed delays.

use std::time::Duration;

use sqlx::PgConnection;

use super::driver::{self, Backoff};
use super::hint::Hint;
use super::offer::offer;
use crate::app::Shared;
use crate::pipeline::{dependency, start};

/// Name in logs and in `/readyz`.
const PART: &str = "starts";
/// How long it may rest when it knows of nothing to do: the sweeper's look tells it of any.
const REST: Duration = Duration::from_mins(1);
/// From one pass to the next at least: thousands of instances end in a second.
const GATHER: Duration = Duration::from_millis(10);

/// Runs until the replica stops. Every replica does it: each passes over what another one has locked.
pub async fn run(app: Shared) {
    let mut backoff = Backoff::default();
    loop {
        let wait = match pass(&app).await {
            Ok(wait) => {
                backoff.reset();
                driver::well(&app, PART);
                wait
            }
            Err(error) => {
                driver::note(&app, PART, &error);
                backoff.wait().await;
                Duration::ZERO
            }
        };
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = app.stopping.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.hints.starter.notified() => {}
            () = app.stopping.cancelled() => return,
        }
    }
}

/// One pass. Returns how long there is nothing to do, as far as is known.
async fn pass(app: &Shared) -> sqlx::Result<Duration> {
    let mut conn = app.hot.acquire().await?;
    let conn: &mut PgConnection = &mut conn;
    let (_, more_events) = dependency::follow(conn, app.server_id).await?;
    if start::date_delays(conn).await? > 0 {
        app.hints.send(&Hint::jobs());
    }
    let pass = start::start(conn, &app.jobs, app.server_id).await?;
    if pass.ended > 0 || !pass.started.is_empty() {
        app.hints.send(&Hint::instances());
    }
    app.metrics.fired.add(pass.started.len());
    let more = more_events || pass.more && !pass.started.is_empty();
    offer(app, pass.started);
    Ok(if more {
        Duration::ZERO
    } else {
        pass.next_in.unwrap_or(REST).min(REST)
    })
}
