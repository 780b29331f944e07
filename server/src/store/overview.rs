//! What the console's first page and the graph of dependencies show.

use antares_protocol::overview::{
    BusyJob, DatabaseHealth, DependencyGraph, FailingJob, GraphEdge, GraphJob, JobCounts, Overview,
    OverviewHour, Rankings,
};
use antares_protocol::policy::{DependencyOn, Join};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::job;

/// Instances that rankings count, the newest: a busy day has more than an answer may take time for.
const RANKED: i64 = 100_000;
/// Edges of the graph that are told.
const EDGES: i64 = 5_000;

/// Reads what goes on now. What it tells of the past is for others to fill in.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<Overview> {
    let now: Now = sqlx::query_as(
        "select now() as at, (select count(*) from instance) as running, (select count(*) from instance_queued) as queued,
            (select coalesce(sum(mask_count(open)), 0) from shard_running)::bigint as running_shards,
            (select count(*) from server where left_at is null and expires_at > now()) as servers, (select count(*) from client_lease where expires_at > now()) as clients,
            pg_database_size(current_database()) as bytes,
            (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
            current_setting('max_connections')::bigint as max_connections,
            coalesce((select extract(epoch from max(now() - xact_start)) * 1000 from pg_stat_activity
                where backend_xmin is not null and pid <> pg_backend_pid()), 0)::bigint as oldest_snapshot_ms",
    )
    .fetch_one(&mut *conn)
    .await?;
    let (waiting_shards, waiting_since): (i64, Option<DateTime<Utc>>) = sqlx::query_as(
        "select coalesce(sum(r.n), 0)::bigint, min(i.fired_at) from (select id, fired_at from instance order by id limit 10000) i
         join shard_ready r on r.instance_id = i.id",
    )
    .fetch_one(&mut *conn)
    .await?;
    let jobs = job_counts(conn).await?;
    Ok(Overview {
        at: now.at,
        running: now.running,
        queued: now.queued,
        running_shards: now.running_shards,
        waiting_shards,
        waiting_since,
        jobs,
        hours: Vec::new(),
        rankings: Rankings::default(),
        next_hour: Vec::new(),
        servers: now.servers,
        clients: now.clients,
        database: DatabaseHealth {
            bytes: now.bytes,
            connections: now.connections,
            max_connections: now.max_connections,
            oldest_snapshot_ms: now.oldest_snapshot_ms,
        },
    })
}

/// Jobs by state.
async fn job_counts(conn: &mut PgConnection) -> sqlx::Result<JobCounts> {
    let counts: Vec<(String, i64)> =
        sqlx::query_as("select state, count(*) from job where deleted_at is null group by state")
            .fetch_all(conn)
            .await?;
    let mut jobs = JobCounts::default();
    for (state, n) in counts {
        match state.as_str() {
            "disabled" => jobs.disabled = n,
            "stopped" => jobs.stopped = n,
            "paused" => jobs.paused = n,
            _ => jobs.scheduled = n,
        }
    }
    Ok(jobs)
}

/// The hours from the one that begins at `from` to the one that `until` is in.
pub async fn hours(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<OverviewHour>> {
    let hours: Vec<Hour> = sqlx::query_as(
        "select h.at, coalesce(e.succeeded, 0) as succeeded, coalesce(e.failed, 0) as failed, coalesce(e.timed_out, 0) as timed_out,
            coalesce(e.terminated, 0) as terminated, e.late_p50_ms, e.late_p95_ms, e.late_max_ms
         from generate_series($1, $2, interval '1 hour') h (at)
         left join (
            select date_bin('1 hour', ended_at, $1) as at, count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'timed_out') as timed_out,
                count(*) filter (where state = 'terminated') as terminated,
                (extract(epoch from percentile_disc(0.5) within group (order by late)) * 1000)::bigint as late_p50_ms,
                (extract(epoch from percentile_disc(0.95) within group (order by late)) * 1000)::bigint as late_p95_ms,
                (extract(epoch from max(late)) * 1000)::bigint as late_max_ms
            from (select state, ended_at, case when trigger = 'schedule' then fired_at - scheduled_at end as late
                from instance_ended where ended_at >= $1) i group by 1
         ) e on e.at = h.at
         order by h.at",
    )
    .bind(from)
    .bind(until)
    .fetch_all(conn)
    .await?;
    Ok(hours.into_iter().map(OverviewHour::from).collect())
}

/// Which jobs did most, and which failed most.
pub async fn rankings(conn: &mut PgConnection) -> sqlx::Result<Rankings> {
    // Ids rise in the order of firing: the oldest that is counted is found without reading what is before it.
    let cut: Option<(i64, DateTime<Utc>)> = sqlx::query_as(
        "select id, ended_at from instance_ended where ended_at > now() - interval '24 hours' order by id desc offset $1 limit 1",
    )
    .bind(RANKED)
    .fetch_optional(&mut *conn)
    .await?;
    let oldest = cut.map_or(0, |(id, _)| id);
    let at = sqlx::query_scalar("select now()")
        .fetch_one(&mut *conn)
        .await?;
    Ok(Rankings {
        at: Some(at),
        counted_from: cut.map(|(_, ended_at)| ended_at),
        busiest: busiest(conn, oldest).await?,
        failing: failing(conn, oldest).await?,
    })
}

/// Jobs with the most shards.
async fn busiest(conn: &mut PgConnection, oldest: i64) -> sqlx::Result<Vec<BusyJob>> {
    let busiest: Vec<(i64, String, String, i64, i64, i64)> = sqlx::query_as(
        "select e.job_id, a.name, j.name, e.n, e.shards, e.took_ms
         from (
            select job_id, count(*) as n, sum(total - coalesce(case when trigger = 'rerun' then
                -- What had succeeded before counts in a rerun, and did not run again.
                (select c.succeeded from instance_ended c where c.id = i.cause_id limit 1) end, 0))::bigint as shards, (extract(epoch from sum(ended_at - fired_at)) * 1000)::bigint as took_ms
            from instance_ended i where ended_at > now() - interval '24 hours' and id > $1 group by job_id order by 3 desc, 2 desc, 1 limit 10
         ) e join job j on j.id = e.job_id join app a on a.id = j.app_id
         order by e.shards desc, e.n desc, e.job_id",
    )
    .bind(oldest)
    .fetch_all(conn)
    .await?;
    Ok(busiest
        .into_iter()
        .map(|(job_id, app, job, instances, shards, took_ms)| BusyJob {
            job_id,
            app,
            job,
            instances,
            shards,
            took_ms,
        })
        .collect())
}

/// Jobs with the most failures, each with what its last one said.
async fn failing(conn: &mut PgConnection, oldest: i64) -> sqlx::Result<Vec<FailingJob>> {
    let failing: Vec<Failing> = sqlx::query_as(
        "select e.job_id, a.name as app, j.name as job, e.n as failures, e.last_id, e.last_at, coalesce(t.error, i.reason) as last_error
         from (
            select job_id, count(*) as n, max(id) as last_id, max(ended_at) as last_at
            from instance_ended
            where ended_at > now() - interval '24 hours' and id > $1 and state in ('failed', 'timed_out')
            group by job_id order by 2 desc, 1 limit 10
         ) e join job j on j.id = e.job_id join app a on a.id = j.app_id
         left join lateral (select reason from instance_ended where id = e.last_id and ended_at > now() - interval '25 hours' limit 1) i on true
         left join lateral (
            select (select error from unnest(errors) error where error is not null limit 1) as error from attempt_ended
            where instance_id = e.last_id and ended_at > now() - interval '25 hours' and final and outcome <> 'succeeded' and errors is not null
            order by chunk limit 1
         ) t on true
         order by e.n desc, e.job_id",
    )
    .bind(oldest)
    .fetch_all(conn)
    .await?;
    Ok(failing.into_iter().map(FailingJob::from).collect())
}

/// Jobs of one schedule whose next tick is within the hour.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Soon {
    pub cron: Option<String>,
    pub time_zone: String,
    pub timing: Option<String>,
    /// The only tick that is known of a fixed delay; `None` for other schedules.
    pub at: Option<DateTime<Utc>>,
    /// How many they are.
    pub jobs: i64,
}

/// What is due within an hour of `now`, by schedule.
pub async fn soon(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<Soon>> {
    sqlx::query_as(
        "select cron, time_zone, timing, at, count(*) as jobs
         from (select s.*, case when fixed_delay_ms is not null then next_fire_at end as at from job_schedule s
            where next_fire_at >= $1 and next_fire_at < $1 + interval '60 minutes') s
         group by cron, time_zone, timing, at order by jobs desc",
    )
    .bind(now)
    .fetch_all(conn)
    .await
}

#[derive(sqlx::FromRow)]
struct Now {
    at: DateTime<Utc>,
    running: i64,
    queued: i64,
    running_shards: i64,
    servers: i64,
    clients: i64,
    bytes: i64,
    connections: i64,
    max_connections: i64,
    oldest_snapshot_ms: i64,
}

#[derive(sqlx::FromRow)]
struct Hour {
    at: DateTime<Utc>,
    succeeded: i64,
    failed: i64,
    timed_out: i64,
    terminated: i64,
    late_p50_ms: Option<i64>,
    late_p95_ms: Option<i64>,
    late_max_ms: Option<i64>,
}

impl From<Hour> for OverviewHour {
    fn from(hour: Hour) -> Self {
        Self {
            at: hour.at,
            succeeded: hour.succeeded,
            failed: hour.failed,
            timed_out: hour.timed_out,
            terminated: hour.terminated,
            late_p50_ms: hour.late_p50_ms,
            late_p95_ms: hour.late_p95_ms,
            late_max_ms: hour.late_max_ms,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Failing {
    job_id: i64,
    app: String,
    job: String,
    failures: i64,
    last_id: i64,
    last_at: DateTime<Utc>,
    last_error: Option<String>,
}

impl From<Failing> for FailingJob {
    fn from(row: Failing) -> Self {
        Self {
            job_id: row.job_id,
            app: row.app,
            job: row.job,
            failures: row.failures,
            last_instance_id: row.last_id,
            last_ended_at: row.last_at,
            last_error: row.last_error,
        }
    }
}

/// Reads the graph of dependencies, or the part of it that leads to `job_id` and away from it.
pub async fn graph(conn: &mut PgConnection, job_id: Option<i64>) -> sqlx::Result<DependencyGraph> {
    let mut edges: Vec<(i64, i64, String, String)> = sqlx::query_as(
        "with recursive before (id) as (
            select $2::bigint union select d.predecessor_id from before b join job_dependency d on d.successor_id = b.id
         ), after (id) as (
            select $2::bigint union select d.successor_id from after a join job_dependency d on d.predecessor_id = a.id
         )
         select predecessor_id, successor_id, on_end, joins from job_dependency
         where $2 is null or successor_id in (select id from before) or predecessor_id in (select id from after)
         order by successor_id, predecessor_id limit $1",
    )
    .bind(EDGES + 1)
    .bind(job_id)
    .fetch_all(&mut *conn)
    .await?;
    let is_cut = edges.len() as i64 > EDGES;
    edges.truncate(EDGES as usize);
    let ids: Vec<i64> = edges
        .iter()
        .flat_map(|(from, to, ..)| [*from, *to])
        .collect();
    let jobs: Vec<(i64, String, String, String)> = sqlx::query_as(
        "select j.id, a.name, j.name,
            case when j.state = 'waiting' and exists (select from instance i where i.job_id = j.id) then 'running' else j.state end
         from job j join app a on a.id = j.app_id where j.id = any ($1) order by j.id",
    )
    .bind(&ids)
    .fetch_all(&mut *conn)
    .await?;
    Ok(DependencyGraph {
        jobs: jobs
            .into_iter()
            .map(|(id, app, name, state)| GraphJob {
                id,
                app,
                job: name,
                state: job::state(&state),
            })
            .collect(),
        edges: edges
            .into_iter()
            .map(|(from, to, on, join)| GraphEdge {
                from,
                to,
                on: match on.as_str() {
                    "failure" => DependencyOn::Failure,
                    "completion" => DependencyOn::Completion,
                    "always" => DependencyOn::Always,
                    _ => DependencyOn::Success,
                },
                join: match join.as_str() {
                    "any" => Join::Any,
                    _ => Join::All,
                },
            })
            .collect(),
        is_cut,
    })
}
