//! Why did a job run or not, and what does it wait for?

mod told;

use antares_protocol::instance::Instance;
use antares_protocol::job::{Job, JobSpec, JobState};
use antares_protocol::plan::{ExplainedTick, ExplainedWait, Explanation};
use antares_protocol::policy::{Assignment, Sharding};
use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::PgConnection;

use super::calendar::Calendars;
use super::job::JobError;
use super::preview;
use crate::domain::job::timing;
use crate::store;
use crate::store::explain::{self, Running};
use crate::store::{client, history, limit};
use told::{Told, counted, limit_in_words, now, policy, told};

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
    let is_planned = matches!(job.spec.sharding, Sharding::Planned(_));
    let mut ticks = Vec::new();
    for (at, server_id) in explain::deciders(conn, job.id, from, until, MOST_TICKS).await? {
        let Some(tick) = history::tick(conn, job.id, at).await? else {
            continue;
        };
        // A run that was planned goes on in an instance of its own, which tells what became of it.
        let instance_id = match tick.instance_id {
            Some(id) if is_planned => Some(explain::planned(conn, job.id, id).await?.unwrap_or(id)),
            id => id,
        };
        let instance = match instance_id {
            Some(id) => history::instance(conn, id).await?,
            None => None,
        };
        ticks.push(ExplainedTick {
            tick,
            server_id,
            instance,
        });
    }
    let waits = waits(conn, job, None).await?;
    let mut never_began = Vec::new();
    for id in explain::never_began(conn, job.id, from, until, MOST_WAITS).await? {
        never_began.extend(history::instance(conn, id).await?);
    }
    let (words, words_zh) = preview::words(&job.app, &job.spec)?;
    let missing = explain::missing(conn, job.id).await?;
    let mut now = now(job, &missing, &explain::unmet(conn, job.id).await?);
    let timing = timing(&job.app, &job.spec);
    let names: Vec<String> = timing.calendars().cloned().collect();
    let calendars = Calendars::read(conn, &names).await?;
    if let Some(out) = (job.next_fire_at).and_then(|at| calendars.lies_out(&timing, at)) {
        now = told(
            format!(
                "{}, but that tick does not fire: {}",
                now.english, out.reason
            ),
            format!("{}，但该时刻不触发：{}", now.chinese, kept_out(&out.reason)),
        );
    }
    let policy = policy(&job.spec);
    Ok(Explanation {
        now: now.english,
        now_zh: now.chinese,
        words,
        words_zh,
        policy: policy.english,
        policy_zh: policy.chinese,
        ticks,
        waits,
        never_began,
        actions: explain::actions(conn, job.id, from, until, MOST_TICKS).await?,
    })
}

/// What an instance waits for; nothing if all its shards run, or it has ended.
pub async fn explain_instance(
    conn: &mut PgConnection,
    instance: Instance,
) -> sqlx::Result<ExplainedWait> {
    // A job that is gone has no instances that wait.
    let told = match store::job::get(conn, instance.job_id).await? {
        Some(job) => waits(conn, &job, Some(instance.id)).await?.pop(),
        None => None,
    };
    Ok(told.unwrap_or_else(|| wait(instance, Vec::new())))
}

/// What the instances of a job wait for, or what this one does.
async fn waits(
    conn: &mut PgConnection,
    job: &Job,
    instance: Option<i64>,
) -> sqlx::Result<Vec<ExplainedWait>> {
    let mut waits = Vec::new();
    for running in explain::running(conn, job.id, instance, MOST_WAITS).await? {
        let Some(instance) = history::instance(conn, running.id).await? else {
            continue;
        };
        let mut reasons = Vec::new();
        if running.ready > 0 {
            // An instance runs with the version it was fired with.
            let old = match instance.job_version {
                version if version == job.version => None,
                version => store::job::version(conn, job.id, version).await?,
            };
            let spec = old.as_ref().map_or(&job.spec, |old| &old.0);
            reasons.extend(why_not_claimed(conn, job, spec, &running).await?);
        }
        if let Some(until) = running.delayed_until {
            let delayed = running.delayed;
            reasons.push(told(
                format!("{}, the first until {until}: the handler asked for it, or a failed attempt is repeated", counted(delayed, "shard is delayed", "shards are delayed")),
                format!("{delayed} 个分片被延迟，最早到 {until}：处理器要求延迟，或失败后重试"),
            ));
        }
        waits.push(wait(instance, reasons));
    }
    for (id, due_at, is_early) in explain::queued(conn, job.id, instance, MOST_WAITS).await? {
        let Some(instance) = history::instance(conn, id).await? else {
            continue;
        };
        waits.push(wait(instance, vec![why_queued(job, due_at, is_early)]));
    }
    Ok(waits)
}

/// Why a calendar keeps a tick out, in Chinese.
fn kept_out(reason: &str) -> String {
    if let Some(name) = reason.strip_prefix("not in calendar ") {
        return format!("不在日历 {name} 内");
    }
    match reason.strip_prefix("calendar ") {
        Some(rest) => format!("日历 {rest}"),
        None => reason.to_owned(),
    }
}

/// An instance with what it waits for, in both languages.
fn wait(instance: Instance, reasons: Vec<Told>) -> ExplainedWait {
    let (reasons, reasons_zh) = reasons
        .into_iter()
        .map(|told| (told.english, told.chinese))
        .unzip();
    ExplainedWait {
        instance,
        reasons,
        reasons_zh,
    }
}

/// Why an instance that may start from `due_at` on, which is to come if `is_early`, is queued.
fn why_queued(job: &Job, due_at: DateTime<Utc>, is_early: bool) -> Told {
    if is_early && job.state == JobState::Paused {
        told(
            format!(
                "it is to start at {due_at}, or when the job is resumed after that: it is paused"
            ),
            format!("将于 {due_at} 启动，若任务届时仍暂停则在恢复后启动"),
        )
    } else if is_early {
        told(
            format!("it is to start at {due_at}"),
            format!("将于 {due_at} 启动"),
        )
    } else if job.state == JobState::Paused {
        told("the job is paused; resume it", "任务已暂停；请恢复")
    } else if job.running_instances == 0 && job.spec.sharding == Sharding::Broadcast {
        told(
            "it is for every client that may run the job, and none is online",
            "它面向所有可运行该任务的客户端，而目前没有客户端在线",
        )
    } else {
        let running = job.running_instances;
        told(
            format!(
                "{}, and its overlap policy allows no more",
                counted(
                    running,
                    "instance of the job runs",
                    "instances of the job run"
                )
            ),
            format!("任务有 {running} 个实例在运行，重叠策略不允许更多"),
        )
    }
}

/// Why shards that are ready have not been handed out.
async fn why_not_claimed(
    conn: &mut PgConnection,
    job: &Job,
    spec: &JobSpec,
    running: &Running,
) -> sqlx::Result<Vec<Told>> {
    let ready = running.ready;
    let wait = counted(ready, "shard waits", "shards wait");
    let handler = match &spec.sharding {
        Sharding::Planned(planning) if running.phase == "plan" => planning,
        _ => spec.handler(),
    };
    let clients = client::live_profiles(conn, &[job.app_id]).await?;
    if clients.is_empty() {
        let app = &job.app;
        return Ok(vec![told(
            format!("{wait}: no client of the app {app} is online"),
            format!("{ready} 个分片等待：应用 {app} 没有在线客户端"),
        )]);
    }
    let able: Vec<_> = clients
        .iter()
        .filter(|client| client.handlers.iter().any(|name| name == handler))
        .collect();
    if able.is_empty() {
        let online = clients.len();
        return Ok(vec![told(
            format!("{wait}: no client has the handler {handler} ({online} online)"),
            format!("{ready} 个分片等待：{online} 个在线客户端都没有处理器 {handler}"),
        )]);
    }
    if job.spec.assignment == Assignment::Nobody {
        return Ok(vec![told(
            format!("{wait}: the job is assigned to nobody; assign it"),
            format!("{ready} 个分片等待：任务未指定给任何客户端；请指定"),
        )]);
    }
    let assigned: Vec<_> = able
        .iter()
        .filter(|client| client.may_run(&job.spec))
        .collect();
    if assigned.is_empty() {
        let able = able.len();
        return Ok(vec![told(
            format!(
                "{wait}: no client that has the handler is assigned to the job ({} it)",
                counted(able as i64, "client has", "clients have")
            ),
            format!("{ready} 个分片等待：拥有该处理器的 {able} 个客户端都未被指定给该任务"),
        )]);
    }
    let assigned = match running.phase.as_str() {
        "broadcast" => {
            let mut wanted = explain::wanted(conn, running.id).await?;
            wanted.retain(|id| assigned.iter().any(|client| client.id == *id));
            if wanted.is_empty() {
                return Ok(vec![told(
                    format!(
                        "{wait} for clients that have gone: each runs one, and who is left has had one"
                    ),
                    format!(
                        "{ready} 个分片等待已离线的客户端：每个客户端运行一个分片，其余客户端都已运行过"
                    ),
                )]);
            }
            wanted
        }
        _ => assigned.iter().map(|client| client.id).collect(),
    };
    // As who may run it, by the newest definition.
    let mut keys: Vec<String> = (job.spec.limits.iter())
        .map(|name| limit::named(name))
        .collect();
    keys.extend([limit::of_job(job.id), limit::of_app(job.app_id)]);
    let reached = explain::reached(conn, &keys).await?;
    if !reached.is_empty() {
        return Ok(why_limited(job, ready, &wait, &reached));
    }
    let loads = explain::loads(conn, job.app_id, running.id).await?;
    let cap = i64::from(spec.max_shards_per_client);
    let free = loads
        .iter()
        .filter(|load| assigned.contains(&load.id) && load.has_room(cap));
    let assigned = assigned.len();
    let Some(until) = free.map(|load| load.expires_at).max() else {
        return Ok(vec![told(
            format!(
                "{wait}: every client that may run them ({assigned} may) is busy, or holds as many of the instance as one may ({cap}; 0 is no limit)"
            ),
            format!(
                "{ready} 个分片等待：可运行它们的 {assigned} 个客户端都在忙，或已持有该实例允许的最多分片（{cap}；0 表示不限）"
            ),
        )]);
    };
    // One that was killed while it held nothing counts for the rest of its lease, the only reason for a wait of some seconds.
    let until = until.trunc_subsecs(0);
    Ok(vec![told(
        format!(
            "{wait} to be claimed: {} may; who is dead is known to be when its lease ends, at {until} at the latest",
            counted(assigned as i64, "client", "clients")
        ),
        format!(
            "{ready} 个分片等待被领取；{assigned} 个客户端可以领取；若其已失联，最迟在 {until} 租约到期时得知"
        ),
    )])
}

/// Which limits hold shards back.
fn why_limited(job: &Job, ready: i64, wait: &str, reached: &[(String, i32)]) -> Vec<Told> {
    let why = |(key, most): &(String, i32)| {
        let limit = limit_in_words(job, key);
        told(
            format!(
                "{wait}: {} of {most} running shards is reached",
                limit.english
            ),
            format!(
                "{ready} 个分片等待：{}已达到 {most} 个运行分片",
                limit.chinese
            ),
        )
    };
    reached.iter().map(why).collect()
}
