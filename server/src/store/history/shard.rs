//! The shards of an instance, and their attempts.

use antares_protocol::shard::{Attempt, AttemptOutcome, MAX_SHARDS, Shard, ShardState, shard_id};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct ShardRow {
    item: i32,
    state: String,
    attempt: i16,
    client_id: Option<Uuid>,
    client_host: Option<String>,
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
            -- With one row for each day of history, PostgreSQL would plan each call anew, which takes longer than the page.
            limit 1
         )
         select s.*, coalesce(o.plan -> s.item, v.definition -> 'shard_params' -> s.item) as param, c.progress,
            (select host from client where id = s.client_id) as client_host
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
            client_host: row.client_host,
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
    client_host: Option<String>,
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
            least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at, t.ended_at, s.error, s.output,
            (select host from client where id = t.client_id) as client_host
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
            client_host: row.client_host,
            claimed_at: row.claimed_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            error: row.error,
            output: row.output,
        })
        .collect())
}
