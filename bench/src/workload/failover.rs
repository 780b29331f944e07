//! A replica, a client and PostgreSQL die under load: how long until work goes on, and is anything lost?

use std::time::{Duration, Instant};

use antares_embedded::{Binaries, Postgres};
use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};

use crate::jobs::{self, Due};
use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::worker::{APP, HOLD, NOOP};
use crate::world::{World, wait_for};
use crate::{Options, Result, clock};

use super::steady::{self, PERIOD};

/// What the client holds that is killed.
const HELD: u32 = 64;
/// The lease of the servers of this workload, which is the default.
const LEASE: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (fires, seconds, runs) = if options.short {
        (100, 10, 1)
    } else {
        (1000, 30, 3)
    };
    let runs = options.runs.unwrap_or(runs);
    let mut outcome = Outcome::new(
        options,
        "failover",
        format!(
            "{fires} fires a second on 2 servers, of which one is killed, and on a PostgreSQL of its own, which is killed and started again; a client killed with {HELD} shards; leases of {LEASE:?}; {runs} times"
        ),
    );
    let (mut late, mut restarted) = (Vec::new(), Vec::new());
    let (mut to_fire, mut to_end) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        println!("a replica is killed");
        late.push(kill_replica(options, fires, seconds, &mut outcome).await?);
        println!("a client is killed");
        restarted.push(kill_client(options, &mut outcome).await?);
        println!("PostgreSQL is killed");
        let again = kill_postgresql(options, fires, seconds, &mut outcome).await?;
        to_fire.push(again.0);
        to_end.push(again.1);
    }
    let most = Must::AtMost(2.0);
    outcome.spread("a replica killed: latest tick", "s", &late, Some(most));
    let lease = Must::AtMost(LEASE.as_secs_f64() + 1.0);
    let name = "a client killed: all its shards claimed again";
    outcome.spread(name, "s", &restarted, Some(lease));
    let most = Must::AtMost(5.0);
    let name = "PostgreSQL up again → first tick fired";
    outcome.spread(name, "s", &to_fire, Some(most));
    let name = "PostgreSQL up again → first shard ended";
    outcome.spread(name, "s", &to_end, Some(most));
    Ok(outcome)
}

/// Kills one of two replicas under load. Returns how late the latest tick was fired.
async fn kill_replica(
    options: &Options,
    fires: u32,
    seconds: u64,
    outcome: &mut Outcome,
) -> Result<f64> {
    let mut world = World::new(options, 2).await?;
    world.start_clients(2, 2000)?;
    world.wait_for_clients(2).await?;
    steady::begin(&world, fires * PERIOD, NOOP, Due::EachSecond(PERIOD)).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    // Not at a whole second, when the ticks of that second are all under way or all done.
    world.servers[1].process.kill().await?;
    world.servers.truncate(1);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    steady::finish(&world).await?;
    world.stop_clients().await;
    let late =
        "select max(extract(epoch from decided_at - scheduled_at))::float8 from tick_history";
    let late: f64 = sqlx::query_scalar(late).fetch_one(&world.pool).await?;
    let expected = Expected {
        period: Some(f64::from(PERIOD)),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "replica killed", expected).await?);
    world.end().await?;
    Ok(late)
}

/// Kills a client that holds shards. Returns how long until another one has claimed the last of them.
async fn kill_client(options: &Options, outcome: &mut Outcome) -> Result<f64> {
    let mut world = World::new(options, 1).await?;
    let mut spec = JobSpec::new("hold");
    spec.handler = Some(HOLD.to_owned());
    spec.shard_count = HELD;
    spec.max_shards_per_client = 0;
    let jobs = jobs::create(&world, APP, 1, &spec, None).await?;
    world.start_clients(1, HELD)?;
    world.wait_for_clients(1).await?;
    world.admin().trigger(jobs[0]).await?;
    let held = "select coalesce(sum(mask_count(open)), 0)::bigint from shard_running";
    wait_for(
        "the client to hold the shards",
        Duration::from_secs(30),
        async || Ok(world.count(held).await? == i64::from(HELD)),
    )
    .await?;
    // Its lease has been renewed by then, and a while of it is over.
    tokio::time::sleep(LEASE / 2).await;
    world.clients[0].kill().await?;
    let killed = clock::wall_us();
    world.clients.clear();
    world.start_clients(1, HELD)?;
    world.wait_for_end(LEASE * 3).await?;
    world.stop_clients().await;
    let (last, claims): (DateTime<Utc>, i64) = sqlx::query_as(
        "select max(claimed_at), count(*) from attempt_history where final and attempt = 2",
    )
    .fetch_one(&world.pool)
    .await?;
    if claims != i64::from(HELD) {
        return Err(format!("{claims} of {HELD} shards ended with their second attempt").into());
    }
    let expected = Expected {
        instances: Some(1),
        shards: Some(i64::from(HELD)),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "client killed", expected).await?);
    world.end().await?;
    Ok(clock::seconds(last.timestamp_micros() - killed))
}

/// Kills PostgreSQL under load and starts it again. Returns how long after it was up the first tick was
/// fired, and the first shard ended.
async fn kill_postgresql(
    options: &Options,
    fires: u32,
    seconds: u64,
    outcome: &mut Outcome,
) -> Result<(f64, f64)> {
    let mut postgres = tokio::task::spawn_blocking(own_postgresql).await??;
    let url = postgres.url("postgres");
    let mut world = World::with(options, &url, 2, &[]).await?;
    world.start_clients(2, 2000)?;
    world.wait_for_clients(2).await?;
    steady::begin(&world, fires * PERIOD, NOOP, Due::EachSecond(PERIOD)).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (postgres, up) = tokio::task::spawn_blocking(move || {
        postgres.kill()?;
        postgres.restart()?;
        Ok::<_, antares_embedded::Error>((postgres, clock::wall_us()))
    })
    .await??;
    let began = Instant::now();
    let to_fire = first_since(
        &world,
        up,
        "select min(fired_at) from (select fired_at from instance_history union all select fired_at from instance) i where fired_at >= to_timestamp($1::float8 / 1e6)",
    );
    let to_fire = to_fire.await?;
    let to_end = first_since(
        &world,
        up,
        "select min(ended_at) from attempt_history where ended_at >= to_timestamp($1::float8 / 1e6)",
    );
    let to_end = to_end.await?;
    let rest = Duration::from_secs(seconds).saturating_sub(began.elapsed());
    tokio::time::sleep(rest).await;
    steady::finish(&world).await?;
    world.stop_clients().await;
    let expected = Expected {
        period: Some(f64::from(PERIOD)),
        may_coalesce: true,
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "PostgreSQL killed", expected).await?);
    world.end().await?;
    tokio::task::spawn_blocking(move || postgres.stop()).await??;
    Ok((to_fire, to_end))
}

/// Seconds from `since` to the first time that `statement` finds after it.
async fn first_since(world: &World, since: i64, statement: &'static str) -> Result<f64> {
    let mut found = None;
    wait_for("work to go on", Duration::from_mins(2), async || {
        // Connections of the pool died with the old PostgreSQL; asking again makes new ones.
        let asked = sqlx::query_scalar::<_, Option<DateTime<Utc>>>(statement).bind(since as f64);
        found = asked.fetch_one(&world.pool).await.ok().flatten();
        Ok(found.is_some())
    })
    .await?;
    let found = found.ok_or("it was found a moment ago")?;
    Ok(clock::seconds(found.timestamp_micros() - since))
}

/// A PostgreSQL that waits for its disk, and that nobody else is on.
fn own_postgresql() -> Result<Postgres> {
    let binaries = Binaries::locate(&mut |_| ())?;
    let options = [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "100"),
        ("max_wal_size", "2GB"),
    ]
    .iter()
    .fold(
        antares_embedded::Options::temporary(),
        |options, (name, value)| options.set(name, value),
    );
    Ok(Postgres::start(&binaries, options)?)
}
