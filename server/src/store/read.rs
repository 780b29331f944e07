//! Transactions on a database that is only read, such as a standby, perhaps through a pooler.
//!
//! A pooler may lend another session to each transaction. So all that a transaction needs is set in it, and
//! what it prepared is gone before it ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnection, PgPool, Postgres};
use sqlx::{Connection, SqlSafeStr as _, SqlStr};

/// How long a pooler may take to lend a session.
const BEGIN_BOUND: Duration = Duration::from_secs(2);

/// The statement that begins a transaction that reads `namespace`, which is a plain identifier.
pub fn beginning(namespace: &str) -> SqlStr {
    sqlx::AssertSqlSafe(format!(
        "begin isolation level read committed read only;
         set local search_path = \"{namespace}\";
         set local statement_timeout = '1min'"
    ))
    .into_sql_str()
}

/// A function that reads, with its arguments apart: so it can be called again on another connection.
pub trait Query<A, T>:
    for<'c> Fn(&'c mut PgConnection, &'c A) -> BoxFuture<'c, sqlx::Result<T>>
{
}

impl<A, T, F> Query<A, T> for F where
    F: for<'c> Fn(&'c mut PgConnection, &'c A) -> BoxFuture<'c, sqlx::Result<T>>
{
}

/// Reads by `query` in a transaction of a connection of `pool`.
pub async fn on_pool<A, T>(
    pool: &PgPool,
    beginning: SqlStr,
    arguments: &A,
    query: impl Query<A, T>,
) -> sqlx::Result<T> {
    let mut lent = Lent(Some(pool.acquire().await?));
    let conn = lent.0.as_mut().expect("it is taken below, at the end");
    let found = on(conn, beginning, arguments, query).await?;
    lent.0.take();
    Ok(found)
}

/// Reads by `query` in a transaction of `conn`. After an error the connection is of no more use.
pub async fn on<A, T>(
    conn: &mut PgConnection,
    beginning: SqlStr,
    arguments: &A,
    query: impl Query<A, T>,
) -> sqlx::Result<T> {
    let begun = tokio::time::timeout(BEGIN_BOUND, conn.begin_with(beginning)).await;
    let mut tx = begun.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    let found = query(&mut tx, arguments).await?;
    tx.clear_cached_statements().await?;
    tx.commit().await?;
    Ok(found)
}

/// A connection that goes back to its pool only when it is taken out: after an error, or when nobody waits any
/// more, it is cut. The transaction may be open, and PostgreSQL may be one that does not answer.
struct Lent(Option<sqlx::pool::PoolConnection<Postgres>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            drop(conn.detach());
        }
    }
}

/// How far a database is.
#[derive(Debug, sqlx::FromRow)]
pub struct Standing {
    /// Its newest migration.
    pub version: Option<i64>,
    /// When its first migration ran: no two installations have the same.
    pub installed_at: Option<DateTime<Utc>>,
    /// Whether it follows another.
    pub is_standby: bool,
    /// Place in the write-ahead log, in bytes: written, or of a standby replayed.
    pub position: Option<i64>,
}

/// Asks a database how far it is.
pub async fn standing(conn: &mut PgConnection) -> sqlx::Result<Standing> {
    sqlx::query_as(
        "select (select max(version) from _sqlx_migrations where success) as version,
            (select min(installed_on) from _sqlx_migrations) as installed_at,
            pg_is_in_recovery() as is_standby,
            (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end
                - '0/0'::pg_lsn)::bigint as position",
    )
    .fetch_one(conn)
    .await
}
