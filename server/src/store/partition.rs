//! Day partitions of the history tables: made ahead, dropped when they are old.

use chrono::{Days, NaiveDate};
use sqlx::{AssertSqlSafe, PgConnection};

/// Partitioned tables.
pub const TABLES: [&str; 4] = ["tick", "instance_ended", "attempt_ended", "shard_log"];

/// Serialises maintenance among replicas until the transaction ends. `false` if another one is at it.
pub async fn try_lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select pg_try_advisory_xact_lock(hashtext(current_schema() || ' maintenance'))",
    )
    .fetch_one(conn)
    .await
}

/// Like [`try_lock`], but waits.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtext(current_schema() || ' maintenance'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Today, by the database's clock, in UTC.
pub async fn today(conn: &mut PgConnection) -> sqlx::Result<NaiveDate> {
    sqlx::query_scalar("select (now() at time zone 'UTC')::date")
        .fetch_one(conn)
        .await
}

/// Days of `table` that have a partition.
pub async fn days(conn: &mut PgConnection, table: &str) -> sqlx::Result<Vec<NaiveDate>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_inherits i
         join pg_class c on c.oid = i.inhrelid
         join pg_class p on p.oid = i.inhparent
         where p.relname = $1 and p.relnamespace = current_schema()::regnamespace",
    )
    .bind(table)
    .fetch_all(conn)
    .await?;
    Ok(names
        .iter()
        .filter_map(|name| {
            NaiveDate::parse_from_str(name.strip_prefix(table)?.strip_prefix('_')?, "%Y%m%d").ok()
        })
        .collect())
}

/// Makes the partition of `day`. Rows that the default partition caught for that day move into it.
pub async fn create(conn: &mut PgConnection, table: &str, day: NaiveDate) -> sqlx::Result<()> {
    let name = format!("{table}_{}", day.format("%Y%m%d"));
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let key = match table {
        "tick" => "scheduled_at",
        "shard_log" => "received_at",
        _ => "ended_at",
    };
    // Table names are constants and days are digits; nothing here comes from a user. An identity column
    // lives in the parent only, hence `overriding system value`.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "create table {name} (like {table} including defaults including constraints);
         with caught as (delete from {table}_default where {key} >= '{day} 00:00Z' and {key} < '{next} 00:00Z' returning *)
         insert into {name} select * from caught;
         alter table {table} attach partition {name} for values from ('{day} 00:00Z') to ('{next} 00:00Z');"
    )))
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops the partition of `day`. Gives up soon if a long query holds it; the next pass tries again.
pub async fn drop(conn: &mut PgConnection, table: &str, day: NaiveDate) -> sqlx::Result<()> {
    let name = format!("{table}_{}", day.format("%Y%m%d"));
    sqlx::raw_sql(AssertSqlSafe(format!(
        "set local lock_timeout = '200ms'; drop table {name};"
    )))
    .execute(conn)
    .await?;
    Ok(())
}
