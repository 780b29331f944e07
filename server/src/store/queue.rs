//! Instances that wait to start.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::shard::Ready;

/// What there is to start.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Startable {
    /// Jobs with an instance that can start now, or never will.
    pub jobs: Vec<i64>,
    /// When the time of the next one comes.
    pub next_in_ms: Option<i64>,
}

/// What there is to start, of at most `most` jobs.
pub async fn startable(conn: &mut PgConnection, most: i64) -> sqlx::Result<Startable> {
    sqlx::query_as(include_str!("sql/startable.sql"))
        .bind(most)
        .fetch_one(conn)
        .await
}

/// A job, locked with its schedule, whose queue is looked at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Locked {
    pub id: i64,
    /// Its state; `deleted` if it is.
    pub state: String,
    /// Whether a new instance ends the one that runs.
    pub replaces: bool,
}

/// Locks those of `jobs` that nobody else has locked, ids ascending.
pub async fn lock_jobs(conn: &mut PgConnection, jobs: &[i64]) -> sqlx::Result<Vec<Locked>> {
    let mut locked: Vec<Locked> = sqlx::query_as(
        "select id, case when deleted_at is null then state else 'deleted' end as state, false as replaces
         from job where id = any($1) order by id for no key update skip locked",
    )
    .bind(jobs)
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = locked.iter().map(|job| job.id).collect();
    let replacing: Vec<(i64, bool)> = sqlx::query_as(
        "select job_id, replaces from job_schedule where job_id = any($1) order by job_id for no key update",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    for (id, replaces) in replacing {
        if let Some(job) = locked.iter_mut().find(|job| job.id == id) {
            job.replaces = replaces;
        }
    }
    Ok(locked)
}

/// A queued instance that starts now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Picked {
    pub id: i64,
    pub job_id: i64,
    pub app_id: i64,
    pub trigger: String,
    pub param: Option<Value>,
    pub cause_id: Option<i64>,
    /// Parameters of the shards, if they were planned.
    pub plan: Option<Value>,
    /// When it could start at the earliest.
    pub due_at: DateTime<Utc>,
    pub slot: i16,
    pub version: i32,
    pub shard_count: i32,
    /// Whether the number of shards is to be found out.
    pub is_dynamic: bool,
}

/// Which queued instances of the locked jobs start now, those with a mark paused: of them only what was planned.
pub async fn pick(conn: &mut PgConnection, jobs: &[(i64, bool)]) -> sqlx::Result<Vec<Picked>> {
    let (ids, paused): (Vec<i64>, Vec<bool>) = jobs.iter().copied().unzip();
    sqlx::query_as(include_str!("sql/pick.sql"))
        .bind(ids)
        .bind(paused)
        .fetch_all(conn)
        .await
}

/// Starts queued instances of locked jobs: id, slot, number of shards and phase of each, ids ascending.
pub async fn start(
    conn: &mut PgConnection,
    server: Uuid,
    picked: &[(i64, i16, i32, &str)],
) -> sqlx::Result<Vec<Ready>> {
    sqlx::query_as(include_str!("sql/start.sql"))
        .bind(server)
        .bind(picked.iter().map(|p| p.0).collect::<Vec<_>>())
        .bind(picked.iter().map(|p| p.1).collect::<Vec<_>>())
        .bind(picked.iter().map(|p| p.2).collect::<Vec<_>>())
        .bind(picked.iter().map(|p| p.3).collect::<Vec<_>>())
        .fetch_all(conn)
        .await
}

/// Notes for whom a broadcast is that has just started.
pub async fn invite(conn: &mut PgConnection, id: i64, clients: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("update instance set clients = $2 where id = $1")
        .bind(id)
        .bind(clients)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves the backfills of a locked job that wait behind the one that could start at `due_at`, by as much as it starts late,
/// after a pause or a long instance: they stay as far apart as was asked for.
pub async fn keep_apart(
    conn: &mut PgConnection,
    job_id: i64,
    due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update instance_queued set due_at = due_at + (now() - $2)
         where job_id = $1 and trigger = 'backfill' and due_at > $2 and $2 < now() - interval '100 ms'",
    )
    .bind(job_id)
    .bind(due_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The queued instances of a locked job whose time has come, oldest first; what was planned, which is of an older run, before
/// all others.
pub async fn of_job(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from instance_queued where job_id = $1 and due_at <= now() order by plan is null, id",
    )
    .bind(job_id)
    .fetch_all(conn)
    .await
}

/// Which instances end without having started.
#[derive(Debug, Clone, Copy)]
pub enum Ending<'a> {
    /// These.
    These(&'a [i64]),
    /// All of these jobs.
    OfJobs(&'a [i64]),
}

/// Ends queued instances with `state`; they count no shards. Returns how many.
pub async fn end(
    conn: &mut PgConnection,
    which: Ending<'_>,
    state: &str,
    reason: &str,
) -> sqlx::Result<u64> {
    let (ids, jobs): (&[i64], &[i64]) = match which {
        Ending::These(ids) => (ids, &[]),
        Ending::OfJobs(jobs) => (&[], jobs),
    };
    let done = sqlx::query(
        "with gone as (delete from instance_queued where id = any($1) or job_id = any($2) returning *), followed as (
            insert into dependency_event (instance_id, job_id, state)
            select id, job_id, $3 from gone g where exists (select from job_dependency d where d.predecessor_id = g.job_id)
         )
         insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param,
            server_id, total, succeeded, failed, cancelled, reason, priority, cause_id)
         select g.id, g.job_id, g.app_id, j.version, $3, g.trigger, g.scheduled_at, g.queued_at, g.param,
            g.server_id, 0, 0, 0, 0, $4, g.priority, g.cause_id
         from gone g join job j on j.id = g.job_id",
    )
    .bind(ids)
    .bind(jobs)
    .bind(state)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Under which key of a trigger the backfill of a tick is remembered.
const BACKFILL_KEY: &str =
    "'backfill ' || to_char(t at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')";

/// Of `ticks` of a job, those that a backfill has queued before, and whose instance was not ended before it began.
pub async fn backfilled(
    conn: &mut PgConnection,
    job_id: i64,
    ticks: &[DateTime<Utc>],
) -> sqlx::Result<HashSet<DateTime<Utc>>> {
    let sql = format!(
        "select t from unnest($2::timestamptz[]) t join trigger_key k on k.job_id = $1 and k.key = {BACKFILL_KEY}
         where (select e.total from instance_ended e where e.id = k.instance_id limit 1) is distinct from 0"
    );
    let found: Vec<DateTime<Utc>> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(job_id)
        .bind(ticks)
        .fetch_all(conn)
        .await?;
    Ok(found.into_iter().collect())
}

/// Queues an instance for each of `ticks` of a locked job, one `interval_ms` after the other. Returns them in order.
pub async fn backfill(
    conn: &mut PgConnection,
    server: Uuid,
    job_id: i64,
    ticks: &[DateTime<Utc>],
    interval_ms: i64,
) -> sqlx::Result<Vec<i64>> {
    let sql = format!(
        "with asked as materialized (
            select t, n, nextval(pg_get_serial_sequence('instance', 'id')) as id
            from unnest($2::timestamptz[]) with ordinality as u (t, n) order by n
         ), remembered as (
            insert into trigger_key (job_id, key, instance_id) select $1, {BACKFILL_KEY}, id from asked
            on conflict (job_id, key) do update set instance_id = excluded.instance_id
         ), queued as (
            insert into instance_queued (id, job_id, app_id, trigger, scheduled_at, due_at, priority, server_id)
            select a.id, $1, s.app_id, 'backfill', a.t, b.at + (a.n - 1) * $3 * interval '1 ms', s.priority, $4
            from asked a join job_schedule s on s.job_id = $1
            -- After those that an earlier call has queued, or started a moment ago.
            cross join (
                select greatest(now(), max(l.at) + $3 * interval '1 ms') as at
                from (
                    select max(q.due_at) as at from instance_queued q where q.job_id = $1 and q.trigger = 'backfill'
                    union all
                    select max(i.fired_at) from instance i where i.job_id = $1 and i.trigger = 'backfill'
                    union all
                    -- Later calls have greater ids, and later times.
                    select max(e.fired_at) from instance_ended e where e.id = (
                        select max(k.instance_id) from trigger_key k where k.job_id = $1 and k.key like 'backfill %')
                ) l
            ) b
         )
         select id from asked order by n"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(job_id)
        .bind(ticks)
        .bind(interval_ms)
        .bind(server)
        .fetch_all(conn)
        .await
}

/// The output of the only shard of a plan that has ended.
pub async fn plan_of(conn: &mut PgConnection, instance_id: i64) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "select output from attempt_history where instance_id = $1 and final and item = 0 limit 1",
    )
    .bind(instance_id)
    .fetch_optional(conn)
    .await
    .map(Option::flatten)
}

/// Queues the instance that a plan is for: as the plan's own instance was, with the parameters of its shards.
pub async fn queue_planned(
    conn: &mut PgConnection,
    plan_id: i64,
    plan: &Value,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "insert into instance_queued (job_id, app_id, trigger, scheduled_at, priority, param, cause_id, server_id, plan)
         select job_id, app_id, 'plan', scheduled_at, priority, param, id, server_id, $2 from instance_ended where id = $1 limit 1
         returning id",
    )
    .bind(plan_id)
    .bind(plan)
    .fetch_one(conn)
    .await
}
