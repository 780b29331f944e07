//! A thousand fires a second, minute after minute: how late do handlers start?

use std::time::Duration;

use antares_protocol::job::JobSpec;

use crate::entries::Entries;
use crate::jobs::{Due, Schedule};
use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::stats::Percentiles;
use crate::worker::{APP, ENTER};
use crate::world::World;
use crate::{Options, Result, jobs};

/// Each job is due so often, in seconds.
pub(super) const PERIOD: u32 = 10;
const CLIENTS: usize = 2;
const SLOTS: u32 = 2000;
/// How far ahead the first of them is put on the schedule.
const AHEAD: f64 = 4.0;

/// What happens from a tick to its handler, by the database's clock.
const STEPS: [(&str, &str); 2] = [
    (
        "tick due → fired (database)",
        "select (extract(epoch from decided_at - scheduled_at) * 1000)::float8 from tick_history",
    ),
    (
        "tick due → claimed (database)",
        "select (extract(epoch from a.claimed_at - i.scheduled_at) * 1000)::float8
         from attempt_history a join instance_history i using (instance_id)",
    ),
];

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (warm_up, seconds) = if options.short { (2, 5) } else { (10, 60) };
    let jobs = 1000 * PERIOD;
    let mut outcome = Outcome::new(
        options,
        "steady",
        format!(
            "{jobs} jobs of one shard, due every {PERIOD} s: 1000 of them at the start of each second (cron), or one in each millisecond (fixed rate); {seconds} s after {warm_up} s, {CLIENTS} client processes, 1 server"
        ),
    );
    for (prefix, due) in [
        ("", Due::EachSecond(PERIOD)),
        ("one each ms: ", Due::EachMillisecond(PERIOD)),
    ] {
        part(options, &mut outcome, prefix, due, [warm_up, seconds]).await?;
    }
    Ok(outcome)
}

async fn part(
    options: &Options,
    outcome: &mut Outcome,
    prefix: &str,
    due: Due,
    [warm_up, seconds]: [u32; 2],
) -> Result {
    let jobs = 1000 * PERIOD;
    let mut world = World::new(options, 1).await?;
    world.start_clients(CLIENTS, SLOTS)?;
    world.wait_for_clients(CLIENTS).await?;
    let entries = world.clients.iter_mut().map(Entries::of);
    let entries: Vec<Entries> = entries.collect::<Result<_>>()?;
    let entries: Vec<_> = entries.into_iter().map(Entries::collect).collect();
    let first = begin(&world, jobs, ENTER, due).await?;
    let first = first.timestamp_micros() + i64::from(warm_up) * 1_000_000;
    let last = first + i64::from(seconds) * 1_000_000;
    let total = AHEAD + f64::from(warm_up + seconds);
    tokio::time::sleep(Duration::from_secs_f64(total)).await;
    let finished = finish(&world).await;
    world.stop_clients().await;
    finished?;
    let mut late = Vec::new();
    for process in entries {
        let entered = process.await??.into_iter();
        let measured = entered.filter(|e| (first..last).contains(&e.scheduled_us));
        late.extend(measured.map(|e| (e.wall_us - e.scheduled_us) as f64 / 1e3));
    }
    let fires = late.len() as f64 / f64::from(seconds);
    outcome.one(
        format!("{prefix}fired and started"),
        "fires/s",
        fires,
        Some(Must::AtLeast(1000.0)),
    );
    outcome.percentiles(
        format!("{prefix}tick due → handler entered (wall clock)"),
        "ms",
        Percentiles::of(&late),
        Some(Must::Percentiles(15.0, 100.0)),
    );
    for (name, statement) in STEPS {
        let took: Vec<f64> = sqlx::query_scalar(statement).fetch_all(&world.pool).await?;
        let name = format!("{prefix}{name}");
        outcome.percentiles(name, "ms", Percentiles::of(&took), None);
    }
    let expected = Expected {
        period: Some(f64::from(PERIOD)),
        ..Expected::default()
    };
    let part = format!("{prefix}steady");
    outcome.judge(oracle::ask(&world.pool, &part, expected).await?);
    world.end().await
}

/// Puts so many jobs on the schedule, a tenth of them in each second from the one returned on.
pub(super) async fn begin(
    world: &World,
    jobs: u32,
    handler: &str,
    due: Due,
) -> Result<chrono::DateTime<chrono::Utc>> {
    let mut spec = JobSpec::new("steady");
    spec.handler = Some(handler.to_owned());
    spec.max_attempts = 10;
    let first = jobs::second_ahead(world, AHEAD).await?;
    let schedule = Schedule { first, due };
    jobs::create(world, APP, jobs, &spec, Some(schedule)).await?;
    Ok(first)
}

/// Takes the jobs off the schedule, and waits until all that was fired has ended.
pub(super) async fn finish(world: &World) -> Result {
    jobs::pause_all(world).await?;
    world.wait_for_end(Duration::from_mins(2)).await
}
