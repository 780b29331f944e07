//! What the database says after a workload, recounted from the history and not from counters alone.

use serde::Serialize;
use sqlx::PgPool;

use crate::Result;

/// Answer to one question.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) found: String,
    pub(crate) ok: bool,
}

/// What a workload ran, all of which must have ended with success.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    /// `None` if only the ticks know.
    pub(crate) instances: Option<i64>,
    pub(crate) shards: Option<i64>,
    /// Ticks that fired; `None` if the workload does not know how many were due.
    pub(crate) ticks: Option<i64>,
    /// Every job was due so often, in seconds; each time from its first tick to its last must be accounted for.
    pub(crate) period: Option<f64>,
    /// PostgreSQL was away meanwhile: ticks may be coalesced.
    pub(crate) may_coalesce: bool,
    /// Instances before this one are somebody else's.
    pub(crate) first_instance: i64,
}

/// What the history says of each shard, read once.
const SHARDS: &str = "create temporary table oracle_shard on commit drop as
    select instance_id, item, count(*) filter (where final) as finals, max(attempt) as last,
        max(attempt) filter (where final) as ended,
        count(*) filter (where final and outcome = 'succeeded') as succeeded
    from attempt_history where instance_id >= $1 group by instance_id, item";
/// And of each instance.
const INSTANCES: &str = "create temporary table oracle_instance on commit drop as
    select instance_id, trigger, state, total, succeeded, failed, cancelled
    from instance_history where instance_id >= $1";
/// And of each tick.
const TICKS: &str = "create temporary table oracle_tick on commit drop as
    select job_id, scheduled_at, last_scheduled_at, count, outcome, instance_id
    from tick_history where coalesce(instance_id, $1) >= $1";

/// Questions whose answer must be 0.
const NOUGHTS: &[(&str, &str)] = &[
    (
        "instances, shards or claims left",
        "select (select count(*) from instance) + (select count(*) from shard_ready)
            + (select count(*) from shard_delayed) + (select count(*) from shard_running)",
    ),
    (
        "shards that did not end exactly once",
        "select count(*) from oracle_shard where finals <> 1",
    ),
    (
        "instances whose shards are not items 0 to total - 1",
        "select count(*) from oracle_instance i left join (
            select instance_id, count(*) as n, min(item) as least, max(item) as most
            from oracle_shard group by instance_id) s using (instance_id)
         where s.n is distinct from i.total or s.least <> 0 or s.most <> i.total - 1",
    ),
    (
        "instances that ended more than once",
        "select count(*) - count(distinct instance_id) from oracle_instance",
    ),
    (
        "shards of an instance that never was",
        "select count(*) from oracle_shard s
         where not exists (select from oracle_instance i where i.instance_id = s.instance_id)",
    ),
    (
        "instances whose counters differ from a recount, or that did not succeed",
        "select count(*) from oracle_instance i left join (
            select instance_id, sum(succeeded) as succeeded from oracle_shard group by instance_id) s using (instance_id)
         where i.state <> 'succeeded' or i.failed <> 0 or i.cancelled <> 0 or i.succeeded <> i.total
            or i.succeeded is distinct from s.succeeded",
    ),
    (
        "shards claimed after they had ended",
        "select count(*) from oracle_shard where last > ended",
    ),
    (
        "fired ticks without exactly one instance, or scheduled instances without a tick",
        "select count(*) from (select instance_id from oracle_tick where outcome = 'fired') t
         full join (select instance_id from oracle_instance where trigger = 'schedule') i using (instance_id)
         where t.instance_id is null or i.instance_id is null",
    ),
    (
        "ticks decided twice",
        "select count(*) from (select from oracle_tick group by job_id, scheduled_at having count(*) > 1) x",
    ),
    (
        "ticks overdue and not decided",
        "select count(*) from job_schedule where next_fire_at < now() - interval '5 seconds'",
    ),
];
/// Unless they may be coalesced.
const FIRED: &str = "select count(*) from oracle_tick where outcome <> 'fired' or count <> 1";
/// A job whose ticks are not as many as its period says there were.
const GAPS: &str = "select count(*) from (
    select from oracle_tick group by job_id
    having sum(count) <> round(extract(epoch from max(last_scheduled_at) - min(scheduled_at)) / $1::float8) + 1) x";

/// Asks everything.
pub(crate) async fn ask(pool: &PgPool, part: &str, expected: Expected) -> Result<Vec<Finding>> {
    let mut tx = pool.begin().await?;
    for statement in [SHARDS, INSTANCES, TICKS] {
        sqlx::query(statement)
            .bind(expected.first_instance)
            .execute(&mut *tx)
            .await?;
    }
    let mut findings = Vec::new();
    let mut nought = |what: &str, found: i64| {
        findings.push(Finding {
            what: format!("{part}: {what}"),
            found: found.to_string(),
            ok: found == 0,
        });
    };
    for (what, statement) in NOUGHTS {
        let found = sqlx::query_scalar(*statement).fetch_one(&mut *tx).await?;
        nought(what, found);
    }
    if !expected.may_coalesce {
        let found = sqlx::query_scalar(FIRED).fetch_one(&mut *tx).await?;
        nought("ticks that did not fire", found);
    }
    if let Some(period) = expected.period {
        let found = sqlx::query_scalar(GAPS).bind(period);
        nought(
            "jobs with a tick missing or too many",
            found.fetch_one(&mut *tx).await?,
        );
    }
    let (instances, shards, ticks): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from oracle_instance), (select count(*) from oracle_shard),
            (select count(*) from oracle_tick)",
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.rollback().await?;
    let counts = [
        ("instances ended", instances, expected.instances),
        ("shards ended", shards, expected.shards),
        ("ticks decided", ticks, expected.ticks),
    ];
    for (what, found, expected) in counts {
        if let Some(expected) = expected {
            findings.push(Finding {
                what: format!("{part}: {what}"),
                found: format!("{found} of {expected}"),
                ok: found == expected,
            });
        }
    }
    Ok(findings)
}
