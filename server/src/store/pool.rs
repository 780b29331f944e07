//! Connections: how they are set up, and which errors are worth another try.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

/// How often a statement is repeated after a deadlock or serialisation failure.
pub const RETRIES: u32 = 3;

/// What every connection of a server asks for when it is made, besides its `search_path`. The timeouts bound
/// what a stuck server can hold on to. Each value is written as PostgreSQL shows it: see [`super::direct`].
pub const SETTINGS: [(&str, &str); 5] = [
    ("timezone", "UTC"),
    ("lock_timeout", "10s"),
    ("statement_timeout", "1min"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("default_transaction_isolation", "read committed"),
];

/// Reads a database URL and adds what every connection of a server needs.
///
/// The namespace is the schema that `search_path` names, so no statement spells it out.
pub fn connect_options(
    url: &str,
    namespace: &str,
    application: &str,
) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name(application)
        .options([("search_path", namespace)])
        .options(SETTINGS))
}

/// Reads the URL of a database that is only read. Nothing is asked for that a pooler refuses: see
/// [`super::read`] for what each transaction asks for instead.
pub fn read_options(url: &str, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name(application)
        .extra_float_digits(None))
}

/// A pool of at most `size` connections for requests of people and seldom work, none of them opened yet.
pub fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    pool_options(size).connect_lazy_with(options)
}

/// A pool of at most `size` connections for statements on the hot path.
///
/// Their tables are empty one moment and hold a million rows the next, faster than statistics follow, and
/// their plans are cached: a plan made for the empty table must not be one that reads the whole table.
/// A connection is tested when it comes back, not before each statement: one that dies in between fails one
/// statement, which whoever sent it repeats.
pub fn hot_pool(options: PgConnectOptions, size: u32) -> PgPool {
    let options = options.options([
        ("enable_seqscan", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
    ]);
    pool_options(size)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

fn pool_options(size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_mins(5))
}

/// Creates the namespace if it is not there. Safe when several replicas start together.
pub async fn create_namespace(conn: &mut PgConnection, namespace: &str) -> sqlx::Result<()> {
    // `create schema if not exists` can still collide on the catalogue's unique key; the lock avoids it.
    let mut tx = conn.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('antares namespace'))")
        .execute(&mut *tx)
        .await?;
    // The name was checked to be a plain identifier when the configuration was read.
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "create schema if not exists \"{namespace}\""
    )))
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Whether PostgreSQL gave up on a statement only because of what others did at the same time.
pub fn is_conflict(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01" | "55P03"))
}

/// Whether a value cannot be stored as what it is meant to be, or is too large: no repetition helps.
pub fn is_bad_data(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

/// Whether a lock was not had in time.
pub fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "55P03")
}

/// Whether the database is away, starting, stopping or overloaded: waiting may help.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Class 08 connection, 28 log-in, 53 resources, 57P shutdown and start-up; a database that takes no connections.
            let classes = ["08", "28", "53", "57P"];
            classes.iter().any(|class| code.starts_with(class))
                || code == "55000"
                || code == "3D000"
        }),
        _ => false,
    }
}

/// Name of the constraint that a statement violated.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}
