//! Due ticks → instances and shards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use chrono_tz::Tz;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::cron::CronExpression;
use crate::domain::{job, misfire};
use crate::store::bucket::Owned;
use crate::store::schedule::{self, Decision, Due};

/// Ticks that one statement decides.
const BATCH: usize = 500;
/// Ticks read of each bucket at a time.
const PER_BUCKET: i64 = 16;
/// How far ahead to look, so that a tick is fired on time without asking again before.
const AHEAD: Duration = Duration::from_millis(1100);

/// What one pass did.
#[derive(Debug, Default)]
pub struct Pass {
    /// The instances made.
    pub instances: Vec<i64>,
    /// How many decisions were carried out.
    pub decided: usize,
    /// How long until the next tick, if one is near.
    pub next_in: Option<Duration>,
    /// Whether more ticks were due than one pass takes.
    pub more: bool,
}

/// Parsed expressions, by their text.
#[derive(Debug, Default)]
pub struct Expressions(HashMap<(String, String), Option<Arc<(CronExpression, Tz)>>>);

impl Expressions {
    fn get(&mut self, due: &Due) -> Option<Arc<(CronExpression, Tz)>> {
        let key = (due.cron.clone()?, due.time_zone.clone());
        if self.0.len() > 50_000 {
            self.0.clear();
        }
        self.0
            .entry(key)
            .or_insert_with_key(|(cron, zone)| {
                let cron = job::parse_cron(cron).ok()?;
                let zone = job::parse_zone(zone).ok()?;
                Some(Arc::new((cron, zone)))
            })
            .clone()
    }
}

/// Fires what is due of the `owned` buckets, as `server`.
pub async fn fire_due(
    conn: &mut PgConnection,
    server: Uuid,
    owned: &[Owned],
    expressions: &mut Expressions,
    threshold: TimeDelta,
) -> sqlx::Result<Pass> {
    let buckets: Vec<i16> = owned.iter().map(|o| o.bucket).collect();
    let epochs: HashMap<i16, i64> = owned.iter().map(|o| (o.bucket, o.epoch)).collect();
    // Taken before the database's time, so that waking is early and never late.
    let read_at = Instant::now();
    let rows = schedule::due(conn, &buckets, AHEAD.as_millis() as i64, PER_BUCKET).await?;

    let mut pass = Pass::default();
    let mut decisions = Vec::new();
    let mut per_bucket: HashMap<i16, i64> = HashMap::new();
    let mut next_fire_at = None;
    for due in &rows {
        let next = if due.next_fire_at > due.now {
            Some(due.next_fire_at)
        } else {
            *per_bucket.entry(due.bucket).or_default() += 1;
            let decision = decide(due, epochs[&due.bucket], expressions, threshold);
            let next = decision.new_fire_at;
            decisions.push(decision);
            next
        };
        // One that is due as well is `more`, below, and nothing to sleep for.
        let next = next.filter(|next| *next > due.now);
        next_fire_at = next_fire_at.into_iter().chain(next).min();
    }
    // A bucket that filled its share may hold more; so may a schedule whose next tick is due as well.
    let now = rows.first().map(|due| due.now);
    pass.more = per_bucket.values().any(|n| *n >= PER_BUCKET)
        || decisions
            .iter()
            .any(|d| d.new_fire_at.is_some_and(|next| Some(next) <= now));
    for batch in decisions.chunks(BATCH) {
        let advanced = schedule::fire(conn, server, batch).await?;
        pass.decided += advanced.len();
        pass.instances
            .extend(advanced.iter().filter_map(|a| a.instance_id));
    }
    pass.next_in = now.zip(next_fire_at).map(|(now, next)| {
        let next_in = (next - now).to_std().unwrap_or_default();
        next_in.saturating_sub(read_at.elapsed())
    });
    Ok(pass)
}

fn decide(due: &Due, epoch: i64, expressions: &mut Expressions, threshold: TimeDelta) -> Decision {
    let mut decision = Decision {
        job_id: due.job_id,
        bucket: due.bucket,
        epoch,
        version: due.version,
        old_fire_at: due.next_fire_at,
        new_fire_at: None,
        fire_at: None,
        missed: None,
    };
    let Some(expression) = expressions.get(due) else {
        // Definitions are checked before they are stored, so this is a newer server's or a hand's work.
        // The job stops firing rather than holding up its bucket.
        tracing::error!(
            job_id = due.job_id,
            cron = due.cron,
            "cannot read the schedule of a job; it will not fire until it is saved again"
        );
        return decision;
    };
    let (cron, zone) = &*expression;
    let plan = misfire::decide(cron, *zone, due.next_fire_at, due.now, threshold);
    decision.new_fire_at = plan.next_fire_at;
    decision.fire_at = plan.fire_at;
    decision.missed = plan.missed;
    decision
}
