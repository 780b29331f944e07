//! Instances of one shard, triggered in bulk through the API while clients run them.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::admin::Admin;
use crate::oracle::{self, Expected};
use crate::peer::{Peers, Task};
use crate::report::{Must, Outcome};
use crate::worker::{APP, NOOP};
use crate::world::World;
use crate::{Error, Options, Result, clock, jobs};

const FEEDERS: usize = 2;
/// Jobs of each feeder: it goes through them in turn, and by then they have ended.
const JOBS: usize = 20_000;
/// Triggers in one call.
const BATCH: usize = 1000;
const CLIENTS: usize = 2;
const SLOTS: u32 = 2000;

pub(crate) async fn run(options: &Options, mut peers: Peers) -> Result<Outcome> {
    let (warm_up, seconds) = if options.short { (1, 3) } else { (5, 20) };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let mut outcome = Outcome::new(
        options,
        "sustained",
        format!(
            "instances of 1 shard triggered by {FEEDERS} feeders, {BATCH} in a call, while {CLIENTS} client processes run them; {seconds} s after {warm_up} s, 1 server; peers: insert and work"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let mut spec = JobSpec::new("sustained");
    spec.handler = Some(NOOP.to_owned());
    let jobs = jobs::create(&world, APP, (FEEDERS * JOBS) as u32, &spec, None).await?;
    let mut rates = Vec::new();
    let mut instances = 0;
    for _ in 0..runs {
        world.start_clients(CLIENTS, SLOTS)?;
        world.wait_for_clients(CLIENTS).await?;
        let (stop, stopped) = watch::channel(false);
        let feeders: Vec<_> = jobs
            .chunks(JOBS)
            .map(|jobs| tokio::spawn(feed(world.admin().clone(), jobs.to_vec(), stopped.clone())))
            .collect();
        tokio::time::sleep(Duration::from_secs(warm_up)).await;
        let begin = clock::wall_us();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let end = clock::wall_us();
        let _ = stop.send(true);
        for feeder in feeders {
            instances += feeder.await??;
        }
        world.wait_for_end(Duration::from_mins(5)).await?;
        world.stop_clients().await;
        rates.push(settled(&world, begin, end).await?);
        peers.run(Task::Sustained(seconds)).await?;
    }
    outcome.spread("settled", "instances/s", &rates, None);
    outcome.draw("antares");
    peers.describe(&mut outcome);
    let ours = outcome.median("settled");
    for peer in ["river-rs", "river-go", "graphile-worker"] {
        let must = Must::AtLeast(2.0);
        outcome.ratio(format!("to {peer}"), ours, peers.median(peer), must);
    }
    let expected = Expected {
        instances: Some(instances),
        shards: Some(instances),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "sustained", expected).await?);
    world.end().await?;
    Ok(outcome)
}

/// Triggers its jobs in turn until told to stop. Returns how many instances there were.
async fn feed(admin: Admin, jobs: Vec<i64>, stopped: watch::Receiver<bool>) -> Result<i64> {
    let mut instances = 0;
    for batch in jobs.chunks(BATCH).cycle() {
        if *stopped.borrow() {
            break;
        }
        let fired = admin.trigger_many(batch).await?;
        let fired = fired.iter().filter(|fired| **fired).count();
        instances += fired as i64;
        if fired < batch.len() / 2 {
            // The jobs still run: the clients are behind, and asking faster would only cost them.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok::<_, Error>(instances)
}

/// Instances that ended a second between two times.
async fn settled(world: &World, begin: i64, end: i64) -> Result<f64> {
    let time = |us| DateTime::<Utc>::from_timestamp_micros(us).unwrap_or_default();
    let ended: i64 = sqlx::query_scalar(
        "select count(*) from instance_history where ended_at >= $1 and ended_at < $2",
    )
    .bind(time(begin))
    .bind(time(end))
    .fetch_one(&world.pool)
    .await?;
    Ok(ended as f64 / clock::seconds(end - begin))
}
