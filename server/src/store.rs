//! All SQL. Functions take a connection, so that callers compose them in one transaction, and know no
//! rules; statements on the hot path have a file of their own in `store/sql/`.

use std::sync::LazyLock;

use sqlx::PgConnection;
use sqlx::migrate::Migrator;

pub mod app;
pub mod attempt;
pub mod bucket;
pub mod calendar;
pub mod checkpoint;
pub mod client;
pub mod dependency;
pub mod direct;
pub mod explain;
pub mod form;
pub mod history;
pub mod instance;
pub mod job;
pub mod limit;
pub mod overview;
pub mod partition;
pub mod pool;
pub mod queue;
pub mod read;
pub mod rerun;
pub mod schedule;
pub mod server;
pub mod session;
pub mod shard;
pub mod sweep;

/// The schema's history, compiled in.
///
/// Whoever runs it holds the lock of [`lock_migrations`]: sqlx's own is one for the whole database, and replicas of one
/// schema would wait for the migrations of another.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("../migrations");
    migrator.set_locking(false);
    migrator
});

/// Waits until no other replica migrates this schema, and keeps them waiting until the session ends.
pub async fn lock_migrations(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_lock(hashtext(current_schema() || ' migrations'))")
        .execute(conn)
        .await?;
    Ok(())
}
