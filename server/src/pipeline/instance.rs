//! Instances end from outside: terminated by an operator, or out of time.

use sqlx::{Connection, PgConnection};

use super::cache::Jobs;
use crate::store::client;
use crate::store::instance::{self, Stalled};
use crate::store::queue::{self, Ending};

/// Ends the locked instances: their shards are cancelled, and their clients hear of it at the next renewal.
pub async fn end_locked(
    conn: &mut PgConnection,
    ids: &[i64],
    state: &str,
    reason: &str,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    instance::end_shards(conn, ids, "cancelled", None).await?;
    instance::end(conn, ids, Some(state), reason).await
}

/// Terminates an instance. `false` if it neither runs nor waits to start.
pub async fn terminate(conn: &mut PgConnection, id: i64, reason: &str) -> sqlx::Result<bool> {
    // One that is queued may start meanwhile: deleting it waits for that, and then it runs.
    for _ in 0..2 {
        let mut tx = conn.begin().await?;
        let locked = instance::lock(&mut tx, &[id]).await?;
        end_locked(&mut tx, &locked, "terminated", reason).await?;
        let dropped = queue::end(&mut tx, Ending::These(&[id]), "terminated", reason).await?;
        tx.commit().await?;
        if !locked.is_empty() || dropped > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends broadcasts whose shards wait for clients that have gone, and which nobody else may run who has had none: those
/// shards fail. Returns how many.
pub async fn end_deserted(conn: &mut PgConnection, jobs: &Jobs) -> sqlx::Result<usize> {
    let mut tx = conn.begin().await?;
    let stalled = instance::lock_stalled(&mut tx).await?;
    if stalled.is_empty() {
        return Ok(0);
    }
    let apps: Vec<i64> = stalled.iter().map(|one| one.app_id).collect();
    let clients = client::live_profiles(&mut tx, &apps).await?;
    let keys: Vec<(i64, i32)> = stalled
        .iter()
        .map(|one| (one.job_id, one.version))
        .collect();
    let specs = jobs.get_on(&mut tx, &keys).await?;
    let waits_for_nobody = |one: &Stalled| {
        let spec = specs.get(&(one.job_id, one.version));
        let mut left = clients
            .iter()
            .filter(|client| one.clients.contains(&client.id));
        !left.any(|client| spec.is_none_or(|spec| client.can_run(spec)))
    };
    let deserted = stalled.iter().filter(|one| waits_for_nobody(one));
    let deserted: Vec<i64> = deserted.map(|one| one.id).collect();
    if !deserted.is_empty() {
        let error = "the client left before it had run its shard";
        instance::end_shards(&mut tx, &deserted, "lost", Some(error)).await?;
        let reason = "clients left before they had run their shard";
        instance::end(&mut tx, &deserted, None, reason).await?;
    }
    tx.commit().await?;
    Ok(deserted.len())
}

/// Ends the instances that have taken longer than their job allows. Returns how many.
pub async fn time_out(conn: &mut PgConnection) -> sqlx::Result<usize> {
    let overdue = instance::overdue(conn, 100).await?;
    if overdue.is_empty() {
        return Ok(0);
    }
    let mut tx = conn.begin().await?;
    let locked = instance::lock(&mut tx, &overdue).await?;
    let reason = "the instance took longer than the job allows";
    end_locked(&mut tx, &locked, "timed_out", reason).await?;
    tx.commit().await?;
    Ok(locked.len())
}
