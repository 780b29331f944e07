//! The orders: what a real application would have in its own database.

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

use super::{NAMESPACE, Result, sql};

/// How many shards settle the orders. Part of an index, so that each finds its own quickly.
pub(super) const SHARDS: u32 = 16;
/// Schema of the orders.
const SCHEMA: &str = "antares_demo_orders";

/// Connects to the orders and to what Antares wrote.
pub(super) async fn connect(url: &str) -> Result<PgPool> {
    let options =
        crate::boot::connect_options(url, &format!("{SCHEMA},{NAMESPACE}"), "antares demo")?;
    PgPoolOptions::new()
        .max_connections(6)
        .connect_with(options)
        .await
        .map_err(sql)
}

/// Generates `count` orders that are not settled, unless there are some.
pub(super) async fn create(pool: &PgPool, count: u32) -> Result<()> {
    let mut tx = pool.begin().await.map_err(sql)?;
    // Several clients of the compose file start together.
    sqlx::query("select pg_advisory_xact_lock(hashtext('antares demo orders'))")
        .execute(&mut *tx)
        .await
        .map_err(sql)?;
    let there: bool =
        sqlx::query_scalar("select to_regclass('antares_demo_orders.orders') is not null")
            .fetch_one(&mut *tx)
            .await
            .map_err(sql)?;
    if there {
        return Ok(());
    }
    for statement in [
        "create schema antares_demo_orders",
        "create table antares_demo_orders.orders (
            id bigint primary key, cents bigint not null,
            settled_at timestamptz, settlements integer not null default 0)",
    ] {
        sqlx::query(statement)
            .execute(&mut *tx)
            .await
            .map_err(sql)?;
    }
    sqlx::query("insert into antares_demo_orders.orders (id, cents) select id, 100 + id % 9900 from generate_series(1, $1) as id")
        .bind(i64::from(count))
        .execute(&mut *tx)
        .await
        .map_err(sql)?;
    sqlx::query("create index orders_open_idx on antares_demo_orders.orders ((id % 16), id) where settled_at is null")
        .execute(&mut *tx)
        .await
        .map_err(sql)?;
    tx.commit().await.map_err(sql)?;
    sqlx::query("analyze antares_demo_orders.orders")
        .execute(pool)
        .await
        .map_err(sql)?;
    Ok(())
}

/// Settles up to `most` open orders of one shard; returns how many. The condition on `settled_at` makes it
/// idempotent, which handlers have to be: a shard whose client dies is run again.
pub(super) async fn settle(pool: &PgPool, item: i32, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "with open as (
            select id from antares_demo_orders.orders
            where id % 16 = $1 and settled_at is null order by id limit $2 for update
         )
         update antares_demo_orders.orders o set settled_at = now(), settlements = settlements + 1
         from open where o.id = open.id and o.settled_at is null",
    )
    .bind(i64::from(item))
    .bind(most)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// How many orders are settled, and how many more than once.
pub(super) async fn progress(pool: &PgPool) -> Result<(i64, i64)> {
    sqlx::query_as(
        "select count(*) filter (where settlements > 0), count(*) filter (where settlements > 1)
         from antares_demo_orders.orders",
    )
    .fetch_one(pool)
    .await
    .map_err(sql)
}

/// Removes what this or an earlier demo left in the database.
pub(super) async fn drop_schemas(url: &str) {
    let Ok(options) = crate::boot::connect_options(url, "public", "antares demo") else {
        return;
    };
    let Ok(mut conn) = PgConnection::connect_with(&options).await else {
        return;
    };
    // Two statements, and not one: the first may be refused while a process of an earlier demo ends.
    for statement in [
        "drop schema if exists antares_demo_orders cascade",
        "drop schema if exists antares_demo cascade",
    ] {
        let _ = sqlx::query(statement).execute(&mut conn).await;
    }
    let _ = conn.close().await;
}
