//! Which replica fires the jobs of which bucket: changes of membership, one at a time.

use antares_protocol::cluster::Server;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::retry::Conflict;
use crate::domain::buckets::rebalance;
use crate::store::{bucket, server};

/// Why a server was not drained or resumed.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// There is no such server, or it has left.
    #[error("there is no server {0}; a server has a new id whenever it joins")]
    NotFound(Uuid),
    /// Nobody else would fire its jobs.
    #[error(
        "cannot drain the only server that fires jobs: start another or resume one, then try again"
    )]
    Last,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Conflict for DrainError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_conflict())
    }
}

/// Buries the dead and spreads the buckets over the living.
///
/// # Errors
///
/// Whatever the database answers; nothing has changed then.
pub async fn reassign(conn: &mut PgConnection, lease_ms: i64) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    server::lock_membership(&mut tx).await?;
    bury(&mut tx).await?;
    spread(&mut tx, lease_ms).await?;
    tx.commit().await
}

/// Takes a server out, and gives its buckets to the others in the same transaction.
///
/// # Errors
///
/// Whatever the database answers; nothing has changed then.
pub async fn hand_over(conn: &mut PgConnection, id: Uuid, lease_ms: i64) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    server::lock_membership(&mut tx).await?;
    server::leave(&mut tx, id).await?;
    bury(&mut tx).await?;
    spread(&mut tx, lease_ms).await?;
    tx.commit().await
}

/// Drains a server or resumes it, and spreads the buckets anew. Repeating it changes nothing.
///
/// # Errors
///
/// The server is not there, or is to be drained and no other fires jobs.
pub async fn set_draining(
    conn: &mut PgConnection,
    id: Uuid,
    draining: bool,
    lease_ms: i64,
) -> Result<Server, DrainError> {
    let mut tx = conn.begin().await?;
    server::lock_membership(&mut tx).await?;
    // Who is dead takes nothing over.
    bury(&mut tx).await?;
    if !server::set_draining(&mut tx, id, draining).await? {
        return Err(match server::get(&mut tx, id).await? {
            Some(_) => DrainError::Last,
            None => DrainError::NotFound(id),
        });
    }
    spread(&mut tx, lease_ms).await?;
    let server = server::get(&mut tx, id)
        .await?
        .ok_or(DrainError::NotFound(id))?;
    tx.commit().await?;
    Ok(server)
}

async fn bury(conn: &mut PgConnection) -> sqlx::Result<()> {
    for id in server::bury(conn).await? {
        tracing::warn!(server_id = %id, "a server died; its jobs go to others");
    }
    Ok(())
}

async fn spread(conn: &mut PgConnection, lease_ms: i64) -> sqlx::Result<()> {
    let firing = server::firing(conn).await?;
    let owners = bucket::owners(conn).await?;
    let moves = rebalance(&owners, &firing);
    let buckets: Vec<i16> = moves.iter().map(|m| m.bucket).collect();
    let new_owners: Vec<Option<Uuid>> = moves.iter().map(|m| m.owner).collect();
    bucket::assign(conn, &buckets, &new_owners, lease_ms).await
}
