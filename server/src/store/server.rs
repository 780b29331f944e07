//! Replicas, and how they see one another.

use antares_protocol::cluster::Server;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What a replica says of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: Uuid,
    pub host: String,
    pub pid: i32,
    pub address: String,
    /// What it was before, if others took it for dead or it lost its connection; it stays drained if it was.
    pub previous: Option<Uuid>,
}

/// How much a replica does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Of one core, in percent, since the last look; `None` at the first one, and where it cannot be told.
    pub cpu_percent: Option<i32>,
    /// Resident memory in bytes.
    pub memory_bytes: Option<i64>,
}

/// Takes the advisory lock that shows that the replica lives, then registers it.
///
/// The lock belongs to the session: it vanishes with the connection, at once, when the process dies.
/// It is taken first, so that nobody ever sees the row without it.
pub async fn register(
    conn: &mut PgConnection,
    identity: &Identity,
    lease_ms: i64,
) -> sqlx::Result<()> {
    let lock_id: i32 =
        sqlx::query_scalar("select nextval(pg_get_serial_sequence('server', 'lock_id'))::integer")
            .fetch_one(&mut *conn)
            .await?;
    sqlx::query("select pg_advisory_lock(hashtext(current_schema() || ' server'), $1)")
        .bind(lock_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into server (id, lock_id, host, pid, address, version, expires_at, draining)
         overriding system value values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 ms',
            coalesce((select draining from server where id = $8), false))",
    )
    .bind(identity.id)
    .bind(lock_id)
    .bind(&identity.host)
    .bind(identity.pid)
    .bind(&identity.address)
    .bind(env!("CARGO_PKG_VERSION"))
    .bind(lease_ms)
    .bind(identity.previous)
    .execute(conn)
    .await?;
    Ok(())
}

/// What a replica needs to know of the cluster twice a second.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Pulse {
    /// Whether this replica's own row stands.
    pub alive: bool,
    /// Whether a registered server is dead or hung.
    pub someone_died: bool,
    /// Number of buckets that no server owns which fires.
    pub orphans: i64,
    /// Most and least buckets that a server owns which fires.
    pub most: i64,
    pub least: i64,
    /// Number and sum of epochs of this replica's buckets: changes whenever they do.
    pub own_buckets: i64,
    pub own_epochs: i64,
}

/// Looks at the cluster once.
pub async fn pulse(conn: &mut PgConnection, server: Uuid) -> sqlx::Result<Pulse> {
    sqlx::query_as(include_str!("sql/pulse.sql"))
        .bind(server)
        .fetch_one(conn)
        .await
}

/// Serialises changes of membership until the transaction ends.
pub async fn lock_membership(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtext(current_schema() || ' membership'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks servers whose lease has ended or whose lock is gone as dead. Returns them.
pub async fn bury(conn: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "update server s set left_at = now()
         where left_at is null and (expires_at <= now() or not exists (
            select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2
            and l.database = (select oid from pg_database where datname = current_database())
            and l.classid = (hashtext(current_schema() || ' server')::bigint & 4294967295)::oid
            and l.objid = s.lock_id::oid))
         returning id",
    )
    .fetch_all(conn)
    .await
}

/// The servers that share the buckets, in the order of their ids: live ones that are not draining, or all live ones
/// if there is no such, since late is better than never.
pub async fn firing(conn: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from (
            select id, draining, bool_and(draining) over () as all_drain
            from server where left_at is null and expires_at > now()
         ) s where not draining or all_drain order by id",
    )
    .fetch_all(conn)
    .await
}

/// Sets whether a live server drains. False if it is not there, or is to drain and would leave no other that does
/// not. The caller has locked membership and buried the dead.
pub async fn set_draining(
    conn: &mut PgConnection,
    server: Uuid,
    draining: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update server s set draining = $2 where id = $1 and left_at is null and (not $2 or exists (
            select from server o where o.id <> s.id and o.left_at is null and not o.draining))",
    )
    .bind(server)
    .bind(draining)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Leaves for good.
pub async fn leave(conn: &mut PgConnection, server: Uuid) -> sqlx::Result<()> {
    sqlx::query("update server set left_at = now() where id = $1 and left_at is null")
        .bind(server)
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes servers that left more than `days` ago.
pub async fn prune(conn: &mut PgConnection, days: i32) -> sqlx::Result<()> {
    sqlx::query("delete from server where left_at < now() - $1 * interval '1 day'")
        .bind(days)
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    server_id: Uuid,
    host: String,
    pid: i32,
    address: String,
    version: String,
    started_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    draining: bool,
    buckets: i64,
    jobs: i64,
    cpu_percent: Option<i32>,
    memory_bytes: Option<i64>,
}

impl From<Row> for Server {
    fn from(row: Row) -> Self {
        Self {
            id: row.server_id,
            host: row.host,
            pid: row.pid,
            address: row.address,
            version: row.version,
            started_at: row.started_at,
            expires_at: row.expires_at,
            draining: row.draining,
            buckets: row.buckets,
            jobs: row.jobs,
            cpu_percent: row.cpu_percent,
            memory_bytes: row.memory_bytes,
        }
    }
}

/// Live servers, oldest first.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Server>> {
    let rows: Vec<Row> = sqlx::query_as("select * from server_view order by started_at, server_id")
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Server::from).collect())
}

/// A live server.
pub async fn get(conn: &mut PgConnection, server: Uuid) -> sqlx::Result<Option<Server>> {
    let row: Option<Row> = sqlx::query_as("select * from server_view where server_id = $1")
        .bind(server)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Server::from))
}
