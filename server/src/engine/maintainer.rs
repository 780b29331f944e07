//! Makes day partitions ahead, and drops history that is older than its retention.

use std::time::Duration;

use chrono::Days;
use sqlx::{Connection, PgConnection};

use super::driver::{self, Backoff};
use crate::app::Shared;
use crate::store::{checkpoint, client, instance, partition, server, session};

/// Name in logs and in `/readyz`.
const PART: &str = "maintenance";
/// How often to look.
const PERIOD: Duration = Duration::from_mins(10);
/// Days made ahead. The default partition catches what lies beyond.
const AHEAD: u64 = 7;

/// Runs until the replica stops.
pub async fn run(app: Shared) {
    let mut backoff = Backoff::default();
    loop {
        match maintain(&app).await {
            Ok(()) => {
                backoff.reset();
                driver::well(&app, PART);
                tokio::select! {
                    () = tokio::time::sleep(PERIOD) => {}
                    () = app.stopping.cancelled() => return,
                }
            }
            Err(error) => {
                driver::note(&app, PART, &error);
                backoff.wait().await;
                if app.stopping.is_cancelled() {
                    return;
                }
            }
        }
    }
}

async fn maintain(app: &Shared) -> sqlx::Result<()> {
    let mut conn = app.pool.acquire().await?;
    let days = app.config.retention_days;
    create_ahead(&mut conn, false).await?;
    drop_old(&mut conn, days).await?;
    session::prune(&mut conn).await?;
    checkpoint::prune(&mut conn).await?;
    instance::prune_triggers(&mut conn, days).await?;
    client::prune(&mut conn, days).await?;
    server::prune(&mut conn, days).await
}

/// Makes the partitions of today and the days ahead. With `wait`, another replica that is at it is waited
/// for, so that they are there afterwards in any case.
pub async fn create_ahead(conn: &mut PgConnection, wait: bool) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    if wait {
        partition::lock(&mut tx).await?;
    } else if !partition::try_lock(&mut tx).await? {
        return Ok(());
    }
    let today = partition::today(&mut tx).await?;
    for table in partition::TABLES {
        let there = partition::days(&mut tx, table).await?;
        for ahead in 0..=AHEAD {
            let day = today.checked_add_days(Days::new(ahead)).unwrap_or(today);
            if !there.contains(&day) {
                partition::create(&mut tx, table, day).await?;
            }
        }
    }
    tx.commit().await
}

async fn drop_old(conn: &mut PgConnection, retention_days: i32) -> sqlx::Result<()> {
    let today = partition::today(conn).await?;
    let Some(oldest) = today.checked_sub_days(Days::new(retention_days as u64)) else {
        return Ok(());
    };
    for table in partition::TABLES {
        for day in partition::days(conn, table).await? {
            if day >= oldest {
                continue;
            }
            // One transaction each: a table that somebody reads does not keep the others.
            let mut tx = conn.begin().await?;
            if !partition::try_lock(&mut tx).await? {
                return Ok(());
            }
            match partition::drop(&mut tx, table, day).await {
                Ok(()) => {
                    tx.commit().await?;
                    tracing::info!(table, %day, "dropped history older than its retention");
                }
                Err(error) => {
                    tracing::info!(table, %day, %error, "history stays until the next pass");
                }
            }
        }
    }
    Ok(())
}
