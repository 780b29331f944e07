//! What the database says after a workload, recounted from the history and not from counters alone.

use serde::Serialize;
use sqlx::PgPool;

use crate::Result;

/// Answer to one question.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) found: String,
    pub(crate) ok: bool,
}

/// What a workload ran, all of which must have ended with success.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    pub(crate) instances: i64,
    pub(crate) shards: i64,
    /// Ticks that fired; `None` if the workload does not know how many were due.
    pub(crate) ticks: Option<i64>,
}

/// Questions whose answer must be 0.
const NOUGHTS: &[(&str, &str)] = &[
    (
        "instances, shards or claims left",
        "select (select count(*) from instance) + (select count(*) from shard_ready)
            + (select count(*) from shard_delayed) + (select count(*) from shard_running)",
    ),
    (
        "instances whose shards did not each end exactly once",
        "select count(*) from (
            select e.id from instance_ended e left join attempt_ended a on a.instance_id = e.id and a.final
            group by e.id, e.total
            having count(a.item) <> e.total or count(distinct a.item) <> e.total
                or min(a.item) <> 0 or max(a.item) <> e.total - 1) x",
    ),
    (
        "instances that ended more than once",
        "select count(*) - count(distinct id) from instance_ended",
    ),
    (
        "attempts of an instance that never was",
        "select count(*) from attempt_ended a where not exists (select from instance_ended e where e.id = a.instance_id)",
    ),
    (
        "instances whose counters differ from a recount, or that did not succeed",
        "select count(*) from instance_ended e left join (
            select instance_id, count(*) filter (where outcome = 'succeeded') as succeeded,
                count(*) filter (where outcome <> 'succeeded') as others
            from attempt_ended where final group by instance_id) n on n.instance_id = e.id
         where e.state <> 'succeeded' or e.failed <> 0 or e.cancelled <> 0 or e.succeeded <> e.total
            or e.succeeded is distinct from n.succeeded or n.others <> 0",
    ),
    (
        "shards claimed after they had ended",
        "select count(*) from attempt_ended f join attempt_ended a using (instance_id, item)
         where f.final and a.attempt > f.attempt",
    ),
    (
        "fired ticks without exactly one instance, or scheduled instances without a tick",
        "select count(*) from (select instance_id from tick where outcome = 'fired') t
         full join (select id from instance_ended where trigger = 'schedule') e on e.id = t.instance_id
         where t.instance_id is null or e.id is null",
    ),
    (
        "ticks decided twice",
        "select count(*) from (select from tick group by job_id, scheduled_at having count(*) > 1) x",
    ),
    (
        "ticks that did not fire",
        "select count(*) from tick where outcome <> 'fired' or count <> 1",
    ),
    (
        "ticks overdue and not decided",
        "select count(*) from job_schedule where next_fire_at < now() - interval '5 seconds'",
    ),
];

/// Asks everything.
pub(crate) async fn ask(pool: &PgPool, part: &str, expected: Expected) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for (what, statement) in NOUGHTS {
        let found: i64 = sqlx::query_scalar(*statement).fetch_one(pool).await?;
        verdicts.push(Verdict {
            what: format!("{part}: {what}"),
            found: found.to_string(),
            ok: found == 0,
        });
    }
    let (instances, shards, ticks): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from instance_ended), (select count(*) from attempt_ended where final),
            (select count(*) from tick)",
    )
    .fetch_one(pool)
    .await?;
    let mut equal = |what: &str, found: i64, expected: i64| {
        verdicts.push(Verdict {
            what: format!("{part}: {what}"),
            found: format!("{found} of {expected}"),
            ok: found == expected,
        });
    };
    equal("instances ended", instances, expected.instances);
    equal("shards ended", shards, expected.shards);
    if let Some(due) = expected.ticks {
        equal("ticks decided", ticks, due);
    }
    Ok(verdicts)
}
