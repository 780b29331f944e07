//! How soon a handler starts, in a system that is idle: after a trigger, and after a tick.

use std::time::Duration;

use antares_protocol::job::JobSpec;

use crate::entries::Entries;
use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::stats::Percentiles;
use crate::worker::ENTER;
use crate::world::World;
use crate::{Options, Result, clock};

/// Jobs that are triggered in turn, because one instance of each runs at a time.
const JOBS: usize = 10;
/// Pause between triggers.
const PAUSE: Duration = Duration::from_millis(20);
/// Triggers before the measured ones.
const WARM_UP: usize = 30;

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (triggers, fires) = if options.short { (50, 5) } else { (500, 30) };
    let mut outcome = Outcome::new(
        options,
        "latency",
        format!(
            "{triggers} triggers one after another, {fires} fires of a job due every second; 1 server, 1 client, idle otherwise"
        ),
    );
    let mut world = World::new(options, 1).await?;
    world.start_clients(1, 32)?;
    world.wait_for_clients(1).await?;
    let mut entries = Entries::of(&mut world.clients[0])?;

    let (samples, commits) = by_trigger(&world, &mut entries, triggers).await?;
    outcome.percentiles(
        "trigger sent → handler entered (monotonic)",
        "ms",
        Percentiles::of(&samples),
        Some(Must::Percentiles(4.0, 15.0)),
    );
    let commits = Percentiles::of(&commits);
    outcome.percentiles("a bare commit of one row, in between", "ms", commits, None);
    let samples = by_schedule(&world, &mut entries, fires).await?;
    outcome.percentiles(
        "tick due → handler entered (wall clock)",
        "ms",
        Percentiles::of(&samples),
        None,
    );

    let ticks = world.count("select count(*) from tick_history").await?;
    let instances = (WARM_UP + triggers) as i64 + ticks;
    let expected = Expected {
        instances: Some(instances),
        shards: Some(instances),
        period: Some(1.0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "latency", expected).await?);
    world.end().await?;
    Ok(outcome)
}

/// Milliseconds from the request being sent to the handler being entered, one trigger after another; and
/// those of a bare commit before each, to tell the machine's part from ours.
async fn by_trigger(
    world: &World,
    entries: &mut Entries,
    triggers: usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let admin = world.admin();
    let mut jobs = Vec::new();
    for n in 0..JOBS {
        let mut spec = JobSpec::new(format!("triggered-{n}"));
        spec.handler = Some(ENTER.to_owned());
        jobs.push(admin.create_job(spec).await?);
    }
    sqlx::query("create table bench_commit (n bigint)")
        .execute(&world.pool)
        .await?;
    let mut samples = Vec::new();
    let mut commits = Vec::new();
    for n in 0..WARM_UP + triggers {
        tokio::time::sleep(PAUSE).await;
        let begin = clock::monotonic_ns();
        sqlx::query("insert into bench_commit values (1)")
            .execute(&world.pool)
            .await?;
        let commit = clock::monotonic_ns() - begin;
        tokio::time::sleep(PAUSE).await;
        let (sent, instance) = loop {
            let sent = clock::monotonic_ns();
            match admin.trigger(jobs[n % JOBS]).await? {
                Some(instance) => break (sent, instance),
                // The job's last run has not been reported yet.
                None => tokio::time::sleep(PAUSE).await,
            }
        };
        let entered = entries.next().await?;
        if entered.instance_id != instance {
            return Err(format!("instance {instance} was triggered, another ran").into());
        }
        if n >= WARM_UP {
            samples.push((entered.monotonic_ns - sent) as f64 / 1e6);
            commits.push(commit as f64 / 1e6);
        }
    }
    Ok((samples, commits))
}

/// Milliseconds from the tick to the handler being entered.
async fn by_schedule(world: &World, entries: &mut Entries, fires: usize) -> Result<Vec<f64>> {
    let admin = world.admin();
    let mut spec = JobSpec::new("scheduled");
    spec.handler = Some(ENTER.to_owned());
    spec.cron = Some("* * * * * ?".to_owned());
    let job = admin.create_job(spec).await?;
    // The first fires run statements that were not prepared yet.
    for _ in 0..2 {
        entries.next().await?;
    }
    let mut samples = Vec::new();
    for _ in 0..fires {
        let entered = entries.next().await?;
        samples.push((entered.wall_us - entered.scheduled_us) as f64 / 1e3);
    }
    admin.pause(job).await?;
    world.wait_for_end(Duration::from_secs(20)).await?;
    Ok(samples)
}
