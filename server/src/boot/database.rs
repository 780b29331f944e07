//! The database at the start: its address, whether it can serve, and its schema.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::StartError;
use crate::engine::driver::Backoff;
use crate::engine::maintainer;
use crate::store::{self, direct, pool};

/// Oldest PostgreSQL supported, as `server_version_num`.
const OLDEST_POSTGRES: i32 = 140_000;

/// Reads the database's address.
pub fn connect_options(
    url: &str,
    namespace: &str,
    name: &str,
) -> Result<PgConnectOptions, StartError> {
    parsed("database-url", url, |url| {
        pool::connect_options(url, namespace, name)
    })
}

/// Reads the read database's address.
pub(super) fn read_options(url: &str, name: &str) -> Result<PgConnectOptions, StartError> {
    parsed("read-database-url", url, |url| {
        pool::read_options(url, name)
    })
}

fn parsed(
    option: &str,
    url: &str,
    parse: impl FnOnce(&str) -> sqlx::Result<PgConnectOptions>,
) -> Result<PgConnectOptions, StartError> {
    let example = "write one like postgres://user:password@host:5432/database";
    // sqlx takes an address of any other kind of database for one of PostgreSQL.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StartError(format!(
            "{option}: it is not an address of PostgreSQL; {example}"
        )));
    }
    parse(url).map_err(|error| StartError(format!("{option}: {error}; {example}")))
}

/// Migrates, waiting with back-off while the database is away. An error is one that waiting does not mend.
pub async fn wait_for_database(
    options: &PgConnectOptions,
    namespace: &str,
    waiting: impl Fn(&str),
) -> Result<(), StartError> {
    let mut backoff = Backoff::default();
    let mut said = false;
    loop {
        match migrate(options, namespace).await {
            Ok(()) => return Ok(()),
            Err(Migration::Fatal(error)) => return Err(error),
            Err(Migration::Away(what)) => {
                waiting(&what);
                if said {
                    tracing::debug!("the database is away: {what}");
                } else {
                    tracing::warn!("the database is away: {what}; waiting for it");
                    said = true;
                }
                backoff.wait().await;
            }
        }
    }
}

enum Migration {
    Away(String),
    Fatal(StartError),
}

impl From<sqlx::Error> for Migration {
    fn from(error: sqlx::Error) -> Self {
        if direct::is_from_pooler(&error) {
            return pooled();
        }
        let code = error
            .as_database_error()
            .and_then(|e| e.code().map(std::borrow::Cow::into_owned));
        let remedy = match code.as_deref() {
            Some("28P01" | "28000") => "check user and password in --database-url",
            Some("3D000") => "create the database, or name another in --database-url",
            Some("42501") => "let the user create schemas in the database",
            _ if pool::is_unavailable(&error) || pool::is_conflict(&error) => {
                return Self::Away(error.to_string());
            }
            _ => "see the message of PostgreSQL",
        };
        Self::Fatal(StartError(format!("database-url: {error}: {remedy}")))
    }
}

/// A replica cannot work through a pooler.
fn pooled() -> Migration {
    Migration::Fatal(StartError(
        "database-url: it leads to a pooler such as PgBouncer, and not to PostgreSQL itself, where locks, \
         notifications and settings belong to a connection: give the direct address; a pooler may stand in \
         --read-database-url"
            .to_owned(),
    ))
}

async fn migrate(options: &PgConnectOptions, namespace: &str) -> Result<(), Migration> {
    let mut conn = PgConnection::connect_with(options).await?;
    // Not prepared by a name: the session may turn out to be a pooler's.
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::integer")
        .persistent(false)
        .fetch_one(&mut conn)
        .await?;
    if version < OLDEST_POSTGRES {
        return Err(Migration::Fatal(StartError(format!(
            "database-url: PostgreSQL {} is too old; 14 or later is needed",
            version / 10_000
        ))));
    }
    if !direct::is_direct(&mut conn, options, namespace).await? {
        return Err(pooled());
    }
    pool::create_namespace(&mut conn, namespace).await?;
    // Replicas that start together wait for one another here; long migrations may take their time.
    sqlx::raw_sql("set lock_timeout = 0; set statement_timeout = 0")
        .execute(&mut conn)
        .await?;
    store::lock_migrations(&mut conn).await?;
    store::MIGRATOR.run(&mut conn).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => Migration::from(error),
        sqlx::migrate::MigrateError::VersionMissing(version) => Migration::Fatal(StartError(format!(
            "the database has migration {version}, which this version does not know: use a newer antares-server"
        ))),
        error => Migration::Fatal(StartError(format!("cannot migrate: {error}"))),
    })?;
    // Without partitions history would pile up in the default ones.
    maintainer::create_ahead(&mut conn, true).await?;
    conn.close().await?;
    Ok(())
}
