//! Apps.

use antares_protocol::app::App;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    name: String,
    description: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    most: i32,
}

impl From<Row> for App {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
            max_running_shards: row.most as u32,
        }
    }
}

/// Creates an app. A taken name violates `app_name_key`.
pub async fn create(
    conn: &mut PgConnection,
    name: &str,
    description: &str,
    secret_hash: &str,
) -> sqlx::Result<App> {
    sqlx::query_as::<_, Row>(
        "insert into app (name, description, secret_hash) values ($1, $2, $3)
         returning id, name, description, created_at, updated_at, coalesce((select most from claim_limit where key = 'app:' || app.id), 0) as most",
    )
    .bind(name)
    .bind(description)
    .bind(secret_hash)
    .fetch_one(conn)
    .await
    .map(App::from)
}

/// Apps with an id above `after`, in the order of their ids, whose name contains `search`.
pub async fn list(
    conn: &mut PgConnection,
    search: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<App>> {
    let rows = sqlx::query_as::<_, Row>(
        "select id, name, description, created_at, updated_at, coalesce((select most from claim_limit where key = 'app:' || app.id), 0) as most from app
         where id > $1 and deleted_at is null and strpos(lower(name), lower($2)) > 0 order by id limit $3",
    )
    .bind(after)
    .bind(search)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(App::from).collect())
}

/// One app.
pub async fn get(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<App>> {
    Ok(sqlx::query_as::<_, Row>(
        "select id, name, description, created_at, updated_at, coalesce((select most from claim_limit where key = 'app:' || app.id), 0) as most from app where id = $1 and deleted_at is null",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?
    .map(App::from))
}

/// Whether there is an app of that name.
pub async fn is_there(conn: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select exists (select from app where name = $1 and deleted_at is null)")
        .bind(name)
        .fetch_one(conn)
        .await
}

/// Changes what is given.
pub async fn update(
    conn: &mut PgConnection,
    id: i64,
    description: Option<&str>,
) -> sqlx::Result<Option<App>> {
    Ok(sqlx::query_as::<_, Row>(
        "update app set description = coalesce($2, description), updated_at = now() where id = $1 and deleted_at is null
         returning id, name, description, created_at, updated_at, coalesce((select most from claim_limit where key = 'app:' || app.id), 0) as most",
    )
    .bind(id)
    .bind(description)
    .fetch_optional(conn)
    .await?
    .map(App::from))
}

/// Sets the hash of a new secret.
pub async fn set_secret(
    conn: &mut PgConnection,
    id: i64,
    secret_hash: &str,
) -> sqlx::Result<Option<App>> {
    Ok(sqlx::query_as::<_, Row>(
        "update app set secret_hash = $2, updated_at = now() where id = $1 and deleted_at is null
         returning id, name, description, created_at, updated_at, coalesce((select most from claim_limit where key = 'app:' || app.id), 0) as most",
    )
    .bind(id)
    .bind(secret_hash)
    .fetch_optional(conn)
    .await?
    .map(App::from))
}

/// Deletes an app. Returns `false` if there is no such app, or if it has jobs.
pub async fn delete(conn: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let mut tx = conn.begin().await?;
    // A statement of its own: jobs that are being added are waited for, and seen by the next one.
    sqlx::query("select from app where id = $1 for update")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    let done = sqlx::query(
        "update app set deleted_at = now() where id = $1 and deleted_at is null
         and not exists (select from job where app_id = $1 and deleted_at is null)",
    )
    .bind(id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Locks the app against deletion while a job is added to it.
pub async fn lock_by_name(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select id from app where name = $1 and deleted_at is null for share")
        .bind(name)
        .fetch_optional(conn)
        .await
}

/// Id and hash of the secret of the app called `name`.
pub async fn secret_hash(
    conn: &mut PgConnection,
    name: &str,
) -> sqlx::Result<Option<(i64, String)>> {
    sqlx::query_as("select id, secret_hash from app where name = $1 and deleted_at is null")
        .bind(name)
        .fetch_optional(conn)
        .await
}
