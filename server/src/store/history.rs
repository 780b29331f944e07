//! What the admin API reads: instances running and ended, their shards and attempts, ticks and logs.

use antares_protocol::client::LogLevel;
use antares_protocol::instance::{Instance, InstanceState, Tick, TickOutcome};
use antares_protocol::shard::{
    Attempt, AttemptOutcome, MAX_SHARDS, Shard, ShardLog, ShardState, Trigger, shard_id,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Which instances to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    pub id: Option<i64>,
    pub app: Option<&'a str>,
    pub job_id: Option<i64>,
    pub state: Option<&'a str>,
    pub trigger: Option<&'a str>,
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
            state: match row.state.as_str() {
                "queued" => InstanceState::Queued,
                "running" => InstanceState::Running,
                "succeeded" => InstanceState::Succeeded,
                "failed" => InstanceState::Failed,
                "timed_out" => InstanceState::TimedOut,
                _ => InstanceState::Terminated,
            },
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

#[derive(sqlx::FromRow)]
struct ShardRow {
    item: i32,
    state: String,
    attempt: i16,
    client_id: Option<Uuid>,
    due_at: Option<DateTime<Utc>>,
    claimed_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    error: Option<String>,
    output: Option<String>,
    param: Option<Value>,
    progress: Option<i16>,
}

/// The `limit` shards of an instance with the items after `after`, in order; only those in `state`, if one is given. An
/// instance has a shard for each item, so a page of all is a range of items, and of chunks.
pub async fn shards(
    conn: &mut PgConnection,
    instance_id: i64,
    after: i32,
    limit: i64,
    state: Option<&str>,
) -> sqlx::Result<Vec<Shard>> {
    let last = match state {
        None => i64::from(after) + limit,
        Some(_) => i64::from(MAX_SHARDS),
    };
    let rows: Vec<ShardRow> = sqlx::query_as(
        "with all_shards as (
            select i.item, 'new' as state, attempt, null::uuid as client_id, null::timestamptz as due_at,
                null::timestamptz as claimed_at, null::timestamptz as ended_at, null::text as error, null::text as output
            from shard_ready r cross join lateral generate_series(r.item, r.item + r.n - 1) as i (item)
            where instance_id = $1 and r.item / 64 between ($2 + 1) / 64 and $3 / 64
            union all
            select item, 'new', attempt, null, due_at, null, null, null, null from shard_delayed where instance_id = $1
            union all
            select chunk::integer * 64 + bit, 'running', attempt, client_id, null, claimed_at, null, null, null
            from shard_running cross join lateral unnest(mask_bits(open)) as b (bit)
            where instance_id = $1 and chunk between ($2 + 1) / 64 and $3 / 64
            union all
            select chunk::integer * 64 + s.bit, case outcome when 'succeeded' then 'succeeded' when 'cancelled' then 'cancelled' else 'failed' end,
                attempt, client_id, null, claimed_at, ended_at, s.error, s.output
            from attempt_ended
            cross join lateral rows from (unnest(mask_bits(mask)), unnest(errors), unnest(outputs)) as s (bit, error, output)
            where instance_id = $1 and final and chunk between ($2 + 1) / 64 and $3 / 64
         ), origin as (
            select job_id, job_version, plan from instance where id = $1
            union all select job_id, job_version, plan from instance_ended where id = $1
         )
         select s.*, coalesce(o.plan -> s.item, v.definition -> 'shard_params' -> s.item) as param, c.progress
         from all_shards s left join origin o on true
         left join job_version v on v.job_id = o.job_id and v.version = o.job_version
         left join shard_checkpoint c on c.instance_id = $1 and c.item = s.item and c.item between $2 + 1 and $3
            and c.attempt = s.attempt and s.state = 'running'
         where s.item between $2 + 1 and $3 and ($5::text is null or s.state = $5) order by s.item limit $4",
    )
    .bind(instance_id)
    .bind(after)
    .bind(last)
    .bind(limit)
    .bind(state)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Shard {
            shard_id: shard_id(instance_id, row.item),
            instance_id,
            item: row.item,
            param: row.param.unwrap_or(Value::Null),
            state: match row.state.as_str() {
                "new" => ShardState::New,
                "running" => ShardState::Running,
                "succeeded" => ShardState::Succeeded,
                "cancelled" => ShardState::Cancelled,
                _ => ShardState::Failed,
            },
            attempt: row.attempt,
            client_id: row.client_id,
            due_at: row.due_at,
            claimed_at: row.claimed_at,
            ended_at: row.ended_at,
            error: row.error,
            output: row.output,
            progress: row.progress,
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    item: i32,
    attempt: i16,
    r#final: bool,
    outcome: String,
    client_id: Option<Uuid>,
    claimed_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    ended_at: DateTime<Utc>,
    error: Option<String>,
    output: Option<String>,
}

/// Ended attempts of an instance after the given one, by item and attempt. A shard that is cancelled while it
/// waits for another attempt has two rows with the number of its last: how that ended, and the end.
pub async fn attempts(
    conn: &mut PgConnection,
    instance_id: i64,
    after: (i32, i16, bool),
    limit: i64,
) -> sqlx::Result<Vec<Attempt>> {
    let rows: Vec<AttemptRow> = sqlx::query_as(
        // The chunk goes first so that the rows come sorted from the index and reading ends with the page.
        "select t.chunk::integer * 64 + s.bit as item, t.attempt, t.final, t.outcome, t.client_id, t.claimed_at,
            least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at, t.ended_at, s.error, s.output
         from attempt_ended t
         cross join lateral rows from (unnest(mask_bits(t.mask)), unnest(t.started_at), unnest(t.errors), unnest(t.outputs))
            as s (bit, told_at, error, output)
         where t.instance_id = $1 and t.chunk >= $2 / 64 and (t.chunk::integer * 64 + s.bit, t.attempt, t.final) > ($2, $3, $4)
         order by t.chunk, s.bit, t.attempt, t.final limit $5",
    )
    .bind(instance_id)
    .bind(after.0)
    .bind(after.1)
    .bind(after.2)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attempt {
            shard_id: shard_id(instance_id, row.item),
            instance_id,
            item: row.item,
            attempt: row.attempt,
            is_final: row.r#final,
            outcome: match row.outcome.as_str() {
                "succeeded" => AttemptOutcome::Succeeded,
                "later" => AttemptOutcome::Later,
                "lost" => AttemptOutcome::Lost,
                "returned" => AttemptOutcome::Returned,
                "timed_out" => AttemptOutcome::TimedOut,
                "cancelled" => AttemptOutcome::Cancelled,
                _ => AttemptOutcome::Failed,
            },
            client_id: row.client_id,
            claimed_at: row.claimed_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            error: row.error,
            output: row.output,
        })
        .collect())
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
