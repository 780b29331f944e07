//! How claims end.

use antares_protocol::client::ClaimToken;
use chrono::{DateTime, Utc};
use sqlx::{FromRow as _, PgConnection, Row as _};
use uuid::Uuid;

/// A claim to end.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    pub client_id: Uuid,
    pub shard_id: i64,
    pub attempt: i16,
    /// An outcome of `attempt_ended`.
    pub outcome: &'static str,
    pub error: Option<String>,
    pub output: Option<String>,
    /// For an outcome that puts the shard back: how long to wait.
    pub delay_ms: i64,
    pub started_at: Option<DateTime<Utc>>,
}

/// A claim that ended now.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Ended {
    pub client_id: Uuid,
    pub shard_id: i64,
    pub attempt: i16,
    /// Whether the shard ended with it.
    pub is_final: bool,
    pub delay_ms: i64,
}

/// Ends those of `endings` that are current. Returns them, and the instances whose last shards they were.
pub async fn end(
    conn: &mut PgConnection,
    endings: &[Ending],
) -> sqlx::Result<(Vec<Ended>, Vec<i64>)> {
    fn column<'a, T>(endings: &'a [Ending], get: impl Fn(&'a Ending) -> T) -> Vec<T> {
        endings.iter().map(get).collect()
    }
    let rows = sqlx::query(include_str!("sql/end_attempts.sql"))
        .bind(column(endings, |e| e.client_id))
        .bind(column(endings, |e| e.shard_id))
        .bind(column(endings, |e| e.attempt))
        .bind(column(endings, |e| e.outcome))
        .bind(column(endings, |e| e.error.as_deref()))
        .bind(column(endings, |e| e.output.as_deref()))
        .bind(column(endings, |e| e.delay_ms))
        .bind(column(endings, |e| e.started_at))
        .fetch_all(conn)
        .await?;
    let mut ended = Vec::with_capacity(rows.len());
    let mut last_of = Vec::new();
    for row in rows {
        match row.try_get("last_of")? {
            Some(instance) => last_of.push(instance),
            None => ended.push(Ended::from_row(&row)?),
        }
    }
    Ok((ended, last_of))
}

/// Of `tokens`, those that `client` itself ended before with a report: a repeated report is told so.
pub async fn reported_before(
    conn: &mut PgConnection,
    tokens: &[(Uuid, ClaimToken)],
) -> sqlx::Result<Vec<(Uuid, i64, i16)>> {
    let clients: Vec<Uuid> = tokens.iter().map(|(client, _)| *client).collect();
    let shards: Vec<i64> = tokens.iter().map(|(_, token)| token.shard_id).collect();
    let attempts: Vec<i16> = tokens.iter().map(|(_, token)| token.attempt).collect();
    sqlx::query_as(
        "select t.client_id, t.shard_id, t.attempt
         from unnest($1::uuid[], $2::bigint[], $3::smallint[]) as t (client_id, shard_id, attempt)
         where exists (select from attempt_ended e
            where e.instance_id = t.shard_id >> 17 and e.item = (t.shard_id & 131071)::integer
            and e.attempt = t.attempt and e.client_id = t.client_id
            and e.outcome in ('succeeded', 'failed', 'later'))",
    )
    .bind(clients)
    .bind(shards)
    .bind(attempts)
    .fetch_all(conn)
    .await
}
