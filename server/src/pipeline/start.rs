//! Queued instances → running ones: when their time has come and a slot of their job is free.

use std::collections::HashSet;
use std::time::Duration;

use antares_protocol::policy::Sharding;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::cache::Jobs;
use super::instance::end_locked;
use crate::domain::schedule::Timing;
use crate::store::queue::{self, Ending, Locked, Picked};
use crate::store::shard::Ready;
use crate::store::{client, instance, schedule};

/// Most jobs whose queues one transaction works on.
const MOST_JOBS: i64 = 100;

/// What one pass did.
#[derive(Debug, Default)]
pub struct Pass {
    /// Instances that started.
    pub started: Vec<Ready>,
    /// How many ended without having started, or were ended by what replaces them.
    pub ended: usize,
    /// When the time of the next one comes, if one waits for its time.
    pub next_in: Option<Duration>,
    /// Whether there may be more to start now.
    pub more: bool,
}

/// Starts what can start now, for `server`.
pub async fn start(conn: &mut PgConnection, jobs: &Jobs, server: Uuid) -> sqlx::Result<Pass> {
    let startable = queue::startable(conn, MOST_JOBS).await?;
    let mut pass = Pass {
        next_in: startable
            .next_in_ms
            .map(|ms| Duration::from_millis(ms.max(0) as u64)),
        more: startable.jobs.len() as i64 == MOST_JOBS,
        ..Pass::default()
    };
    if startable.jobs.is_empty() {
        return Ok(pass);
    }
    let mut tx = conn.begin().await?;
    let locked = queue::lock_jobs(&mut tx, &startable.jobs).await?;
    let mut waiting = Vec::with_capacity(locked.len());
    for job in &locked {
        match job.state.as_str() {
            "waiting" => {
                if job.replaces {
                    pass.ended += replace(&mut tx, job).await?;
                }
                waiting.push((job.id, false));
            }
            "paused" => waiting.push((job.id, true)),
            state => {
                let reason = format!("the job was {state} before the instance started");
                let jobs = [job.id];
                let ended =
                    queue::end(&mut tx, Ending::OfJobs(&jobs), "terminated", &reason).await?;
                pass.ended += ended as usize;
            }
        }
    }
    let picked = queue::pick(&mut tx, &waiting).await?;
    let (starting, invited) = split(&mut tx, jobs, &picked).await?;
    if !starting.is_empty() {
        pass.started = queue::start(&mut tx, server, &starting).await?;
        for (id, clients) in invited {
            queue::invite(&mut tx, id, &clients).await?;
        }
        // Those that start together could start at the same time: one of each job tells.
        let mut backfilled = HashSet::new();
        for one in picked.iter().filter(|one| one.trigger == "backfill") {
            if backfilled.insert(one.job_id) {
                queue::keep_apart(&mut tx, one.job_id, one.due_at).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(pass)
}

/// Broadcasts, each with the clients that it is for.
type Invited = Vec<(i64, Vec<Uuid>)>;

/// Into how many shards each instance is split, and whether it is a plan or a broadcast. One that is for all clients does
/// not start while there is none.
async fn split(
    conn: &mut PgConnection,
    jobs: &Jobs,
    picked: &[Picked],
) -> sqlx::Result<(Vec<(i64, i16, i32, &'static str)>, Invited)> {
    let dynamic = picked.iter().filter(|p| p.is_dynamic && p.plan.is_none());
    let keys: Vec<(i64, i32)> = dynamic.clone().map(|p| (p.job_id, p.version)).collect();
    let specs = jobs.get_on(conn, &keys).await?;
    let apps: Vec<i64> = dynamic.map(|p| p.app_id).collect();
    let clients = if apps.is_empty() {
        Vec::new()
    } else {
        client::live_profiles(conn, &apps).await?
    };
    let (mut starting, mut invited) = (Vec::with_capacity(picked.len()), Vec::new());
    for p in picked {
        let (total, phase) = if let Some(plan) = &p.plan {
            (plan.as_array().map_or(0, Vec::len) as i32, "run")
        } else if let Some(spec) = specs.get(&(p.job_id, p.version)) {
            match spec.sharding {
                Sharding::Fixed => (p.shard_count, "run"),
                Sharding::Planned(_) => (1, "plan"),
                Sharding::Broadcast => {
                    let able = clients
                        .iter()
                        .filter(|client| client.app_id == p.app_id && client.can_run(spec));
                    let able: Vec<Uuid> = able.map(|client| client.id).collect();
                    let total = able.len() as i32;
                    if total > 0 {
                        invited.push((p.id, able));
                    }
                    (total, "broadcast")
                }
            }
        } else {
            (p.shard_count, "run")
        };
        if total > 0 {
            starting.push((p.id, p.slot, total, phase));
        }
    }
    Ok((starting, invited))
}

/// Of the instances of a job whose new one replaces the others, ends all but the newest.
async fn replace(conn: &mut PgConnection, job: &Locked) -> sqlx::Result<usize> {
    let mut queued = queue::of_job(conn, job.id).await?;
    let Some(newest) = queued.pop() else {
        return Ok(0);
    };
    let reason = format!("replaced by instance {newest}");
    let dropped = queue::end(conn, Ending::These(&queued), "terminated", &reason).await?;
    let running = instance::lock_of_job(conn, job.id).await?;
    end_locked(conn, &running, "terminated", &reason).await?;
    Ok(dropped as usize + running.len())
}

/// Gives jobs their next tick that fire a fixed delay after their last instance has ended. Returns how many.
pub async fn date_delays(conn: &mut PgConnection) -> sqlx::Result<usize> {
    let undated = schedule::undated(conn).await?;
    for job in &undated {
        let next = after_delay(job.last_at, job.fixed_delay_ms, job.timing.as_deref());
        schedule::date(conn, job, next).await?;
    }
    Ok(undated.len())
}

/// The tick of a fixed delay whose wait began at `base`; `None` once the schedule has ended.
pub fn after_delay(
    base: DateTime<Utc>,
    delay_ms: i64,
    timing: Option<&str>,
) -> Option<DateTime<Utc>> {
    let next = base.checked_add_signed(TimeDelta::milliseconds(delay_ms))?;
    let timing = Timing::from_text(timing).ok()?;
    let next = timing.start_at.map_or(next, |start| next.max(start));
    timing.end_at.is_none_or(|end| next <= end).then_some(next)
}
