//! One instance of very many shards, whose results and counters everybody contends for.

use antares_protocol::job::JobSpec;

use crate::oracle::{self, Expected, Finding};
use crate::report::{Must, Outcome, Report};
use crate::worker::{APP, OUTPUT};
use crate::world::World;
use crate::{Options, Result, jobs};

use super::drain::{self, drain_with};

const CLIENTS: usize = 4;
const SLOTS: u32 = 2000;

pub(crate) async fn run(options: &Options, report: &Report) -> Result<Outcome> {
    let shards: u32 = if options.short { 10_000 } else { 100_000 };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let mut outcome = Outcome::new(
        options,
        "wide",
        format!(
            "an instance of {shards} shards that each return a result, {CLIENTS} client processes with {SLOTS} slots, 2 servers"
        ),
    );
    let mut world = World::new(options, 2).await?;
    let mut spec = JobSpec::new("wide");
    spec.handler = Some(OUTPUT.to_owned());
    spec.shard_count = shards;
    spec.max_shards_per_client = 0;
    let jobs = jobs::create(&world, APP, 1, &spec, None).await?;
    let mut rates = Vec::new();
    // The first one is the warm-up.
    for run in 0..=runs {
        let done = drain_with(&mut world, &jobs, CLIENTS, SLOTS).await?;
        if run > 0 {
            rates.push(f64::from(shards) / done.seconds);
        }
    }
    outcome.spread("first claim to last settled", "shards/s", &rates, None);
    let ours = outcome.median("first claim to last settled");
    let drain = report
        .median("drain", drain::RATE)
        .ok_or_else(|| "drain was not run".to_owned());
    outcome.ratio("to drain", ours, drain, Must::AtLeast(0.7));

    let instances = i64::from(runs) + 1;
    let expected = Expected {
        instances: Some(instances),
        shards: Some(instances * i64::from(shards)),
        ticks: Some(0),
        ..Expected::default()
    };
    outcome.judge(oracle::ask(&world.pool, "wide", expected).await?);
    let wrong = "select count(*) from shard_history where output is distinct from item::text";
    let wrong = world.count(wrong).await?;
    outcome.judge(vec![Finding {
        what: "wide: shards without their own result".to_owned(),
        found: wrong.to_string(),
        ok: wrong == 0,
    }]);
    world.end().await?;
    Ok(outcome)
}
