//! When jobs fire: the rows of `job_schedule`, and the statement that fires.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{FromRow as _, PgConnection, Row as _};
use uuid::Uuid;

use super::form;
use super::shard::Ready;
use crate::domain::misfire::Unfired;

/// A tick that is due, or soon will be.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Due {
    pub job_id: i64,
    pub app_id: i64,
    pub bucket: i16,
    pub version: i32,
    pub cron: Option<String>,
    pub time_zone: String,
    /// What else decides the ticks, as text.
    pub timing: Option<String>,
    /// How long after the end of an instance the next tick is, if that is how the job fires.
    pub fixed_delay_ms: Option<i64>,
    /// Whether the job runs one instance at a time, queues none and replaces none.
    pub is_plain: bool,
    /// Whether the tick is skipped while no client is alive that may run the job.
    pub needs_client: bool,
    pub next_fire_at: DateTime<Utc>,
    /// The last tick that was decided.
    pub prev_fire_at: Option<DateTime<Utc>>,
    /// The database's time when the row was read: later in later rows.
    pub now: DateTime<Utc>,
}

/// Ticks of `buckets` that are due or will be within `ahead_ms`, at most `per_bucket` of each bucket.
pub async fn due(
    conn: &mut PgConnection,
    buckets: &[i16],
    ahead_ms: i64,
    per_bucket: i64,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as(include_str!("sql/due.sql"))
        .bind(buckets)
        .bind(ahead_ms)
        .bind(per_bucket)
        .fetch_all(conn)
        .await
}

/// What to do about a tick.
#[derive(Debug, Clone)]
pub struct Decision {
    pub job_id: i64,
    pub bucket: i16,
    pub epoch: i64,
    pub version: i32,
    /// The schedule's time as it was read; nothing happens unless it still stands.
    pub old_fire_at: DateTime<Utc>,
    /// The last tick that was decided, as it was read; nothing happens unless it still stands.
    pub prev_fire_at: Option<DateTime<Utc>>,
    /// The next time; `None` when the schedule has ended.
    pub new_fire_at: Option<DateTime<Utc>>,
    /// The tick to make an instance of.
    pub fire_at: Option<DateTime<Utc>>,
    /// Ticks that do not fire.
    pub unfired: Vec<Unfired>,
    /// As it was read with the schedule; nothing happens unless it still stands.
    pub is_plain: bool,
}

/// `fire.sql` for decisions that are all plain and have no tick that does not fire, which are most.
static FIRE_PLAIN: LazyLock<&str> = LazyLock::new(|| form::plain(FIRE).leak());
const FIRE: &str = include_str!("sql/fire.sql");

impl Decision {
    /// The last tick that this decides.
    fn decided_to(&self) -> Option<DateTime<Utc>> {
        let unfired = self.unfired.iter().map(|unfired| unfired.last).max();
        self.fire_at.max(unfired)
    }
}

/// What became of a decision that held.
#[derive(Debug, Clone)]
pub struct Advanced {
    pub job_id: i64,
    /// The instance that was made, unless it was only queued.
    pub fired: Option<Ready>,
    /// Whether an instance was queued.
    pub is_queued: bool,
}

/// Carries out `decisions`, one for each job, as `server`. Those that no longer hold change nothing and are not returned.
pub async fn fire(
    conn: &mut PgConnection,
    server: Uuid,
    decisions: &[Decision],
) -> sqlx::Result<Vec<Advanced>> {
    fn column<T>(decisions: &[&Decision], get: impl Fn(&Decision) -> T) -> Vec<T> {
        decisions.iter().map(|decision| get(decision)).collect()
    }
    let mut decisions: Vec<&Decision> = decisions.iter().collect();
    decisions.sort_unstable_by_key(|d| d.job_id);
    let decisions = decisions.as_slice();
    let unfired: Vec<(i64, &Unfired)> = decisions
        .iter()
        .flat_map(|d| d.unfired.iter().map(|unfired| (d.job_id, unfired)))
        .collect();
    let is_plain = unfired.is_empty() && decisions.iter().all(|d| d.is_plain);
    let mut query = sqlx::query(if is_plain { *FIRE_PLAIN } else { FIRE })
        .bind(server)
        .bind(column(decisions, |d| d.job_id))
        .bind(column(decisions, |d| d.bucket))
        .bind(column(decisions, |d| d.epoch))
        .bind(column(decisions, |d| d.version))
        .bind(column(decisions, |d| d.old_fire_at))
        .bind(column(decisions, |d| d.new_fire_at))
        .bind(column(decisions, |d| d.fire_at))
        .bind(column(decisions, Decision::decided_to))
        .bind(column(decisions, |d| d.prev_fire_at));
    if !is_plain {
        query = query
            .bind(unfired.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind(unfired.iter().map(|(_, u)| u.first).collect::<Vec<_>>())
            .bind(unfired.iter().map(|(_, u)| u.last).collect::<Vec<_>>())
            .bind(unfired.iter().map(|(_, u)| u.count).collect::<Vec<_>>())
            .bind(
                unfired
                    .iter()
                    .map(|(_, u)| u.outcome.name())
                    .collect::<Vec<_>>(),
            )
            .bind(
                unfired
                    .iter()
                    .map(|(_, u)| u.reason.as_str())
                    .collect::<Vec<_>>(),
            );
    }
    query
        .try_map(|row: PgRow| {
            let is_fired = row.try_get::<Option<i64>, _>("id")?.is_some();
            Ok(Advanced {
                job_id: row.try_get("job_id")?,
                fired: is_fired.then(|| Ready::from_row(&row)).transpose()?,
                is_queued: row.try_get("is_queued")?,
            })
        })
        .fetch_all(conn)
        .await
}

/// What `job_schedule` holds of a job's definition.
#[derive(Debug, Clone)]
pub struct Schedule<'a> {
    pub job_id: i64,
    pub app_id: i64,
    pub version: i32,
    pub cron: Option<Cow<'a, str>>,
    pub time_zone: &'a str,
    pub timing: Option<String>,
    pub fixed_delay_ms: Option<i64>,
    pub slots: i16,
    pub queue: i16,
    pub replaces: bool,
    pub needs_client: bool,
    pub is_dynamic: bool,
    pub priority: i16,
    pub shard_count: i32,
    pub max_attempts: i16,
    pub instance_timeout_ms: i64,
    pub next_fire_at: Option<DateTime<Utc>>,
}

/// Writes the schedule of a job, replacing an earlier one.
pub async fn put(conn: &mut PgConnection, schedule: &Schedule<'_>) -> sqlx::Result<()> {
    sqlx::query(
        "insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms, next_fire_at,
            timing, fixed_delay_ms, slots, queue, replaces, needs_client, is_dynamic, priority)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         on conflict (job_id) do update set version = excluded.version, cron = excluded.cron, time_zone = excluded.time_zone,
            shard_count = excluded.shard_count, max_attempts = excluded.max_attempts,
            instance_timeout_ms = excluded.instance_timeout_ms, next_fire_at = excluded.next_fire_at, timing = excluded.timing,
            fixed_delay_ms = excluded.fixed_delay_ms, slots = excluded.slots, queue = excluded.queue, replaces = excluded.replaces,
            needs_client = excluded.needs_client, is_dynamic = excluded.is_dynamic, priority = excluded.priority",
    )
    .bind(schedule.job_id)
    .bind(schedule.app_id)
    .bind(schedule.version)
    .bind(schedule.cron.as_deref())
    .bind(schedule.time_zone)
    .bind(schedule.shard_count)
    .bind(schedule.max_attempts)
    .bind(schedule.instance_timeout_ms)
    .bind(schedule.next_fire_at)
    .bind(schedule.timing.as_deref())
    .bind(schedule.fixed_delay_ms)
    .bind(schedule.slots)
    .bind(schedule.queue)
    .bind(schedule.replaces)
    .bind(schedule.needs_client)
    .bind(schedule.is_dynamic)
    .bind(schedule.priority)
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets only the next time: `None` keeps the job from firing.
pub async fn set_next(
    conn: &mut PgConnection,
    job_id: i64,
    next_fire_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query("update job_schedule set next_fire_at = $2 where job_id = $1")
        .bind(job_id)
        .bind(next_fire_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The database's clock: the only one that decides anything.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(conn)
        .await
}

/// A job that fires a fixed delay after its last instance has ended, whose next tick is not set.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Undated {
    pub job_id: i64,
    pub version: i32,
    pub fixed_delay_ms: i64,
    pub timing: Option<String>,
    pub prev_fire_at: Option<DateTime<Utc>>,
    /// When the delay began: its last instance ended, or its last tick was decided.
    pub last_at: DateTime<Utc>,
}

/// Waiting jobs of which no instance runs or waits, and whose next tick is a fixed delay away.
pub async fn undated(conn: &mut PgConnection) -> sqlx::Result<Vec<Undated>> {
    sqlx::query_as(include_str!("sql/undated.sql"))
        .fetch_all(conn)
        .await
}

/// The last instance of a job that has ended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LastEnded {
    pub job_id: i64,
    pub id: i64,
    pub state: String,
    pub ended_at: DateTime<Utc>,
}

/// The last instance of each of `jobs` of which one has ended.
pub async fn last_ended(conn: &mut PgConnection, jobs: &[i64]) -> sqlx::Result<Vec<LastEnded>> {
    sqlx::query_as(include_str!("sql/last_ended.sql"))
        .bind(jobs)
        .fetch_all(conn)
        .await
}

/// Sets the next tick of such a job, if nothing has changed; `None` ends the schedule.
pub async fn date(
    conn: &mut PgConnection,
    job: &Undated,
    next_fire_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update job_schedule s set next_fire_at = $4, fixed_delay_ms = case when $4 is not null then fixed_delay_ms end
         where job_id = $1 and version = $2 and next_fire_at is null and prev_fire_at is not distinct from $3
            and exists (select from job j where j.id = $1 and j.state = 'waiting')
            and not exists (select from instance i where i.job_id = $1)",
    )
    .bind(job.job_id)
    .bind(job.version)
    .bind(job.prev_fire_at)
    .bind(next_fire_at)
    .execute(conn)
    .await?;
    Ok(())
}
