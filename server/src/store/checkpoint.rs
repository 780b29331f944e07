//! How far shards have come, as their handlers say.

use std::collections::HashMap;

use antares_protocol::shard::split_shard_id;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What a client says of a shard that it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub client_id: Uuid,
    pub shard_id: i64,
    pub attempt: i16,
    /// For the next attempt; `None` if there is no news.
    pub checkpoint: Option<Value>,
    /// In percent; `None` if there is no news.
    pub progress: Option<i16>,
}

/// Keeps what was `said`, as far as it is said of claims that stand. Of a shard that is named twice, the last counts.
pub async fn save(conn: &mut PgConnection, said: &[Said]) -> sqlx::Result<()> {
    let by_shard: HashMap<(i64, Uuid, i16), &Said> = said
        .iter()
        .map(|said| ((said.shard_id, said.client_id, said.attempt), said))
        .collect();
    // At most one of those that name a shard has a claim of it.
    let said: Vec<&Said> = by_shard.into_values().collect();
    let places = said.iter().map(|said| split_shard_id(said.shard_id));
    let (instances, items): (Vec<i64>, Vec<i32>) = places.unzip();
    sqlx::query(include_str!("sql/save_checkpoints.sql"))
        .bind(said.iter().map(|said| said.client_id).collect::<Vec<_>>())
        .bind(instances)
        .bind(items)
        .bind(said.iter().map(|said| said.attempt).collect::<Vec<_>>())
        .bind(
            said.iter()
                .map(|said| said.checkpoint.as_ref())
                .collect::<Vec<_>>(),
        )
        .bind(said.iter().map(|said| said.progress).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// The checkpoints of those of `shards` that have one.
pub async fn of(conn: &mut PgConnection, shards: &[i64]) -> sqlx::Result<HashMap<i64, Value>> {
    let places = shards.iter().map(|shard| split_shard_id(*shard));
    let (instances, items): (Vec<i64>, Vec<i32>) = places.unzip();
    let rows: Vec<(i64, Value)> = sqlx::query_as(
        "select u.shard_id, c.checkpoint
         from unnest($1::bigint[], $2::bigint[], $3::integer[]) as u (shard_id, instance_id, item)
         cross join lateral (
            select c.checkpoint from shard_checkpoint c where c.instance_id = u.instance_id and c.item = u.item limit 1
         ) c
         where c.checkpoint is not null",
    )
    .bind(shards)
    .bind(instances)
    .bind(items)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Forgets those of instances that have ended.
pub async fn prune(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(
        "delete from shard_checkpoint c where not exists (select from instance i where i.id = c.instance_id)",
    )
    .execute(conn)
    .await?;
    Ok(())
}
