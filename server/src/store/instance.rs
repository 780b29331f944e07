//! Running instances: made by a trigger, ended when their last shard ends or from outside.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Makes an instance of the job by hand, with its shards. `None` if one is running.
pub async fn trigger(
    conn: &mut PgConnection,
    job_id: i64,
    server: Uuid,
    param: Option<&Value>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "with made as (
            insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, param, server_id, max_attempts, total, remaining)
            select job_id, app_id, version, 'api', now(),
                case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
                $3, $2, max_attempts, shard_count, shard_count
            from job_schedule where job_id = $1
            on conflict (job_id) do nothing
            returning id, total
         ), shards as (
            insert into shard_ready (instance_id, item, n, attempt)
            select m.id, item, least(64, m.total - item), 0 from made m cross join lateral generate_series(0, m.total - 1, 64) as item
         )
         select id from made",
    )
    .bind(job_id)
    .bind(server)
    .bind(param)
    .fetch_optional(conn)
    .await
}

/// The instance that an earlier trigger with the same key made.
pub async fn triggered_before(
    conn: &mut PgConnection,
    job_id: i64,
    key: &str,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select instance_id from trigger_key where job_id = $1 and key = $2")
        .bind(job_id)
        .bind(key)
        .fetch_optional(conn)
        .await
}

/// Remembers the key of a trigger.
pub async fn remember_trigger(
    conn: &mut PgConnection,
    job_id: i64,
    key: &str,
    instance_id: i64,
) -> sqlx::Result<()> {
    sqlx::query("insert into trigger_key (job_id, key, instance_id) values ($1, $2, $3)")
        .bind(job_id)
        .bind(key)
        .bind(instance_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets keys older than `days`.
pub async fn prune_triggers(conn: &mut PgConnection, days: i32) -> sqlx::Result<()> {
    sqlx::query("delete from trigger_key where created_at < now() - $1 * interval '1 day'")
        .bind(days)
        .execute(conn)
        .await?;
    Ok(())
}

/// Locks the running instances of a job, ids ascending. The lock keeps reports and rescues out.
pub async fn lock_of_job(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select id from instance where job_id = $1 order by id for update")
        .bind(job_id)
        .fetch_all(conn)
        .await
}

/// Locks those of `ids` that are running, ids ascending.
pub async fn lock(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select id from instance where id = any($1) order by id for update")
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Cancels every shard of the locked instances that has not ended.
///
/// Each statement has a snapshot of its own: a claim that commits while one waits for its rows is seen by the
/// next. Such a claim may have put back the rest of a row of the queue, so the queue is emptied until none is
/// left; nothing else adds to it while the instances are locked.
pub async fn cancel_shards(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    loop {
        sqlx::query(
            "with gone as (delete from shard_ready where instance_id = any($1) returning instance_id, item, n, attempt)
             insert into attempt_ended (instance_id, chunk, attempt, final, outcome, mask)
             select instance_id, (item / 64)::smallint, attempt, true, 'cancelled', chunk_mask(item, n) from gone",
        )
        .bind(ids)
        .execute(&mut *conn)
        .await?;
        let left: bool = sqlx::query_scalar(
            "select exists (select from shard_ready where instance_id = any($1))",
        )
        .bind(ids)
        .fetch_one(&mut *conn)
        .await?;
        if !left {
            break;
        }
    }
    sqlx::query(
        "with gone as (delete from shard_delayed where instance_id = any($1) returning instance_id, item, attempt)
         insert into attempt_ended (instance_id, chunk, attempt, final, outcome, mask)
         select instance_id, (item / 64)::smallint, attempt, true, 'cancelled', chunk_mask(item, 1) from gone",
    )
    .bind(ids)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "with gone as (delete from shard_running where instance_id = any($1) returning *)
         insert into attempt_ended (instance_id, chunk, attempt, final, outcome, mask, client_id, claimed_at)
         select instance_id, chunk, attempt, true, 'cancelled', open, client_id, claimed_at from gone",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the locked instances to history with `state`; what had not ended counts as cancelled.
pub async fn end(
    conn: &mut PgConnection,
    ids: &[i64],
    state: &str,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "with ended as (delete from instance where id = any($1) returning *)
         insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param,
            server_id, total, succeeded, failed, cancelled, reason)
         select id, job_id, app_id, job_version, $2, trigger, scheduled_at, fired_at, param,
            server_id, total, succeeded, failed, remaining, $3 from ended",
    )
    .bind(ids)
    .bind(state)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// Running instances that have taken longer than their job allows.
pub async fn overdue(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from instance where deadline_at <= now() order by deadline_at limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Of `ids`, those that are running.
pub async fn running(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select id from instance where id = any($1)")
        .bind(ids)
        .fetch_all(conn)
        .await
}
