//! Very many jobs at once: written by SQL as the API would write them, only sooner.

use antares_protocol::job::JobSpec;
use antares_server::domain::job::timing;
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use serde_json::{Value, json};
use sqlx::{Acquire as _, PgConnection};

use crate::Result;
use crate::worker::APP;
use crate::world::World;

/// When many jobs are due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// The first tick of the first of them.
    pub(crate) first: DateTime<Utc>,
    pub(crate) due: Due,
}

/// How the ticks of many jobs lie to each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// All in one second, once an hour.
    Together,
    /// Every so many seconds, the jobs in turn one second apart: those of a second are due at its start.
    EachSecond(u32),
    /// Every so many seconds, the jobs in turn one millisecond apart.
    EachMillisecond(u32),
}

/// What jobs that are due together have in their definition and in their schedule.
struct Group {
    own: Value,
    cron: Option<String>,
    timing: Option<String>,
    first: Option<DateTime<Utc>>,
}

impl Schedule {
    fn groups(&self, spec: &JobSpec) -> Vec<Group> {
        match self.due {
            Due::Together => {
                let (second, minute) = (self.first.second(), self.first.minute());
                vec![self.by_cron(format!("{second} {minute} * * * ?"), 0)]
            }
            Due::EachSecond(every) => (0..every)
                .map(|after| {
                    let second = (self.first.second() + after) % every;
                    self.by_cron(format!("{second}/{every} * * * * ?"), after)
                })
                .collect(),
            Due::EachMillisecond(every) => (0..every * 1000)
                .map(|after| self.by_rate(spec, every, after))
                .collect(),
        }
    }

    fn by_cron(&self, cron: String, after_seconds: u32) -> Group {
        Group {
            own: json!({ "cron": cron }),
            cron: Some(cron),
            timing: None,
            first: Some(self.first + TimeDelta::seconds(after_seconds.into())),
        }
    }

    fn by_rate(&self, spec: &JobSpec, every_seconds: u32, after_ms: u32) -> Group {
        let mut spec = spec.clone();
        spec.fixed_rate_ms = Some(u64::from(every_seconds) * 1000);
        spec.start_at = Some(self.first + TimeDelta::milliseconds(after_ms.into()));
        Group {
            own: json!({ "fixed_rate_ms": spec.fixed_rate_ms, "start_at": spec.start_at }),
            cron: None,
            timing: timing(APP, &spec).to_text(),
            first: spec.start_at,
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
    let on_demand = Group {
        own: json!({}),
        cron: None,
        timing: None,
        first: None,
    };
    let groups = schedule.map_or_else(|| vec![on_demand], |schedule| schedule.groups(spec));
    let owns: Vec<&Value> = groups.iter().map(|group| &group.own).collect();
    let crons: Vec<_> = groups.iter().map(|group| group.cron.as_deref()).collect();
    let timings: Vec<_> = groups.iter().map(|group| group.timing.as_deref()).collect();
    let firsts: Vec<_> = groups.iter().map(|group| group.first).collect();
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
            || ($3::jsonb[])[1 + (p.place - 1) % $4] as own) own",
    )
    .bind(&ids)
    .bind(sqlx::types::Json(spec))
    .bind(&owns)
    .bind(groups.len() as i64)
    .bind(antares_server::store::job::brief(spec))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms, next_fire_at, timing)
         select p.id, $2, 1, ($3::text[])[1 + (p.place - 1) % $4], $5, $6, $7, $8, ($9::timestamptz[])[1 + (p.place - 1) % $4],
            ($10::text[])[1 + (p.place - 1) % $4]
         from unnest($1::bigint[]) with ordinality p (id, place)",
    )
    .bind(&ids)
    .bind(app)
    .bind(&crons)
    .bind(groups.len() as i64)
    .bind(&spec.time_zone)
    .bind(spec.shard_count as i32)
    .bind(spec.max_attempts as i16)
    .bind(spec.instance_timeout_ms as i64)
    .bind(&firsts)
    .bind(&timings)
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
