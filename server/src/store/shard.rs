//! Shards that wait and run: claim, stage, and what a client holds.

use std::sync::{Arc, LazyLock};

use antares_protocol::client::ClaimToken;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::form;
use crate::domain::chunk;

/// A running instance that has shards to hand out.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Ready {
    pub id: i64,
    pub app_id: i64,
    pub job_id: i64,
    pub job_version: i32,
    pub trigger: String,
    pub scheduled_at: DateTime<Utc>,
    pub fired_at: DateTime<Utc>,
    pub param: Option<Value>,
    pub total: i32,
    /// Shards of a higher one are handed out first.
    pub priority: i16,
    /// `run`, `plan` or `broadcast`.
    pub phase: String,
    /// Parameters of the shards, if they were planned.
    pub plan: Option<Value>,
}

/// A [`Ready`] instance, and the version of its job's definition that holds now: none once the job is deleted.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Found {
    #[sqlx(flatten)]
    pub ready: Ready,
    pub current_version: Option<i32>,
}

/// Where to look for instances: of an app, from one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From {
    pub app_id: i64,
    pub instance_id: i64,
}

/// Instances that have shards to hand out, in the order of their ids: at most `most` for each place to look.
pub async fn discover(
    conn: &mut PgConnection,
    from: &[From],
    most: i64,
) -> sqlx::Result<Vec<Found>> {
    sqlx::query_as(include_str!("sql/discover.sql"))
        .bind(from.iter().map(|f| f.app_id).collect::<Vec<_>>())
        .bind(from.iter().map(|f| f.instance_id).collect::<Vec<_>>())
        .bind(most)
        .fetch_all(conn)
        .await
}

/// Shards of one instance that one client could take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub client_id: Uuid,
    pub instance_id: i64,
    pub wanted: i32,
    /// How many of the instance the client may hold at once; 0 for no limit.
    pub cap: i32,
    /// Only rows above this id are looked at.
    pub mark: i64,
    /// How long an attempt may take; 0 for no limit.
    pub timeout_ms: i64,
    /// How many rows of the instance's queue to look at, for all proposals of the instance together.
    pub rows: i32,
    /// Limits that its shards count against.
    pub limits: Arc<[String]>,
}

/// What became of a proposal: how many shards it was allowed, or shards that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Which proposal, from 1.
    pub ord: i64,
    /// How many shards the client was allowed; 0 when it holds as many of the instance as it may.
    pub allowed: i64,
    pub run: Option<Run>,
}

/// Shards with consecutive items, claimed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Place in the queue of the row they were in.
    pub id: i64,
    /// The first item.
    pub item: i32,
    /// How many.
    pub n: i16,
    pub attempt: i16,
    /// Whether the row is used up with them.
    pub whole: bool,
}

/// `claim.sql` for proposals without limits, which are most.
static CLAIM_PLAIN: LazyLock<&str> = LazyLock::new(|| form::plain(CLAIM).leak());
const CLAIM: &str = include_str!("sql/claim.sql");

/// How much of a lease is left at least when shards have been claimed.
pub fn claim_lease_ms(lease_ms: i64) -> i64 {
    lease_ms * 2 / 3
}

/// Claims shards for many clients at once. See `claim.sql` for what the answer means. Whoever gets some has a lease of
/// at least [`claim_lease_ms`] from here on.
pub async fn claim(
    conn: &mut PgConnection,
    proposals: &[Proposal],
    lease_ms: i64,
) -> sqlx::Result<Vec<Claim>> {
    fn column<T>(proposals: &[Proposal], get: impl Fn(&Proposal) -> T) -> Vec<T> {
        proposals.iter().map(get).collect()
    }
    let limits: Vec<(i32, &str)> = (1..)
        .zip(proposals)
        .flat_map(|(ord, p)| p.limits.iter().map(move |key| (ord, key.as_str())))
        .collect();
    let is_plain = limits.is_empty() && proposals.iter().all(|p| p.cap >= 0);
    let mut query = sqlx::query(if is_plain { *CLAIM_PLAIN } else { CLAIM })
        .bind(column(proposals, |p| p.client_id))
        .bind(column(proposals, |p| p.instance_id))
        .bind(column(proposals, |p| p.wanted))
        .bind(column(proposals, |p| p.cap))
        .bind(column(proposals, |p| p.mark))
        .bind(column(proposals, |p| p.timeout_ms))
        .bind(column(proposals, |p| p.rows))
        .bind(lease_ms)
        .bind(claim_lease_ms(lease_ms));
    if !is_plain {
        query = query
            .bind(limits.iter().map(|(ord, _)| *ord).collect::<Vec<_>>())
            .bind(limits.iter().map(|(_, key)| *key).collect::<Vec<_>>());
    }
    query
        .try_map(|row: PgRow| {
            let run = match row.try_get("id")? {
                None => None,
                Some(id) => Some(Run {
                    id,
                    item: row.try_get("item")?,
                    n: row.try_get("n")?,
                    attempt: row.try_get("attempt")?,
                    whole: row.try_get("whole")?,
                }),
            };
            Ok(Claim {
                ord: row.try_get("ord")?,
                allowed: row.try_get("allowed")?,
                run,
            })
        })
        .fetch_all(conn)
        .await
}

/// Makes delayed shards ready whose time has come. Returns how many, and the lowest instance among them.
pub async fn stage(conn: &mut PgConnection) -> sqlx::Result<(Option<i64>, i64)> {
    sqlx::query_as(include_str!("sql/stage.sql"))
        .fetch_one(conn)
        .await
}

/// A claim that stands: shards of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Held {
    pub client_id: Uuid,
    pub instance_id: i64,
    pub chunk: i16,
    pub attempt: i16,
    /// Mask of the shards that have not ended.
    pub open: i64,
    /// Whether the claim is older than a lease.
    pub old: bool,
}

impl Held {
    /// The shards, each as a claim token.
    pub fn tokens(&self) -> impl Iterator<Item = ClaimToken> {
        let attempt = self.attempt;
        chunk::shards(self.instance_id, self.chunk, self.open)
            .map(move |shard_id| ClaimToken { shard_id, attempt })
    }
}

/// What `clients` hold.
pub async fn held(
    conn: &mut PgConnection,
    clients: &[Uuid],
    lease_ms: i64,
) -> sqlx::Result<Vec<Held>> {
    sqlx::query_as(include_str!("sql/held.sql"))
        .bind(clients)
        .bind(lease_ms)
        .fetch_all(conn)
        .await
}

/// Claims whose client has no lease.
pub async fn orphans(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Held>> {
    sqlx::query_as(include_str!("sql/orphans.sql"))
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Claims that have taken longer than their job allows.
pub async fn overdue(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Held>> {
    sqlx::query_as(include_str!("sql/overdue_claims.sql"))
        .bind(limit)
        .fetch_all(conn)
        .await
}
