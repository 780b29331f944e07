//! What an explanation says, in English and in Chinese.

use antares_protocol::job::{Job, JobSpec, JobState};
use antares_protocol::schedule::{Misfire, Overlap};
use chrono::SubsecRound as _;

use crate::store::explain::Unmet;

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) english: String,
    pub(super) chinese: String,
}

/// Says it.
pub(super) fn told(english: impl Into<String>, chinese: impl Into<String>) -> Told {
    Told {
        english: english.into(),
        chinese: chinese.into(),
    }
}

/// `n` of something, in English.
pub(super) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A limit by its key, which names what it is of.
pub(super) fn limit_in_words(job: &Job, key: &str) -> Told {
    match key.split_once(':') {
        Some(("job", _)) => told("the limit of the job", "任务的限制"),
        Some(("app", _)) => {
            let app = &job.app;
            told(
                format!("the limit of the app {app}"),
                format!("应用 {app} 的限制"),
            )
        }
        named => {
            let name = named.map_or(key, |(_, name)| name);
            told(format!("the limit {name}"), format!("限制 {name} "))
        }
    }
}

/// What keeps the job from firing now, or that nothing does. `missing` are the jobs that it still waits for, `unmet` those
/// whose last instance did not end as it must.
pub(super) fn now(job: &Job, missing: &[String], unmet: &[Unmet]) -> Told {
    let mut now = in_general(job, missing);
    if !matches!(
        job.state,
        JobState::Disabled | JobState::Stopped | JobState::Paused
    ) {
        for unmet in unmet {
            let (job, id) = (&unmet.job, unmet.instance_id);
            let (state, asked) = (words(&unmet.state), words(&unmet.on_end));
            now = told(
                format!(
                    "{}; the last instance of {job}, {id}, {}, where {} is asked for",
                    now.english, state.english, asked.english
                ),
                format!(
                    "{}；{job} 最近的实例 {id} {}，而要求的是{}",
                    now.chinese, state.chinese, asked.chinese
                ),
            );
        }
    }
    now
}

/// How an instance ended, and how it must.
fn words(name: &str) -> Told {
    match name {
        "succeeded" => told("succeeded", "已成功"),
        "failed" => told("failed", "已失败"),
        "timed_out" => told("timed out", "已超时"),
        "terminated" => told("was terminated", "已被终止"),
        "success" => told("success", "成功"),
        "failure" => told("failure", "失败"),
        "completion" => told("that it ends by itself", "自行结束"),
        name => told(name, name),
    }
}

fn in_general(job: &Job, missing: &[String]) -> Told {
    match (job.state, job.next_fire_at) {
        (JobState::Disabled, _) => told(
            "the job is disabled: nothing fires it; enable it",
            "任务已停用，不会触发；请启用",
        ),
        (JobState::Stopped, _) => told(
            "the job is stopped: nothing fires it; schedule it",
            "任务已停止，不会触发；请开始调度",
        ),
        (JobState::Paused, _) if !job.spec.has_schedule() => told(
            "the job is paused: nothing starts it; resume it",
            "任务已暂停，不会启动；请恢复",
        ),
        (JobState::Paused, _) => told(
            "the job is paused: its ticks do not fire; resume it",
            "任务已暂停，到期时不触发；请恢复",
        ),
        (_, Some(at)) => told(
            format!(
                "the job is scheduled, and due next at {}",
                at.trunc_subsecs(0)
            ),
            format!("任务已调度，下次到期时间为 {}", at.trunc_subsecs(0)),
        ),
        (_, None) if job.spec.fixed_delay_ms.is_some() && !has_ended(job) => told(
            "the job is due a fixed delay after its running instance has ended",
            "任务在运行中的实例结束后经过固定延迟到期",
        ),
        (_, None) if !job.spec.depends_on.is_empty() && !missing.is_empty() => {
            let missing = missing.join(", ");
            told(
                format!(
                    "the job fires when the jobs that it follows have ended as they must: it still waits for {missing}"
                ),
                format!("所跟随的任务按要求结束后，任务触发；尚在等待 {missing}"),
            )
        }
        (_, None) if !job.spec.depends_on.is_empty() => {
            let followed = job.spec.depends_on.iter();
            let followed = followed.map(|one| {
                let app = one.app.as_deref().unwrap_or(&job.app);
                format!("{app}/{}", one.job)
            });
            let followed = followed.collect::<Vec<_>>().join(", ");
            told(
                format!("the job fires when one that it follows has ended as it must: {followed}"),
                format!("所跟随的任务之一按要求结束后，任务触发：{followed}"),
            )
        }
        (_, None) if job.spec.has_schedule() => told(
            "the schedule of the job has ended: it runs only when it is triggered",
            "任务的调度已结束，仅在触发时运行",
        ),
        (_, None) => told(
            "the job has no schedule: it runs when it is triggered",
            "任务没有调度，仅在触发时运行",
        ),
    }
}

/// Whether the schedule of a job without a next tick has ended, and not only waits for an instance to end.
fn has_ended(job: &Job) -> bool {
    job.spec.end_at.is_some() && job.running_instances == 0
}

/// What becomes of missed ticks and of overlapping ones.
pub(super) fn policy(spec: &JobSpec) -> Told {
    let misfire = match spec.misfire {
        Misfire::Latest => told(
            "of missed ticks the latest fires",
            "错过的触发中只触发最近一次",
        ),
        Misfire::Ignore => told("missed ticks do not fire", "错过的触发不再触发"),
        Misfire::All { max, window_ms: 0 } => told(
            format!("of missed ticks the latest {max} fire"),
            format!("错过的触发中触发最近 {max} 次"),
        ),
        Misfire::All { max, window_ms } => told(
            format!("of missed ticks of the last {window_ms} ms the latest {max} fire"),
            format!("最近 {window_ms} 毫秒内错过的触发中触发最近 {max} 次"),
        ),
    };
    let is_due = spec.has_schedule();
    let overlap = match spec.overlap {
        Overlap::Skip if !is_due => told(
            "what finds an instance running is refused or skipped",
            "已有实例运行时，触发被拒绝或跳过",
        ),
        Overlap::Skip => told(
            "a tick that finds an instance running is skipped",
            "到期时已有实例运行则跳过",
        ),
        Overlap::Queue(n) => told(
            format!("what finds an instance running waits behind it, {n} at most"),
            format!("已有实例运行时排队等待，最多 {n} 个"),
        ),
        Overlap::Replace => told(
            "what finds an instance running terminates it",
            "已有实例运行时终止它",
        ),
        Overlap::Allow(n) => told(
            format!("up to {n} instances run at a time, more are skipped"),
            format!("最多同时运行 {n} 个实例，超出的跳过"),
        ),
    };
    // Of what is not due by time nothing is missed.
    if !is_due {
        return overlap;
    }
    told(
        format!("{}; {}", misfire.english, overlap.english),
        format!("{}；{}", misfire.chinese, overlap.chinese),
    )
}
