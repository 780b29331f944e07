//! Why did a job run or not, and what does it wait for?

use antares_protocol::job::{Job, JobSpec, JobState};
use antares_protocol::plan::{ExplainedTick, ExplainedWait, Explanation};
use antares_protocol::policy::Sharding;
use antares_protocol::schedule::{Misfire, Overlap};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::job::JobError;
use super::preview;
use crate::store::explain::{self, Running};
use crate::store::{client, history, limit};

/// Most ticks and instances that one explanation is about.
const MOST_TICKS: i64 = 100;
const MOST_WAITS: i64 = 20;

/// Explains what became of the ticks of a job from `from` to before `until`, and what its instances wait for now.
pub async fn explain(
    conn: &mut PgConnection,
    job: &Job,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Explanation, JobError> {
    let mut ticks = Vec::new();
    for (at, server_id) in explain::deciders(conn, job.id, from, until, MOST_TICKS).await? {
        let Some(tick) = history::tick(conn, job.id, at).await? else {
            continue;
        };
        let instance = match tick.instance_id {
            Some(id) => history::instance(conn, id).await?,
            None => None,
        };
        ticks.push(ExplainedTick {
            tick,
            server_id,
            instance,
        });
    }
    let mut waits = Vec::new();
    for running in explain::running(conn, job.id, MOST_WAITS).await? {
        let Some(instance) = history::instance(conn, running.id).await? else {
            continue;
        };
        let mut reasons = Vec::new();
        if running.ready > 0 {
            reasons.extend(why_not_claimed(conn, job, &running).await?);
        }
        if let Some(until) = running.delayed_until {
            let delayed = running.delayed;
            reasons.push(format!(
                "{delayed} shards are delayed, the first until {until}: the handler asked for it, or a failed attempt is repeated"
            ));
        }
        waits.push(ExplainedWait { instance, reasons });
    }
    for (id, due_at, is_early) in explain::queued(conn, job.id, MOST_WAITS).await? {
        let Some(instance) = history::instance(conn, id).await? else {
            continue;
        };
        let reason = if is_early {
            format!("it is to start at {due_at}")
        } else if job.state == JobState::Paused {
            "the job is paused; resume it".to_owned()
        } else {
            format!(
                "{} instances of the job run, and its overlap policy allows no more",
                job.running_instances
            )
        };
        waits.push(ExplainedWait {
            instance,
            reasons: vec![reason],
        });
    }
    let (words, words_zh) = preview::words(&job.app, &job.spec)?;
    Ok(Explanation {
        now: now(job),
        words,
        words_zh,
        policy: policy(&job.spec),
        ticks,
        waits,
    })
}

fn now(job: &Job) -> String {
    match (job.state, job.next_fire_at) {
        (JobState::Disabled, _) => "the job is disabled: nothing fires it; enable it".into(),
        (JobState::Stopped, _) => "the job is stopped: nothing fires it; schedule it".into(),
        (JobState::Paused, _) => "the job is paused: its ticks do not fire; resume it".into(),
        (_, Some(at)) => format!("the job is scheduled, and due next at {at}"),
        (_, None) if job.spec.fixed_delay_ms.is_some() => {
            "the job is due a fixed delay after its running instance has ended".into()
        }
        (_, None) if !job.spec.depends_on.is_empty() => {
            "the job fires when the jobs that it follows have ended as they must".into()
        }
        (_, None) => {
            "the job has no tick ahead: it runs on demand, or its schedule has ended".into()
        }
    }
}

/// What becomes of missed ticks and of overlapping ones.
fn policy(spec: &JobSpec) -> String {
    let misfire = match spec.misfire {
        Misfire::Latest => "of missed ticks the latest fires".to_owned(),
        Misfire::Ignore => "missed ticks do not fire".to_owned(),
        Misfire::All { max, window_ms: 0 } => format!("of missed ticks the latest {max} fire"),
        Misfire::All { max, window_ms } => {
            format!("of missed ticks of the last {window_ms} ms the latest {max} fire")
        }
    };
    let overlap = match spec.overlap {
        Overlap::Skip => "a tick that finds an instance running is skipped".to_owned(),
        Overlap::Queue(n) => {
            format!("a tick that finds an instance running waits behind it, {n} at most")
        }
        Overlap::Replace => "a tick that finds an instance running terminates it".to_owned(),
        Overlap::Allow(n) => {
            format!("up to {n} instances run at a time, further ticks are skipped")
        }
    };
    format!("{misfire}; {overlap}")
}

/// Why shards that are ready have not been handed out.
async fn why_not_claimed(
    conn: &mut PgConnection,
    job: &Job,
    running: &Running,
) -> sqlx::Result<Vec<String>> {
    let (spec, ready) = (&job.spec, running.ready);
    let handler = match &spec.sharding {
        Sharding::Planned(planning) if running.phase == "plan" => planning,
        _ => spec.handler(),
    };
    let clients = client::live_profiles(conn, &[job.app_id]).await?;
    if clients.is_empty() {
        return Ok(vec![format!(
            "{ready} shards wait: no client of the app {} is online",
            job.app
        )]);
    }
    let able: Vec<_> = clients
        .iter()
        .filter(|client| client.handlers.iter().any(|name| name == handler))
        .collect();
    if able.is_empty() {
        return Ok(vec![format!(
            "{ready} shards wait: none of the {} clients online has the handler {handler}",
            clients.len(),
        )]);
    }
    let assigned: Vec<_> = able.iter().filter(|client| client.may_run(spec)).collect();
    if assigned.is_empty() {
        return Ok(vec![format!(
            "{ready} shards wait: none of the {} clients that have the handler is assigned to the job",
            able.len()
        )]);
    }
    let mut keys: Vec<String> = spec.limits.iter().map(|name| limit::named(name)).collect();
    keys.extend([limit::of_job(job.id), limit::of_app(job.app_id)]);
    let reached = explain::reached(conn, &keys).await?;
    if !reached.is_empty() {
        let reached = reached.iter();
        return Ok(reached
            .map(|(key, most)| {
                format!("{ready} shards wait: the limit {key} of {most} running shards is reached")
            })
            .collect());
    }
    let loads = explain::loads(conn, job.app_id, running.id).await?;
    let mut loads = loads
        .iter()
        .filter(|(id, ..)| assigned.iter().any(|client| client.id == *id));
    let cap = i64::from(spec.max_shards_per_client);
    if loads.all(|(_, held, all, slots)| *all >= i64::from(*slots) || (cap > 0 && *held >= cap)) {
        return Ok(vec![format!(
            "{ready} shards wait: each of the {} clients that may run them is busy, or holds as many of the instance as one may ({cap}; 0 is no limit)",
            assigned.len()
        )]);
    }
    Ok(vec![format!(
        "{ready} shards wait to be claimed; {} clients may",
        assigned.len()
    )])
}
