//! A reader's transaction that stays open under load, so that PostgreSQL cannot remove a single dead row.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use sqlx::Connection as _;

use crate::feeder::Feeder;
use crate::oracle::{self, Expected};
use crate::probe::Probe;
use crate::report::{Must, Outcome};
use crate::stats::Percentiles;
use crate::worker::{APP, NOOP};
use crate::world::World;
use crate::{Options, Result, clock, jobs};

/// Shards of each instance, and how often there is one: 20,000 shards a second.
const SHARDS: u32 = 500;
const EVERY: Duration = Duration::from_millis(25);
const JOBS: u32 = 1000;
const CLIENTS: usize = 2;
const SLOTS: u32 = 2000;
/// Tables whose rows come and go.
const HOT: &str = "instance,shard_ready,shard_delayed,shard_running,job_schedule,client_lease";

/// What was seen in one of the two parts.
struct Part {
    rate: f64,
    claim: Percentiles,
    waited: Percentiles,
    instances: i64,
    probed: i64,
    /// Kilobytes of the hot tables with their indexes, before and after.
    kilobytes: [f64; 2],
}

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (warm_up, without, with) = if options.short {
        (2, 5, 10)
    } else {
        (10, 120, 600)
    };
    let mut outcome = Outcome::new(
        options,
        "held-snapshot",
        format!(
            "20,000 shards a second offered in instances of {SHARDS}, {CLIENTS} client processes, 1 server: {without} s without, then {with} s with a reader's transaction open; 20 protocol clients of another app watch"
        ),
    );
    let mut parts = Vec::new();
    for (name, seconds, is_held) in [("without", without, false), ("held", with, true)] {
        let mut world = World::new(options, 1).await?;
        let part = load(&mut world, warm_up, seconds, is_held).await?;
        let expected = Expected {
            instances: Some(part.instances + part.probed),
            shards: Some(part.instances * i64::from(SHARDS) + part.probed),
            ticks: Some(0),
            ..Expected::default()
        };
        outcome.judge(oracle::ask(&world.pool, name, expected).await?);
        world.end().await?;
        outcome.one(format!("{name}: ended"), "shards/s", part.rate, None);
        let claim = format!("{name}: report and claim of others");
        outcome.percentiles(claim, "ms", part.claim, None);
        let waited = format!("{name}: fired → claimed of others");
        outcome.percentiles(waited, "ms", part.waited, None);
        for (when, kilobytes) in ["before", "after"].iter().zip(part.kilobytes) {
            let name = format!("{name}: hot tables and their indexes {when}");
            outcome.one(name, "kB", kilobytes, None);
        }
        parts.push(part);
    }
    let [without, held] = &parts[..] else {
        return Err("there are two parts".into());
    };
    outcome.ratio(
        "rate held to without",
        Some(held.rate),
        Ok(without.rate),
        Must::AtLeast(0.9),
    );
    outcome.ratio(
        "claim p99 held to without",
        Some(held.claim.p99),
        Ok(without.claim.p99),
        Must::AtMost(2.0),
    );
    Ok(outcome)
}

async fn load(world: &mut World, warm_up: u64, seconds: u64, is_held: bool) -> Result<Part> {
    let mut spec = JobSpec::new("held");
    spec.handler = Some(NOOP.to_owned());
    spec.shard_count = SHARDS;
    spec.max_shards_per_client = 0;
    let jobs = jobs::create(world, APP, JOBS, &spec, None).await?;
    world.start_clients(CLIENTS, SLOTS)?;
    world.wait_for_clients(CLIENTS).await?;
    let mut probe = Probe::start(world).await?;
    let feeder = Feeder::start(world.admin(), jobs, EVERY);
    tokio::time::sleep(Duration::from_secs(warm_up)).await;
    let mut reader = world.pool.acquire().await?.detach();
    if is_held {
        sqlx::raw_sql("begin isolation level repeatable read; select count(*) from instance")
            .execute(&mut reader)
            .await?;
    }
    let before = kilobytes(world).await?;
    probe.clear().await?;
    let since = clock::wall_us();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let until = clock::wall_us();
    let after = kilobytes(world).await?;
    let fed = feeder.stop().await?;
    let probed = probe.end(world, since).await?;
    reader.close().await?;
    world.wait_for_end(Duration::from_mins(5)).await?;
    world.stop_clients().await;
    Ok(Part {
        rate: world.ended_per_second(since, until).await?,
        claim: probed.summary.round_trip,
        waited: probed.waited,
        instances: fed.instances,
        probed: probed.fed.instances,
        kilobytes: [before, after],
    })
}

/// What the hot tables and their indexes take on disk.
async fn kilobytes(world: &World) -> Result<f64> {
    Ok(sqlx::query_scalar(
        "select (sum(pg_total_relation_size(to_regclass(name))) / 1024)::float8
         from unnest(string_to_array($1, ',')) name",
    )
    .bind(HOT)
    .fetch_one(&world.pool)
    .await?)
}
