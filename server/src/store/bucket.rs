//! Leases on buckets of jobs.

use sqlx::PgConnection;
use uuid::Uuid;

use super::server::Load;

/// Number of buckets. Part of the schema: changing it needs a migration.
pub const BUCKETS: usize = 256;

/// A bucket somebody owns, and the epoch of that ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Owned {
    pub bucket: i16,
    pub epoch: i64,
}

/// Extends the lease of `server` and of its buckets, and notes its load. `None` if the server has been declared dead;
/// otherwise the buckets it owns.
pub async fn renew(
    conn: &mut PgConnection,
    server: Uuid,
    lease_ms: i64,
    load: Load,
) -> sqlx::Result<Option<Vec<Owned>>> {
    let rows: Vec<(Option<i16>, Option<i64>)> =
        sqlx::query_as(include_str!("sql/renew_buckets.sql"))
            .bind(server)
            .bind(lease_ms)
            .bind(load.cpu_percent)
            .bind(load.memory_bytes)
            .fetch_all(conn)
            .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(
        rows.into_iter()
            .filter_map(|(bucket, epoch)| {
                Some(Owned {
                    bucket: bucket?,
                    epoch: epoch?,
                })
            })
            .collect(),
    ))
}

/// Owner of each bucket, by bucket; `None` where nobody has a lease that stands. Locks the rows.
pub async fn owners(conn: &mut PgConnection) -> sqlx::Result<Vec<Option<Uuid>>> {
    sqlx::query_scalar(
        "select case when expires_at > now() then owner end from bucket_lease
         order by bucket for no key update",
    )
    .fetch_all(conn)
    .await
}

/// Gives each bucket to the server beside it, under a new epoch that fences the old owner off.
pub async fn assign(
    conn: &mut PgConnection,
    buckets: &[i16],
    owners: &[Option<Uuid>],
    lease_ms: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "update bucket_lease b set owner = m.owner, epoch = b.epoch + 1,
            expires_at = case when m.owner is null then '-infinity' else now() + $3 * interval '1 ms' end
         from unnest($1::smallint[], $2::uuid[]) as m (bucket, owner) where b.bucket = m.bucket",
    )
    .bind(buckets)
    .bind(owners)
    .bind(lease_ms)
    .execute(conn)
    .await?;
    Ok(())
}
