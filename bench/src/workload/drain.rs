//! How many shards a second one server hands out and settles, through HTTP, with clients that do nothing.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};
use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use crate::oracle::{self, Expected};
use crate::peer::{Peers, Shape, Task};
use crate::process::CpuTimes;
use crate::report::{Must, Outcome};
use crate::worker::{APP, NOOP};
use crate::world::World;
use crate::{Error, Options, Result, clock, jobs};

/// Name of the figure that others are compared with.
pub(crate) const RATE: &str = "first claim to last settled";
/// Shards of each instance.
pub(super) const SHARDS: u32 = 1000;
/// Client processes.
pub(super) const CLIENTS: usize = 2;
/// Slots of each.
pub(super) const SLOTS: u32 = 2000;
/// Calls under way while triggering.
const CALLS: usize = 4;

/// One run.
pub(super) struct Run {
    /// The first of its instances.
    pub(super) first: i64,
    /// From the first claim to the last settled, by the database's clock.
    pub(super) seconds: f64,
    /// From the first claim to when nothing was seen to run.
    pub(super) wall_seconds: f64,
    /// As in [`World::cpu_times`].
    pub(super) cpu_seconds: [f64; 3],
}

pub(crate) async fn run(options: &Options, mut peers: Peers) -> Result<Outcome> {
    let instances: u32 = if options.short { 20 } else { 500 };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let shards = i64::from(instances) * i64::from(SHARDS);
    let mut outcome = Outcome::new(
        options,
        "drain",
        format!(
            "{shards} no-op shards in {instances} instances, {CLIENTS} client processes with {SLOTS} slots, 1 server; peers: as many jobs"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let jobs = make_jobs(&world, instances).await?;
    // Caches, statements and PostgreSQL's files are warm after this.
    let warm_up = &jobs[..jobs.len().min(40)];
    drain(&mut world, warm_up).await?;
    let mut done = Vec::new();
    for _ in 0..runs {
        done.push(drain(&mut world, &jobs).await?);
        peers.run(Task::Drain(shards)).await?;
    }
    let who = [(0, "the server"), (1, "the clients"), (2, "PostgreSQL")];
    outcome.spread(RATE, "shards/s", &rates(&done, shards), None);
    outcome.draw("antares");
    describe(&world, &mut outcome, &done, shards, &who).await?;
    peers.describe(&mut outcome);
    let ours = outcome.median(RATE);
    peers.compare_with_best(&mut outcome, ours, Must::AtLeast(1.0));
    let bare = peers.bare_sql(Shape::Rows, 200);
    let name = "to bare SQL, a row a shard, at batch 200";
    outcome.ratio(name, ours, bare, Must::AtLeast(0.5));
    for batch in [200, 1000] {
        let bare = peers.bare_sql(Shape::Chunks, batch);
        let name = format!("to bare SQL in chunks, batch {batch}");
        outcome.ratio(name, ours, bare, None);
    }

    let ran = warm_up.len() as i64 + i64::from(instances) * i64::from(runs);
    let expected = Expected {
        instances: Some(ran),
        shards: Some(ran * i64::from(SHARDS)),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "drain", expected).await?);
    world.end().await?;
    Ok(outcome)
}

/// Shards a second of each run.
pub(super) fn rates(done: &[Run], shards: i64) -> Vec<f64> {
    done.iter().map(|run| shards as f64 / run.seconds).collect()
}

/// Adds what `done` runs of so many shards showed besides their rate; `who` names parts of their CPU time.
pub(super) async fn describe(
    world: &World,
    outcome: &mut Outcome,
    done: &[Run],
    shards: i64,
    who: &[(usize, &str)],
) -> Result {
    let figure = |of: &dyn Fn(&Run) -> f64| -> Vec<f64> { done.iter().map(of).collect() };
    outcome.spread(
        "first claim to seen empty, by the wall clock",
        "shards/s",
        &figure(&|run| shards as f64 / run.wall_seconds),
        None,
    );
    let per_shard = 1e6 / shards as f64;
    for (index, who) in who {
        outcome.spread(
            format!("CPU time of {who}"),
            "µs/shard",
            &figure(&|run| run.cpu_seconds[*index] * per_shard),
            None,
        );
    }
    let again = "select count(*) from attempt_history where not final";
    let again = world.count(again).await? as f64;
    outcome.one("claims that were lost or returned", "", again, None);
    Ok(())
}

pub(super) async fn make_jobs(world: &World, n: u32) -> Result<Vec<i64>> {
    let mut spec = JobSpec::new("drain");
    spec.handler = Some(NOOP.to_owned());
    spec.shard_count = SHARDS;
    spec.max_shards_per_client = 0;
    jobs::create(world, APP, n, &spec, None).await
}

/// Triggers all `jobs`, and only then starts the clients.
pub(super) async fn drain(world: &mut World, jobs: &[i64]) -> Result<Run> {
    drain_with(world, jobs, CLIENTS, SLOTS).await
}

pub(super) async fn drain_with(
    world: &mut World,
    jobs: &[i64],
    clients: usize,
    slots: u32,
) -> Result<Run> {
    let triggered = Triggered::all(world, jobs).await?;
    world.start_clients(clients, slots)?;
    let run = triggered.wait(world).await?;
    world.stop_clients().await;
    Ok(run)
}

/// Instances that wait for clients.
pub(super) struct Triggered {
    /// The first of them.
    first: i64,
    /// CPU times before there were clients.
    before: [CpuTimes; 3],
}

impl Triggered {
    /// Triggers all `jobs`.
    pub(super) async fn all(world: &World, jobs: &[i64]) -> Result<Self> {
        let admin = world.admin();
        let triggered: Vec<i64> = futures_util::stream::iter(jobs)
            .map(async |job| {
                let instance = admin.trigger(*job).await?;
                instance.ok_or_else(|| Error::from("a job still runs"))
            })
            .buffer_unordered(CALLS)
            .try_collect()
            .await?;
        world.settle().await;
        Ok(Self {
            first: triggered.iter().min().copied().unwrap_or_default(),
            before: world.cpu_times().await?,
        })
    }

    /// Waits until clients, which begin now, have drained them.
    pub(super) async fn wait(self, world: &World) -> Result<Run> {
        world.wait_for_end(Duration::from_mins(10)).await?;
        let seen_empty = clock::wall_us();
        let after = world.cpu_times().await?;
        let (begin, end): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
            "select min(claimed_at), max(ended_at) from attempt_history where instance_id >= $1",
        )
        .bind(self.first)
        .fetch_one(&world.pool)
        .await?;
        let begin = begin.timestamp_micros();
        let mut cpu_seconds = [0.0; 3];
        for (used, (after, before)) in cpu_seconds.iter_mut().zip(after.iter().zip(&self.before)) {
            *used = after.since(before);
        }
        Ok(Run {
            first: self.first,
            seconds: clock::seconds(end.timestamp_micros() - begin),
            wall_seconds: clock::seconds(seen_empty - begin),
            cpu_seconds,
        })
    }
}
