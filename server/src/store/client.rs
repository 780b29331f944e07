//! Client processes and their leases.

use std::collections::{BTreeMap, HashMap};

use antares_protocol::client::{LogLine, RegisterClient};
use antares_protocol::cluster::{Client, ClientInstance};
use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow as _, PgConnection, Row as _};
use uuid::Uuid;

use super::shard::Held;

/// Registers a client and gives it a lease.
pub async fn register(
    conn: &mut PgConnection,
    id: Uuid,
    app_id: i64,
    client: &RegisterClient,
    lease_ms: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "with made as (
            insert into client (id, app_id, host, ip, pid, sdk, version, handlers, labels, slots, clock_skew_ms)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, (extract(epoch from $12 - clock_timestamp()) * 1000)::bigint) returning id
         )
         insert into client_lease (client_id, expires_at) select id, now() + $11 * interval '1 ms' from made",
    )
    .bind(id)
    .bind(app_id)
    .bind(&client.host)
    .bind(&client.ip)
    .bind(i64::from(client.pid))
    .bind(&client.sdk)
    .bind(&client.version)
    .bind(&client.handlers)
    .bind(serde_json::json!(client.labels))
    .bind(client.slots as i32)
    .bind(lease_ms)
    .bind(client.clock)
    .execute(conn)
    .await?;
    Ok(())
}

/// What claiming needs to know of a client.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Profile {
    pub id: Uuid,
    pub app_id: i64,
    pub host: String,
    pub ip: String,
    pub labels: Json<BTreeMap<String, String>>,
    pub handlers: Vec<String>,
}

impl Profile {
    /// Whether the job is assigned to it.
    pub fn may_run(&self, job: &JobSpec) -> bool {
        job.assignment.allows(&self.host, &self.ip, &self.labels)
    }

    /// Whether the job is assigned to it and it has the handler.
    pub fn can_run(&self, job: &JobSpec) -> bool {
        self.handlers.iter().any(|name| name == job.handler()) && self.may_run(job)
    }
}

/// Clients of `apps` that are alive.
pub async fn live_profiles(conn: &mut PgConnection, apps: &[i64]) -> sqlx::Result<Vec<Profile>> {
    sqlx::query_as(
        "select c.id, c.app_id, c.host, c.ip, c.labels, c.handlers
         from client c join client_lease l on l.client_id = c.id and l.expires_at > now()
         where c.app_id = any($1) and c.left_at is null",
    )
    .bind(apps)
    .fetch_all(conn)
    .await
}

/// A client that has not left.
pub async fn profile(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as("select id, app_id, host, ip, labels, handlers from client where id = $1 and left_at is null")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// App of a client, whether or not it has left.
pub async fn app_of(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select app_id from client where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// A lease that was extended.
#[derive(Debug, Default)]
pub struct Lease {
    /// Whether it is the long one of a client that holds nothing.
    pub idle: bool,
    /// What the client holds.
    pub held: Vec<Held>,
}

/// Extends the leases that stand, by `lease_ms`, or by `idle_lease_ms` where nothing is held. Returns whose they are;
/// the others' have ended.
pub async fn renew(
    conn: &mut PgConnection,
    clients: &[Uuid],
    lease_ms: i64,
    idle_lease_ms: i64,
) -> sqlx::Result<HashMap<Uuid, Lease>> {
    let mut renewed: HashMap<Uuid, Lease> = HashMap::new();
    let rows = sqlx::query(include_str!("sql/renew_clients.sql"))
        .bind(clients)
        .bind(lease_ms)
        .bind(idle_lease_ms)
        .fetch_all(conn)
        .await?;
    for row in rows {
        let lease = renewed.entry(row.try_get("client_id")?).or_default();
        lease.idle = row.try_get("idle")?;
        if row.try_get::<Option<i64>, _>("instance_id")?.is_some() {
            lease.held.push(Held::from_row(&row)?);
        }
    }
    Ok(renewed)
}

/// Ends the long leases of `clients`, which hold nothing: from now on they have the usual one.
pub async fn cut(conn: &mut PgConnection, clients: &[Uuid], lease_ms: i64) -> sqlx::Result<()> {
    sqlx::query(include_str!("sql/cut_leases.sql"))
        .bind(clients)
        .bind(lease_ms)
        .execute(conn)
        .await?;
    Ok(())
}

/// Of `clients`, those whose lease stands.
pub async fn live(conn: &mut PgConnection, clients: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select client_id from client_lease where client_id = any($1) and expires_at > now()",
    )
    .bind(clients)
    .fetch_all(conn)
    .await
}

/// Ends the leases of `clients`: they leave.
pub async fn leave(conn: &mut PgConnection, clients: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "with gone as (delete from client_lease where client_id = any($1))
         update client set left_at = now() where id = any($1) and left_at is null",
    )
    .bind(clients)
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes leases that have ended, at most `limit`. Returns whose they were.
pub async fn expire(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "with due as materialized (
            select client_id from client_lease where expires_at <= now()
            order by client_id limit $1 for update skip locked
         ), gone as (
            delete from client_lease l using due where l.client_id = due.client_id and l.expires_at <= now()
            returning l.client_id
         )
         update client c set left_at = now() from gone where c.id = gone.client_id returning c.id",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Removes clients that left more than `days` ago.
pub async fn prune(conn: &mut PgConnection, days: i32) -> sqlx::Result<()> {
    sqlx::query("delete from client where left_at < now() - $1 * interval '1 day'")
        .bind(days)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps lines that handlers of `client` logged: those of attempts that it has, or had lately. The lines
/// of others' shards are dropped.
pub async fn log(conn: &mut PgConnection, client: Uuid, lines: &[LogLine]) -> sqlx::Result<()> {
    let levels: Vec<String> = lines
        .iter()
        .map(|line| format!("{:?}", line.level).to_lowercase())
        .collect();
    sqlx::query(
        "insert into shard_log (shard_id, attempt, logged_at, level, message)
         select l.* from unnest($1::bigint[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[])
            as l (shard_id, attempt, logged_at, level, message)
         where exists (select from shard_running r
                where r.client_id = $6 and r.instance_id = l.shard_id >> 17 and r.chunk = ((l.shard_id & 131071) >> 6)::smallint
                    and r.open >> (l.shard_id & 63)::integer & 1 = 1 and r.attempt = l.attempt)
            or exists (select from attempt_ended e where e.instance_id = l.shard_id >> 17
                and e.chunk = ((l.shard_id & 131071) >> 6)::smallint and e.mask >> (l.shard_id & 63)::integer & 1 = 1 and e.attempt = l.attempt and e.client_id = $6
                and e.ended_at > now() - interval '1 hour')",
    )
    .bind(lines.iter().map(|l| l.shard_id).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| l.attempt).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| l.logged_at).collect::<Vec<_>>())
    .bind(levels)
    .bind(lines.iter().map(|l| l.message.as_str()).collect::<Vec<_>>())
    .bind(client)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    client_id: Uuid,
    app_id: i64,
    app: String,
    host: String,
    ip: String,
    pid: i64,
    sdk: String,
    version: String,
    handlers: Vec<String>,
    labels: Value,
    slots: i32,
    running: i64,
    instances: Json<Vec<ClientInstance>>,
    clock_skew_ms: Option<i64>,
    registered_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Instances that are told of each client, the oldest.
const INSTANCES: i64 = 5;

/// Which clients to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Name of the app.
    pub app: Option<String>,
    /// Part of the host's name, in any case.
    pub host: Option<String>,
    /// `name` or `name=value` of a label.
    pub label: Option<String>,
    /// Only ids above this one.
    pub after: Option<Uuid>,
    pub limit: i64,
}

/// Live clients in the order of their ids.
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Vec<Client>> {
    let label = filter.label.as_deref().filter(|label| !label.is_empty());
    let (name, value) = match label.map(|label| label.split_once('=')) {
        Some(Some((name, value))) => (Some(name), Some(value)),
        _ => (label, None),
    };
    let rows: Vec<Row> = sqlx::query_as(
        "select v.*, c.app_id, coalesce((
            select json_agg(json_build_object('id', r.instance_id, 'job', j.name, 'shards', r.shards) order by r.instance_id)
            from (
                select instance_id, sum(mask_count(open)) as shards from shard_running where client_id = v.client_id
                group by instance_id order by instance_id limit $4
            ) r join instance i on i.id = r.instance_id join job j on j.id = i.job_id
         ), '[]') as instances
         from client_view v join client c on c.id = v.client_id
         where ($1::text is null or v.app = $1) and ($2::uuid is null or v.client_id > $2)
            and ($5::text is null or strpos(lower(v.host), lower($5)) > 0)
            and ($6::text is null or v.labels ? $6) and ($7::text is null or v.labels ->> $6 = $7)
         order by v.client_id limit $3",
    )
    .bind(&filter.app)
    .bind(filter.after)
    .bind(filter.limit)
    .bind(INSTANCES)
    .bind(&filter.host)
    .bind(name)
    .bind(value)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Client {
            id: row.client_id,
            app_id: row.app_id,
            app: row.app,
            host: row.host,
            ip: row.ip,
            pid: row.pid,
            sdk: row.sdk,
            version: row.version,
            handlers: row.handlers,
            labels: serde_json::from_value::<BTreeMap<String, String>>(row.labels)
                .unwrap_or_default(),
            slots: row.slots,
            running: row.running,
            instances: row.instances.0,
            clock_skew_ms: row.clock_skew_ms,
            registered_at: row.registered_at,
            expires_at: row.expires_at,
        })
        .collect())
}
