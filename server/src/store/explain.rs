//! What an explanation needs to know.

use antares_protocol::plan::JobAction;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Ticks of a job in a period, with who decided: the newest `limit` that begin in it or reach into it.
pub async fn deciders(
    conn: &mut PgConnection,
    job_id: i64,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<(DateTime<Utc>, Option<Uuid>)>> {
    sqlx::query_as(
        "select scheduled_at, server_id from tick
         where job_id = $1 and scheduled_at < $3 and last_scheduled_at >= $2 order by scheduled_at desc limit $4",
    )
    .bind(job_id)
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// What changed the state of a job in a period, and last before it: the newest `limit` and one.
pub async fn actions(
    conn: &mut PgConnection,
    job_id: i64,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<JobAction>> {
    let rows: Vec<(DateTime<Utc>, String, String)> = sqlx::query_as(
        "(select at, action, author from job_action where job_id = $1 and at >= $2 and at < $3 order by at desc limit $4)
         union all
         (select at, action, author from job_action where job_id = $1 and at < $2 order by at desc limit 1)
         order by at desc",
    )
    .bind(job_id)
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let action = |(at, action, author)| JobAction { at, action, author };
    Ok(rows.into_iter().map(action).collect())
}

/// Instances of a job that wait to start, or this one, and from when they may: those that start first first.
pub async fn queued(
    conn: &mut PgConnection,
    job_id: i64,
    instance: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<(i64, DateTime<Utc>, bool)>> {
    sqlx::query_as(
        "select id, due_at, due_at > now() from instance_queued
         where job_id = $1 and ($2::bigint is null or id = $2) order by priority desc, due_at, id limit $3",
    )
    .bind(job_id)
    .bind(instance)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// The instance that carries out the plan of the instance `plan` of a job, if that has made one.
pub async fn planned(conn: &mut PgConnection, job_id: i64, plan: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from instance where job_id = $1 and cause_id = $2 and trigger = 'plan'
         union all
         select id from instance_queued where job_id = $1 and cause_id = $2 and plan is not null
         union all
         (select id from instance_ended where job_id = $1 and id > $2 and cause_id = $2 and trigger = 'plan' order by id limit 1)
         limit 1",
    )
    .bind(job_id)
    .bind(plan)
    .fetch_optional(conn)
    .await
}

/// Of the jobs that a job follows, all of which must end before it fires: those that have not yet.
pub async fn missing(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select predecessor_app || '/' || predecessor from dependency_view
         where successor_id = $1 and joins = 'all' and satisfied_by is null order by 1",
    )
    .bind(job_id)
    .fetch_all(conn)
    .await
}

/// Instances of a job that were ended from `from` to before `until` and had not begun: the newest `limit`.
pub async fn never_began(
    conn: &mut PgConnection,
    job_id: i64,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from instance_ended
         where job_id = $1 and ended_at >= $2 and ended_at < $3 and total = 0 order by id desc limit $4",
    )
    .bind(job_id)
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// A job that is followed, whose last instance did not end as it must.
#[derive(Debug, sqlx::FromRow)]
pub struct Unmet {
    /// App and name of the job.
    pub job: String,
    /// How it must end: `success`, `failure` or `completion`.
    pub on_end: String,
    pub instance_id: i64,
    /// How it ended.
    pub state: String,
}

/// Of the jobs that a job follows, those whose last instance did not end as it must.
pub async fn unmet(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Vec<Unmet>> {
    // As follow.sql decides. What only planned has not ended yet.
    sqlx::query_as(
        "select d.predecessor_app || '/' || d.predecessor as job, d.on_end, e.id as instance_id, e.state
         from dependency_view d
         cross join lateral (
             select e.id, e.state from instance_ended e
             where e.job_id = d.predecessor_id and not (e.phase = 'plan' and e.state = 'succeeded')
             order by e.id desc limit 1
         ) e
         where d.successor_id = $1 and case d.on_end
             when 'success' then e.state <> 'succeeded'
             when 'failure' then e.state not in ('failed', 'timed_out')
             when 'completion' then e.state not in ('succeeded', 'failed', 'timed_out')
             else false end
         order by 1",
    )
    .bind(job_id)
    .fetch_all(conn)
    .await
}

/// A running instance.
#[derive(Debug, sqlx::FromRow)]
pub struct Running {
    pub id: i64,
    /// `plan` while its planning handler runs.
    pub phase: String,
    /// Shards that could be handed out.
    pub ready: i64,
    /// Shards that are delayed.
    pub delayed: i64,
    /// Until when the first of those is.
    pub delayed_until: Option<DateTime<Utc>>,
}

/// Running instances of a job, or this one, oldest first.
pub async fn running(
    conn: &mut PgConnection,
    job_id: i64,
    instance: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Running>> {
    sqlx::query_as(
        "select i.id, i.phase, (select coalesce(sum(r.n), 0) from shard_ready r where r.instance_id = i.id)::bigint as ready,
            (select count(*) from shard_delayed d where d.instance_id = i.id) as delayed,
            (select min(d.due_at) from shard_delayed d where d.instance_id = i.id) as delayed_until
         from instance i where i.job_id = $1 and ($2::bigint is null or i.id = $2) order by i.id limit $3",
    )
    .bind(job_id)
    .bind(instance)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Of the limits `keys`, those that are reached: key, limit.
pub async fn reached(conn: &mut PgConnection, keys: &[String]) -> sqlx::Result<Vec<(String, i32)>> {
    sqlx::query_as(
        "select key, most from limit_view where key = any($1) and running >= most order by key",
    )
    .bind(keys)
    .fetch_all(conn)
    .await
}

/// Which clients may be given a shard of a broadcast that waits.
pub async fn wanted(conn: &mut PgConnection, instance_id: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select broadcast_takers($1)")
        .bind(instance_id)
        .fetch_all(conn)
        .await
}

/// What a client that is alive holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Load {
    pub id: Uuid,
    /// How many shards of the instance, and of all.
    pub of_instance: i64,
    pub of_all: i64,
    pub slots: i32,
    /// When its lease ends, unless it renews it.
    pub expires_at: DateTime<Utc>,
}

impl Load {
    /// Whether it can take another shard of an instance of which each client may hold so many, 0 for any.
    pub fn has_room(&self, cap: i64) -> bool {
        self.of_all < i64::from(self.slots) && (cap == 0 || self.of_instance < cap)
    }
}

/// What the clients of an app hold, those that are alive.
pub async fn loads(
    conn: &mut PgConnection,
    app_id: i64,
    instance_id: i64,
) -> sqlx::Result<Vec<Load>> {
    sqlx::query_as(
        "select c.id, shards_held(c.id, $2) as of_instance,
            (select coalesce(sum(mask_count(r.open)), 0) from shard_running r where r.client_id = c.id)::bigint as of_all, c.slots, l.expires_at
         from client c join client_lease l on l.client_id = c.id and l.expires_at > now() where c.app_id = $1",
    )
    .bind(app_id)
    .bind(instance_id)
    .fetch_all(conn)
    .await
}
