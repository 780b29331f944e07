//! What very many clients and jobs cost while there is nothing to do.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use sqlx::PgPool;

use crate::jobs::{Due, Schedule};
use crate::load::Clients;
use crate::oracle::{self, Expected};
use crate::process::resident_mb;
use crate::report::{Must, Outcome};
use crate::worker::{APP, NOOP};
use crate::world::World;
use crate::{Options, Result, jobs};

/// How long the claims wait, which is the longest that the protocol allows.
const WAIT: Duration = Duration::from_mins(1);
/// How long after the last registration the figures begin.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (clients, jobs, seconds) = if options.short {
        (1000, 10_000, 5)
    } else {
        (10_000, 100_000, 60)
    };
    let mut outcome = Outcome::new(
        options,
        "idle",
        format!(
            "{clients} clients whose claims wait for {WAIT:?} and which renew their leases as told, {jobs} scheduled jobs that are not due, {seconds} s, 1 server"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let mut spec = JobSpec::new("idle");
    spec.handler = Some(NOOP.to_owned());
    let schedule = Schedule {
        first: jobs::second_ahead(&world, 7200.0).await?,
        due: Due::Together,
    };
    jobs::create(&world, APP, jobs, &spec, Some(schedule)).await?;
    let secret = world.secret.clone();
    let load = Clients::start(&mut world, (APP, &secret), clients, Duration::ZERO, WAIT).await?;
    tokio::time::sleep(SETTLE).await;

    let counted = Statements::count(&world.pool).await;
    let before = world.cpu_times().await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = world.cpu_times().await?;
    let must = Must::AtMost(5.0);
    let statements = match counted {
        Ok(before) => before
            .since(&world.pool)
            .await
            .map(|n| n as f64 / seconds as f64),
        Err(error) => Err(error),
    };
    match statements {
        Ok(rate) => outcome.one("statements", "1/s", rate, Some(must)),
        Err(error) => outcome.missing("statements", error.to_string(), Some(must)),
    }
    let percent = 100.0 / seconds as f64;
    let used = [0, 1, 2].map(|part: usize| after[part].since(&before[part]) * percent);
    outcome.one(
        "CPU of PostgreSQL",
        "% of a core",
        used[2],
        Some(Must::AtMost(1.0)),
    );
    outcome.one(
        "CPU of the server",
        "% of a core",
        used[0],
        Some(Must::AtMost(3.0)),
    );
    let resident = world.servers[0].process.pid().and_then(resident_mb);
    match resident {
        Some(mb) => outcome.one(
            "resident memory of the server",
            "MB",
            mb,
            Some(Must::AtMost(400.0)),
        ),
        None => outcome.missing("resident memory of the server", "there is no /proc", None),
    }
    let summary = load.end().await?;
    outcome.one("calls that failed", "", summary.errors as f64, None);
    if let Some(error) = &summary.error {
        println!("  the last failed call: {error}");
    }
    let expected = Expected {
        instances: Some(0),
        shards: Some(0),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "idle", expected).await?);
    world.end().await?;
    Ok(outcome)
}

/// How many statements PostgreSQL has run, by its own count.
struct Statements(i64);

impl Statements {
    async fn count(pool: &PgPool) -> Result<Self> {
        sqlx::query("create extension if not exists pg_stat_statements schema public")
            .execute(pool)
            .await?;
        Ok(Self(Self::now(pool).await?))
    }

    /// Of this database, except what this program itself asks.
    async fn now(pool: &PgPool) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "select sum(s.calls)::bigint from public.pg_stat_statements s
             join pg_database d on d.oid = s.dbid
             where d.datname = current_database() and s.query not like '%pg_stat%'",
        )
        .fetch_one(pool)
        .await?)
    }

    async fn since(&self, pool: &PgPool) -> Result<i64> {
        Ok(Self::now(pool).await? - self.0)
    }
}
