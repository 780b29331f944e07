//! The same claims and reports as in drain, called in the server's own process: what HTTP and JSON leave of it.

use std::time::Duration;

use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::world::{World, wait_for};
use crate::{Options, Result};

use super::drain::{CLIENTS, RATE, Run, SHARDS, SLOTS, Triggered, describe, make_jobs, rates};

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let instances: u32 = if options.short { 20 } else { 500 };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let shards = i64::from(instances) * i64::from(SHARDS);
    let mut outcome = Outcome::new(
        options,
        "in-process",
        format!(
            "{shards} no-op shards in {instances} instances, claimed and reported without HTTP by {CLIENTS} clients with {SLOTS} slots in the process of the server"
        ),
    );
    let mut world = World::in_process(options).await?;
    let jobs = make_jobs(&world, instances).await?;
    // Caches, statements and PostgreSQL's files are warm after this.
    let warm_up = &jobs[..jobs.len().min(40)];
    drain(&mut world, warm_up).await?;
    let mut done = Vec::new();
    for _ in 0..runs {
        done.push(drain(&mut world, &jobs).await?);
    }
    let must = Some(Must::AtLeast(100_000.0));
    let who = [(0, "the server with its clients"), (2, "PostgreSQL")];
    outcome.spread(RATE, "shards/s", &rates(&done, shards), must);
    describe(&world, &mut outcome, &done, shards, &who).await?;

    let ran = warm_up.len() as i64 + i64::from(instances) * i64::from(runs);
    let expected = Expected {
        instances: Some(ran),
        shards: Some(ran * i64::from(SHARDS)),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "in-process", expected).await?);
    world.end().await?;
    Ok(outcome)
}

/// Triggers all `jobs`, and only then starts the clients.
async fn drain(world: &mut World, jobs: &[i64]) -> Result<Run> {
    let triggered = Triggered::all(world, jobs).await?;
    let clients = format!("{CLIENTS} {SLOTS}\n");
    world.servers[0].process.tell(&clients).await?;
    let run = triggered.wait(world).await?;
    world.servers[0].process.tell("\n").await?;
    wait_for(
        "the clients to leave",
        Duration::from_secs(30),
        async || {
            let left = world.count("select count(*) from client_lease").await?;
            Ok(left == 0)
        },
    )
    .await?;
    Ok(run)
}
