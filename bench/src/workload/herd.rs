//! How long it takes to fire very many jobs that are due in the same second.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Timelike as _, Utc};

use crate::oracle::{self, Expected};
use crate::report::{self, Outcome};
use crate::worker::NOOP;
use crate::world::{World, wait_for};
use crate::{Options, Result, clock};

/// How far ahead of its due second the herd is put on the schedule.
const AHEAD: Duration = Duration::from_secs(20);
/// What of that must be left when the schedules are committed, or the run says nothing.
const LEAST_AHEAD: Duration = Duration::from_millis(1500);

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let jobs: i32 = if options.short { 10_000 } else { 100_000 };
    let runs = options.runs.unwrap_or(1);
    let mut outcome = Outcome::new(
        "herd",
        format!(
            "{jobs} jobs of one shard, due in the same second; created by SQL, fired from its schedule, then drained by 2 clients"
        ),
    );
    for replicas in [1, 2] {
        let expected = (!options.short).then_some(report::Expected::AtMost(4.0));
        let mut fired = Vec::new();
        let mut rates = Vec::new();
        for _ in 0..runs {
            let mut world = World::new(options, replicas).await?;
            fired.push(fire(&world, jobs).await?);
            rates.push(f64::from(jobs) / drain(&mut world).await?);
            let expected = Expected {
                instances: i64::from(jobs),
                shards: i64::from(jobs),
                ticks: Some(i64::from(jobs)),
            };
            let part = format!("{replicas} replicas");
            outcome.judge(oracle::ask(&world.pool, &part, expected).await?);
            world.end().await?;
        }
        outcome.spread(
            format!("fired after the due second, {replicas} replicas"),
            "s",
            &fired,
            expected,
        );
        outcome.spread(
            format!("then drained, {replicas} replicas"),
            "instances/s",
            &rates,
            None,
        );
    }
    Ok(outcome)
}

/// Creates the jobs and waits for their second. Returns how long after it the last was fired.
async fn fire(world: &World, jobs: i32) -> Result<f64> {
    let mut spec = JobSpec::new("herd");
    spec.handler = Some(NOOP.to_owned());
    let app = world.app_id().await?;
    let mut tx = world.pool.begin().await?;
    let due: DateTime<Utc> = sqlx::query_scalar(
        "select date_trunc('second', clock_timestamp()) + make_interval(secs => $1)",
    )
    .bind(AHEAD.as_secs_f64())
    .fetch_one(&mut *tx)
    .await?;
    // Every hour: the next fires are computed, and none of them comes while this runs.
    spec.cron = Some(format!("{} {} * * * ?", due.second(), due.minute()));
    sqlx::query(
        "with made as (
            insert into job (app_id, name, state) select $1, 'herd-' || n, 'waiting' from generate_series(1, $2) n
            returning id, name
         )
         insert into job_version (job_id, version, definition, author)
         select id, 1, jsonb_set($3, '{name}', to_jsonb(name)), 'bench' from made",
    )
    .bind(app)
    .bind(jobs)
    .bind(sqlx::types::Json(&spec))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms, next_fire_at)
         select id, app_id, 1, $1, $2, 1, 3, 0, $3 from job",
    )
    .bind(&spec.cron)
    .bind(&spec.time_zone)
    .bind(due)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    // What autovacuum does with tables that have been there for a minute.
    for table in ["job", "job_version", "job_schedule"] {
        let vacuum = format!("vacuum analyze {table}");
        sqlx::query(sqlx::AssertSqlSafe(vacuum))
            .execute(&world.pool)
            .await?;
    }
    world.settle().await;
    let due = due.timestamp_micros();
    let left = Duration::from_micros(u64::try_from(due - clock::wall_us()).unwrap_or(0));
    if left < LEAST_AHEAD {
        return Err("the jobs were not created in time; is the machine busy?".into());
    }
    tokio::time::sleep(left).await;
    wait_for("the herd to be fired", Duration::from_mins(5), async || {
        let mut fired = 0;
        for admin in &world.admins {
            fired += admin.fired().await?;
        }
        Ok(fired >= u64::from(jobs.unsigned_abs()))
    })
    .await?;
    let took = clock::seconds(clock::wall_us() - due);
    let written =
        "select least((select count(*) from instance), (select count(*) from shard_ready))";
    let written = world.count(written).await?;
    if written != i64::from(jobs) {
        return Err(format!("{written} of {jobs} are there when all count as fired").into());
    }
    Ok(took)
}

/// Runs what was fired. Returns the seconds from the first claim to the last settled.
async fn drain(world: &mut World) -> Result<f64> {
    world.start_clients(2, 2000)?;
    wait_for("the herd to drain", Duration::from_mins(10), async || {
        let left = "select exists (select from instance)";
        let left: bool = sqlx::query_scalar(left).fetch_one(&world.pool).await?;
        Ok(!left)
    })
    .await?;
    world.stop_clients().await;
    let (begin, end): (DateTime<Utc>, DateTime<Utc>) =
        sqlx::query_as("select min(claimed_at), max(ended_at) from attempt_ended")
            .fetch_one(&world.pool)
            .await?;
    Ok(clock::seconds(
        end.timestamp_micros() - begin.timestamp_micros(),
    ))
}
