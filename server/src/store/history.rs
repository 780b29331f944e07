//! What the admin API reads: instances running and ended, their shards and attempts, ticks and logs.

mod shard;

use antares_protocol::client::LogLevel;
use antares_protocol::instance::{Instance, InstanceState, Tick, TickOutcome};
use antares_protocol::shard::{ShardLog, Trigger};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, QueryBuilder};

pub use shard::{attempts, shards};

/// Which instances to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    pub id: Option<i64>,
    pub app: Option<&'a str>,
    pub job_id: Option<i64>,
    pub state: Option<&'a str>,
    pub trigger: Option<&'a str>,
    /// The instance that caused it.
    pub cause_id: Option<i64>,
    /// Part of the job's name, in any case.
    pub job: Option<&'a str>,
    /// Fired from this instant on, and before that one.
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Took at least so long, or has run for so long.
    pub min_duration_ms: Option<i64>,
    /// Only ids below this one: instances are listed newest first.
    pub before: Option<i64>,
    pub limit: i64,
}

#[derive(sqlx::FromRow)]
struct InstanceRow {
    id: i64,
    job_id: i64,
    job: String,
    app: String,
    job_version: i32,
    state: String,
    trigger: String,
    cause_id: Option<i64>,
    scheduled_at: DateTime<Utc>,
    fired_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    total: i32,
    succeeded: i32,
    failed: i32,
    cancelled: i32,
    param: Option<Value>,
    reason: Option<String>,
}

/// Reads a trigger as stored.
pub fn trigger(text: &str) -> Trigger {
    match text {
        "schedule" => Trigger::Schedule,
        "api" => Trigger::Api,
        "console" => Trigger::Console,
        "sql" => Trigger::Sql,
        "dependency" => Trigger::Dependency,
        "backfill" => Trigger::Backfill,
        "rerun" => Trigger::Rerun,
        "plan" => Trigger::Plan,
        _ => Trigger::Other,
    }
}

/// Reads the state of an instance.
pub fn state(text: &str) -> InstanceState {
    match text {
        "queued" => InstanceState::Queued,
        "running" => InstanceState::Running,
        "succeeded" => InstanceState::Succeeded,
        "failed" => InstanceState::Failed,
        "timed_out" => InstanceState::TimedOut,
        _ => InstanceState::Terminated,
    }
}

/// Where instances are while they wait, while they run, and when they have ended.
struct Place {
    /// Their columns, in the order of [`InstanceRow`], and where they come from.
    select: &'static str,
    /// The one state of all that are there, if they have one.
    state: Option<&'static str>,
    fired_at: &'static str,
    /// How long they took, or have run; what waits has not begun.
    took: Option<&'static str>,
}

const PLACES: [Place; 3] = [
    Place {
        select: "select i.id, i.job_id, i.app_id, i.job_version, 'running' as state, i.trigger, i.cause_id, i.scheduled_at, i.fired_at,
            null::timestamptz as ended_at, i.total, i.succeeded, i.failed, 0 as cancelled, i.param, null::text as reason
            from instance i",
        state: Some("running"),
        fired_at: "i.fired_at",
        took: Some("now() - i.fired_at"),
    },
    Place {
        select: "select i.id, i.job_id, i.app_id, j.version as job_version, 'queued' as state, i.trigger, i.cause_id, i.scheduled_at,
            i.queued_at as fired_at, null::timestamptz as ended_at, 0 as total, 0 as succeeded, 0 as failed, 0 as cancelled, i.param,
            null::text as reason
            from instance_queued i join job j on j.id = i.job_id",
        state: Some("queued"),
        fired_at: "i.queued_at",
        took: None,
    },
    Place {
        select: "select i.id, i.job_id, i.app_id, i.job_version, i.state, i.trigger, i.cause_id, i.scheduled_at, i.fired_at,
            i.ended_at, i.total, i.succeeded, i.failed, i.cancelled, i.param, i.reason
            from instance_ended i",
        state: None,
        fired_at: "i.fired_at",
        took: Some("i.ended_at - i.fired_at"),
    },
];

impl Place {
    /// Whether anything there can be what is asked for.
    fn may_have(&self, filter: &Filter<'_>) -> bool {
        let by_state = match (self.state, filter.state) {
            (Some(all), Some(wanted)) => all == wanted,
            (None, Some(wanted)) => PLACES.iter().all(|place| place.state != Some(wanted)),
            (_, None) => true,
        };
        by_state && (self.took.is_some() || filter.min_duration_ms.is_none())
    }

    /// The first `filter.limit` there. Only what is asked for is a condition: each costs planning for each day of history, and
    /// with `$1 is null or …` PostgreSQL plans each call anew.
    fn write(&self, query: &mut QueryBuilder<Postgres>, filter: &Filter<'_>) {
        query.push("(").push(self.select).push(" where true");
        if let Some(id) = filter.id {
            query.push(" and i.id = ").push_bind(id);
        }
        if let Some(before) = filter.before {
            query.push(" and i.id < ").push_bind(before);
        }
        if let Some(app) = filter.app {
            query.push(" and i.app_id in (select id from app where name = ");
            query.push_bind(app).push(")");
        }
        if let Some(job_id) = filter.job_id {
            query.push(" and i.job_id = ").push_bind(job_id);
        }
        if let (None, Some(state)) = (self.state, filter.state) {
            query.push(" and i.state = ").push_bind(state);
        }
        if let Some(trigger) = filter.trigger {
            query.push(" and i.trigger = ").push_bind(trigger);
        }
        if let Some(cause_id) = filter.cause_id {
            query.push(" and i.cause_id = ").push_bind(cause_id);
        }
        if let Some(job) = filter.job {
            query.push(" and i.job_id in (select id from job where strpos(lower(name), lower(");
            query.push_bind(job).push(")) > 0)");
        }
        if let Some(from) = filter.from {
            query.push(format_args!(" and {} >= ", self.fired_at));
            query.push_bind(from);
            if self.state.is_none() {
                // What was fired then ended later: older days of history need not be read.
                query.push(" and i.ended_at >= ").push_bind(from);
            }
        }
        if let Some(until) = filter.until {
            query.push(format_args!(" and {} < ", self.fired_at));
            query.push_bind(until);
        }
        if let (Some(took), Some(ms)) = (self.took, filter.min_duration_ms) {
            query.push(format_args!(" and {took} >= ")).push_bind(ms);
            query.push(" * interval '1 ms'");
        }
        query.push(" order by i.id desc limit ");
        query.push_bind(filter.limit).push(")");
    }
}

/// Instances, newest first: running and ended ones together.
pub async fn instances(
    conn: &mut PgConnection,
    filter: &Filter<'_>,
) -> sqlx::Result<Vec<Instance>> {
    let mut query = QueryBuilder::new("with page as (");
    let mut is_first = true;
    // Each part is cut to the page before they are joined, so that none is read whole.
    for place in PLACES.iter().filter(|place| place.may_have(filter)) {
        if !std::mem::take(&mut is_first) {
            query.push(" union all ");
        }
        place.write(&mut query, filter);
    }
    if is_first {
        return Ok(Vec::new());
    }
    query.push(
        ") select p.id, p.job_id, j.name as job, a.name as app, p.job_version, p.state, p.trigger, p.cause_id, p.scheduled_at, p.fired_at,
            p.ended_at, p.total, p.succeeded, p.failed, p.cancelled, coalesce(p.param, v.definition -> 'param') as param, p.reason
         from page p join job j on j.id = p.job_id join app a on a.id = p.app_id
         left join job_version v on v.job_id = p.job_id and v.version = p.job_version
         order by p.id desc limit ",
    );
    query.push_bind(filter.limit);
    let rows: Vec<InstanceRow> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| Instance {
            id: row.id,
            job_id: row.job_id,
            job: row.job,
            app: row.app,
            job_version: row.job_version,
            state: state(&row.state),
            trigger: trigger(&row.trigger),
            cause_id: row.cause_id,
            scheduled_at: row.scheduled_at,
            fired_at: row.fired_at,
            ended_at: row.ended_at,
            total: row.total,
            waiting: None,
            running: None,
            succeeded: row.succeeded,
            failed: row.failed,
            cancelled: row.cancelled,
            param: row.param.unwrap_or(Value::Null),
            reason: row.reason,
        })
        .collect())
}

/// One instance, with its waiting and running shards counted.
pub async fn instance(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Instance>> {
    let filter = Filter {
        id: Some(id),
        limit: 1,
        ..Filter::default()
    };
    let Some(mut instance) = instances(conn, &filter).await?.pop() else {
        return Ok(None);
    };
    let (waiting, running): (i64, i64) = sqlx::query_as(
        "select (select coalesce(sum(n), 0) from shard_ready where instance_id = $1)
            + (select count(*) from shard_delayed where instance_id = $1),
            (select coalesce(sum(mask_count(open)), 0) from shard_running where instance_id = $1)",
    )
    .bind(id)
    .fetch_one(conn)
    .await?;
    instance.waiting = Some(waiting as i32);
    instance.running = Some(running as i32);
    Ok(Some(instance))
}

type TickRow = (
    DateTime<Utc>,
    DateTime<Utc>,
    i64,
    String,
    Option<String>,
    Option<i64>,
    DateTime<Utc>,
);

/// Ticks of a job before `before`, newest first.
pub async fn ticks(
    conn: &mut PgConnection,
    job_id: i64,
    before: Option<DateTime<Utc>>,
    limit: i64,
) -> sqlx::Result<Vec<Tick>> {
    let rows: Vec<TickRow> = sqlx::query_as(
        "select scheduled_at, last_scheduled_at, count, outcome, reason, instance_id, decided_at from tick
         where job_id = $1 and ($2::timestamptz is null or scheduled_at < $2) order by scheduled_at desc limit $3",
    )
    .bind(job_id)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(
            |(scheduled_at, last_scheduled_at, count, outcome, reason, instance_id, decided_at)| {
                Tick {
                    job_id,
                    scheduled_at,
                    last_scheduled_at,
                    count,
                    outcome: match outcome.as_str() {
                        "fired" => TickOutcome::Fired,
                        "coalesced" => TickOutcome::Coalesced,
                        "missed" => TickOutcome::Missed,
                        _ => TickOutcome::Skipped,
                    },
                    reason,
                    instance_id,
                    decided_at,
                }
            },
        )
        .collect())
}

/// The ticks of a job that begin at an instant.
pub async fn tick(
    conn: &mut PgConnection,
    job_id: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Tick>> {
    let after = at + chrono::TimeDelta::microseconds(1);
    let found = ticks(conn, job_id, Some(after), 1).await?.pop();
    Ok(found.filter(|tick| tick.scheduled_at == at))
}

/// Log lines of a shard with an id above `after`, in order.
pub async fn logs(
    conn: &mut PgConnection,
    shard: i64,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<ShardLog>> {
    let rows: Vec<(i64, i16, DateTime<Utc>, DateTime<Utc>, String, String)> = sqlx::query_as(
        "select id, attempt, received_at, logged_at, level, message from shard_log
         where shard_id = $1 and id > $2 order by id limit $3",
    )
    .bind(shard)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(
            |(id, attempt, received_at, logged_at, level, message)| ShardLog {
                id,
                attempt,
                received_at,
                logged_at,
                level: match level.as_str() {
                    "error" => LogLevel::Error,
                    "warn" => LogLevel::Warn,
                    "debug" => LogLevel::Debug,
                    _ => LogLevel::Info,
                },
                message,
            },
        )
        .collect())
}
