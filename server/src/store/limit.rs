//! Limits of running shards.

use antares_protocol::policy::Limit;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The key of a limit that jobs name.
pub fn named(name: &str) -> String {
    format!("name:{name}")
}

/// The key of a job's own limit.
pub fn of_job(job_id: i64) -> String {
    format!("job:{job_id}")
}

/// The key of an app's limit.
pub fn of_app(app_id: i64) -> String {
    format!("app:{app_id}")
}

type Row = (String, i32, String, i64, DateTime<Utc>);

fn limit((name, most, description, running, updated_at): Row) -> Limit {
    Limit {
        name,
        max_running_shards: most as u32,
        description,
        running,
        updated_at,
    }
}

/// The limits that jobs may name, by name, after `after`.
pub async fn list(conn: &mut PgConnection, after: &str, most: i64) -> sqlx::Result<Vec<Limit>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select substr(key, 6), most, description, running::bigint, updated_at from limit_view
         where key like 'name:%' and key > 'name:' || $1 order by key limit $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(limit).collect())
}

/// A limit that jobs may name.
pub async fn get(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<Limit>> {
    let row: Option<Row> = sqlx::query_as(
        "select substr(key, 6), most, description, running::bigint, updated_at from limit_view where key = $1",
    )
    .bind(named(name))
    .fetch_optional(conn)
    .await?;
    Ok(row.map(limit))
}

/// Sets a limit; `most` of 0 removes it. What runs already goes on.
pub async fn put(
    conn: &mut PgConnection,
    key: &str,
    most: u32,
    description: &str,
) -> sqlx::Result<()> {
    if most == 0 {
        sqlx::query("delete from claim_limit where key = $1")
            .bind(key)
            .execute(conn)
            .await?;
        return Ok(());
    }
    sqlx::query(
        "insert into claim_limit (key, most, description) values ($1, $2, $3)
         on conflict (key) do update set most = excluded.most, description = excluded.description, updated_at = now()
         where claim_limit.most <> excluded.most or claim_limit.description <> excluded.description",
    )
    .bind(key)
    .bind(most as i32)
    .bind(description)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts what runs of a job already against `keys`.
pub async fn count_job(conn: &mut PgConnection, keys: &[String], job_id: i64) -> sqlx::Result<()> {
    count(conn, keys, "job_id", job_id).await
}

/// Counts what runs of an app already against its limit.
pub async fn count_app(conn: &mut PgConnection, app_id: i64) -> sqlx::Result<()> {
    count(conn, &[of_app(app_id)], "app_id", app_id).await
}

/// Counts what runs of instances with `id` in `column` against `keys`.
async fn count(
    conn: &mut PgConnection,
    keys: &[String],
    column: &'static str,
    id: i64,
) -> sqlx::Result<()> {
    let sql = format!(
        "insert into claim_use (key, claim_id)
         select k, r.id from instance i join shard_running r on r.instance_id = i.id cross join unnest($1::text[]) k
         where i.{column} = $2 on conflict do nothing"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(keys)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Which of `names` exist, locked so that none is deleted meanwhile.
pub async fn lock_named(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select substr(key, 6) from claim_limit where key = any (select 'name:' || n from unnest($1::text[]) n) order by key for share",
    )
    .bind(names)
    .fetch_all(conn)
    .await
}

/// Locks a limit that jobs may name. Returns the jobs that do, as app and job: the first few; `None` if there is no such limit.
pub async fn lock_users(
    conn: &mut PgConnection,
    name: &str,
) -> sqlx::Result<Option<Vec<(String, String)>>> {
    let found = sqlx::query("select from claim_limit where key = $1 for update")
        .bind(named(name))
        .fetch_optional(&mut *conn)
        .await?;
    if found.is_none() {
        return Ok(None);
    }
    sqlx::query_as(
        "select a.name, j.name from job j join app a on a.id = j.app_id
         join job_version v on v.job_id = j.id and v.version = j.version
         where j.deleted_at is null and v.definition -> 'limits' ? $1 order by 1, 2 limit 5",
    )
    .bind(name)
    .fetch_all(conn)
    .await
    .map(Some)
}
