//! Whether connections are sessions of PostgreSQL, or lent by a pooler.
//!
//! A replica keeps state in its sessions: the advisory lock by which the others see that it lives, LISTEN,
//! prepared statements, and the settings of each pool. A pooler that lends a session by the transaction hands
//! that state to others, and gives no error.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::pool::SETTINGS;

/// Whether every connection has a session to itself, with the settings that it asked for.
///
/// `conn` is one connection, made by `options`; another is made and compared with it. All goes by the simple
/// protocol, so that nothing stays behind in a session that belongs to others.
pub async fn is_direct(
    conn: &mut PgConnection,
    options: &PgConnectOptions,
    namespace: &str,
) -> sqlx::Result<bool> {
    if !has_settings(conn, namespace).await? {
        return Ok(false);
    }
    let before = session(conn).await?;
    let mut other = PgConnection::connect_with(options).await?;
    // Held by the transaction: a pooler that lends by the transaction has it lend this one, and another to
    // `conn`.
    let mut tx = other.begin().await?;
    let held = session(&mut tx).await?;
    // The order counts: with a single session to lend, `conn` would wait for the transaction to end.
    let is_direct = held != before && session(conn).await? == before;
    tx.rollback().await?;
    other.close().await?;
    Ok(is_direct)
}

/// Whether the settings of [`super::pool::connect_options`] reached PostgreSQL: PgBouncer can be told to drop
/// them.
async fn has_settings(conn: &mut PgConnection, namespace: &str) -> sqlx::Result<bool> {
    let wanted: Vec<String> = [("search_path", namespace)]
        .into_iter()
        .chain(SETTINGS)
        .map(|(name, value)| format!("current_setting('{name}') = '{value}'"))
        .collect();
    // Constants, and a namespace that was checked to be a plain identifier.
    sqlx::raw_sql(AssertSqlSafe(format!("select {}", wanted.join(" and "))))
        .fetch_one(conn)
        .await?
        .try_get(0)
}

/// Which session of PostgreSQL serves `conn` at the moment.
async fn session(conn: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("select pg_backend_pid()")
        .fetch_one(conn)
        .await?
        .try_get(0)
}

/// Whether only a pooler answers a new connection so: it refuses a setting or a transaction, or prepared
/// statements of different connections meet.
pub fn is_from_pooler(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        let message = error.message();
        // PgBouncer's words. Its code, 08P01, stands for anything.
        message.contains("startup parameter")
            || message.contains("statement pooling mode")
            || error
                .code()
                .is_some_and(|code| matches!(code.as_ref(), "26000" | "42P05"))
    })
}
