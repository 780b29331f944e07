//! Users and their logins.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Hash of the password of `user`.
pub async fn password_hash(conn: &mut PgConnection, user: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select password_hash from user_account where name = $1")
        .bind(user)
        .fetch_optional(conn)
        .await
}

/// Creates `user` unless it exists. Returns whether it did, so that of several replicas one knows that
/// its password is the one that counts.
pub async fn create_user(
    conn: &mut PgConnection,
    user: &str,
    password_hash: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into user_account (name, password_hash) values ($1, $2) on conflict do nothing",
    )
    .bind(user)
    .bind(password_hash)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets a new password and ends the user's sessions.
pub async fn set_password(
    conn: &mut PgConnection,
    user: &str,
    password_hash: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "with gone as (delete from session where user_name = $1)
         update user_account set password_hash = $2, updated_at = now() where name = $1",
    )
    .bind(user)
    .bind(password_hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// Begins a session of `ttl_ms`. Returns when it ends.
pub async fn create(
    conn: &mut PgConnection,
    token_hash: &[u8],
    user: &str,
    ttl_ms: i64,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar(
        "insert into session (token_hash, user_name, expires_at)
         values ($1, $2, now() + $3 * interval '1 ms') returning expires_at",
    )
    .bind(token_hash)
    .bind(user)
    .bind(ttl_ms)
    .fetch_one(conn)
    .await
}

/// User and end of a session that has not ended.
pub async fn get(
    conn: &mut PgConnection,
    token_hash: &[u8],
) -> sqlx::Result<Option<(String, DateTime<Utc>)>> {
    sqlx::query_as(
        "select user_name, expires_at from session where token_hash = $1 and expires_at > now()",
    )
    .bind(token_hash)
    .fetch_optional(conn)
    .await
}

/// Ends a session.
pub async fn delete(conn: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query("delete from session where token_hash = $1")
        .bind(token_hash)
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes sessions that have ended.
pub async fn prune(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let done = sqlx::query("delete from session where expires_at <= now()")
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
