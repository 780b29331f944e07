//! Which job follows which, and the ends of instances that something may follow.

use sqlx::PgConnection;
use uuid::Uuid;

/// A job that another one follows.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub predecessor_id: i64,
    pub on_end: &'static str,
    pub pass: &'static str,
    pub joins: &'static str,
}

/// Keeps everybody else from changing which job follows which, until the transaction ends: of two changes that make a
/// cycle together, the second one sees it.
pub async fn lock_all(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtext(current_schema() || ' dependency'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Every pair of a predecessor and its successor.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<(i64, i64)>> {
    sqlx::query_as("select predecessor_id, successor_id from job_dependency")
        .fetch_all(conn)
        .await
}

/// The jobs that a job follows, as predecessors.
pub async fn of(conn: &mut PgConnection, successor: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select predecessor_id from job_dependency where successor_id = $1")
        .bind(successor)
        .fetch_all(conn)
        .await
}

/// Names of the jobs that follow a job, as app and job.
pub async fn followers(
    conn: &mut PgConnection,
    predecessor: i64,
) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "select a.name, j.name from job_dependency d join job j on j.id = d.successor_id join app a on a.id = j.app_id
         where d.predecessor_id = $1 order by 1, 2",
    )
    .bind(predecessor)
    .fetch_all(conn)
    .await
}

/// Names of jobs, as app and job.
pub async fn names(
    conn: &mut PgConnection,
    jobs: &[i64],
) -> sqlx::Result<Vec<(i64, String, String)>> {
    sqlx::query_as(
        "select j.id, a.name, j.name from job j join app a on a.id = j.app_id where j.id = any($1)",
    )
    .bind(jobs)
    .fetch_all(conn)
    .await
}

/// The job of this name that is not deleted. With [`lock_all`] it is not deleted meanwhile.
pub async fn find(conn: &mut PgConnection, app: &str, job: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "select j.id from job j join app a on a.id = j.app_id
         where a.name = $1 and a.deleted_at is null and j.name = $2 and j.deleted_at is null",
    )
    .bind(app)
    .bind(job)
    .fetch_optional(conn)
    .await
}

/// Makes `edges` all that a job follows. What an earlier edge has seen of its predecessor stays.
pub async fn put(conn: &mut PgConnection, successor: i64, edges: &[Edge]) -> sqlx::Result<()> {
    let predecessors: Vec<i64> = edges.iter().map(|e| e.predecessor_id).collect();
    sqlx::query(
        "delete from job_dependency where successor_id = $1 and predecessor_id <> all ($2)",
    )
    .bind(successor)
    .bind(&predecessors)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into job_dependency (successor_id, predecessor_id, on_end, pass, joins)
         select $1, u.* from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) u
         on conflict (successor_id, predecessor_id) do update set on_end = excluded.on_end, pass = excluded.pass, joins = excluded.joins",
    )
    .bind(successor)
    .bind(&predecessors)
    .bind(edges.iter().map(|e| e.on_end).collect::<Vec<_>>())
    .bind(edges.iter().map(|e| e.pass).collect::<Vec<_>>())
    .bind(edges.iter().map(|e| e.joins).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// An instance that has ended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Event {
    pub id: i64,
    pub instance_id: i64,
    pub job_id: i64,
    pub state: String,
}

/// Locks the oldest events that nobody else is taking up.
pub async fn lock_events(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as(
        "select id, instance_id, job_id, state from dependency_event order by id limit $1 for update skip locked",
    )
    .bind(most)
    .fetch_all(conn)
    .await
}

/// Locks the jobs that follow any of `predecessors`, ids ascending.
pub async fn lock_followers(conn: &mut PgConnection, predecessors: &[i64]) -> sqlx::Result<()> {
    sqlx::query(
        "select id from job where id in (select successor_id from job_dependency where predecessor_id = any($1))
         order by id for no key update",
    )
    .bind(predecessors)
    .execute(conn)
    .await?;
    Ok(())
}

/// Queues what follows an event. Returns how many instances.
pub async fn follow(conn: &mut PgConnection, server: Uuid, event: &Event) -> sqlx::Result<u64> {
    let done = sqlx::query(include_str!("sql/follow.sql"))
        .bind(event.instance_id)
        .bind(event.job_id)
        .bind(&event.state)
        .bind(server)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Forgets events.
pub async fn forget_events(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query("delete from dependency_event where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}
