//! What there is to sweep.

use sqlx::PgConnection;

/// What one look found.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with a sweep of its own"
)]
pub struct Found {
    /// Leases of clients that have ended.
    pub expired: bool,
    /// Claims that have taken longer than their job allows.
    pub overdue_claims: bool,
    /// Instances that have taken longer than their job allows.
    pub overdue_instances: bool,
    /// Delayed shards whose time has come.
    pub delayed: bool,
    /// Instances that may start, events that something follows, or fixed delays to date.
    pub startable: bool,
    /// Instances of which each client gets one shard.
    pub broadcasts: bool,
    /// Whether the end of an instance may have a consequence.
    pub follows: bool,
    /// Apps that have a limit of running shards.
    pub limited_apps: Vec<i64>,
    /// The lowest instance that has shards to hand out.
    pub ready_from: Option<i64>,
    /// The lowest instance there is.
    pub lowest: Option<i64>,
}

/// Looks; for instances from the id `from` on.
pub async fn look(conn: &mut PgConnection, from: i64) -> sqlx::Result<Found> {
    sqlx::query_as(include_str!("sql/look.sql"))
        .bind(from)
        .fetch_one(conn)
        .await
}
