//! How many shards a second one server hands out and settles, through HTTP, with clients that do nothing.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};
use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use crate::oracle::{self, Expected};
use crate::report::{self, Outcome};
use crate::worker::NOOP;
use crate::world::{World, wait_for};
use crate::{Error, Options, Result, clock};

/// Shards of each instance.
const SHARDS: u32 = 1000;
/// Client processes.
const CLIENTS: usize = 2;
/// Slots of each.
const SLOTS: u32 = 2000;
/// Calls under way while triggering.
const CALLS: usize = 4;

/// One run.
struct Run {
    /// From the first claim to the last settled, by the database's clock.
    seconds: f64,
    /// From the first claim to when nothing was seen to run.
    wall_seconds: f64,
    cpu_seconds: [f64; 3],
}

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let instances = if options.short { 20 } else { 200 };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let shards = i64::from(instances) * i64::from(SHARDS);
    let mut outcome = Outcome::new(
        "drain",
        format!(
            "{shards} no-op shards in {instances} instances, {CLIENTS} client processes with {SLOTS} slots, 1 server"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let mut jobs = Vec::new();
    for n in 0..instances {
        let mut spec = JobSpec::new(format!("drain-{n}"));
        spec.handler = Some(NOOP.to_owned());
        spec.shard_count = SHARDS;
        spec.max_shards_per_client = 0;
        jobs.push(world.admins[0].create_job(spec).await?);
    }
    // Caches, statements and PostgreSQL's files are warm after this.
    let warm_up = &jobs[..jobs.len().min(40)];
    drain(&mut world, warm_up).await?;
    let mut done = Vec::new();
    for _ in 0..runs {
        done.push(drain(&mut world, &jobs).await?);
    }
    let figure = |of: &dyn Fn(&Run) -> f64| -> Vec<f64> { done.iter().map(of).collect() };
    outcome.spread(
        "drained, first claim to last settled",
        "shards/s",
        &figure(&|run| shards as f64 / run.seconds),
        (!options.short).then_some(report::Expected::AtLeast(30_000.0)),
    );
    outcome.spread(
        "drained, by the wall clock",
        "shards/s",
        &figure(&|run| shards as f64 / run.wall_seconds),
        None,
    );
    for (index, who) in ["the server", "the clients", "PostgreSQL"]
        .iter()
        .enumerate()
    {
        let per_shard = 1e6 / shards as f64;
        outcome.spread(
            format!("CPU time of {who}"),
            "µs/shard",
            &figure(&|run| run.cpu_seconds[index] * per_shard),
            None,
        );
    }
    let expected = Expected {
        instances: warm_up.len() as i64 + i64::from(instances) * i64::from(runs),
        shards: warm_up.len() as i64 * i64::from(SHARDS) + shards * i64::from(runs),
        ticks: Some(0),
    };
    outcome.judge(oracle::ask(&world.pool, "drain", expected).await?);
    let again = "select count(*) from attempt_ended where not final";
    outcome.one(
        "claims that were lost or returned",
        "",
        world.count(again).await? as f64,
    );
    world.end().await?;
    Ok(outcome)
}

/// Triggers all `jobs`, and only then starts the clients.
async fn drain(world: &mut World, jobs: &[i64]) -> Result<Run> {
    let admin = world.admins[0].clone();
    let triggered: Vec<i64> = futures_util::stream::iter(jobs)
        .map(async |job| {
            let instance = admin.trigger(*job).await?;
            instance.ok_or_else(|| Error::from("a job still runs"))
        })
        .buffer_unordered(CALLS)
        .try_collect()
        .await?;
    let first = triggered.iter().min().copied().unwrap_or_default();
    world.settle().await;
    let before = world.cpu_times().await?;
    world.start_clients(CLIENTS, SLOTS)?;
    wait_for("the shards to drain", Duration::from_mins(10), async || {
        Ok(world.count("select count(*) from instance").await? == 0)
    })
    .await?;
    let seen_empty = clock::wall_us();
    let after = world.cpu_times().await?;
    world.stop_clients().await;
    let (begin, end): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select min(claimed_at), max(ended_at) from attempt_ended where instance_id >= $1",
    )
    .bind(first)
    .fetch_one(&world.pool)
    .await?;
    let begin = begin.timestamp_micros();
    let mut cpu_seconds = [0.0; 3];
    for (used, (after, before)) in cpu_seconds.iter_mut().zip(after.iter().zip(&before)) {
        *used = after.since(before);
    }
    Ok(Run {
        seconds: clock::seconds(end.timestamp_micros() - begin),
        wall_seconds: clock::seconds(seen_empty - begin),
        cpu_seconds,
    })
}
