//! Very many clients, each of which takes one shard, reports it and waits.

use std::time::Duration;

use antares_protocol::job::JobSpec;

use crate::feeder::Feeder;
use crate::load::Clients;
use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::worker::{APP, NOOP};
use crate::world::World;
use crate::{Options, Result, clock, jobs, probe};

/// Shards of each instance, and how often there is one: a little more than 10,000 shards a second.
const SHARDS: u32 = 102;
const EVERY: Duration = Duration::from_millis(10);
/// Pause of a client after a shard: half of them wait at any time.
const THINK: Duration = Duration::from_millis(500);
/// What must be reached, in ms.
const LATENCY: Must = Must::Percentiles(4.0, 20.0);

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (clients, warm_up, seconds) = if options.short {
        (2000, 2, 3)
    } else {
        (10_000, 10, 30)
    };
    let every = EVERY * (10_000 / clients as u32);
    let offered = f64::from(SHARDS) / every.as_secs_f64();
    let mut outcome = Outcome::new(
        options,
        "one-shard",
        format!(
            "{clients} clients with a connection each, which claim one shard and wait for it, report it while claiming the next, and pause for {THINK:?} on average; {offered:.0} shards a second are offered in instances of {SHARDS}; {seconds} s after a warm-up of {warm_up} s, 1 server"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let mut spec = JobSpec::new("one-shard");
    spec.handler = Some(NOOP.to_owned());
    spec.shard_count = SHARDS;
    spec.max_shards_per_client = 0;
    let jobs = jobs::create(&world, APP, 1000, &spec, None).await?;
    let secret = world.secret.clone();
    let wait = Duration::from_secs(20);
    let mut load = Clients::start(&mut world, (APP, &secret), clients, THINK, wait).await?;
    let feeder = Feeder::start(world.admin(), jobs, every);
    tokio::time::sleep(Duration::from_secs(warm_up)).await;
    load.clear().await?;
    let since = clock::wall_us();
    let (before, load_before) = (world.cpu_times().await?, load.cpu_time());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let until = clock::wall_us();
    let after = world.cpu_times().await?;
    let load_after = load.cpu_time();
    let fed = feeder.stop().await?;
    world.wait_for_end(Duration::from_mins(2)).await?;
    let summary = load.end().await?;

    let rate = world.ended_per_second(since, until).await?;
    let must = Must::AtLeast(clients as f64);
    outcome.one("taken and reported", "shards/s", rate, Some(must));
    outcome.percentiles(
        "report and claim, one round trip",
        "ms",
        summary.round_trip,
        Some(LATENCY),
    );
    let waited = probe::waited(&world, APP, since).await?;
    outcome.percentiles("fired → claimed (database)", "ms", waited, Some(LATENCY));
    outcome.one("calls that failed", "", summary.errors as f64, None);
    if let Some(error) = &summary.error {
        println!("  the last failed call: {error}");
    }
    let share = 100.0 / clock::seconds(until - since);
    for (who, used) in [
        ("the server", after[0].since(&before[0])),
        ("PostgreSQL", after[2].since(&before[2])),
        ("the load generator", load_after.since(&load_before)),
    ] {
        outcome.one(format!("CPU of {who}"), "% of a core", used * share, None);
    }
    let expected = Expected {
        instances: Some(fed.instances),
        shards: Some(fed.instances * i64::from(SHARDS)),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "one-shard", expected).await?);
    world.end().await?;
    Ok(outcome)
}
