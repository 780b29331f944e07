//! Instances that run again what did not succeed of an earlier one.

use sqlx::PgConnection;
use uuid::Uuid;

use super::shard::Ready;

/// An instance that may have something to run again.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Old {
    pub job_id: i64,
    pub state: String,
    /// How many of its shards failed or were cancelled.
    pub left: i32,
}

/// An instance, whether it waits, runs or has ended.
pub async fn old(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Old>> {
    sqlx::query_as(
        "select job_id, 'queued' as state, 0 as left from instance_queued where id = $1
         union all select job_id, 'running', 0 from instance where id = $1
         union all select job_id, state, failed + cancelled from instance_ended where id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// The first free slot of a job, if it has one. Its row of `job_schedule` is locked, so that it stays free.
pub async fn free_slot(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Option<i16>> {
    let slots: Option<i16> =
        sqlx::query_scalar("select slots from job_schedule where job_id = $1 for no key update")
            .bind(job_id)
            .fetch_optional(&mut *conn)
            .await?;
    // A statement of its own: it sees what committed while the lock was waited for.
    sqlx::query_scalar(
        "select min(n)::smallint from generate_series(0, $2 - 1) n
         where not exists (select from instance i where i.job_id = $1 and i.slot = n)
            and (select count(*) from instance i where i.job_id = $1) + planned_runs($1) < $2",
    )
    .bind(job_id)
    .bind(i32::from(slots.unwrap_or_default()))
    .fetch_one(conn)
    .await
}

/// Makes an instance in `slot` with the shards of the ended instance `id` that did not succeed, with the definition and
/// parameter that one had, and due when that one was. `None` if history does not name as many as that one counts.
pub async fn make(
    conn: &mut PgConnection,
    server: Uuid,
    id: i64,
    slot: i16,
) -> sqlx::Result<Option<Ready>> {
    sqlx::query_as(
        "with item as materialized (
            select t.chunk::integer * 64 + b.bit as item from attempt_ended t cross join lateral unnest(mask_bits(t.mask)) as b (bit)
            where t.instance_id = $1 and t.final and t.outcome <> 'succeeded'
         ), made as (
            insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, param, server_id, max_attempts,
                total, remaining, succeeded, slot, priority, cause_id, plan, phase, clients)
            select e.job_id, e.app_id, e.job_version, 'rerun', e.scheduled_at,
                case when v.timeout_ms > 0 then now() + v.timeout_ms * interval '1 ms' end, e.param, $2, v.max_attempts,
                e.total, e.failed + e.cancelled, e.succeeded, $3, e.priority, e.id, e.plan,
                e.phase,
                -- Of a broadcast those are to repeat theirs that are still there.
                case when e.phase = 'broadcast' then (select array_agg(distinct t.client_id) from attempt_ended t
                    where t.instance_id = $1 and t.final and t.outcome <> 'succeeded' and t.client_id is not null) end
            from instance_ended e
            cross join lateral (
                select (v.definition ->> 'max_attempts')::smallint as max_attempts, (v.definition ->> 'instance_timeout_ms')::bigint as timeout_ms
                from job_version v where v.job_id = e.job_id and v.version = e.job_version
            ) v
            where e.id = $1 and e.failed + e.cancelled = (select count(*) from item)
            on conflict do nothing
            returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan
         ), run as (
            -- Consecutive items of a chunk share a row, as when all are fired.
            select min(item) as item, count(*)::smallint as n
            from (select item, item - row_number() over (order by item) as island from item) i group by island, item / 64
         ), shards as (
            insert into shard_ready (instance_id, item, n, attempt)
            select m.id, r.item, r.n, 0 from made m cross join run r order by r.item
         )
         select * from made",
    )
    .bind(id)
    .bind(server)
    .bind(slot)
    .fetch_optional(conn)
    .await
}
