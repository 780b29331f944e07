//! Very many jobs at once: written by SQL as the API would write them, only sooner.

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Timelike as _, Utc};
use sqlx::{Acquire as _, PgConnection};

use crate::Result;
use crate::world::World;

/// When many jobs are due first, and how their seconds are spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// The first tick of the first of them.
    pub(crate) first: DateTime<Utc>,
    /// `Some(n)`: every n seconds, the jobs in turn one second apart. `None`: once an hour, all together.
    pub(crate) every: Option<u32>,
}

impl Schedule {
    fn groups(&self) -> u32 {
        self.every.unwrap_or(1)
    }

    fn cron(&self, group: u32) -> String {
        let second = self.first.second();
        match self.every {
            Some(every) => format!("{}/{every} * * * * ?", (second + group) % every),
            None => format!("{second} {} * * * ?", self.first.minute()),
        }
    }
}

/// Makes `n` jobs like `spec`, called `<name>-1` and so on, and returns their ids.
pub(crate) async fn create(
    world: &World,
    app: &str,
    n: u32,
    spec: &JobSpec,
    schedule: Option<Schedule>,
) -> Result<Vec<i64>> {
    let mut conn = world.pool.acquire().await?;
    let app: i64 = sqlx::query_scalar("select id from app where name = $1")
        .bind(app)
        .fetch_one(&mut *conn)
        .await?;
    let ids = write(&mut conn, app, n, spec, schedule).await?;
    // What autovacuum does with tables that have been there for a minute.
    for statement in [
        "vacuum analyze job",
        "vacuum analyze job_version",
        "vacuum analyze job_schedule",
    ] {
        sqlx::query(statement).execute(&mut *conn).await?;
    }
    drop(conn);
    world.settle().await;
    Ok(ids)
}

async fn write(
    conn: &mut PgConnection,
    app: i64,
    n: u32,
    spec: &JobSpec,
    schedule: Option<Schedule>,
) -> Result<Vec<i64>> {
    let groups = schedule.map_or(1, |schedule| schedule.groups());
    let crons: Vec<Option<String>> = (0..groups)
        .map(|group| schedule.map(|schedule| schedule.cron(group)))
        .collect();
    let mut tx = conn.begin().await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "insert into job (app_id, name, state)
         select $1, $2 || '-' || n, 'waiting' from generate_series(1, $3) n returning id",
    )
    .bind(app)
    .bind(&spec.name)
    .bind(n as i32)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query(
        "insert into job_version (job_id, version, definition, brief, author)
         select j.id, 1, $2 || own, ($5::jsonb || own)::text, 'bench'
         from unnest($1::bigint[]) with ordinality p (id, place) join job j on j.id = p.id
         cross join lateral (select jsonb_build_object('name', j.name)
            || coalesce(jsonb_build_object('cron', ($3::text[])[1 + (p.place - 1) % $4]), '{}') as own) own",
    )
    .bind(&ids)
    .bind(sqlx::types::Json(spec))
    .bind(&crons)
    .bind(i64::from(groups))
    .bind(antares_server::store::job::brief(spec))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms, next_fire_at)
         select p.id, $2, 1, ($3::text[])[1 + (p.place - 1) % $4], $5, $6, $7, $8,
            $9::timestamptz + make_interval(secs => ((p.place - 1) % $4)::float8)
         from unnest($1::bigint[]) with ordinality p (id, place)",
    )
    .bind(&ids)
    .bind(app)
    .bind(&crons)
    .bind(i64::from(groups))
    .bind(&spec.time_zone)
    .bind(spec.shard_count as i32)
    .bind(spec.max_attempts as i16)
    .bind(spec.instance_timeout_ms as i64)
    .bind(schedule.map(|schedule| schedule.first))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(ids)
}

/// A whole second of the database's clock, `ahead` seconds from now.
pub(crate) async fn second_ahead(world: &World, ahead: f64) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar(
        "select date_trunc('second', clock_timestamp()) + make_interval(secs => $1)",
    )
    .bind(ahead)
    .fetch_one(&world.pool)
    .await?)
}

/// Takes every job off the schedule, as pausing them one by one would.
pub(crate) async fn pause_all(world: &World) -> Result {
    let mut tx = world.pool.begin().await?;
    for statement in [
        "update job set state = 'paused' where state = 'waiting'",
        "update job_schedule set next_fire_at = null where next_fire_at is not null",
    ] {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}
