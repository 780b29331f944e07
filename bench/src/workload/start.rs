//! How soon a replica is ready, and what it needs while it has nothing to do.

use std::time::Duration;

use crate::oracle::{self, Expected};
use crate::process::resident_mb;
use crate::report::{Must, Outcome};
use crate::world::World;
use crate::{Options, Result};

/// After this an idle replica is as big as it stays.
const REST: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let runs = options.runs.unwrap_or(if options.short { 2 } else { 10 });
    let mut outcome = Outcome::new(
        options,
        "start",
        format!(
            "a server started {runs} times on a namespace that is there, PostgreSQL being up; and left alone for {REST:?}"
        ),
    );
    let mut world = World::new(options, 1).await?;
    let (mut took, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        if let Some(server) = world.servers.pop() {
            server.process.stop().await;
        }
        took.push(world.start_server().await?.as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        let server = &world.servers[0];
        resident.extend(server.process.pid().and_then(resident_mb));
    }
    outcome.spread("spawned → ready", "ms", &took, Some(Must::AtMost(300.0)));
    let must = Some(Must::AtMost(40.0));
    if resident.is_empty() {
        outcome.missing("resident memory, idle", "there is no /proc", must);
    } else {
        outcome.spread("resident memory, idle", "MB", &resident, must);
    }
    outcome.judge(oracle::ask(&world.pool, "start", Expected::default()).await?);
    world.end().await?;
    Ok(outcome)
}
