//! What the console's first page and the graph of dependencies show.

use antares_protocol::job::JobState;
use antares_protocol::overview::{
    BusyJob, DatabaseHealth, DependencyGraph, FailingJob, GraphEdge, GraphJob, JobCounts, Overview,
    OverviewHour,
};
use antares_protocol::policy::{DependencyOn, Join};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Instances that are counted, the newest: a busy day has more than an answer may take time for.
const COUNTED: i64 = 100_000;
/// Edges of the graph that are told.
const EDGES: i64 = 5_000;

/// Reads the overview.
pub async fn overview(conn: &mut PgConnection) -> sqlx::Result<Overview> {
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
    // Ids rise in the order of firing: the oldest that is counted is found without reading what is before it.
    let oldest: Option<i64> = sqlx::query_scalar(
        "select id from instance_ended where ended_at > now() - interval '24 hours' order by id desc offset $1 limit 1",
    )
    .bind(COUNTED)
    .fetch_optional(&mut *conn)
    .await?;
    let oldest = oldest.unwrap_or(0);
    let hours = hours(conn, oldest).await?;
    let busiest = busiest(conn, oldest).await?;
    let failing = failing(conn, oldest).await?;
    let next_hour = next_hour(conn).await?;
    let counted_from: Option<DateTime<Utc>> = match oldest {
        0 => None,
        oldest => {
            sqlx::query_scalar("select ended_at from instance_ended where id = $1 and ended_at > now() - interval '25 hours'")
                .bind(oldest)
                .fetch_optional(&mut *conn)
                .await?
        }
    };
    Ok(Overview {
        at: now.at,
        running: now.running,
        queued: now.queued,
        running_shards: now.running_shards,
        waiting_shards,
        waiting_since,
        jobs,
        hours,
        busiest,
        failing,
        next_hour,
        counted_from,
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

/// The last 24 hours.
async fn hours(conn: &mut PgConnection, oldest: i64) -> sqlx::Result<Vec<OverviewHour>> {
    let hours: Vec<Hour> = sqlx::query_as(
        "select h.at, coalesce(e.succeeded, 0) as succeeded, coalesce(e.failed, 0) as failed, coalesce(e.terminated, 0) as terminated,
            e.late_p95_ms, e.late_max_ms
         from generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()), interval '1 hour') h (at)
         left join (
            select date_trunc('hour', ended_at) as at, count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state in ('failed', 'timed_out')) as failed, count(*) filter (where state = 'terminated') as terminated,
                (extract(epoch from percentile_disc(0.95) within group (order by fired_at - scheduled_at) filter (where trigger = 'schedule')) * 1000)::bigint
                    as late_p95_ms,
                (extract(epoch from max(fired_at - scheduled_at) filter (where trigger = 'schedule')) * 1000)::bigint as late_max_ms
            from instance_ended where ended_at > now() - interval '24 hours' and id > $1 group by 1
         ) e on e.at = h.at
         order by h.at",
    )
    .bind(oldest)
    .fetch_all(conn)
    .await?;
    Ok(hours.into_iter().map(OverviewHour::from).collect())
}

/// Jobs with the most shards.
async fn busiest(conn: &mut PgConnection, oldest: i64) -> sqlx::Result<Vec<BusyJob>> {
    let busiest: Vec<(i64, String, String, i64, i64, i64)> = sqlx::query_as(
        "select e.job_id, a.name, j.name, e.n, e.shards, e.took_ms
         from (
            select job_id, count(*) as n, sum(total)::bigint as shards, (extract(epoch from sum(ended_at - fired_at)) * 1000)::bigint as took_ms
            from instance_ended where ended_at > now() - interval '24 hours' and id > $1 group by job_id order by 3 desc, 2 desc, 1 limit 10
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

/// Jobs with the most failures.
async fn failing(conn: &mut PgConnection, oldest: i64) -> sqlx::Result<Vec<FailingJob>> {
    let failing: Vec<(i64, String, String, i64, i64, DateTime<Utc>)> = sqlx::query_as(
        "select e.job_id, a.name, j.name, e.n, e.last_id, e.last_at
         from (
            select job_id, count(*) as n, max(id) as last_id, max(ended_at) as last_at
            from instance_ended
            where ended_at > now() - interval '24 hours' and id > $1 and state in ('failed', 'timed_out')
            group by job_id order by 2 desc, 1 limit 10
         ) e join job j on j.id = e.job_id join app a on a.id = j.app_id
         order by e.n desc, e.job_id",
    )
    .bind(oldest)
    .fetch_all(conn)
    .await?;
    Ok(failing
        .into_iter()
        .map(
            |(job_id, app, job, failures, last_instance_id, last_ended_at)| FailingJob {
                job_id,
                app,
                job,
                failures,
                last_instance_id,
                last_ended_at,
            },
        )
        .collect())
}

/// Next ticks by minute.
async fn next_hour(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    let next: Vec<(i32, i64)> = sqlx::query_as(
        "select floor(extract(epoch from next_fire_at - now()) / 60)::integer, count(*) from job_schedule
         where next_fire_at >= now() and next_fire_at < now() + interval '60 minutes' group by 1",
    )
    .fetch_all(conn)
    .await?;
    let mut next_hour = vec![0; 60];
    for (minute, n) in next {
        if let Some(place) = next_hour.get_mut(minute as usize) {
            *place = n;
        }
    }
    Ok(next_hour)
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
    terminated: i64,
    late_p95_ms: Option<i64>,
    late_max_ms: Option<i64>,
}

impl From<Hour> for OverviewHour {
    fn from(hour: Hour) -> Self {
        Self {
            at: hour.at,
            succeeded: hour.succeeded,
            failed: hour.failed,
            terminated: hour.terminated,
            late_p95_ms: hour.late_p95_ms,
            late_max_ms: hour.late_max_ms,
        }
    }
}

/// Reads the graph of dependencies.
pub async fn graph(conn: &mut PgConnection) -> sqlx::Result<DependencyGraph> {
    let mut edges: Vec<(i64, i64, String, String)> = sqlx::query_as(
        "select predecessor_id, successor_id, on_end, joins from job_dependency order by successor_id, predecessor_id limit $1",
    )
    .bind(EDGES + 1)
    .fetch_all(&mut *conn)
    .await?;
    let is_cut = edges.len() as i64 > EDGES;
    edges.truncate(EDGES as usize);
    let ids: Vec<i64> = edges
        .iter()
        .flat_map(|(from, to, ..)| [*from, *to])
        .collect();
    let jobs: Vec<(i64, String, String, String, bool)> = sqlx::query_as(
        "select j.id, a.name, j.name, j.state, exists (select from instance i where i.job_id = j.id) from job j join app a on a.id = j.app_id
         where j.id = any ($1) order by j.id",
    )
    .bind(&ids)
    .fetch_all(&mut *conn)
    .await?;
    Ok(DependencyGraph {
        jobs: jobs
            .into_iter()
            .map(|(id, app, job, state, runs)| GraphJob {
                id,
                app,
                job,
                state: match state.as_str() {
                    "disabled" => JobState::Disabled,
                    "stopped" => JobState::Stopped,
                    "paused" => JobState::Paused,
                    _ if runs => JobState::Running,
                    _ => JobState::Waiting,
                },
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
