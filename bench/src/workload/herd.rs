//! How long it takes to fire very many jobs that are due in the same second, and what others see meanwhile.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use chrono::{DateTime, Utc};

use crate::jobs::{Due, Schedule};
use crate::oracle::{self, Expected};
use crate::probe::{Probe, Probed};
use crate::report::{Must, Outcome};
use crate::stats::Spread;
use crate::worker::{APP, NOOP};
use crate::world::{World, wait_for};
use crate::{Options, Result, clock, jobs};

/// How far ahead of its due second the herd is put on the schedule.
const AHEAD: f64 = 25.0;
/// What of that must be left when all is prepared, or the run says nothing.
const LEAST_AHEAD: Duration = Duration::from_millis(1500);
/// How much slower two replicas may be than one, which is what runs lie apart.
const SLACK: f64 = 1.1;

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let jobs: u32 = if options.short { 10_000 } else { 100_000 };
    let runs = options.runs.unwrap_or(1);
    let mut outcome = Outcome::new(
        options,
        "herd",
        format!(
            "{jobs} jobs of one shard, due in the same second; created by SQL, fired from its schedule while 20 protocol clients of another app run 100 shards a second, then drained by 2 clients"
        ),
    );
    let (mut fired, mut drained) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut probed = Vec::new();
    for _ in 0..runs {
        for replicas in [1, 2] {
            let mut world = World::new(options, replicas).await?;
            let (took, probe) = fire(&mut world, jobs).await?;
            fired[replicas - 1].push(took);
            drained[replicas - 1].push(f64::from(jobs) / drain(&mut world).await?);
            let all = i64::from(jobs) + probe.fed.instances;
            let expected = Expected {
                instances: Some(all),
                shards: Some(all),
                ticks: Some(i64::from(jobs)),
                ..Expected::default()
            };
            let part = format!("{replicas} replicas");
            outcome.judge(oracle::ask(&world.pool, &part, expected).await?);
            probed.push((replicas, probe));
            world.end().await?;
        }
    }
    for replicas in [1, 2] {
        let must = (replicas == 1).then_some(Must::AtMost(2.0));
        let name = format!("fired after the due second, {replicas} replicas");
        outcome.spread(name, "s", &fired[replicas - 1], must);
    }
    let [one, two] = [0, 1].map(|index: usize| Spread::of(&fired[index]).median);
    outcome.ratio(
        "time of 2 replicas to that of 1",
        Some(two),
        Ok(one),
        Must::AtMost(SLACK),
    );
    for (replicas, probe) in &probed {
        let must = Some(Must::AtMost(50.0));
        let name = format!("report and claim of others meanwhile, {replicas} replicas");
        outcome.percentiles(name, "ms", probe.summary.round_trip, must);
        let name = format!("fired → claimed of others meanwhile, {replicas} replicas");
        outcome.percentiles(name, "ms", probe.waited, None);
    }
    for replicas in [1, 2] {
        let name = format!("then drained, {replicas} replicas");
        outcome.spread(name, "instances/s", &drained[replicas - 1], None);
    }
    Ok(outcome)
}

/// Creates the jobs and waits for their second. Returns how long after it the last was fired, and what the
/// clients of another app saw from that second on.
async fn fire(world: &mut World, jobs: u32) -> Result<(f64, Probed)> {
    let mut spec = JobSpec::new("herd");
    spec.handler = Some(NOOP.to_owned());
    let due = jobs::second_ahead(world, AHEAD).await?;
    // Once an hour: the next fires are computed, and none of them comes while this runs.
    let schedule = Schedule {
        first: due,
        due: Due::Together,
    };
    jobs::create(world, APP, jobs, &spec, Some(schedule)).await?;
    let mut probe = Probe::start(world).await?;
    let due = due.timestamp_micros();
    let left = Duration::from_micros(u64::try_from(due - clock::wall_us()).unwrap_or(0));
    if left < LEAST_AHEAD {
        return Err("the jobs were not created in time; is the machine busy?".into());
    }
    tokio::time::sleep(left).await;
    probe.clear().await?;
    wait_for("the herd to be fired", Duration::from_mins(5), async || {
        let mut fired = 0;
        for server in &world.servers {
            fired += server.admin.fired().await?;
        }
        Ok(fired >= u64::from(jobs))
    })
    .await?;
    let took = clock::seconds(clock::wall_us() - due);
    let probed = probe.end(world, due).await?;
    let written = world.count("select count(*) from instance").await?;
    if written != i64::from(jobs) {
        return Err(format!("{written} of {jobs} are there when all count as fired").into());
    }
    Ok((took, probed))
}

/// Runs what was fired. Returns the seconds from the first claim to the last settled.
async fn drain(world: &mut World) -> Result<f64> {
    world.start_clients(2, 2000)?;
    world.wait_for_end(Duration::from_mins(10)).await?;
    world.stop_clients().await;
    let (begin, end): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select min(s.claimed_at), max(s.ended_at)
         from attempt_history s join instance_history i using (instance_id) where i.app = $1",
    )
    .bind(APP)
    .fetch_one(&world.pool)
    .await?;
    Ok(clock::seconds(
        end.timestamp_micros() - begin.timestamp_micros(),
    ))
}
