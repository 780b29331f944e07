//! A few clients of another app with a little work all the time: what they see while something big goes on.

use std::time::Duration;

use antares_protocol::job::JobSpec;
use uuid::Uuid;

use crate::feeder::{Fed, Feeder};
use crate::load::{Clients, Summary};
use crate::stats::Percentiles;
use crate::worker::NOOP;
use crate::world::World;
use crate::{Result, jobs};

/// Name of the app.
const APP: &str = "probe";
const CLIENTS: usize = 20;
const JOBS: u32 = 100;
/// Between triggers: 100 instances of one shard a second.
const EVERY: Duration = Duration::from_millis(10);

/// The app at work.
pub(crate) struct Probe {
    clients: Clients,
    feeder: Feeder,
}

/// What it saw.
pub(crate) struct Probed {
    pub(crate) summary: Summary,
    /// From an instance being there to its shard being claimed, in ms, by the database's clock.
    pub(crate) waited: Percentiles,
    pub(crate) fed: Fed,
}

impl Probe {
    pub(crate) async fn start(world: &mut World) -> Result<Self> {
        let secret = Uuid::now_v7().to_string();
        world.admin().create_app(APP, &secret).await?;
        let mut spec = JobSpec::new("probe");
        spec.handler = Some(NOOP.to_owned());
        let ids = jobs::create(world, APP, JOBS, &spec, None).await?;
        let wait = Duration::from_secs(20);
        let clients = Clients::start(world, (APP, &secret), CLIENTS, Duration::ZERO, wait).await?;
        let feeder = Feeder::start(world.admin(), ids, EVERY);
        Ok(Self { clients, feeder })
    }

    /// Forgets what it saw so far.
    pub(crate) async fn clear(&mut self) -> Result {
        self.clients.clear().await
    }

    /// Ends it. `since` is when the samples begin, in microseconds of the database's clock.
    pub(crate) async fn end(self, world: &World, since: i64) -> Result<Probed> {
        let fed = self.feeder.stop().await?;
        // Only its own: others may run for long.
        crate::world::wait_for("the probe's instances to end", Duration::from_mins(2), async || {
            let left = "select count(*) from instance i join app a on a.id = i.app_id where a.name = 'probe'";
            Ok(world.count(left).await? == 0)
        })
        .await?;
        let summary = self.clients.end().await?;
        if let Some(error) = &summary.error {
            println!(
                "  probe: {} calls failed, the last: {error}",
                summary.errors
            );
        }
        let waited = waited(world, APP, since).await?;
        Ok(Probed {
            summary,
            waited,
            fed,
        })
    }
}

/// From an instance being fired to each of its shards being claimed, in ms; of those fired since.
pub(crate) async fn waited(world: &World, app: &str, since: i64) -> Result<Percentiles> {
    let ms: Vec<f64> = sqlx::query_scalar(
        "select (extract(epoch from s.claimed_at - i.fired_at) * 1000)::float8
         from instance_history i join attempt_history s using (instance_id)
         where i.app = $1 and i.fired_at >= to_timestamp($2::float8 / 1e6) and s.attempt = 1",
    )
    .bind(app)
    .bind(since as f64)
    .fetch_all(&world.pool)
    .await?;
    Ok(Percentiles::of(&ms))
}
